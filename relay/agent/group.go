package agent

import (
	"bytes"
	"maps"
	"net/netip"
	"slices"

	"dhcp-relay/relay/wire/dhcp"
)

// A group is all that replies to one giaddr or link-address may be meant for.
type group struct {
	family  dhcp.Family
	members members
}

// A member is a link with the choice that bears the group's address.
type member struct {
	link   *Link
	choice *Choice
}

func (m member) circuit() []byte { return m.choice.opt.circuit }

// members are ordered by circuit-id or Interface-Id.
type members []member

// group gathers the links that share an address, so that replies find their way.
func (s *Snapshot) group(ps *problems) {
	for _, l := range s.Links {
		for f := range l.Side {
			for i := range l.Side[f].Choices {
				s.join(dhcp.Family(f), member{l, &l.Side[f].Choices[i]})
			}
		}
	}
	for a, g := range s.groups {
		g.members.sort()
		if g.family == dhcp.V4 {
			s.check4(a, g.members, ps)
		}
	}
	s.ids.members.sort()
	s.check6(s.ids.members, ps)
}

// join enters a link under one of its addresses. The link that relays DHCPv6 is
// known by its Interface-Id, too, with or without an address.
func (s *Snapshot) join(f dhcp.Family, m member) {
	a := m.choice.Addr
	if f == dhcp.V6 {
		s.ids.members = append(s.ids.members, m)
	}
	if !a.IsValid() {
		return
	}
	g := s.groups[a]
	if g == nil {
		g = &group{family: f}
		s.groups[a] = g
	}
	g.members = append(g.members, m)
}

func (ms members) sort() {
	slices.SortStableFunc(ms, func(x, y member) int { return bytes.Compare(x.circuit(), y.circuit()) })
}

// check6 tells of links that Interface-Ids cannot tell apart.
func (s *Snapshot) check6(ms []member, ps *problems) {
	told := make(map[*Link]bool)
	for _, ms := range s.byVRF(ms, dhcp.V6) {
		for i, m := range ms[1:] {
			if last := ms[i]; last.choice.opt.sameCircuit(&m.choice.opt) && !told[m.link] {
				told[m.link] = true
				ps.add(m.link.Host.Name, "has the same Interface-Id as "+last.link.Host.Name,
					"make dhcpv6.interface_id differ, for example with {interface}")
			}
		}
	}
}

// check4 tells of links that replies to their common giaddr cannot tell apart.
func (s *Snapshot) check4(a netip.Addr, ms []member, ps *problems) {
	told := make(map[*Link]bool)
	add := func(m member, text, hint string) {
		if !told[m.link] {
			told[m.link] = true
			ps.add(m.link.Host.Name, text, hint)
		}
	}
	for _, ms := range s.byVRF(ms, dhcp.V4) {
		for i, m := range ms {
			switch {
			case m.link.Interface.Trusted:
				add(m, "shares the giaddr "+a.String()+" with other interfaces and is trusted, so replies that echo the option 82 of a switch cannot be told apart",
					"give the interface a giaddr of its own, unless only relays are attached to it")
			case m.choice.opt.anonymous():
				add(m, "shares the giaddr "+a.String()+" with other interfaces and sends no circuit-id, so replies cannot be told apart",
					"set dhcpv4.option82.circuit_id, or give the interface a giaddr of its own")
			case i > 0 && ms[i-1].choice.opt.sameCircuit(&m.choice.opt):
				add(m, "has the same giaddr "+a.String()+" and the same circuit-id as "+ms[i-1].link.Host.Name,
					"make dhcpv4.option82.circuit_id differ, for example with {interface}")
			}
		}
	}
}

// byVRF returns the members whose servers are in one VRF, for each VRF that
// several members have servers in, in the order of ms: what comes from there may
// be for any of them.
func (s *Snapshot) byVRF(ms []member, f dhcp.Family) [][]member {
	if len(ms) < 2 {
		return nil
	}
	in := make(map[string][]member)
	for _, m := range ms {
		for _, i := range m.link.Side[f].Servers {
			vrf := s.Policy.Servers[i].VRF
			if have := in[vrf]; len(have) == 0 || have[len(have)-1] != m {
				in[vrf] = append(have, m)
			}
		}
	}
	var shared [][]member
	for _, vrf := range slices.Sorted(maps.Keys(in)) {
		if len(in[vrf]) > 1 {
			shared = append(shared, in[vrf])
		}
	}
	return shared
}

// find returns what a reply is meant for, or no link if nothing tells. vrf is
// that of the link that heard the reply, circuit the circuit-id that it echoes,
// nil if it echoes none.
func (g *group) find(s *Snapshot, vrf string, circuit []byte) member {
	ms := g.members
	if len(ms) > 1 && circuit != nil {
		if ms = g.members.among(circuit); len(ms) == 0 {
			ms = s.past.names[g].among(circuit)
		}
		if len(ms) == 0 {
			ms = g.members.like(circuit)
		}
		if len(ms) == 0 {
			ms = s.past.names[g].like(circuit)
		}
	}
	return s.only(ms, g.family, vrf)
}

// only returns the one of the links that a reply in the VRF can mean, or no link
// if there are none or several.
func (s *Snapshot) only(ms []member, f dhcp.Family, vrf string) member {
	var found member
	for _, m := range ms {
		if !s.answeredIn(m.link, f, vrf) {
			continue
		}
		if found.link != nil {
			return member{}
		}
		found = m
	}
	return found
}

// among returns the members with the circuit-id. The search is written out, for
// slices.BinarySearchFunc would move the reply's octets to the heap.
func (ms members) among(circuit []byte) members {
	low, high := 0, len(ms)
	for low < high {
		if mid := (low + high) / 2; bytes.Compare(ms[mid].circuit(), circuit) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	for high < len(ms) && bytes.Equal(ms[high].circuit(), circuit) {
		high++
	}
	return ms[low:high]
}

// at returns the first of the members that bears the address.
func (ms members) at(a netip.Addr) members {
	for i := range ms {
		if ms[i].choice.Addr == a {
			return ms[i : i+1]
		}
	}
	return nil
}

// answeredIn reports whether a reply to the link can be heard in the VRF: that of
// one of its servers, or its own, where leaked routes lead to its address.
func (s *Snapshot) answeredIn(l *Link, f dhcp.Family, vrf string) bool {
	if l.vrf == vrf {
		return true
	}
	for _, i := range l.Side[f].Servers {
		if s.Policy.Servers[i].VRF == vrf {
			return true
		}
	}
	return false
}

// nearest returns the choice for a client: the one whose subnet holds an address
// that the client already has, else the one tried now.
func (s *Side) nearest(a netip.Addr, tried int) *Choice {
	for i := range s.Choices {
		if s.Choices[i].Subnet.Contains(a) {
			return &s.Choices[i]
		}
	}
	if tried >= 0 && tried < len(s.Choices) {
		return &s.Choices[tried]
	}
	return &s.Choices[0]
}
