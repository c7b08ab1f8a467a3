package http

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dhcp-relay/relay/observe/status"
)

// A visitor has connections to a server.
type visitor struct {
	t    *testing.T
	addr string
	from net.Addr
	cs   []net.Conn
}

func visit(t *testing.T, addr, from string) *visitor {
	v := &visitor{t: t, addr: addr, from: &net.TCPAddr{IP: net.ParseIP(from)}}
	t.Cleanup(func() {
		for _, c := range v.cs {
			_ = c.Close()
		}
	})
	return v
}

// dial makes a connection.
func (v *visitor) dial() net.Conn {
	v.t.Helper()
	c, err := (&net.Dialer{LocalAddr: v.from, Timeout: 10 * time.Second}).DialContext(v.t.Context(), "tcp", v.addr)
	if err != nil {
		v.t.Fatal(err)
	}
	v.cs = append(v.cs, c)
	if err := c.SetDeadline(time.Now().Add(60 * time.Second)); err != nil {
		v.t.Fatal(err)
	}
	return c
}

// get asks for a path over a connection, and reports whether that was answered
// rather than hung up on.
func (v *visitor) get(c net.Conn, path string) bool {
	v.t.Helper()
	_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n")
	line, err := bufio.NewReader(c).ReadString('\n')
	if isTimeout(err) {
		v.t.Fatal("the server neither answers nor hangs up")
	}
	return strings.HasPrefix(line, "HTTP/1.1 200 ")
}

// gone reports whether the server hangs up.
func (v *visitor) gone(c net.Conn) bool {
	v.t.Helper()
	_, err := io.Copy(io.Discard, c)
	if isTimeout(err) {
		v.t.Error("the server holds a connection that was to give way")
	}
	return !isTimeout(err)
}

// visited is a server that holds requests for /stay.
func visited(t *testing.T) (addr string, g *Gate) {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", healthy)
	mux.HandleFunc("/stay", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	g = newGate()
	addr, stop := start(t, newServer(mux, g), 20*time.Millisecond)
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return addr, g
}

// Whoever comes is served, however many connections others leave idle: some of those
// have asked, some have begun to, some say nothing.
func TestIdleConnectionsGiveWay(t *testing.T) {
	t.Parallel()
	addr, g := visited(t)
	v := visit(t, addr, "127.0.0.1")
	for i := range 2 * maxConns {
		c := v.dial()
		switch i % 3 {
		case 0:
			if !v.get(c, "/") {
				t.Fatalf("connection %d is not served", i+1)
			}
		case 1:
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n")
		}
	}
	for range 10 {
		if !v.get(v.dial(), "/") {
			t.Fatal("a new connection is not served")
		}
	}
	v.gone(v.cs[0])
	if got, want := refusals(g, status.RefusedIdle), uint64(2*maxConns+10-maxPeerConns); got != want || refusals(g, status.RefusedFull) != 0 {
		t.Errorf("%d gave way, want %d; %d refused", got, want, refusals(g, status.RefusedFull))
	}
}

// Who has an answer, and holds the server up with what it would send yet, keeps nobody
// out, from however many addresses it comes.
func TestWhatIsAnsweredGivesWay(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]string{
		"a body without end":     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\nx",
		"a header that is large": "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 8*maxHeader),
		"a body that is slow":    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr, g := visited(t)
			v := visit(t, addr, "127.0.0.1")
			var all []*visitor
			for i := range 3 * maxConns {
				one := visit(t, addr, fmt.Sprintf("127.0.1.%d", i+1))
				_, _ = io.WriteString(one.dial(), ask)
				all = append(all, one)
			}
			if !v.get(v.dial(), "/") {
				t.Error("a new connection is not served")
			}
			if n := refusals(g, status.RefusedFull); n != 0 {
				t.Errorf("%d refused, want none", n)
			}
			all[0].gone(all[0].cs[0])
		})
	}
}

// Connections that are served do not give way, one peer does not have all, and what
// ends makes room.
func TestServedConnectionsStay(t *testing.T) {
	t.Parallel()
	addr, g := visited(t)
	a, b, c := visit(t, addr, "127.0.0.1"), visit(t, addr, "127.0.0.2"), visit(t, addr, "127.0.0.3")
	for range maxPeerConns {
		if !a.get(a.dial(), "/stay") {
			t.Fatal("a peer has less than its share")
		}
	}
	if a.get(a.dial(), "/") {
		t.Error("a peer has more than its share")
	}
	for range maxConns - maxPeerConns - 1 {
		if !b.get(b.dial(), "/stay") {
			t.Fatal("the first peer has taken the second one's")
		}
	}
	idle := c.dial() // it has the last place
	if !b.get(b.dial(), "/stay") || !c.gone(idle) {
		t.Error("what is idle does not give way to another peer")
	}
	if c.get(c.dial(), "/") {
		t.Error("one more than all is served")
	}
	if refusals(g, status.RefusedFull) != 2 || refusals(g, status.RefusedIdle) != 1 {
		t.Errorf("%d refused, want 2; %d gave way, want 1", refusals(g, status.RefusedFull), refusals(g, status.RefusedIdle))
	}
	_ = a.cs[0].Close()
	for deadline := time.Now().Add(60 * time.Second); !c.get(c.dial(), "/"); {
		if time.Now().After(deadline) {
			t.Fatal("a connection that was closed does not free its place")
		}
	}
}

// Connections of a Unix socket have no address, and are bounded together.
func TestUnixConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	g := NewGate("control", false, slog.New(slog.DiscardHandler))
	cs := conns{gate: g, open: make(map[net.Conn]*conn)}
	for n := range maxConns + 1 {
		c, err := net.Dial("unix", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		cs.moved(c, http.StateNew)
		cs.serve(c, 1)
		if got, want := len(cs.open), min(n+1, maxConns); got != want {
			t.Fatalf("%d are open, want %d", got, want)
		}
	}
	if refusals(g, status.RefusedFull) != 1 {
		t.Errorf("%d refused, want 1", refusals(g, status.RefusedFull))
	}
}

// An address of IPv6 is as good as its network's others.
func TestPeers(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "::ffff:192.0.2.1": "192.0.2.1/32", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%lo": "fe80::/64",
	} {
		if got := peerOf(from{addr: net.JoinHostPort(addr, "1")}).String(); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

// from is a connection from an address.
type from struct {
	net.Conn
	addr string
}

func (f from) RemoteAddr() net.Addr { return f }
func (f from) Network() string      { return "tcp" }
func (f from) String() string       { return f.addr }
