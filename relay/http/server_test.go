package http

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
	go func() { ended <- serve(ctx, ln, srv, "", grace, newGate()) }()
	return ln.Addr().String(), func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(60 * time.Second):
			return errors.New("the server does not end")
		}
	}
}

// healthy answers every request.
var healthy = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })

// client returns a client whose connections the test closes.
func client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 60 * time.Second}
}

func TestServerBoundsRequests(t *testing.T) {
	srv := newServer(healthy, newGate())
	srv.ReadHeaderTimeout = time.Second
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
			if err := conn.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
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
			entered, release, cut := make(chan struct{}), make(chan struct{}), make(chan struct{})
			srv := newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				close(entered)
				if c.hang {
					<-cut
					return
				}
				<-release
				_, _ = io.WriteString(w, "ok\n")
			}), newGate())
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
			close(cut)
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
	if err := Serve(t.Context(), ln, healthy, "", newGate()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v, want %v", err, net.ErrClosed)
	}
}

// An answer that goes on for ever ends with the server, at once.
func TestStreamsEndWithTheServer(t *testing.T) {
	entered := make(chan struct{})
	srv := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		close(entered)
		<-r.Context().Done()
	}), newGate())
	addr, stop := start(t, srv, time.Hour)
	resp, err := client(t).Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	<-entered
	if err := stop(); err != nil {
		t.Errorf("serve: %v", err)
	}
}
