package agent

import "net/netip"

// A Family is an address family, and with it the protocol: DHCPv4 or DHCPv6.
type Family uint8

// The families.
const (
	V4 Family = iota
	V6
)

// String returns the family's name as the metrics and the logs show it.
func (f Family) String() string {
	if f == V6 {
		return "ipv6"
	}
	return "ipv4"
}

// FamilyOf returns the family of an address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return V4
	}
	return V6
}

// portOf returns the port of relays and servers of a family.
func portOf(f Family) uint16 {
	if f == V6 {
		return portServer6
	}
	return portServer
}

// ServersOf returns the servers of a family, indexes into Policy.Servers.
func (l *Link) ServersOf(f Family) []int {
	if f == V6 {
		return l.Servers6
	}
	return l.Servers
}

// Serves reports whether an interface has servers of a family.
func (s *Snapshot) Serves(i *Interface, f Family) bool {
	for _, n := range i.Servers {
		if FamilyOf(s.Policy.Servers[n].Addr.Addr()) == f {
			return true
		}
	}
	return false
}

// StateOf returns whether the link can relay for a family, and if not, why. A
// link without servers of the family has no use for an address of it.
func (l *Link) StateOf(f Family) (State, error) {
	if f == V6 {
		return l.State6, l.Problem6
	}
	return l.State, l.Problem
}

// AddressOf returns the address that stands for the link's clients, the first to
// be tried: giaddr or link-address. It is not valid if there is none, or no
// server of the family.
func (l *Link) AddressOf(f Family) (a netip.Addr) {
	switch {
	case f == V4 && len(l.Faces) > 0:
		return l.Faces[0].Giaddr
	case f == V6 && l.Face6 != nil:
		return l.Face6.Giaddr
	}
	return a
}

// SourcePortOf returns the UDP source port towards the servers of a family.
func (i *Interface) SourcePortOf(f Family) uint16 {
	if f == V6 {
		return i.V6.SourcePort
	}
	return i.SourcePort
}

// SourcesOf lists the IP sources that requests of a link may leave with. One that
// is not valid is the kernel's choice.
func (l *Link) SourcesOf(f Family) []netip.Addr {
	if f == V6 {
		return []netip.Addr{source6(&l.Interface.V6, l.Face6)}
	}
	if l.Interface.Source != SourceGiaddr || len(l.Faces) == 0 {
		return []netip.Addr{source(l.Interface.Source, l.Interface.SourceAddr, nil)}
	}
	all := make([]netip.Addr, len(l.Faces))
	for i := range l.Faces {
		all[i] = l.Faces[i].Giaddr
	}
	return all
}
