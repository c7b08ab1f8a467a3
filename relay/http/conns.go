package http

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"

	"dhcp-relay/relay/observe/status"
)

// How many connections there are at a time: more must not cost the relay its
// file descriptors or memory. What requests can take of them (places) is less than
// what one peer can, and that is less than all.
const (
	maxConns     = 64
	maxPeerConns = 40 // of one IPv4 address, or one /64 of IPv6
)

// A conns keeps account of the connections of a server.
type conns struct {
	gate *Gate

	mu    sync.Mutex // guards what follows
	open  map[net.Conn]*conn
	moves uint64 // changes of state so far
}

// A conn is one connection.
type conn struct {
	peer  netip.Prefix // the zero one for Unix sockets
	since uint64       // the move that brought it into its state
	busy  int          // requests of it that a handler answers
}

// idle reports whether no request of it is answered: what is still read of one, or of
// the body of one that has its answer, keeps nobody else out.
func (c *conn) idle() bool { return c.busy == 0 }

// moved is told of every change of state of a connection. A new one is hung up on, or
// takes the place of one that is idle, if there are too many.
func (cs *conns) moved(c net.Conn, to http.ConnState) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.moves++
	switch to {
	case http.StateNew:
		cs.admit(c)
	case http.StateActive, http.StateIdle:
		if own := cs.open[c]; own != nil {
			own.since = cs.moves
		}
	case http.StateClosed, http.StateHijacked:
		delete(cs.open, c)
	}
}

// connOf is the key of a request's connection in its context.
type connOf struct{}

// within has the requests of a connection bear it.
func (cs *conns) within(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connOf{}, c)
}

// serving has a connection count as busy while h answers a request of it.
func (cs *conns) serving(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Context().Value(connOf{}).(net.Conn)
		cs.serve(c, 1)
		defer cs.serve(c, -1)
		h.ServeHTTP(w, r)
	})
}

// serve takes note of one more request that is answered, or one less.
func (cs *conns) serve(c net.Conn, more int) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if own := cs.open[c]; own != nil {
		cs.moves++
		own.since, own.busy = cs.moves, own.busy+more
	}
}

// admit takes a new connection in, or hangs up.
func (cs *conns) admit(c net.Conn) {
	own := &conn{peer: peerOf(c), since: cs.moves}
	if all, peers := len(cs.open) >= maxConns, cs.crowded(own.peer); all || peers {
		victim := cs.idlest(func(o *conn) bool { return !peers || o.peer == own.peer })
		if victim == nil {
			cs.gate.refuse(status.RefusedFull, c.RemoteAddr().String())
			hangUp(c) // the server notices, and reports it as closed
			return
		}
		cs.gate.refuse(status.RefusedIdle, victim.RemoteAddr().String())
		delete(cs.open, victim)
		hangUp(victim)
	}
	cs.open[c] = own
}

// crowded reports whether a peer has all the connections that one may have.
func (cs *conns) crowded(peer netip.Prefix) bool {
	return peer.IsValid() && cs.count(func(o *conn) bool { return o.peer == peer }) >= maxPeerConns
}

// count returns how many connections are such.
func (cs *conns) count(such func(*conn) bool) (n int) {
	for _, o := range cs.open {
		if such(o) {
			n++
		}
	}
	return n
}

// idlest returns the connection that has been idle for longest of those that are
// such, and of them of one of the peer with the most, or nil.
func (cs *conns) idlest(such func(*conn) bool) (victim net.Conn) {
	idle := make(map[netip.Prefix]int)
	for _, o := range cs.open {
		if o.idle() && such(o) {
			idle[o.peer]++
		}
	}
	var best *conn
	for c, o := range cs.open {
		if !o.idle() || !such(o) {
			continue
		}
		if best == nil || idle[o.peer] > idle[best.peer] || idle[o.peer] == idle[best.peer] && o.since < best.since {
			victim, best = c, o
		}
	}
	return victim
}

// hangUp closes a connection without a word: TLS's own could have to wait.
func hangUp(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	_ = c.Close() // it is of no use any more
}

// peerOf returns whom a connection is of.
func peerOf(c net.Conn) netip.Prefix {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{}
	}
	a, bits := at.Addr().Unmap().WithZone(""), 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // both families have as many
	return p
}
