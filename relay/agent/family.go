package agent

import (
	"net/netip"

	"dhcp-relay/relay/wire/dhcp"
)

// Serves reports whether an interface has servers of a family.
func (s *Snapshot) Serves(i *Interface, f dhcp.Family) bool {
	for _, n := range i.Servers {
		if dhcp.FamilyOf(s.Policy.Servers[n].Addr.Addr()) == f {
			return true
		}
	}
	return false
}

// SourcesTo lists the IP sources that requests of a link to a server may leave with. One
// that is not valid is the kernel's choice.
func (l *Link) SourcesTo(to *Server) []netip.Addr {
	if to.Source.IsValid() {
		return []netip.Addr{to.Source}
	}
	f := dhcp.FamilyOf(to.Addr.Addr())
	c, choices := l.Interface.Of(f), l.Side[f].Choices
	if c.Source != SourceGiaddr || len(choices) == 0 {
		return []netip.Addr{c.source(nil)}
	}
	all := make([]netip.Addr, len(choices))
	for i := range choices {
		all[i] = c.source(&choices[i])
	}
	return all
}

// source returns the source address towards the servers, which is not valid if
// the kernel is to choose.
func (c *Common) source(from *Choice) (a netip.Addr) {
	switch c.Source {
	case SourceGiaddr:
		switch {
		case from == nil:
		case from.Addr.Is4():
			return from.Addr
		default:
			return from.Local
		}
	case SourceGiven:
		return c.SourceAddr
	case SourceRoute:
	}
	return a
}
