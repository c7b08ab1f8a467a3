// Package web shows people and programs over HTTP what the relay does: metrics,
// health, the state as JSON, and a status page that needs no other host. It only
// tells what it is given, and changes nothing.
package web

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"dhcp-relay/relay/status"
)

// A Relay tells what is shown. Its functions may be called at any time, also
// concurrently.
type Relay struct {
	Metrics http.Handler         // answers scrapes
	Unready func() []string      // why clients are not served as configured, in words; none if they are
	Report  func() status.Report // the state of this moment
}

// NewMux returns what answers for the relay, to GET and HEAD only:
//
//	/metrics        counters and state, for Prometheus
//	/healthz        200 while the process answers
//	/readyz         200 while clients are served as configured, else 503 and why
//	/api/v1/status  the state as JSON
func NewMux(r Relay) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", r.Metrics)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, http.StatusOK, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if why := r.Unready(); len(why) > 0 {
			plain(w, http.StatusServiceUnavailable, strings.Join(why, "\n")+"\n")
			return
		}
		plain(w, http.StatusOK, "ready\n")
	})
	if r.Report != nil {
		mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, _ *http.Request) { object(w, r.Report()) })
	}
	return mux
}

// plain answers with text. An error means that the client has gone.
func plain(w http.ResponseWriter, code int, s string) {
	head(w, "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, s)
}

// object answers with JSON. An error means that the client has gone.
func object(w http.ResponseWriter, v any) {
	head(w, "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// head sets what is said of every answer: it is of this moment, and is what its
// type says.
func head(w http.ResponseWriter, contentType string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}
