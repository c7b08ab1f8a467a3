package journal_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/journal"
)

func text(level slog.Leveler) func(io.Writer) slog.Handler {
	return func(w io.Writer) slog.Handler {
		return slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})
	}
}

func TestLinesBearTheirLevel(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	level := new(slog.LevelVar)
	log := slog.New(journal.New(&b, text(level)))
	log.Debug("not yet")
	log.Info("relaying", "version", "1.0")
	log.With("link", "vlan10").WithGroup("g").Warn("two\nlines", "a", 1)
	log.Error("gone", "err", os.ErrNotExist)
	level.Set(slog.LevelDebug)
	log.Debug("now")
	log.Log(t.Context(), slog.LevelInfo+1, "between")
	want := `<6>level=INFO msg=relaying version=1.0
<4>level=WARN msg="two\nlines" link=vlan10 g.a=1
<3>level=ERROR msg=gone err="file does not exist"
<7>level=DEBUG msg=now
<6>level=INFO+1 msg=between
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLinesOfJSON(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	slog.New(journal.New(&b, func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) })).Warn("full", "n", 1)
	if want := "<4>{\"level\":\"WARN\",\"msg\":\"full\",\"n\":1}\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

// A whole fails on writes that are not whole lines.
type whole struct {
	t     *testing.T
	lines int
}

func (w *whole) Write(b []byte) (int, error) {
	if !bytes.HasPrefix(b, []byte("<6>")) || bytes.Count(b, []byte("\n")) != 1 || b[len(b)-1] != '\n' {
		w.t.Errorf("no line: %q", b)
	}
	w.lines++
	return len(b), nil
}

func TestLinesStayWhole(t *testing.T) {
	t.Parallel()
	w := &whole{t: t}
	log := slog.New(journal.New(w, text(slog.LevelInfo)))
	var wg sync.WaitGroup
	for i := range 8 {
		log := log.With("writer", i)
		wg.Go(func() {
			for n := range 100 {
				log.Info("line", "n", n)
			}
		})
	}
	wg.Wait()
	if w.lines != 800 {
		t.Errorf("%d lines", w.lines)
	}
}

func TestConnected(t *testing.T) {
	t.Parallel()
	f, err := os.Create(filepath.Join(t.TempDir(), "stream"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var s syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &s); err != nil {
		t.Fatal(err)
	}
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	cases := []struct {
		name   string
		file   *os.File
		stream string
		want   bool
	}{
		{"the stream", f, fmt.Sprintf("%d:%d", s.Dev, s.Ino), true},
		{"another inode", f, fmt.Sprintf("%d:%d", s.Dev, s.Ino+1), false},
		{"another device", f, fmt.Sprintf("%d:%d", s.Dev+1, s.Ino), false},
		{"no journal", f, "", false},
		{"no file", closed, fmt.Sprintf("%d:%d", s.Dev, s.Ino), false},
	}
	for _, c := range cases {
		if got := journal.Connected(c.file, c.stream); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
