package http

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// The bounds of the HTTP server. It may be reachable for people with whom the
// relay shares no secrets, and must not cost it its file descriptors or memory.
const (
	maxHeader     = 8 << 10 // octets
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 30 * time.Second
	shutdownGrace = 3 * time.Second
)

// Serve serves h on ln, as the gate allows, until ctx is done, then lets requests end for at most 3
// seconds and cuts those that have not; their contexts end with ctx. It closes
// ln, and returns nil if ctx was what ended it. The file config, if it is not "",
// sets up TLS and basic authentication as for Prometheus exporters; certificates
// and users are read again for each connection and request.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, config string, g *Gate) error {
	return serve(ctx, ln, newServer(h, g), config, shutdownGrace, g)
}

// ErrUnreadable says that a file cannot be read now, so that nothing is known of
// what is in it.
var ErrUnreadable = errors.New("unreadable")

// newServer returns a server whose every phase has a deadline, and that serves h as
// the gate allows.
func newServer(h http.Handler, g *Gate) *http.Server {
	cs := conns{gate: g, open: make(map[net.Conn]*conn)}
	return &http.Server{
		Handler: cs.serving(g.guard(h)),
		// Who connects can cause any number of these lines.
		ErrorLog:          slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
		ConnState:         cs.moved,
		ConnContext:       cs.within,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
	}
}

func serve(ctx context.Context, ln net.Listener, srv *http.Server, config string, grace time.Duration, g *Gate) error {
	srv.BaseContext = func(net.Listener) context.Context {
		if config != "" {
			srv.Handler = g.guesses(srv.Handler) // around that of the toolkit, which is there by now
		}
		return ctx
	}
	ended := make(chan error, 1)
	go func() { ended <- accept(ln, srv, config, g.log) }()

	select {
	case err := <-ended:
		_, _ = srv.Close(), ln.Close() // the error that ended it says more
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
