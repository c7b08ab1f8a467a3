package http

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
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

// Check reports what is wrong with a file of TLS and basic authentication, or
// with the files that it names: ErrUnreadable, if that is all. The empty name is
// good.
func Check(config string) error {
	err := web.Validate(config)
	if err == nil {
		return nil
	}
	told := fmt.Errorf("%s: %w", config, oneLine{err})
	var path *fs.PathError
	// The toolkit keeps the error of a certificate's file to itself.
	if errors.As(err, &path) || strings.HasPrefix(err.Error(), "failed to read ") {
		return unreadable{told}
	}
	return told
}

// Open reports whether a file of TLS and basic authentication lets everybody in: it
// names no user, and asks for no certificate that must be signed.
func Open(config string) bool {
	c, ok := parse(config)
	return ok && len(c.Users) == 0 && c.TLSConfig.ClientAuth != "RequireAndVerifyClientCert"
}

// Files lists a file of TLS and basic authentication, and those that it names. The
// empty name has none.
func Files(config string) []string {
	if config == "" {
		return nil
	}
	c, _ := parse(config)
	c.TLSConfig.SetDirectory(filepath.Dir(config))
	return []string{config, c.TLSConfig.TLSCertPath, c.TLSConfig.TLSKeyPath, c.TLSConfig.ClientCAs}
}

// parse reads a file of TLS and basic authentication; not ok if it cannot be read, or is
// none. Check tells why.
func parse(config string) (c web.Config, ok bool) {
	if config == "" {
		return c, false
	}
	text, err := os.ReadFile(config)
	return c, err == nil && yaml.Unmarshal(text, &c) == nil
}

// An unreadable is ErrUnreadable with the error's own words.
type unreadable struct{ error }

// Is reports whether target is ErrUnreadable.
func (unreadable) Is(target error) bool { return target == ErrUnreadable }

// Unwrap returns the error itself.
func (u unreadable) Unwrap() error { return u.error }

// A oneLine is an error without line breaks; those of YAML have some.
type oneLine struct{ error }

// Error returns the error as one line.
func (o oneLine) Error() string { return strings.Join(strings.Fields(o.error.Error()), " ") }

// Unwrap returns the error itself.
func (o oneLine) Unwrap() error { return o.error }

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

// accept serves in plain, or as the file says.
func accept(ln net.Listener, srv *http.Server, config string, log *slog.Logger) error {
	if config == "" {
		return srv.Serve(ln)
	}
	return web.Serve(ln, srv, &web.FlagConfig{WebConfigFile: &config}, slog.New(atLeast{log.Handler(), slog.LevelWarn}))
}

// atLeast passes on records of a level or above: the toolkit tells at Info what
// the relay tells itself.
type atLeast struct {
	slog.Handler
	level slog.Level
}

// Enabled reports whether records of a level are passed on.
func (a atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= a.level && a.Handler.Enabled(ctx, l)
}
