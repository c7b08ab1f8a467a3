package relay

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/egress"
	"dhcp-relay/relay/host/rawicmp"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/icmp"
)

// What is read of ICMP errors: anybody can send them, as many as he likes.
const (
	icmpBurst = 64
	icmpRest  = 100 * time.Millisecond // after a burst
)

// icmpErrors hears what hosts on the way say of requests to servers. It explains
// silence, and decides nothing. The listeners belong to the goroutine of Run.
type icmpErrors struct {
	listeners [dhcp.Families]*rawicmp.Listener
	deaf      [dhcp.Families]bool // it was told that a family has no listener

	mu   sync.Mutex   // of what is noted, and for what follows
	host *egress.Host // nil: next hops are not known
}

// hearICMP hears errors about what the sockets of a state send.
func (e *Engine) hearICMP(s *state) {
	for _, f := range families() {
		ports := portsOf(s.Plan, f)
		if len(ports) == 0 {
			continue
		}
		l := e.icmp.listeners[f]
		if l != nil {
			if err := l.Ports(ports...); err != nil {
				e.log.Warn("ICMP errors are heard of former ports only", "family", f.String(), "err", err)
			}
			continue
		}
		l, err := rawicmp.Listen(f, ports...)
		switch {
		case err == nil:
			e.icmp.start(e, f, l)
		case !e.icmp.deaf[f] && !errors.Is(err, syscall.EAFNOSUPPORT):
			e.icmp.deaf[f] = true
			e.log.Warn("ICMP errors are not heard, so that nothing tells why a server is silent", "family", f.String(), "err", err)
		}
	}
}

// portsOf returns the ports from which requests of a family leave.
func portsOf(p *agent.Plan, f dhcp.Family) (ports []uint16) {
	for _, k := range p.Sockets() {
		if k.Family == f && !slices.Contains(ports, k.Port) {
			ports = append(ports, k.Port)
		}
	}
	return ports
}

// start reads a listener until it is closed.
func (x *icmpErrors) start(e *Engine, f dhcp.Family, l *rawicmp.Listener) {
	x.listeners[f] = l
	if x.host == nil {
		x.host, _ = egress.Open() // in the network namespace of this thread; without it less is told
	}
	e.loops.Go(func() {
		for n := 1; !e.stopping.Load(); n++ {
			said, link, err := l.Read()
			switch {
			case errors.Is(err, net.ErrClosed):
				return
			case err != nil:
				time.Sleep(icmpRest)
			default:
				e.heardICMP(&said, link, time.Now())
			}
			if n%icmpBurst == 0 {
				time.Sleep(icmpRest)
			}
		}
	})
}

// close ends the reads. What was asked of the host is closed after them, by free.
func (x *icmpErrors) close() {
	for _, l := range x.listeners {
		if l != nil {
			_ = l.Close() // nothing is lost with it
		}
	}
}

func (x *icmpErrors) free() {
	if x.host != nil {
		_ = x.host.Close()
	}
}

// heardICMP notes an error about a request to a server.
func (e *Engine) heardICMP(said *icmp.Error, link int, now time.Time) {
	s := e.state.Load()
	vrf := s.Plan.VRF(link)
	n := s.addressed(said.To, vrf)
	if n < 0 {
		return
	}
	t := count.Trouble{Error: *said, Local: s.own(vrf, said)}
	counts := s.servers[n].counts
	e.icmp.mu.Lock()
	defer e.icmp.mu.Unlock()
	if was, lasts := counts.Trouble(now); lasts && was.Local == t.Local && was.Error.Kind == t.Error.Kind {
		t.NextHop, t.Link = was.NextHop, was.Link
	} else if t.Local {
		var index int
		t.NextHop, index = e.nextHop(s.Plan.Way(n), said.To.Addr(), said.From.Addr())
		t.Link = e.LinkName(index)
	}
	counts.Troubled(t, now)
}

// addressed returns which server an address is of, -1 if it is of none: of several in
// VRFs the one in that of the error.
func (s *state) addressed(to netip.AddrPort, vrf int) (found int) {
	found = -1
	for i := range s.servers {
		a := s.servers[i].Addr
		if a.Port() != to.Port() || a.Addr().WithZone("") != to.Addr() {
			continue
		}
		if s.Plan.Way(i).VRF == vrf {
			return i
		}
		found = i
	}
	return found
}

// own reports whether this host itself says an error. Who floods the relay with errors
// must not have it look through all links for each.
func (s *state) own(vrf int, said *icmp.Error) bool {
	a := said.Offender
	return a.IsLoopback() || a == said.From.Addr() || s.Snap.Owns(vrf, a)
}

// nextHop returns the neighbour to which requests to a server go, and the index of the
// interface; 0 if they are not known.
func (e *Engine) nextHop(w agent.Way, to, from netip.Addr) (hop netip.Addr, link int) {
	way := egress.Way{Dst: to, Srcs: []netip.Addr{from}, Link: w.Link, VRF: w.VRF}
	if e.icmp.host == nil || w.Lacks != agent.Nothing {
		return hop, 0
	}
	hop, link, err := e.icmp.host.NextHop(&way)
	if err != nil {
		return netip.Addr{}, 0
	}
	return hop, link
}

// mostLooks is how many servers are looked after in a second.
const mostLooks = 16

// A lookout is what sweep saw of a server last.
type lookout struct {
	copies, replies uint64
	waits           bool // its neighbour was asked, and had not answered yet
}

// lookNeighbours looks whether the neighbours on the way to servers answer that were
// sent requests and did not reply since the last call, about a second ago. The kernel
// tells of that by ICMP, too, but of few only where many wait.
func (e *Engine) lookNeighbours(s *state, now time.Time) {
	was := e.lookouts
	e.lookouts = make(map[*count.Server]lookout, len(s.servers))
	for i, looks := 0, 0; i < len(s.servers); i++ {
		c := s.servers[i].counts
		is := lookout{copies: c.Copies.Value(), replies: c.Replies.Value()}
		old, known := was[c]
		if known && is.replies == old.replies && (is.copies > old.copies || old.waits) && looks < mostLooks {
			looks++
			is.waits = e.lookNeighbour(s, i, old.waits, now)
		}
		e.lookouts[c] = is
	}
}

// lookNeighbour looks whether a server's neighbour does not answer: the kernel has
// given it up, or has asked for a second. It reports whether it has been asked.
func (e *Engine) lookNeighbour(s *state, i int, waited bool, now time.Time) (waits bool) {
	e.icmp.mu.Lock()
	defer e.icmp.mu.Unlock()
	to := &s.servers[i]
	hop, link := e.nextHop(s.Plan.Way(i), to.Addr.Addr().WithZone(""), netip.Addr{})
	if link == 0 || hop.IsMulticast() {
		return false
	}
	switch e.icmp.host.Neighbour(hop, link) {
	case egress.Asked:
		waits = true
		if !waited {
			return waits
		}
	case egress.GivenUp:
	case egress.Unknown:
		return false
	}
	said := icmp.Error{Kind: icmp.HostUnreachable, To: netip.AddrPortFrom(to.Addr.Addr().WithZone(""), to.Addr.Port())}
	to.counts.Troubled(count.Trouble{Error: said, Local: true, NextHop: hop, Link: e.LinkName(link)}, now)
	return waits
}
