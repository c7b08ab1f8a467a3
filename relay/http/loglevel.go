package http

import (
	"io"
	"log/slog"
	"net/http"
	"strings"

	"dhcp-relay/relay/api"
)

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

// ServeHTTP implements http.Handler.
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
	object(w, api.Level{Level: strings.ToLower(h.level.Level().String())})
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
