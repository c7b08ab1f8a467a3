package agent

import (
	"iter"
	"net/netip"
	"slices"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

// A Plan is what follows from a Snapshot before any message comes: which sockets it
// needs, which of them hears a datagram, where its servers are reached, and what goes
// to each of them. The engine, explain, check and status go by it. It is immutable and
// safe for concurrent use.
type Plan struct {
	snap    *Snapshot
	sockets map[Socket]struct{}
	vrfs    map[int]string // names of the VRF devices by index
	vrfOf   map[int]int    // VRF device of each interface that is in one or is one, by index
	ways    []Way          // by index into Policy.Servers
}

// A Socket is what a pair of sockets, for requests and for replies, is opened for. A
// VRF is its index: with another name it is the same, and its sockets stay; made again
// under the same name it is another one, and has sockets of its own.
type Socket struct {
	Family dhcp.Family
	Port   uint16
	VRF    int // index of the device, 0 for the default VRF
}

// A Way is how a server is reached.
type Way struct {
	VRF   int // of the sockets that lead there
	Link  int // index of the interface to send on, 0: the route decides
	Lacks Lack
}

// A Lack is what the way to a server needs and the host has not.
type Lack uint8

// The lacks.
const (
	Nothing Lack = iota
	NoVRF        // Server.VRF does not exist now
	NoLink       // Server.Link does not exist now
)

// minMTU6 is the least MTU on which a link has IPv6 (RFC 8200, section 5).
const minMTU6 = 1280

// Plan returns the plan of a snapshot. host is what the snapshot was compiled with.
func (s *Snapshot) Plan(host []giaddr.Link) *Plan {
	p := &Plan{
		snap: s, sockets: make(map[Socket]struct{}), vrfs: make(map[int]string), vrfOf: make(map[int]int),
		ways: make([]Way, len(s.Policy.Servers)),
	}
	p.learnVRFs(host)
	for i := range p.ways {
		p.ways[i] = p.way(i)
	}
	for _, l := range s.Links {
		for f := range dhcp.Family(dhcp.Families) {
			p.want(l, f)
		}
	}
	// An interface that is not there yet must find the socket open.
	for f := range dhcp.Family(dhcp.Families) {
		if s.Policy.Relays(f) {
			p.sockets[Socket{f, f.Port(), 0}] = struct{}{}
		}
	}
	return p
}

// Relays reports whether an interface of the policy has servers of a family, so that
// the relay listens for it.
func (p *Policy) Relays(f dhcp.Family) bool {
	return slices.ContainsFunc(p.Interfaces, func(i Interface) bool {
		return slices.ContainsFunc(i.Servers, func(n int) bool { return dhcp.FamilyOf(p.Servers[n].Addr.Addr()) == f })
	})
}

// Named reports whether servers have DNS names: of which family they are is not known
// before a look-up.
func (p *Policy) Named() bool {
	return slices.ContainsFunc(p.Interfaces, func(i Interface) bool { return len(i.Hosts) > 0 })
}

// MayRelay reports whether a family is relayed, or may come to be by what names mean.
func (p *Policy) MayRelay(f dhcp.Family) bool { return p.Relays(f) || p.Named() }

// NeedsBPF reports whether something is known by CAP_BPF alone: where first messages of
// DHCPv6 clients come from, or by which ports of bridges DHCPv4 clients ask.
func (p *Policy) NeedsBPF() bool { return p.MayRelay(dhcp.V6) || p.AsksFrame(dhcp.V4) }

// learnVRFs notes which interface is in which VRF. A VRF device is in its own.
func (p *Plan) learnVRFs(host []giaddr.Link) {
	for i := range host {
		if l := &host[i]; l.IsVRF {
			p.vrfs[l.Index], p.vrfOf[l.Index] = l.Name, l.Index
		}
	}
	for i := range host {
		if vrf := p.vrfOf[host[i].VRF]; vrf != 0 {
			p.vrfOf[host[i].Index] = vrf
		}
	}
}

// way returns the way to a server.
func (p *Plan) way(server int) (w Way) {
	if name := p.snap.Policy.Servers[server].VRF; name != "" {
		if w.VRF = p.snap.named[name]; p.vrfs[w.VRF] != name {
			return Way{Lacks: NoVRF}
		}
	}
	link, ok := p.snap.Out(server)
	if !ok {
		return Way{VRF: w.VRF, Lacks: NoLink}
	}
	w.Link = link
	return w
}

// want adds the sockets that a link needs for a family.
func (p *Plan) want(l *Link, f dhcp.Family) {
	servers := l.Side[f].Servers
	if len(servers) == 0 {
		return
	}
	p.sockets[Socket{f, f.Port(), p.vrfOf[l.Host.Index]}] = struct{}{}
	for _, n := range servers {
		if w := p.ways[n]; w.Lacks != NoVRF {
			// Servers that know nothing of RFC 8357 answer to the usual port.
			p.sockets[Socket{f, f.Port(), w.VRF}] = struct{}{}
			p.sockets[Socket{f, l.Interface.Of(f).SourcePort, w.VRF}] = struct{}{}
		}
	}
}

// Sockets returns the sockets that are needed: a pair for each family, port and VRF in
// which a client network or a server is.
func (p *Plan) Sockets() []Socket {
	all := make([]Socket, 0, len(p.sockets))
	for k := range p.sockets {
		all = append(all, k)
	}
	return all
}

// Wants reports whether a socket is needed.
func (p *Plan) Wants(k Socket) bool {
	_, ok := p.sockets[k]
	return ok
}

// Listens reports whether a socket is needed on a port, in whichever VRF.
func (p *Plan) Listens(f dhcp.Family, port uint16) bool {
	for k := range p.sockets {
		if k.Family == f && k.Port == port {
			return true
		}
	}
	return false
}

// VRF returns the VRF of an interface, 0 for the default VRF.
func (p *Plan) VRF(link int) int { return p.vrfOf[link] }

// VRFName returns the name of a VRF, "" for the default VRF.
func (p *Plan) VRFName(vrf int) string { return p.vrfs[vrf] }

// Way returns how a server of the policy is reached.
func (p *Plan) Way(server int) Way { return p.ways[server] }

// ClientSocket returns the socket by which a link's clients are heard, and by which
// the kernel brings replies to them.
func (p *Plan) ClientSocket(l *Link, f dhcp.Family) Socket {
	return Socket{f, f.Port(), p.vrfOf[l.Host.Index]}
}

// HearsMulticast reports whether the socket for a link's clients joins the group of all
// DHCPv6 relays there (RFC 9915, section 7.1). A port of another interface hears
// nothing, and a link whose MTU is too small has no IPv6.
func (p *Plan) HearsMulticast(l *Link) bool {
	return len(l.Side[dhcp.V6].Servers) > 0 && l.Side[dhcp.V6].State != Member && l.Host.MTU >= minMTU6
}

// Addresses returns to which addresses of this host the servers that a socket leads to
// send: in DHCPv4 each giaddr, in DHCPv6 the sources of requests. For the servers in
// routed the kernel chooses the source.
func (p *Plan) Addresses(k Socket) (addrs map[netip.Addr]struct{}, routed []int) {
	addrs = make(map[netip.Addr]struct{})
	for _, l := range p.snap.Links {
		for _, n := range l.Side[k.Family].Servers {
			if w := p.ways[n]; w.Lacks == NoVRF || w.VRF != k.VRF {
				continue
			}
			if k.Family == dhcp.V4 {
				for i := range l.Side[dhcp.V4].Choices {
					addrs[l.Side[dhcp.V4].Choices[i].Addr] = struct{}{}
				}
				continue
			}
			for _, a := range l.SourcesTo(&p.snap.Policy.Servers[n]) {
				addrs[a] = struct{}{}
			}
			if p.ways[n].Lacks == Nothing && !slices.Contains(routed, n) {
				routed = append(routed, n)
			}
		}
	}
	return addrs, routed
}

// Crossings yields each link whose giaddr is in another VRF than one of its DHCPv4
// servers, with that server as an index into Policy.Servers: its replies need a route
// into the VRF of the link.
func (p *Plan) Crossings() iter.Seq2[*Link, int] {
	return func(yield func(*Link, int) bool) {
		for _, l := range p.snap.Links {
			side := &l.Side[dhcp.V4]
			if len(side.Choices) == 0 {
				continue
			}
			for _, n := range side.Servers {
				w := p.ways[n]
				if w.Lacks == NoVRF || w.VRF == p.vrfOf[l.Host.Index] || p.snap.Owns(w.VRF, side.Choices[0].Addr) {
					continue
				}
				if !yield(l, n) {
					return
				}
			}
		}
	}
}
