package metrics

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// start serves h on loopback and returns its address, and what ends it and
// tells how it ended.
func start(t *testing.T, srv *http.Server, grace time.Duration) (addr string, stop func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, ln, srv, grace) }()
	return ln.Addr().String(), func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(10 * time.Second):
			return errors.New("the server does not end")
		}
	}
}

// client returns a client whose connections the test closes.
func client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func TestHandler(t *testing.T) {
	defer goleak.VerifyNone(t)
	m := New("1.2.3")
	full(m)
	addr, stop := start(t, newServer(m.Handler()), shutdownGrace)
	cl := client(t)
	defer cl.CloseIdleConnections()

	cases := []struct {
		name         string
		method, path string
		accept       string
		status       int
		contentType  string
		body         string // a part of it
	}{
		{"text", "GET", "/metrics", "", 200, "text/plain; version=0.0.4", `outcome="hop_limit"`},
		{"OpenMetrics", "GET", "/metrics", "application/openmetrics-text;version=1.0.0", 200, "application/openmetrics-text; version=1.0.0", "# EOF\n"},
		{"health", "GET", "/healthz", "", 200, "text/plain", "ok\n"},
		{"index", "GET", "/", "", 200, "text/plain", "dhcp-relay 1.2.3\n"},
		{"no such page", "GET", "/nothing", "", 404, "text/plain", "404"},
		{"nothing to write to", "POST", "/metrics", "", 405, "text/plain", "Method Not Allowed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+addr+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", c.accept)
			resp, err := cl.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != c.status {
				t.Errorf("status %d, want %d", resp.StatusCode, c.status)
			}
			if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, c.contentType) {
				t.Errorf("content type %q, want %q", got, c.contentType)
			}
			if !strings.Contains(string(body), c.body) {
				t.Errorf("no %q in:\n%s", c.body, body)
			}
		})
	}
	if err := stop(); err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestServerBoundsRequests(t *testing.T) {
	srv := newServer(New("").Handler())
	srv.ReadHeaderTimeout = 50 * time.Millisecond
	addr, stop := start(t, srv, shutdownGrace)

	cases := []struct {
		name  string
		write string
		want  string // the answer's first line
	}{
		{"a header that is too large", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "HTTP/1.1 431 Request Header Fields Too Large"},
		{"a client that says nothing", "", ""},
		{"a header that does not end", "GET / HTTP/1.1\r\nHost: a\r\n", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
				t.Fatal(err)
			}
			// The server may hang up before it has read all of it.
			_, _ = io.WriteString(conn, c.write)
			line, err := bufio.NewReader(conn).ReadString('\n')
			if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
				t.Fatal("the server waits for ever")
			}
			if got := strings.TrimSpace(line); got != c.want {
				t.Errorf("answer %q, want %q", got, c.want)
			}
		})
	}
	if err := stop(); err != nil {
		t.Errorf("serve: %v", err)
	}
}

// Connections beyond the bound are hung up on, and free their place again.
func TestServerBoundsConnections(t *testing.T) {
	addr, stop := start(t, newServer(New("").Handler()), 20*time.Millisecond)
	answers := func(c net.Conn) bool {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
		line, err := bufio.NewReader(c).ReadString('\n')
		if isTimeout(err) {
			t.Fatal("the server neither answers nor hangs up")
		}
		return strings.HasPrefix(line, "HTTP/1.1 200 ")
	}
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for i := range maxConns + 1 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		if got, want := answers(c), i < maxConns; got != want {
			t.Fatalf("connection %d is answered: %v, want %v", i+1, got, want)
		}
	}
	_ = conns[0].Close()
	for deadline := time.Now().Add(10 * time.Second); ; {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		if answers(c) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a closed connection does not free its place")
		}
	}
	if err := stop(); err != nil {
		t.Errorf("serve: %v", err)
	}
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

func TestShutdown(t *testing.T) {
	cases := []struct {
		name    string
		grace   time.Duration
		hang    bool // the handler does not end by itself
		wantErr bool // of the request
	}{
		{"a request in progress ends", shutdownGrace, false, false},
		{"a request that hangs is cut", 20 * time.Millisecond, true, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			entered, release := make(chan struct{}), make(chan struct{})
			srv := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				if c.hang {
					<-r.Context().Done()
					return
				}
				<-release
				plain(w, "ok\n")
			}))
			addr, stop := start(t, srv, c.grace)
			srv.RegisterOnShutdown(func() { close(release) })
			cl := client(t)
			defer cl.CloseIdleConnections()
			answered := make(chan error, 1)
			go func() {
				resp, err := cl.Get("http://" + addr + "/")
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					_ = resp.Body.Close()
				}
				answered <- err
			}()
			<-entered
			if err := stop(); err != nil {
				t.Errorf("serve: %v", err)
			}
			if err := <-answered; (err != nil) != c.wantErr {
				t.Errorf("request: error %v, want one: %v", err, c.wantErr)
			}
		})
	}
}

func TestServeTellsOfBrokenListener(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := Serve(t.Context(), ln, http.NotFoundHandler()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v, want %v", err, net.ErrClosed)
	}
}
