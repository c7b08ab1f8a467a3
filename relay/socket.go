package relay

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"dhcp-relay/giaddr"
	"dhcp-relay/metrics"
	"dhcp-relay/relay/udp"
)

// receiveBuffer is asked of the kernel for each socket, in octets. It holds a
// burst of some 50,000 requests.
const receiveBuffer = 64 << 20

// portServer is where relays and servers listen (RFC 2131, section 4.1).
const portServer = 67

// A vrf is a VRF device at one moment: made again under the same name it is
// another one, and its sockets have to be opened again.
type vrf struct {
	name  string
	index int
}

// A socketKey says what a pair of sockets is for.
type socketKey struct {
	family udp.Family
	port   uint16
	vrf    vrf
}

// A socket is a pair of sockets with its loops.
type socket struct {
	pair    *udp.Pair
	started bool
}

// vrfs returns the VRF that each link is in.
func vrfs(links []giaddr.Link) map[int]vrf {
	names := make(map[int]vrf)
	for i := range links {
		if links[i].IsVRF {
			names[links[i].Index] = vrf{links[i].Name, links[i].Index}
		}
	}
	in := make(map[int]vrf)
	for i := range links {
		if links[i].VRF != 0 {
			in[links[i].Index] = names[links[i].VRF]
		}
	}
	for i, v := range names {
		in[i] = v
	}
	return in
}

// vrfNamed returns the VRF with the name, which exists or not.
func (s *state) vrfNamed(name string) (vrf, bool) {
	if name == "" {
		return vrf{}, true
	}
	for _, v := range s.vrfs {
		if v.name == name {
			return v, true
		}
	}
	return vrf{}, false
}

// wanted lists the sockets that a state needs: one pair for each family, port
// and VRF in which a client network or a server is.
func (s *state) wanted() []socketKey {
	var ks []socketKey
	add := func(k socketKey) {
		if !slices.Contains(ks, k) {
			ks = append(ks, k)
		}
	}
	for _, l := range s.snap.Links {
		if len(l.Servers) == 0 {
			continue
		}
		add(socketKey{udp.V4, portServer, s.vrfs[l.Host.Index]})
		for _, i := range l.Servers {
			if v, ok := s.vrfNamed(s.snap.Policy.Servers[i].VRF); ok {
				// Servers that know nothing of RFC 8357 answer to port 67.
				add(socketKey{udp.V4, portServer, v})
				add(socketKey{udp.V4, l.Interface.SourcePort, v})
			}
		}
	}
	// An interface that is not there yet must find the socket open.
	for i := range s.snap.Policy.Interfaces {
		for _, n := range s.snap.Policy.Interfaces[i].Servers {
			if s.snap.Policy.Servers[n].Addr.Addr().Is4() {
				add(socketKey{udp.V4, portServer, vrf{}})
			}
		}
	}
	return ks
}

// openSockets opens the sockets that a state needs and that are not open yet.
func (e *Engine) openSockets(s *state) (errs []error) {
	for _, k := range s.wanted() {
		if e.sockets[k] != nil {
			continue
		}
		p, err := udp.Listen(udp.Config{Family: k.family, Port: k.port, VRF: k.vrf.name, RcvBuf: receiveBuffer})
		if err != nil {
			errs = append(errs, k.explain(err))
			continue
		}
		e.sockets[k] = &socket{pair: p}
		e.ledger.opened(p, k.family)
	}
	return errs
}

// explain says what a socket was for that could not be opened, and which
// capability would have helped.
func (k socketKey) explain(err error) error {
	where := fmt.Sprintf("listen on port %d", k.port)
	if k.vrf.name != "" {
		where += " in VRF " + k.vrf.name
	}
	switch {
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%s: %w; this needs CAP_NET_BIND_SERVICE", where, err)
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
		for _, c := range []*udp.Conn{s.pair.Requests, s.pair.Replies} {
			e.loops.Add(1)
			go func() {
				defer e.loops.Done()
				newLoop(e, k, c).run()
			}()
		}
	}
}

// closeUnused closes the sockets that a state no longer needs.
func (e *Engine) closeUnused(s *state) {
	ks := s.wanted()
	for k, v := range e.sockets {
		if !slices.Contains(ks, k) {
			e.close(k, v)
		}
	}
}

// close closes a pair, which ends its loops.
func (e *Engine) close(k socketKey, s *socket) {
	delete(e.sockets, k)
	e.ledger.closing(s.pair)
	if err := s.pair.Close(); err != nil {
		e.log.Warn("close socket", "port", k.port, "vrf", k.vrf.name, "err", err)
	}
}

func metricsFamily(f udp.Family) metrics.Family {
	if f == udp.V6 {
		return metrics.V6
	}
	return metrics.V4
}
