package scene

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"dhcp-relay/cmd/lab/netns"
)

// metricsAddr is where the relay serves its metrics unless it is told otherwise.
const metricsAddr = "127.0.0.1:9867"

// A Relay is a running dhcp-relay.
type Relay struct {
	proc   *netns.Proc
	http   *http.Client
	log    *log
	file   string // its configuration
	socket string // of its commands
}

// startRelay starts the relay of the lab in a namespace and waits until it says
// that it is ready, as systemd would.
func (l *Lab) startRelay(ctx context.Context, name, config string) (*Relay, error) {
	n := l.ns[name]
	r := &Relay{log: &log{}, file: filepath.Join(l.dir, name+".toml"), socket: filepath.Join(l.dir, name+".sock")}
	if err := r.configure(config); err != nil {
		return nil, err
	}
	notify := filepath.Join(l.dir, name+".notify")
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: notify, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	r.http = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, addr string) (c net.Conn, err error) {
			err = n.Do(func() error {
				c, err = new(net.Dialer).DialContext(ctx, network, addr)
				return err
			})
			return c, err
		},
	}}
	cmd := exec.Command(l.opts.Relay, "run", "--config", r.file)
	cmd.Stdout, cmd.Stderr = r.log, r.log
	cmd.Env = append(append(os.Environ(), l.opts.Env...), "NOTIFY_SOCKET="+notify)
	if r.proc, err = n.StartCmd(cmd); err == nil {
		err = r.ready(ctx, ready)
	}
	return r, errors.Join(err, ready.Close())
}

// ready waits for READY=1 (sd_notify(3)), at most ten seconds.
func (r *Relay) ready(ctx context.Context, from *net.UnixConn) error {
	end := time.Now().Add(10 * time.Second)
	buf := make([]byte, 4096)
	for time.Now().Before(end) && ctx.Err() == nil {
		select {
		case <-r.proc.Done():
			return fmt.Errorf("the relay ended: %w\n%s", errors.Join(r.proc.Wait()), r.log)
		default:
		}
		// In slices, so that the end of the relay or of ctx is noticed.
		if err := from.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			return err
		}
		n, err := from.Read(buf)
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if slices.Contains(strings.Split(string(buf[:n]), "\n"), "READY=1") {
			return nil
		}
	}
	return fmt.Errorf("the relay is not ready after ten seconds\n%s", r.log)
}

// Counters scrapes the relay's metrics.
func (r *Relay) Counters(ctx context.Context) (Counters, error) {
	b, err := r.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	return parseCounters(bytes.NewReader(b))
}

func (r *Relay) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metricsAddr+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, resp.Status)
	}
	return b, nil
}

// A log keeps what programs print, for errors to show.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// String returns all that was written.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
