// Package agent is the relay's decision core: one received message and one
// immutable Snapshot give one Verdict. It has no sockets, no clock, no locks and
// no log, and does not allocate for a message.
package agent

import (
	"errors"
	"net/netip"

	"dhcp-relay/giaddr"
)

// A Snapshot is a Policy resolved against the links of one moment. It is
// immutable and safe for concurrent use.
type Snapshot struct {
	Policy Policy
	Links  []*Link  // the client-facing links that exist, by ID
	Absent []string // names and patterns of the policy that match no link now

	byIndex map[int]*Link
	vrfOf   map[int]string // VRF name of each link of the host, "" for the default VRF
	own     map[netip.Addr]struct{}
	servers map[netip.Addr]struct{}
	groups  map[netip.Addr]*group
}

// A State says whether a client-facing link can relay, and if not, why.
type State uint8

// The states of a link. The first that applies, from the top down.
const (
	Relaying  State = iota
	Missing         // no such interface exists now
	Down            // the interface is down or has no carrier
	NoAddress       // the interface has no address that may stand for its clients
	NumStates = int(iota)
)

// String returns the state as the metrics and the status show it.
func (s State) String() string {
	return [NumStates]string{"relaying", "missing", "down", "no_address"}[s]
}

// A Link is a client-facing link of the host under its Interface of the policy,
// with everything rendered that can be known before a message arrives.
type Link struct {
	ID        int // index in Snapshot.Links
	Host      giaddr.Link
	Interface *Interface
	State     State
	Problem   error // why State is not Relaying, in words

	Servers  []int  // IPv4 servers, indexes into Policy.Servers
	Faces    []Face // addresses that stand for the clients, the best first; more than one only for smart relay
	chained  option // option 82 for requests that another relay has relayed
	ethernet bool   // replies go out as Ethernet frames
}

// A Face is one address that can stand for a link's clients.
type Face struct {
	Giaddr netip.Addr
	Subnet netip.Prefix
	Local  netip.Addr // the link's own address in front of its clients; Giaddr if it has none
	opt    option
}

// Link returns the client-facing link with the interface index, or nil.
func (s *Snapshot) Link(index int) *Link { return s.byIndex[index] }

// Own reports whether the address is one of this host's.
func (s *Snapshot) Own(a netip.Addr) bool {
	_, ok := s.own[a]
	return ok
}

// Compile resolves a policy against the links of the host. What is wrong or
// unlikely is told in the problems; the snapshot is usable all the same.
func Compile(p Policy, host []giaddr.Link) (*Snapshot, []Problem) {
	s := &Snapshot{
		Policy:  p,
		byIndex: make(map[int]*Link, len(host)),
		vrfOf:   make(map[int]string),
		own:     make(map[netip.Addr]struct{}, len(host)),
		servers: make(map[netip.Addr]struct{}, len(p.Servers)),
		groups:  make(map[netip.Addr]*group, len(host)),
	}
	var ps problems
	for i := range p.Servers {
		s.servers[p.Servers[i].Addr.Addr()] = struct{}{}
	}
	s.learnHost(host)
	matched := make([]bool, len(p.Interfaces))
	for i := range host {
		for j := range p.Interfaces {
			if !giaddr.Match(p.Interfaces[j].Name, host[i].Name) || host[i].IsVRF {
				continue
			}
			matched[j] = true
			s.addLink(&s.Policy.Interfaces[j], &host[i], host, &ps)
			break
		}
	}
	for j, ok := range matched {
		if !ok {
			s.Absent = append(s.Absent, p.Interfaces[j].Name)
			ps.add(p.Interfaces[j].Name, "no interface has this name now", "nothing to do if it is to appear later")
		}
	}
	s.group(&ps)
	s.checkServers(&ps)
	return s, ps
}

// learnHost notes the host's own addresses and the VRF of each link.
func (s *Snapshot) learnHost(host []giaddr.Link) {
	names := make(map[int]string)
	for i := range host {
		if host[i].IsVRF {
			names[host[i].Index] = host[i].Name
		}
	}
	for i := range host {
		l := &host[i]
		if l.VRF != 0 {
			s.vrfOf[l.Index] = names[l.VRF]
		}
		for _, a := range l.Addrs {
			s.own[a.Prefix.Addr()] = struct{}{}
		}
	}
}

// addLink adds one client-facing link.
func (s *Snapshot) addLink(in *Interface, h *giaddr.Link, host []giaddr.Link, ps *problems) {
	l := &Link{
		ID:        len(s.Links),
		Host:      *h,
		Interface: in,
		ethernet:  h.Type == 1 && len(h.MAC) == 6,
	}
	for _, i := range in.Servers {
		if s.Policy.Servers[i].Addr.Addr().Is4() {
			l.Servers = append(l.Servers, i)
		}
	}
	s.Links = append(s.Links, l)
	s.byIndex[h.Index] = l
	choices, err := giaddr.Choose4(in.Giaddr, h, host)
	if err != nil && len(l.Servers) > 0 {
		l.State, l.Problem = NoAddress, err
		ps.add(h.Name, err.Error(), "give the interface an IPv4 address, or set giaddr")
		// RFC 1542, section 4.1.1: giaddr is never a broadcast address.
		(*ps)[len(*ps)-1].Fatal = errors.Is(err, giaddr.ErrBroadcast)
	}
	if in.SmartAfter == 0 && len(choices) > 1 {
		choices = choices[:1]
	}
	for _, c := range choices {
		l.Faces = append(l.Faces, s.face(l, c, ps))
	}
	l.chained = s.render(l, nil, ps)
	if !h.Up {
		l.State, l.Problem = Down, errDown
	}
}

// face renders what a link shows under one giaddr.
func (s *Snapshot) face(l *Link, c giaddr.Choice, ps *problems) Face {
	f := Face{Giaddr: c.Addr, Subnet: c.Subnet, Local: c.Addr}
	if own, err := giaddr.Choose4(giaddr.Rule{}, &l.Host, nil); err == nil {
		f.Local = own[0].Addr
		for _, o := range own {
			if o.Addr == c.Addr {
				f.Local = c.Addr
			}
		}
	}
	f.opt = s.render(l, &f, ps)
	return f
}
