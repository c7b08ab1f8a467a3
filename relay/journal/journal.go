// Package journal writes a log as systemd's journal reads it from a stream: each
// line begins with its level (sd-daemon(3)) and bears no time of its own.
package journal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"
)

// Connected reports whether a file is the stream that systemd has named in the
// environment variable JOURNAL_STREAM, "device:inode" (systemd.exec(5)). A file
// that was redirected since is not.
func Connected(f *os.File, stream string) bool {
	info, err := f.Stat()
	if err != nil {
		return false
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && stream == fmt.Sprintf("%d:%d", s.Dev, s.Ino)
}

// A Handler is a slog.Handler for a stream to the journal. It is safe for
// concurrent use.
type Handler struct {
	out  *output
	line slog.Handler // writes a line into out
}

// An output is what the handlers of one stream share.
type output struct {
	mu   sync.Mutex
	line bytes.Buffer
	w    io.Writer
}

// New returns a handler that writes to w. The handler that lines returns makes
// one line of each record.
func New(w io.Writer, lines func(io.Writer) slog.Handler) *Handler {
	o := &output{w: w}
	return &Handler{o, lines(&o.line)}
}

// Enabled reports whether records of a level are written.
func (h *Handler) Enabled(ctx context.Context, l slog.Level) bool { return h.line.Enabled(ctx, l) }

// Handle writes a record in one call of Write, so that lines stay whole.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{} // the journal knows it
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	h.out.line.Reset()
	fmt.Fprintf(&h.out.line, "<%d>", priority(r.Level))
	if err := h.line.Handle(ctx, r); err != nil {
		return fmt.Errorf("format a line of the log: %w", err)
	}
	if _, err := h.out.w.Write(h.out.line.Bytes()); err != nil {
		return fmt.Errorf("write to the journal: %w", err)
	}
	return nil
}

// WithAttrs returns a handler that adds attributes.
func (h *Handler) WithAttrs(as []slog.Attr) slog.Handler {
	return &Handler{h.out, h.line.WithAttrs(as)}
}

// WithGroup returns a handler that puts what follows into a group.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.out, h.line.WithGroup(name)}
}

// priority returns the level as syslog numbers it (syslog(3)): err, warning,
// info and debug.
func priority(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	case l >= slog.LevelInfo:
		return 6
	}
	return 7
}
