package explain

import (
	"fmt"
	"net/netip"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A silence says why a message does not reach the relay.
type silence struct {
	what, remedy string
	rules        Rules
}

// notHeard returns why the sockets of the daemon would not get a message, nil if
// they would.
func (r *Relay) notHeard(m *Message, heard *giaddr.Link) *silence {
	f, dst := dhcp.FamilyOf(m.Dst.Addr()), m.Dst.Addr()
	if m.Outgoing || m.Frame > 0 && !r.owns(dst) && r.owns(m.Src.Addr()) {
		return &silence{"This host sent it itself.", "Nothing to do.", rulesOf(agent.OwnMessage, f, dhcp.Requests)}
	}
	switch r.plan.Hears(m.Dst, heard, r.host) {
	case agent.Heard:
	case agent.HeardByPort:
		return &silence{
			heard.Name + " is a port of " + heard.Master + ", where its packets are heard.", "Name " + heard.Master + " in an [[interface]] instead.",
			byFamily(f, "RFC 1542, section 4.1.1", "RFC 9915, section 19.1"),
		}
	case agent.NoSuchPort:
		return &silence{
			fmt.Sprintf("It goes to UDP port %d, on which this relay does not listen%s.", m.Dst.Port(), r.inVRF(heard)),
			"Nothing to do.", byFamily(f, "RFC 1542, section 4.1", "RFC 9915, section 7.2"),
		}
	case agent.NoSuchVRF:
		return &silence{
			"Nothing is configured to be relayed by " + f.String() + " where this is heard, so the relay does not listen.",
			"Add servers of this address family to an [[interface]].", byFamily(f, "RFC 1542, section 4.1.1", "RFC 9915, section 19"),
		}
	case agent.OtherGroup:
		return &silence{"It goes to the group " + dst.String() + ", which relays do not join.", "Nothing to do.", cite("RFC 9915, section 7.1")}
	case agent.NotJoined:
		return r.outside(heard)
	case agent.NotOurs:
		return &silence{
			"It is addressed to " + dst.String() + ", which is no address of this host: the kernel forwards it past the relay.",
			passing(f), byFamily(f, "RFC 1542, section 4.1", "RFC 9915, sections 16 and 19"),
		}
	}
	return nil
}

// outside says why the relay does not join the group of all relays on a link.
func (r *Relay) outside(heard *giaddr.Link) *silence {
	if heard != nil {
		if l := r.snap.Link(heard.Index); l != nil && len(l.Side[dhcp.V6].Servers) > 0 {
			return &silence{
				fmt.Sprintf("%s has no IPv6, as its MTU is %d.", heard.Name, heard.MTU),
				"Set an MTU of at least 1280.", cite("RFC 8200, section 5"),
			}
		}
	}
	return &silence{
		"It goes to all DHCPv6 relays, which this relay is only where an [[interface]] with IPv6 servers says so.",
		"Add an [[interface]] with IPv6 servers for it.", cite("RFC 9915, section 7.1"),
	}
}

// inVRF says in which VRF an interface is, "" for the default VRF.
func (r *Relay) inVRF(l *giaddr.Link) string {
	if l == nil || r.plan.VRF(l.Index) == 0 {
		return ""
	}
	return " in VRF " + r.plan.VRFName(r.plan.VRF(l.Index))
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

// owns reports whether an address is one of the host's.
func (r *Relay) owns(a netip.Addr) bool { return giaddr.Owns(r.host, a.WithZone("")) }
