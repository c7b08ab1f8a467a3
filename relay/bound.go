package relay

import (
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// While another program listens on a port of the relay's on every address, the
// kernel gives it unicasts that are for the relay: in IPv4 if it came later, in
// IPv6 if it came first. So for as long, the relay has a socket bound to each
// address to which servers send (in DHCPv4 each giaddr, in DHCPv6 the sources of
// what it sends), which the kernel prefers to all wildcards. Without a rival they
// would be of no use, and with thousands of interfaces they are thousands.

// maxBound is how many addresses of a port have a socket of their own at most.
const maxBound = 4096

// boundBuffer is asked of the kernel for each such socket, in octets: thousands of
// replies to one address.
const boundBuffer = 4 << 20

// boundEvery is how often to look whether the sources towards servers have changed.
const boundEvery = 5 * time.Second

// Guard has the relay listen on each of its addresses in the families in which
// another program may be given its unicasts, and no longer in others.
func (e *Engine) Guard(wanted [2]bool) {
	changed := false
	for f, on := range wanted {
		changed = e.guarded[f].Swap(on) != on || changed
	}
	if changed {
		select {
		case e.guard <- struct{}{}:
		default: // it is to look already
		}
	}
}

// Guarded reports whether all addresses of a family have a socket of their own.
func (e *Engine) Guarded(f dhcp.Family) bool { return e.whole[f].Load() }

// guardAll makes the addresses of each pair those that a state needs, if they are
// to be guarded. It returns when to look again, zero if there is no need.
func (e *Engine) guardAll(s *state, now time.Time) (due time.Time, errs []error) {
	var partly [2]bool
	for k, sock := range e.sockets {
		on := e.guarded[k.Family].Load() && k.Port == k.Family.Port()
		if !on {
			e.closeBound(sock)
			continue
		}
		due = now.Add(boundEvery)
		addrs := s.addressesOf(k, sock)
		if len(addrs) > maxBound {
			addrs, partly[k.Family] = addrs[:maxBound], true
		}
		if err := e.setBound(k, sock, addrs); err != nil {
			errs, partly[k.Family] = append(errs, err), true
		}
	}
	for f := range partly {
		e.whole[f].Store(e.guarded[f].Load() && !partly[f])
	}
	return due, errs
}

// setBound gives a pair sockets for its addresses.
func (e *Engine) setBound(k agent.Socket, s *socket, addrs []netip.Addr) error {
	if s.bound == nil {
		b, err := udp.ListenBound(udp.Config{Family: k.Family, Port: k.Port, VRF: k.VRF, RcvBuf: boundBuffer})
		if err != nil {
			return err
		}
		s.bound = b
		e.drops.opened(b, k.Family)
		turns := new(atomic.Uint64)
		s.turns = append(s.turns, turns)
		s.boundTurns = turns
		e.loops.Add(1)
		go func() {
			defer e.loops.Done()
			l := newLoop(e, k, b.Conn, turns)
			l.send.clients = e.clientsOf(k)
			l.run()
		}()
	}
	before := s.bound.Len()
	err := s.bound.Set(addrs)
	if n := s.bound.Len(); n != before {
		e.log.Info("addresses have sockets of their own", "family", k.Family.String(), "vrf", s.vrf, "addresses", n)
	}
	return err
}

// closeBound closes the sockets of a pair that are bound to addresses.
func (e *Engine) closeBound(s *socket) {
	if s.bound == nil {
		return
	}
	e.drops.closing(s.bound)
	_ = s.bound.Close() // what it tells was told by the reads
	s.turns = slices.DeleteFunc(s.turns, func(t *atomic.Uint64) bool { return t == s.boundTurns })
	s.bound, s.boundTurns = nil, nil
}

// addressesOf returns the addresses to which servers send what a pair is for.
func (s *state) addressesOf(k agent.Socket, sock *socket) []netip.Addr {
	seen, routed := s.Plan.Addresses(k)
	for _, n := range routed {
		seen[sock.pair.Requests.Source(s.Snap.Policy.Servers[n].Addr, s.Plan.Way(n).Link)] = struct{}{}
	}
	addrs := make([]netip.Addr, 0, len(seen))
	for a := range seen {
		if a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast() {
			addrs = append(addrs, a)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs
}

// boundFailure says of errors of guardAll what does not concern the relay's work
// beyond what the rival takes.
func boundFailure(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, syscall.EADDRINUSE) })
	return errors.Join(errs...)
}
