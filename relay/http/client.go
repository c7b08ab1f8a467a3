package http

import (
	"bufio"
	"bytes"
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
)

// The bounds of a conversation with the daemon.
const (
	controlTimeout = 10 * time.Second // until the daemon begins to answer
	maxRefusal     = 4 << 10          // octets of what it says when it refuses
	maxLine        = 4 << 20          // octets of a line of a stream
)

// A Client talks to the running daemon, by HTTP over its Unix socket.
type Client struct {
	socket string
	http   *http.Client
}

// NewClient returns a client of the daemon that listens on the socket. It
// touches nothing yet.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &Client{socket, &http.Client{Transport: &http.Transport{
		DialContext:           dial,
		ResponseHeaderTimeout: controlTimeout,
		DisableKeepAlives:     true,
	}}}
}

// Get asks for a path, such as "/api/v1/status", and decodes the JSON of the
// answer into what into points to.
func (c *Client) Get(ctx context.Context, path string, into any) error {
	return c.Do(ctx, http.MethodGet, path, nil, into)
}

// Do sends a request and decodes the JSON of the answer into what into points to.
func (c *Client) Do(ctx context.Context, method, path string, body io.Reader, into any) error {
	answer, err := c.Open(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }() // it was only read
	if err := json.NewDecoder(answer).Decode(into); err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	return nil
}

// Open sends a request and returns the body of the answer, which may go on for
// as long as ctx does. The caller closes it. Any status but 2xx is an error.
func (c *Client) Open(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
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

// Follow asks for a stream, and has each line of the answer read until ctx ends, which
// is no error.
func (c *Client) Follow(ctx context.Context, path string, read func(line []byte) error) error {
	body, err := c.Open(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it was only read
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxLine)
	lines.Split(wholeLines)
	for lines.Scan() {
		if err := read(lines.Bytes()); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case ctx.Err() != nil:
		return nil // as the operator wants
	case err != nil:
		return fmt.Errorf("the trace broke off: %w", err)
	}
	return errors.New("the daemon has ended the trace")
}

// wholeLines is bufio.ScanLines for lines that end: what breaks off within one says
// nothing.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	switch i := bytes.IndexByte(data, '\n'); {
	case i >= 0:
		return i + 1, data[:i], nil
	case atEOF:
		return len(data), nil, nil
	}
	return 0, nil, nil
}

// Reachable fails if nobody listens on the socket.
func (c *Client) Reachable(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", c.socket)
	if err != nil {
		return c.explain(err)
	}
	return conn.Close()
}

// explain says in the operator's words why the daemon cannot be reached.
func (c *Client) explain(err error) error {
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
