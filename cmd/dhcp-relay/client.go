package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
)

// The bounds of a conversation with the daemon.
const (
	controlTimeout = 10 * time.Second // until the daemon begins to answer
	maxRefusal     = 4 << 10          // octets of what it says when it refuses
)

// A control talks to the running daemon, by HTTP over its Unix socket.
type control struct {
	socket string
	http   *http.Client
}

// newControl returns a control of the daemon that listens on the socket. It
// touches nothing yet.
func newControl(socket string) *control {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &control{socket, &http.Client{Transport: &http.Transport{
		DialContext:           dial,
		ResponseHeaderTimeout: controlTimeout,
		DisableKeepAlives:     true,
	}}}
}

// get asks for a path, such as "/api/v1/status", and decodes the JSON of the
// answer into what into points to.
func (c *control) get(ctx context.Context, path string, into any) error {
	return c.do(ctx, http.MethodGet, path, nil, into)
}

// do sends a request and decodes the JSON of the answer into what into points to.
func (c *control) do(ctx context.Context, method, path string, body io.Reader, into any) error {
	answer, err := c.open(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }() // it was only read
	if err := json.NewDecoder(answer).Decode(into); err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	return nil
}

// open sends a request and returns the body of the answer, which may go on for
// as long as ctx does. The caller closes it. Any status but 2xx is an error.
func (c *control) open(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://dhcp-relay"+path, body)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	if resp.StatusCode/100 == 2 {
		return resp.Body, nil
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	said, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
	if text := strings.TrimSpace(string(said)); text != "" {
		return nil, fmt.Errorf("the daemon refuses: %s", text)
	}
	return nil, fmt.Errorf("the daemon refuses: %s", resp.Status)
}

// explain says in the operator's words why the daemon cannot be reached.
func (c *control) explain(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the daemon is not running, or it listens elsewhere: there is no socket %s; if it runs, its log and the page on metrics.listen say why", c.socket)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("the daemon is not running: nobody listens on %s", c.socket)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("no permission to use %s; run as root, or join the group that control.group names", c.socket)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the daemon does not answer on %s", c.socket)
	}
	return fmt.Errorf("ask the daemon on %s: %w", c.socket, err)
}

// addSocketFlag adds the flags that say where the daemon listens, and returns
// what finds it: the socket of --socket, else of the configuration file, else
// the default one.
func addSocketFlag(c *cobra.Command) func() (string, error) {
	socket := c.Flags().StringP("socket", "s", "", "Unix socket of the daemon (default: control.socket of the configuration file)")
	file := addConfigFlag(c)
	return func() (string, error) {
		if *socket != "" {
			return *socket, nil
		}
		return socketOf(*file, c.Flags().Changed("config"))
	}
}

// defaultSocket is where the daemon listens unless its configuration says
// otherwise.
const defaultSocket = "/run/dhcp-relay/control.sock"

// socketOf reads nothing but the socket from the configuration file: the daemon
// can be asked above all while the rest of the file is wrong. A file that nobody
// named may be missing, or closed to this user.
func socketOf(file string, named bool) (string, error) {
	var f struct {
		Control struct{ Socket *string }
	}
	_, err := toml.DecodeFile(file, &f)
	var unreadable *fs.PathError
	switch {
	case errors.As(err, &unreadable) && named:
		return "", fmt.Errorf("read the configuration: %w", err)
	case err != nil || f.Control.Socket == nil:
		return defaultSocket, nil
	case *f.Control.Socket == "":
		return "", fmt.Errorf("%s gives the daemon no socket (control.socket = \"\"), so it cannot be asked", file)
	}
	return *f.Control.Socket, nil
}
