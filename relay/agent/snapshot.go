// Package agent is the relay's decision core: one received message and one
// immutable Snapshot give one Verdict. It has no sockets, no clock, no locks and
// no log, and does not allocate for a message.
package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

// A Snapshot is a Policy resolved against the links of one moment. It is
// immutable and safe for concurrent use.
type Snapshot struct {
	Policy Policy
	Links  []*Link      // the client-facing links that exist, by ID
	Absent []*Interface // those of the policy that hold for no link now
	Idle   []*Interface // patterns among them, which is ordinary while another interface is there
	Why    []Problem    // of Absent, as long as that

	byIndex map[int]*Link
	vrfOf   map[int]string       // VRF name of each link of the host, "" for the default VRF
	own     map[ownAddr]struct{} // but for link-local IPv6 addresses, see ownOn
	servers map[place]bool       // whether the server is told of VSS
	groups  map[netip.Addr]*group
	ids     group          // the links that relay DHCPv6
	named   map[string]int // interface index of each link of the host, by all its names
	twins   map[int]*Link  // links that hear what a client-facing one hears too, by index; nil if there are none
	past    history
	ports   map[int]*port         // of bridges, by index; only of those on which a side asks for the port
	ignored map[linkPort]struct{} // whose requests are not relayed; nil: there are none
	unknown *port                 // what is said of a port that is not known

	choosings map[chooser]*choosing // until all links are known
	classing  *classing             // as long
}

// An ownAddr is an address of this host: what VRFs have in common is their numbers
// alone, so it is one only in its VRF. Written out it is smaller than a netip.Addr.
type ownAddr struct {
	vrf  uint32 // index of the VRF device, 0 for the default VRF
	addr [16]byte
}

func ownAddrOf(vrf int, a netip.Addr) ownAddr {
	return ownAddr{uint32(vrf), a.As16()}
}

// A place is where a server is: its address without a zone, and the index of the
// interface that leads there if the address is link-local, else 0.
type place struct {
	addr netip.Addr
	link int
}

// placeOf returns the place of an address that is seen on a link.
func placeOf(a netip.Addr, link int) place {
	if !linkLocal6(a) {
		link = 0
	}
	return place{a, link}
}

// linkLocal6 reports whether an address means something on one link only.
func linkLocal6(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }

// A State says whether a client-facing link can relay, and if not, why.
type State uint8

// The states of a link. The first that applies, from the top down.
const (
	Relaying    State = iota
	Missing           // no such interface exists now
	Member            // the interface is a port of another one, where its packets are heard
	Down              // the interface is down or has no carrier
	Standby           // another router is to serve it now, see Active
	NoAddress         // the interface has no address that may stand for its clients
	NoLinkLocal       // the interface has no IPv6 link-local address, so IPv6 does not work there
	NumStates   = int(iota)
)

// A StateDoc is what is known of a State.
type StateDoc struct {
	Name string // as metrics and JSON have it
	What string
}

var states = [NumStates]StateDoc{
	Relaying:    {"relaying", "it relays"},
	Missing:     {"missing", "there is no such interface now"},
	Member:      {"member", "it is a port of another interface, which hears its packets"},
	Down:        {"down", "it is down or has no carrier"},
	Standby:     {"standby", "another router is to serve it now"},
	NoAddress:   {"no_address", "it has no address that may stand for its clients"},
	NoLinkLocal: {"no_link_local", "it has no IPv6 link-local address"},
}

// Doc returns what is known of the state.
func (s State) Doc() StateDoc { return states[s] }

// String returns the state's name.
func (s State) String() string { return states[s].Name }

// MarshalText implements encoding.TextMarshaler.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *State) UnmarshalText(b []byte) error {
	for i := range NumStates {
		if State(i).String() == string(b) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no state of an interface", b)
}

// A Link is a client-facing link of the host under its Interface of the policy,
// with everything rendered that can be known before a message arrives.
type Link struct {
	ID        int // index in Snapshot.Links
	Host      giaddr.Link
	Interface *Interface
	AltName   string // alternative name by which Interface holds for it; empty if it is by its own
	Side      [dhcp.Families]Side

	ethernet  bool       // replies go out as Ethernet frames
	linkLocal netip.Addr // the IPv6 link-local address to send frames from, not valid if there is none
	vrf       string     // name of its VRF, "" for the default VRF
	vrfs      []int      // VRFs of the link and of its servers, by index, the link's first
}

// A Side is what a link is in one family.
type Side struct {
	State State // a link without servers of the family has no use for an address of it
	// Port and Frame: it matters by which port of a bridge its requests come, and from
	// which link-layer address.
	Port, Frame bool
	Problem     error // why State is not Relaying, in words
	Servers     []int // indexes into Policy.Servers
	// Choices stand for the clients, the best first; there is none without Servers,
	// and more than one only for smart relay. In DHCPv6 the one has no Addr if none
	// is found, for the link is known by its Interface-Id too.
	Choices  []Choice
	chained  *option // what is added to requests that another relay has relayed, nil if nothing is
	choosing *choosing
}

// fail notes why a link cannot relay in either family.
func (l *Link) fail(state State, why error) {
	for f := range l.Side {
		l.Side[f].fail(state, why)
	}
}

func (s *Side) fail(state State, why error) { s.State, s.Problem = state, why }

// Addr returns the address that stands for the link's clients, the first to be
// tried: giaddr or link-address. It is not valid if there is none.
func (s *Side) Addr() (a netip.Addr) {
	if c := s.first(); c != nil {
		a = c.Addr
	}
	return a
}

// first returns the best choice, nil if there is none.
func (s *Side) first() *Choice {
	if len(s.Choices) == 0 {
		return nil
	}
	return &s.Choices[0]
}

// A Choice is one address that can stand for a link's clients, with all that it
// brings.
type Choice struct {
	giaddr.Choice
	// Local is the link's own address in front of its clients, Addr if it has none;
	// in DHCPv6 Addr if this host can send from it to servers, see sends6.
	Local netip.Addr
	opt   option
}

// Out returns the index of the interface on which to send to a server of the
// policy, 0 if its route decides. It returns false if that interface does not
// exist now.
func (s *Snapshot) Out(server int) (int, bool) {
	name := s.Policy.Servers[server].Link
	if name == "" {
		return 0, true
	}
	index, ok := s.named[name]
	return index, ok
}

// Link returns the client-facing link with the interface index, or nil.
func (s *Snapshot) Link(index int) *Link { return s.byIndex[index] }

// Owns reports whether the address is one of this host's in a VRF.
func (s *Snapshot) Owns(vrf int, a netip.Addr) bool {
	if a.IsUnspecified() || a.IsMulticast() { // what clients send from, and to: nobody's
		return false
	}
	_, ok := s.own[ownAddrOf(vrf, a)]
	return ok
}

// ownsNear reports whether the address is this host's where the link is, or
// where its servers are.
func (s *Snapshot) ownsNear(l *Link, a netip.Addr) bool {
	for _, vrf := range l.vrfs {
		if s.Owns(vrf, a) {
			return true
		}
	}
	return false
}

// Compile resolves a policy against the links of the host. What is wrong or
// unlikely is told in the problems; the snapshot is usable all the same.
func Compile(p Policy, host []giaddr.Link) (*Snapshot, []Problem) {
	s := &Snapshot{
		Policy:  p,
		byIndex: make(map[int]*Link, len(host)),
		vrfOf:   make(map[int]string),
		own:     make(map[ownAddr]struct{}, len(host)),
		servers: make(map[place]bool, len(p.Servers)),
		groups:  make(map[netip.Addr]*group, len(host)),
		ids:     group{family: dhcp.V6},
		named:   make(map[string]int, len(host)),
		unknown: unknowns(),

		choosings: make(map[chooser]*choosing),
	}
	s.classing = newClassing(&s.Policy)
	var ps problems
	s.learnHost(host)
	s.learnServers()
	match := newMatcher(p.Interfaces)
	near := neighbourhood{host, make(map[giaddr.Rule][]giaddr.Link)}
	held := newHolder(&s.Policy, host)
	matched := make([]bool, len(p.Interfaces))
	for i := range host {
		if j, alt := match.link(&host[i]); j >= 0 && !host[i].IsVRF {
			matched[j] = true
			if p.Interfaces[j].Off {
				continue
			}
			s.addLink(&s.Policy.Interfaces[j], &host[i], alt, &near, &held, &ps)
		}
	}
	s.choosings, s.classing = nil, nil
	seek := search{interfaces: p.Interfaces, match: match, host: host}
	for j, ok := range matched {
		if in := &s.Policy.Interfaces[j]; !ok && !in.Off {
			why := seek.absence(j)
			if len(s.Links) > 0 && seek.ordinary(in.Name, why.Text) {
				s.Idle = append(s.Idle, in)
				continue
			}
			s.Absent, s.Why = append(s.Absent, &s.Policy.Interfaces[j]), append(s.Why, why)
			ps = append(ps, why)
		}
	}
	s.learnPorts(host, &ps)
	s.pair(host, &ps)
	s.group(&ps)
	s.check(host, &ps)
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
		s.named[l.Name] = l.Index
		for _, name := range l.AltNames {
			s.named[name] = l.Index
		}
		for _, a := range l.Addrs {
			if own := a.Prefix.Addr(); own.Is4() || !own.IsLinkLocalUnicast() {
				s.own[ownAddrOf(l.VRF, own)] = struct{}{}
			}
		}
	}
}

// learnServers notes where servers reply from, but for those on links that do not
// exist now.
func (s *Snapshot) learnServers() {
	for i := range s.Policy.Servers {
		v := &s.Policy.Servers[i]
		if link, ok := s.Out(i); ok {
			at := placeOf(v.Addr.Addr().WithZone(""), link)
			s.servers[at] = s.servers[at] || v.VSS
		}
	}
	for i := range s.Policy.Former {
		v := &s.Policy.Former[i]
		at := placeOf(v.Addr.Addr(), 0)
		s.servers[at] = s.servers[at] || v.VSS
	}
}

// vrf returns the index of a VRF device, 0 for the default VRF. It returns false
// if there is no such device now.
func (s *Snapshot) vrf(name string) (int, bool) {
	if name == "" {
		return 0, true
	}
	index, ok := s.named[name]
	return index, ok
}

// A neighbourhood knows the links that choices by a rule depend on, so that the
// host is looked through once for each rule rather than for each link.
type neighbourhood struct {
	host   []giaddr.Link
	byRule map[giaddr.Rule][]giaddr.Link
}

func (n *neighbourhood) of(r giaddr.Rule) []giaddr.Link {
	some, ok := n.byRule[r]
	if !ok {
		some = r.Concerned(n.host)
		n.byRule[r] = some
	}
	return some
}

// addLink adds one client-facing link.
func (s *Snapshot) addLink(in *Interface, h *giaddr.Link, alt string, near *neighbourhood, held *holder, ps *problems) {
	l := &Link{
		ID:        len(s.Links),
		Host:      *h,
		Interface: in,
		AltName:   alt,
		ethernet:  h.Type == 1 && len(h.MAC) == 6,
		vrf:       s.vrfOf[h.Index],
		vrfs:      []int{h.VRF},
	}
	for _, i := range in.Servers {
		side := &l.Side[dhcp.FamilyOf(s.Policy.Servers[i].Addr.Addr())]
		side.Servers = append(side.Servers, i)
		if vrf, ok := s.vrf(s.Policy.Servers[i].VRF); ok && !slices.Contains(l.vrfs, vrf) {
			l.vrfs = append(l.vrfs, vrf)
		}
	}
	for f := range dhcp.Family(dhcp.Families) {
		s.learnChoosing(l, f)
	}
	s.Links = append(s.Links, l)
	s.byIndex[h.Index] = l
	if h.Master != "" {
		s.addMember(l, ps)
		return
	}
	for f, add := range [dhcp.Families]func(*Link, *neighbourhood, *problems){dhcp.V4: s.add4, dhcp.V6: s.add6} {
		why := held.waits(&s.Policy, l, dhcp.Family(f))
		if why == nil {
			add(l, near, ps)
			continue
		}
		add(l, near, new(problems)) // what it lacks now it may have once it serves
		l.Side[f].fail(Standby, why)
	}
	if !h.Up {
		l.fail(Down, errDown)
	}
}

// add4 finds what stands for a link in DHCPv4.
func (s *Snapshot) add4(l *Link, near *neighbourhood, ps *problems) {
	side, c := &l.Side[dhcp.V4], &l.Interface.V4
	if len(side.Servers) == 0 {
		return
	}
	choices, err := giaddr.Choose4(c.Address, &l.Host, near.of(c.Address))
	if err != nil {
		side.fail(NoAddress, err)
		ps.add(l.Host.Name, err.Error(), "give the interface an IPv4 address, or set dhcpv4.giaddr")
		// RFC 1542, section 4.1.1: giaddr is never a broadcast address.
		(*ps)[len(*ps)-1].Fatal = errors.Is(err, giaddr.ErrBroadcast)
	}
	if c.SmartAfter == 0 && len(choices) > 1 {
		choices = choices[:1]
	}
	for _, c := range choices {
		side.Choices = append(side.Choices, s.choice(l, c, ps))
	}
	if len(choices) > 0 && choices[0].Addr.IsLinkLocalUnicast() {
		ps.add(l.Host.Name, "its giaddr "+choices[0].Addr.String()+" is link-local, and no router forwards the servers' replies to it (RFC 3927, section 2.7)",
			"give the interface another IPv4 address, or set dhcpv4.giaddr")
	}
	if l.Interface.Trusted && (c.Relayed == Append || c.Relayed == Replace) {
		o := s.render(l, nil, ps)
		side.chained = &o
	}
}

// add6 finds what stands for a link in DHCPv6.
func (s *Snapshot) add6(l *Link, near *neighbourhood, ps *problems) {
	side, rule := &l.Side[dhcp.V6], l.Interface.V6.Address
	if len(side.Servers) == 0 {
		return
	}
	side.Choices = make([]Choice, 1)
	choices, err := giaddr.Choose6(rule, &l.Host, near.of(rule))
	if err != nil {
		side.fail(NoAddress, err)
		ps.add(l.Host.Name, err.Error(), hint6(err))
	} else {
		c := choices[0]
		side.Choices[0].Choice = c
		if sends6(c.Addr, &l.Host, near.of(rule)) {
			side.Choices[0].Local = c.Addr
		}
		l.checkLinkLocal(ps)
		l.checkLinkAddress(ps)
	}
	l.linkLocal = linkLocal(&l.Host)
	side.Choices[0].opt = s.render6(l, s.addClientMAC, ps)
	if l.Interface.Trusted {
		o := s.render6(l, s.addRelayPort, ps)
		side.chained = &o
	}
}

// linkLocal returns the first IPv6 link-local address of a link that can be sent
// from.
func linkLocal(h *giaddr.Link) (a netip.Addr) {
	for i := range h.Addrs {
		if a := h.Addrs[i].Prefix.Addr(); a.Is6() && a.IsLinkLocalUnicast() && h.Addrs[i].Source() {
			return a
		}
	}
	return a
}

// choice renders what a link shows under one giaddr.
func (s *Snapshot) choice(l *Link, c giaddr.Choice, ps *problems) Choice {
	x := Choice{Choice: c, Local: c.Addr}
	if own, err := giaddr.Choose4(giaddr.Rule{}, &l.Host, nil); err == nil {
		x.Local = own[0].Addr
		for _, o := range own {
			if o.Addr == c.Addr {
				x.Local = c.Addr
			}
		}
	}
	x.opt = s.render(l, &x, ps)
	return x
}
