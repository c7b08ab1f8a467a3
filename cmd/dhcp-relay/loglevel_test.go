package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"testing"

	web "dhcp-relay/relay/http"
)

func TestLogLevelIsShownAndSet(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	level := new(slog.LevelVar)
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: level, ReplaceAttr: noTime}))
	socket := serveSocket(t, web.NewMux(web.Relay{
		Metrics: http.NotFoundHandler(), Trace: http.NotFoundHandler(),
		Control: &web.Control{Record: http.NotFoundHandler(), Level: level},
	}, web.NewGate("control", false, log)))
	steps := []struct{ arg, want string }{
		{"", "info\n"},
		{"debug", "debug\n"},
		{"", "debug\n"},
		{"error", "error\n"},
		{"warn", "warn\n"},
		{"warn", "warn\n"},
	}
	for _, s := range steps {
		args := []string{"log-level", "--socket", socket}
		if s.arg != "" {
			args = append(args, s.arg)
		}
		var out bytes.Buffer
		c := newCommand()
		c.SetArgs(args)
		c.SetOut(&out)
		if err := c.ExecuteContext(t.Context()); err != nil || out.String() != s.want {
			t.Errorf("log-level %s: %q %v, want %q", s.arg, out.String(), err, s.want)
		}
	}
	want := `level=INFO msg="log level changed until the next reload" was=INFO now=DEBUG
level=INFO msg="log level changed until the next reload" was=DEBUG now=ERROR
`
	if b.String() != want {
		t.Errorf("logged %q, want %q", b.String(), want)
	}
}

func noTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}
