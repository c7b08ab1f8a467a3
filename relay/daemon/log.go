package daemon

import (
	"io"
	"log/slog"
	"os"
	"time"

	"dhcp-relay/relay/journal"
	"dhcp-relay/relay/text"
)

// logGrace is how long the end of the process may wait for the log to take its last lines.
const logGrace = time.Second

// logHandler writes the log to w, by way of another writer, in a format; to systemd's
// journal with levels that it understands.
func logHandler(w, by io.Writer, format string, level slog.Leveler) slog.Handler {
	lines := func(w io.Writer) slog.Handler {
		o := &slog.HandlerOptions{Level: level}
		if format == "json" {
			return slog.NewJSONHandler(text.Writer{W: w}, o)
		}
		return slog.NewTextHandler(w, o)
	}
	if f, ok := w.(*os.File); ok && journal.Connected(f, os.Getenv("JOURNAL_STREAM")) {
		return journal.New(by, lines)
	}
	return lines(by)
}
