package agent

import (
	"bytes"
	"net/netip"
	"slices"
)

// A group is all that replies to one giaddr may be meant for.
type group struct {
	members []member // ordered by circuit-id
}

// A member is a link with the face that bears the group's giaddr.
type member struct {
	link *Link
	face *Face
}

func (m member) circuit() []byte { return m.face.opt.circuit }

// group gathers the links that share a giaddr, so that replies find their way.
func (s *Snapshot) group(ps *problems) {
	for _, l := range s.Links {
		for i := range l.Faces {
			f := &l.Faces[i]
			g := s.groups[f.Giaddr]
			if g == nil {
				g = &group{}
				s.groups[f.Giaddr] = g
			}
			g.members = append(g.members, member{l, f})
		}
	}
	for a, g := range s.groups {
		slices.SortStableFunc(g.members, func(x, y member) int { return bytes.Compare(x.circuit(), y.circuit()) })
		g.check(a, ps)
	}
}

// check tells of links that replies cannot tell apart.
func (g *group) check(a netip.Addr, ps *problems) {
	if len(g.members) < 2 {
		return
	}
	for i, m := range g.members {
		if len(m.circuit()) == 0 {
			ps.add(m.link.Host.Name, "shares the giaddr "+a.String()+" with other interfaces and sends no circuit-id, so replies cannot be told apart",
				"set option82.circuit_id, or give the interface a giaddr of its own")
			continue
		}
		if i == 0 {
			continue
		}
		last := g.members[i-1]
		if bytes.Equal(last.circuit(), m.circuit()) && sameNetwork(last.link, m.link) {
			ps.add(m.link.Host.Name, "has the same giaddr "+a.String()+" and the same circuit-id as "+last.link.Host.Name,
				"make option82.circuit_id differ, for example with {interface}")
		}
	}
}

// sameNetwork reports whether two links are in one VRF, where an address can
// only mean one of them.
func sameNetwork(x, y *Link) bool { return x.Host.VRF == y.Host.VRF }

// find returns what a reply is meant for, or no link if nothing tells. vrf is
// that of the link that heard the reply, circuit the circuit-id that it echoes,
// nil if it echoes none.
func (g *group) find(s *Snapshot, vrf string, circuit []byte) member {
	if len(g.members) == 1 {
		return g.members[0]
	}
	ms := g.members
	if circuit != nil {
		ms = g.among(circuit)
	}
	var found member
	for _, m := range ms {
		if !s.servedFrom(m.link, vrf) {
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
func (g *group) among(circuit []byte) []member {
	low, high := 0, len(g.members)
	for low < high {
		if mid := (low + high) / 2; bytes.Compare(g.members[mid].circuit(), circuit) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	for high < len(g.members) && bytes.Equal(g.members[high].circuit(), circuit) {
		high++
	}
	return g.members[low:high]
}

// servedFrom reports whether one of the link's servers is reached by the VRF.
func (s *Snapshot) servedFrom(l *Link, vrf string) bool {
	for _, i := range l.Servers {
		if s.Policy.Servers[i].VRF == vrf {
			return true
		}
	}
	return false
}

// nearest returns the choice of a face for a client: the one whose subnet holds
// an address that the client already has, else the one tried now.
func (l *Link) nearest(a netip.Addr, tried int) *Face {
	for i := range l.Faces {
		if l.Faces[i].Subnet.Contains(a) {
			return &l.Faces[i]
		}
	}
	if tried >= 0 && tried < len(l.Faces) {
		return &l.Faces[tried]
	}
	return &l.Faces[0]
}
