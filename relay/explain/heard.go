package explain

import (
	"fmt"
	"net/netip"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

// A silence says why a message does not reach the relay.
type silence struct {
	what, remedy string
	rules        Rules
}

// allRelays is the group of all DHCPv6 relays and servers on a link (RFC 9915,
// section 7.1).
func allRelays() netip.Addr { return netip.MustParseAddr("ff02::1:2") }

// deaf returns why the sockets of the daemon would not get a message, nil if
// they would.
func (r *Relay) deaf(m *Message, heard *giaddr.Link) *silence {
	f := dhcp.FamilyOf(m.Dst.Addr())
	dst := m.Dst.Addr()
	own := r.owns(dst)
	switch {
	case m.Outgoing, m.Frame > 0 && !own && r.owns(m.Src.Addr()):
		return &silence{"This host sent it itself.", "Nothing to do.", Rules{Why: notItself}}
	case heard != nil && heard.Master != "":
		return passed(f, heard)
	case !r.listens(f, m.Dst.Port()):
		return &silence{
			fmt.Sprintf("It goes to UDP port %d, on which this relay does not listen.", m.Dst.Port()),
			"Nothing to do.", byFamily(f, "RFC 1542, section 4.1", "RFC 9915, section 7.2"),
		}
	case !r.serves(f, heard):
		return &silence{
			"Nothing is configured to be relayed by " + f.String() + " where this is heard, so the relay does not listen.",
			"Add servers of this address family to an [[interface]].", byFamily(f, "RFC 1542, section 4.1.1", "RFC 9915, section 19"),
		}
	case f == dhcp.V6 && dst.IsMulticast():
		return r.outside(dst, heard)
	case !own && !r.broadcast(dst):
		return &silence{
			"It is addressed to " + dst.String() + ", which is no address of this host: the kernel forwards it past the relay.",
			passing(f), byFamily(f, "RFC 1542, section 4.1", "RFC 9915, sections 16 and 19"),
		}
	}
	return nil
}

// passed says that another interface hears what comes by this one.
func passed(f dhcp.Family, heard *giaddr.Link) *silence {
	return &silence{
		heard.Name + " is a port of " + heard.Master + ", where its packets are heard.", "Name " + heard.Master + " in an [[interface]] instead.",
		byFamily(f, "RFC 1542, section 4.1.1", "RFC 9915, section 19.1"),
	}
}

// byFamily returns the rule of a family.
func byFamily(f dhcp.Family, four, six string) Rules {
	if f == dhcp.V6 {
		return cite(six)
	}
	return cite(four)
}

// passing returns what to do about a unicast that passes by.
func passing(f dhcp.Family) string {
	if f == dhcp.V6 {
		// Clients do so where a server has sent option 12 (RFC 8415, section 18.4), which RFC 9915 takes back.
		return "Nothing to do; to have clients send all by multicast, take the Server Unicast option from the server."
	}
	return "Nothing to do; for renewals see server_id_override."
}

// outside returns why a multicast is not heard: relays join one group, on the
// links with clients.
func (r *Relay) outside(group netip.Addr, heard *giaddr.Link) *silence {
	rules := cite("RFC 9915, section 7.1")
	if group.WithZone("") != allRelays() {
		return &silence{"It goes to the group " + group.String() + ", which relays do not join.", "Nothing to do.", rules}
	}
	if heard != nil {
		if l := r.snap.Link(heard.Index); l != nil && len(l.Servers6) > 0 {
			return nil
		}
	}
	return &silence{
		"It goes to all DHCPv6 relays, which this relay is only where an [[interface]] with IPv6 servers says so.",
		"Add an [[interface]] with IPv6 servers for it.", rules,
	}
}

// owns reports whether an address is one of the host's.
func (r *Relay) owns(a netip.Addr) bool {
	a = a.WithZone("")
	for i := range r.host {
		for _, b := range r.host[i].Addrs {
			if b.Prefix.Addr() == a {
				return true
			}
		}
	}
	return false
}

// broadcast reports whether an address is a broadcast address for the host.
func (r *Relay) broadcast(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	if a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return true
	}
	for i := range r.host {
		for _, b := range r.host[i].Addrs {
			if p := b.Prefix; p.Addr().Is4() && p.Bits() < 31 && p.Contains(a) && last(p) == a {
				return true
			}
		}
	}
	return false
}

// last returns the last address of an IPv4 prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().As4()
	for i := range b {
		if n := p.Bits() - 8*i; n < 8 {
			b[i] |= 0xff >> max(n, 0)
		}
	}
	return netip.AddrFrom4(b)
}

// listens reports whether the relay has a socket on a port.
func (r *Relay) listens(f dhcp.Family, port uint16) bool {
	if port == portOf(f) {
		return true
	}
	for _, l := range r.snap.Links {
		if len(l.ServersOf(f)) > 0 && l.Interface.SourcePortOf(f) == port {
			return true
		}
	}
	return false
}

// serves reports whether the relay has sockets of a family where a message is
// heard: in the default VRF if any interface has servers, in another one if an
// interface or a server is there.
func (r *Relay) serves(f dhcp.Family, heard *giaddr.Link) bool {
	if heard == nil || heard.VRF == 0 && !heard.IsVRF {
		for i := range r.cfg.Policy.Interfaces {
			if r.snap.Serves(&r.cfg.Policy.Interfaces[i], f) {
				return true
			}
		}
		return false
	}
	for _, l := range r.snap.Links {
		servers := l.ServersOf(f)
		if len(servers) > 0 && l.Host.VRF == heard.VRF {
			return true
		}
		for _, n := range servers {
			if vrf := r.byName[r.cfg.Policy.Servers[n].VRF]; vrf != nil && (vrf.Index == heard.VRF || vrf == heard) {
				return true
			}
		}
	}
	return false
}

func portOf(f dhcp.Family) uint16 {
	if f == dhcp.V6 {
		return 547
	}
	return 67
}
