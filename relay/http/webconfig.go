//go:build !small

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

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
)

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
