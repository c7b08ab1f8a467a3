package daemon

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

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
	slog.New(logHandler(f, f, "text", slog.LevelInfo)).Warn("full", "n", 1)
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	if want := "<4>level=WARN msg=full n=1\n"; string(b) != want {
		t.Errorf("got %q, want %q", b, want)
	}
}

func TestLogCommandsNoTerminal(t *testing.T) {
	const evil = "x\x1b[31m\u009b\u202e"
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		slog.New(logHandler(&b, &b, format, slog.LevelInfo)).Warn("full", "link", evil)
		if got := b.String(); !strings.Contains(got, `\u009b\u202e`) || strings.ContainsAny(got, "\x1b\u009b\u202e") {
			t.Errorf("%s: %q", format, got)
		}
	}
}
