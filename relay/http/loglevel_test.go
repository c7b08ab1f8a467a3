package http

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"dhcp-relay/relay/api"
)

func TestLogLevelRefuses(t *testing.T) {
	t.Parallel()
	level := new(slog.LevelVar)
	mux := http.NewServeMux()
	mux.Handle(api.LogLevel, &levelHandler{level, slog.New(slog.DiscardHandler)})
	c := NewClient(serveSocket(t, mux))
	cases := []struct {
		method string
		body   io.Reader
		want   string
	}{
		{http.MethodPut, strings.NewReader("loud"), "the daemon refuses: the level is debug, info, warn or error"},
		{http.MethodPut, strings.NewReader(strings.Repeat("x", 1000)), "the daemon refuses: the level is debug, info, warn or error"},
		{http.MethodDelete, nil, "the daemon refuses: GET shows the level of the log, PUT sets it"},
	}
	for _, k := range cases {
		var got api.Level
		if err := c.Do(t.Context(), k.method, api.LogLevel, k.body, &got); err == nil || err.Error() != k.want {
			t.Errorf("%s: %v, want %s", k.method, err, k.want)
		}
	}
	if level.Level() != slog.LevelInfo {
		t.Errorf("the level is %v", level)
	}
}
