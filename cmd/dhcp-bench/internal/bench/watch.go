package bench

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

// controlSocket is the name of the socket on which ours answers.
const controlSocket = "control.sock"

// watch looks at a relay as those who run it may do all at once, until stop: it
// scrapes it each second, asks for its status each two, and traces a client that
// there is not.
func watch(ctx context.Context, dir string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	c := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, controlSocket))
		},
	}}
	var wg sync.WaitGroup
	for path, every := range map[string]time.Duration{
		"/metrics":                            time.Second,
		"/api/v1/status":                      2 * time.Second,
		"/api/v1/trace?mac=02:ff:ff:ff:ff:ff": time.Second,
	} {
		wg.Go(func() {
			for ctx.Err() == nil {
				look(ctx, c, path)
				select {
				case <-ctx.Done():
				case <-time.After(every):
				}
			}
		})
	}
	return func() {
		cancel()
		wg.Wait()
		c.CloseIdleConnections()
	}
}

// look reads an answer to its end. A relay that has ended is noticed by others.
func look(ctx context.Context, c *http.Client, path string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://relay"+path, nil)
	if err != nil {
		return
	}
	resp, err := c.Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}
