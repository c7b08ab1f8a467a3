package relay

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/clientmac"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// receiveBuffer is asked of the kernel for each socket, in octets. It holds a
// burst of some 50,000 requests.
const receiveBuffer = 64 << 20

// linger is how long a socket stays open after the last need for it: servers
// may still answer what was sent by it before.
const linger = 5 * time.Second

// A socketKey says what a pair of sockets is for. A VRF is its index: with another
// name it is the same, and its sockets stay; made again under the same name it is
// another one, and has sockets of its own.
type socketKey struct {
	family dhcp.Family
	port   uint16
	vrf    int // index of the device, 0 for the default VRF
}

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
	macs   macTable       // tells the link-layer addresses of DHCPv6 clients
}

// A topology is the VRFs of one moment.
type topology struct {
	of    map[int]int    // index of the VRF device by that of an interface; the default VRF is absent
	named map[string]int // the same by name; the default VRF is ""
	names map[int]string // of the VRF devices by index
}

// vrfs returns the VRF that each link is in.
func vrfs(links []giaddr.Link) topology {
	t := topology{of: make(map[int]int), named: map[string]int{"": 0}, names: make(map[int]string)}
	for i := range links {
		if links[i].IsVRF {
			v := links[i].Index
			t.named[links[i].Name], t.names[v], t.of[v] = v, links[i].Name, v
		}
	}
	for i := range links {
		if links[i].VRF != 0 {
			t.of[links[i].Index] = t.of[links[i].VRF]
		}
	}
	return t
}

// wanted tells which sockets a state needs: one pair for each family, port and
// VRF in which a client network or a server is.
func (s *state) wanted() map[socketKey]bool {
	ks := make(map[socketKey]bool)
	for _, l := range s.snap.Links {
		for _, f := range families() {
			s.want(ks, l, f)
		}
	}
	// An interface that is not there yet must find the socket open.
	for i := range s.snap.Policy.Interfaces {
		for _, n := range s.snap.Policy.Interfaces[i].Servers {
			f := dhcp.FamilyOf(s.snap.Policy.Servers[n].Addr.Addr())
			ks[socketKey{f, f.Port(), 0}] = true
		}
	}
	return ks
}

// want adds the sockets that one link needs for a family.
func (s *state) want(ks map[socketKey]bool, l *agent.Link, f dhcp.Family) {
	servers := l.ServersOf(f)
	if len(servers) == 0 {
		return
	}
	ks[socketKey{f, f.Port(), s.vrfs.of[l.Host.Index]}] = true
	for _, i := range servers {
		if v, ok := s.vrfs.named[s.snap.Policy.Servers[i].VRF]; ok {
			// Servers that know nothing of RFC 8357 answer to the usual port.
			ks[socketKey{f, f.Port(), v}] = true
			ks[socketKey{f, l.Interface.SourcePortOf(f), v}] = true
		}
	}
}

// families lists the families.
func families() [dhcp.Families]dhcp.Family { return [dhcp.Families]dhcp.Family{dhcp.V4, dhcp.V6} }

// openSockets opens the sockets that a state needs and that are not open yet.
func (e *Engine) openSockets(s *state, links []giaddr.Link) (errs []error) {
	for k := range s.wanted() {
		if e.sockets[k] != nil {
			continue
		}
		p, adopted, err := e.openPair(k)
		if err != nil {
			errs = append(errs, k.explain(s.vrfs.names[k.vrf], err))
			continue
		}
		e.sockets[k] = &socket{pair: p, vrf: s.vrfs.names[k.vrf], adopted: adopted, joined: make(map[int]uint64)}
		if adopted {
			e.sockets[k].recall(links)
		}
		if k.family == dhcp.V6 {
			e.sockets[k].macs = e.watchMACs(p.Requests.SyscallConn())
		}
		e.ledger.opened(p, k.family)
	}
	return errs
}

// explain says what a socket was for that could not be opened, and which
// capability would have helped.
func (k socketKey) explain(vrf string, err error) error {
	where := fmt.Sprintf("listen on port %d", k.port)
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
				l.clients = clients
				if c == s.pair.Requests {
					l.ask(s.macs) // a server's address is nobody's business
					l.held.on = true
				}
				l.run()
			}()
		}
	}
}

// clientsOf returns what remembers from where transactions came, nil for DHCPv4.
func (e *Engine) clientsOf(k socketKey) *clientmac.Clients {
	if k.family == dhcp.V6 {
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
	ks := e.state.Load().wanted()
	for k, v := range e.sockets {
		switch {
		case ks[k]:
			v.unused = time.Time{}
			continue
		case v.unused.IsZero():
			v.unused = now
		}
		end := v.unused.Add(linger)
		switch {
		case !now.Before(end):
			e.close(k, v)
		case due.IsZero() || end.Before(due):
			due = end
		}
	}
	return due
}

// close closes a pair for good, which ends its loops.
func (e *Engine) close(k socketKey, s *socket) {
	e.forget(k)
	e.release(k, s)
}

// release closes what this process has of a pair, which ends its loops.
func (e *Engine) release(k socketKey, s *socket) {
	delete(e.sockets, k)
	e.closeBound(s)
	e.ledger.closing(s.pair)
	if err := s.pair.Close(); err != nil {
		e.log.Warn("close socket", "port", k.port, "vrf", s.vrf, "err", err)
	}
}
