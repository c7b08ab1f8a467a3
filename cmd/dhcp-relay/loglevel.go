package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/journal"
)

// logHandler writes the log to w in a format; to systemd's journal with levels
// that it understands.
func logHandler(w io.Writer, format string, level slog.Leveler) slog.Handler {
	lines := func(w io.Writer) slog.Handler {
		o := &slog.HandlerOptions{Level: level}
		if format == "json" {
			return slog.NewJSONHandler(w, o)
		}
		return slog.NewTextHandler(w, o)
	}
	if f, ok := w.(*os.File); ok && journal.Connected(f, os.Getenv("JOURNAL_STREAM")) {
		return journal.New(w, lines)
	}
	return lines(w)
}

// logLevelPath is where the level of the log is read and set, on the socket of
// [control] only.
const logLevelPath = "/log-level"

// A levelAnswer is what is said of the level of the log, as JSON.
type levelAnswer struct {
	Level string `json:"level"`
}

// levelNames are the levels of the log as the configuration has them.
func levelNames() map[string]slog.Level {
	return map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
}

// A levelHandler shows the level of the log to GET, and sets it to what is the
// body of a PUT, until the next reload.
type levelHandler struct {
	level *slog.LevelVar
	log   *slog.Logger
}

func (h *levelHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
	case http.MethodPut:
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64))
		level, known := levelNames()[strings.TrimSpace(string(body))]
		if err != nil || !known {
			http.Error(w, "the level is debug, info, warn or error", http.StatusBadRequest)
			return
		}
		h.set(level)
	default:
		w.Header().Set("Allow", "GET, PUT")
		http.Error(w, "GET shows the level of the log, PUT sets it", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(levelAnswer{strings.ToLower(h.level.Level().String())}) // the client may have gone
}

// set changes the level, and says so while one of both shows it.
func (h *levelHandler) set(level slog.Level) {
	was := h.level.Level()
	if was == level {
		return
	}
	h.level.Set(min(was, level))
	h.log.Info("log level changed until the next reload", "was", was.String(), "now", level.String())
	h.level.Set(level)
}

func newLogLevelCommand() *cobra.Command {
	c := &cobra.Command{
		Use:       "log-level [debug|info|warn|error]",
		Short:     "Show or change the level of the running daemon's log",
		Long:      "Without an argument, show the level of the running daemon's log.\nWith one, change it until the configuration is reloaded or the daemon restarts.",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"debug", "info", "warn", "error"},
	}
	socket := addSocketFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		at, err := socket()
		if err != nil {
			return err
		}
		method, body := http.MethodGet, io.Reader(nil)
		if len(args) > 0 {
			method, body = http.MethodPut, strings.NewReader(args[0])
		}
		var answer levelAnswer
		if err := newControl(at).do(c.Context(), method, logLevelPath, body, &answer); err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.OutOrStdout(), answer.Level)
		return err
	}
	return c
}
