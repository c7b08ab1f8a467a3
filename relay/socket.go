package relay

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/built"
	"dhcp-relay/relay/host/clientmac"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// receiveBuffer is asked of the kernel for each socket, in octets. The kernel makes
// twice that of it, which holds a burst of 50,000 requests where the driver takes 2 KiB
// for each, as most do. It is no measure of how long a message may wait: see
// requestAge. A small program does with a sixteenth of it.
const receiveBuffer = built.Buffers << 20

// linger is how long a socket stays open after the last need for it: servers
// may still answer what was sent by it before.
const linger = 5 * time.Second

// A socket is a pair of sockets with its loops.
type socket struct {
	pair    *udp.Pair
	bound   *udp.Bound // to the addresses to which servers send, while there is a rival; else nil
	vrf     string     // name of the VRF when it was opened
	adopted bool       // of a former process
	kept    int        // of its descriptors, see Keeper
	started bool
	turns   []*atomic.Uint64 // of its loops

	boundTurns *atomic.Uint64 // of the loop of bound

	unused time.Time      // since when no state needs it; zero: one does
	joined map[int]uint64 // interfaces on which it hears DHCPv6 multicasts, and their giaddr.Link.Life
	gates  gates
	macs   macTable                         // tells the link-layer addresses of DHCPv6 clients
	frames atomic.Pointer[clientmac.Source] // the same of DHCPv4; nil: nobody asks, or it is not allowed

	toServers map[agent.Server]*toServer
}

// families lists the families.
func families() [dhcp.Families]dhcp.Family { return [dhcp.Families]dhcp.Family{dhcp.V4, dhcp.V6} }

// openSockets opens the sockets that a state needs and that are not open yet.
func (e *Engine) openSockets(s *state, links []giaddr.Link) (errs []error) {
	for _, k := range s.Plan.Sockets() {
		if e.sockets[k] != nil {
			continue
		}
		p, adopted, err := e.openPair(k)
		if err != nil {
			errs = append(errs, unopened(k, s.Plan.VRFName(k.VRF), err))
			continue
		}
		e.sockets[k] = &socket{pair: p, vrf: s.Plan.VRFName(k.VRF), adopted: adopted, joined: make(map[int]uint64)}
		if adopted {
			e.sockets[k].recall(links)
		}
		g := e.gate(k.Family, k.VRF, p)
		if k.Family == dhcp.V6 {
			e.sockets[k].macs, g.requests = e.watchMACs(p.Requests.SyscallConn(), k.VRF)
		}
		p.Shed = g.shedUnread
		e.sockets[k].gates = g
		e.drops.opened(p, k.Family)
	}
	return errs
}

// unopened says what a socket was for that could not be opened, and which
// capability would have helped.
func unopened(k agent.Socket, vrf string, err error) error {
	where := fmt.Sprintf("listen on port %d", k.Port)
	if vrf != "" {
		where += " in VRF " + vrf
	}
	switch {
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: %w; this needs CAP_NET_BIND_SERVICE", where, err)
	case errors.Is(err, syscall.EAFNOSUPPORT):
		return fmt.Errorf("%s: %w; this kernel has no IPv6: start it without ipv6.disable=1, or list no IPv6 servers", where, err)
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%s: %w; this needs CAP_NET_RAW", where, err)
	}
	return fmt.Errorf("%s: %w", where, err)
}

// startLoops starts the loops of new sockets, after the state that they read
// was set.
func (e *Engine) startLoops() {
	for k, s := range e.sockets {
		if s.started {
			continue
		}
		s.started = true
		clients := e.clientsOf(k)
		for _, c := range []*udp.Conn{s.pair.Requests, s.pair.Replies} {
			turns := new(atomic.Uint64)
			s.turns = append(s.turns, turns)
			e.loops.Add(1)
			go func() {
				defer e.loops.Done()
				l := newLoop(e, k, c, turns)
				l.send.clients = clients
				l.cut.gate = s.gates.replies
				if c == s.pair.Requests {
					l.origins.of(s.macs, clients) // a server's address is nobody's business
					l.origins.frames = &s.frames
					l.ports.on = true
					l.held.on = true
					l.cut.gate = s.gates.requests
				}
				l.run()
			}()
		}
	}
}

// clientsOf returns what remembers from where transactions came, nil for DHCPv4.
func (e *Engine) clientsOf(k agent.Socket) *clientmac.Clients {
	if k.Family == dhcp.V6 {
		return e.macs.clients
	}
	return nil
}

// wakeLoops has the loops see the state now, whether they hear anything or not: one
// that waits would keep the old one, and sockets on links that are gone.
func (e *Engine) wakeLoops() {
	for _, s := range e.sockets {
		s.pair.Wake()
		if s.bound != nil {
			s.bound.Conn.Wake()
		}
	}
}

// closeUnused closes the sockets that are no longer needed, some time after that
// was so first. It returns when to look again, zero if there is no need.
func (e *Engine) closeUnused(now time.Time) (due time.Time) {
	plan := e.state.Load().Plan
	for k, v := range e.sockets {
		due = sooner(due, v.closeSenders(now, false))
		switch {
		case plan.Wants(k):
			v.unused = time.Time{}
			continue
		case v.unused.IsZero():
			v.unused = now
		}
		if end := v.unused.Add(linger); now.Before(end) {
			due = sooner(due, end)
		} else {
			e.close(k, v)
		}
	}
	return due
}

// sooner returns the earlier of two moments, of which a zero one is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// close closes a pair for good, which ends its loops.
func (e *Engine) close(k agent.Socket, s *socket) {
	e.forget(k)
	e.release(k, s)
}

// release closes what this process has of a pair, which ends its loops.
func (e *Engine) release(k agent.Socket, s *socket) {
	delete(e.sockets, k)
	e.closeBound(s)
	s.closeSenders(time.Time{}, true)
	if g := s.gates.requests; g != nil {
		_ = g.Close() // its filter ends with the socket
	}
	e.drops.closing(s.pair)
	if err := s.pair.Close(); err != nil {
		e.log.Warn("close socket", "port", k.Port, "vrf", s.vrf, "err", err)
	}
}
