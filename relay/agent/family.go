package agent

import (
	"net/netip"

	"dhcp-relay/relay/wire/dhcp"
)

// ServersOf returns the servers of a family, indexes into Policy.Servers.
func (l *Link) ServersOf(f dhcp.Family) []int {
	if f == dhcp.V6 {
		return l.Servers6
	}
	return l.Servers
}

// Serves reports whether an interface has servers of a family.
func (s *Snapshot) Serves(i *Interface, f dhcp.Family) bool {
	for _, n := range i.Servers {
		if dhcp.FamilyOf(s.Policy.Servers[n].Addr.Addr()) == f {
			return true
		}
	}
	return false
}

// StateOf returns whether the link can relay for a family, and if not, why. A
// link without servers of the family has no use for an address of it.
func (l *Link) StateOf(f dhcp.Family) (State, error) {
	if f == dhcp.V6 {
		return l.State6, l.Problem6
	}
	return l.State, l.Problem
}

// AddressOf returns the address that stands for the link's clients, the first to
// be tried: giaddr or link-address. It is not valid if there is none, or no
// server of the family.
func (l *Link) AddressOf(f dhcp.Family) (a netip.Addr) {
	switch {
	case f == dhcp.V4 && len(l.Faces) > 0:
		return l.Faces[0].Giaddr
	case f == dhcp.V6 && l.Face6 != nil:
		return l.Face6.Giaddr
	}
	return a
}

// SourcePortOf returns the UDP source port towards the servers of a family.
func (i *Interface) SourcePortOf(f dhcp.Family) uint16 {
	if f == dhcp.V6 {
		return i.V6.SourcePort
	}
	return i.SourcePort
}

// SourcesOf lists the IP sources that requests of a link may leave with. One that
// is not valid is the kernel's choice.
func (l *Link) SourcesOf(f dhcp.Family) []netip.Addr {
	if f == dhcp.V6 {
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
