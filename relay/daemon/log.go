package daemon

import (
	"io"
	"log/slog"
	"os"

	"dhcp-relay/relay/journal"
	"dhcp-relay/relay/text"
)

// logHandler writes the log to w in a format; to systemd's journal with levels
// that it understands.
func logHandler(w io.Writer, format string, level slog.Leveler) slog.Handler {
	lines := func(w io.Writer) slog.Handler {
		o := &slog.HandlerOptions{Level: level}
		if format == "json" {
			return slog.NewJSONHandler(text.Writer{W: w}, o)
		}
		return slog.NewTextHandler(w, o)
	}
	if f, ok := w.(*os.File); ok && journal.Connected(f, os.Getenv("JOURNAL_STREAM")) {
		return journal.New(w, lines)
	}
	return lines(w)
}
