package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestLogLevelIsShownAndSet(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	level := new(slog.LevelVar)
	log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: level, ReplaceAttr: noTime}))
	mux := http.NewServeMux()
	mux.Handle(logLevelPath, &levelHandler{level, log})
	socket := serveSocket(t, mux)
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

func TestLogLevelRefuses(t *testing.T) {
	t.Parallel()
	level := new(slog.LevelVar)
	mux := http.NewServeMux()
	mux.Handle(logLevelPath, &levelHandler{level, slog.New(slog.DiscardHandler)})
	c := newControl(serveSocket(t, mux))
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
		var got levelAnswer
		if err := c.do(t.Context(), k.method, logLevelPath, k.body, &got); err == nil || err.Error() != k.want {
			t.Errorf("%s: %v, want %s", k.method, err, k.want)
		}
	}
	if level.Level() != slog.LevelInfo {
		t.Errorf("the level is %v", level)
	}
}

func TestLogGoesToTheJournal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var s syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &s); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", s.Dev, s.Ino))
	slog.New(logHandler(f, "text", slog.LevelInfo)).Warn("full", "n", 1)
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if want := "<4>level=WARN msg=full n=1\n"; string(b) != want {
		t.Errorf("got %q, want %q", b, want)
	}
}
