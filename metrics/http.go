package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// The bounds of the HTTP server. It may be reachable for people with whom the
// relay shares no secrets, and must not cost it its file descriptors or memory.
const (
	maxConns      = 64
	maxScrapes    = 4       // at once
	maxHeader     = 8 << 10 // octets
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute // above the usual scrape intervals, to keep the connection
	shutdownGrace = 3 * time.Second
)

// Handler serves /metrics in the formats of Prometheus and OpenMetrics,
// /healthz, which answers "ok" while the process can answer, and an index.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", &exposition{gatherer: m.gatherer, slots: make(chan struct{}, maxScrapes)})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, "ok\n")
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		plain(w, "dhcp-relay "+m.version+"\n\n"+
			"/metrics  counters and state, for Prometheus\n"+
			"/healthz  ok while the process answers\n")
	})
	return mux
}

// plain answers with text. An error means that the client has gone.
func plain(w http.ResponseWriter, s string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, s)
}

// Serve serves h on ln until ctx is done, then lets requests end for at most 3
// seconds and cuts those that have not. It closes ln, and returns nil if ctx
// was what ended it.
func Serve(ctx context.Context, ln net.Listener, h http.Handler) error {
	return serve(ctx, ln, newServer(h), shutdownGrace)
}

// newServer returns a server whose every phase has a deadline, and that hangs
// up on more than 64 connections at once.
func newServer(h http.Handler) *http.Server {
	var open atomic.Int32
	return &http.Server{
		Handler: h,
		ConnState: func(c net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				if open.Add(1) > maxConns {
					_ = c.Close() // the server notices, and reports it as closed
				}
			case http.StateClosed, http.StateHijacked:
				open.Add(-1)
			case http.StateActive, http.StateIdle:
			}
		},
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
	}
}

func serve(ctx context.Context, ln net.Listener, srv *http.Server, grace time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ln) }()

	select {
	case err := <-ended:
		_ = srv.Close() // the error that ended it says more
		return fmt.Errorf("serve http on %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if srv.Shutdown(deadline) != nil {
		_ = srv.Close() // the deadline is over; nothing is left to wait for
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve http on %s: %w", ln.Addr(), err)
	}
	return nil
}
