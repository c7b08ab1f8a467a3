package agent

import (
	"net/netip"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

// A Hearing says whether the sockets of a Plan get a datagram, and if not, why.
type Hearing uint8

// The hearings. The first that applies, from the top down.
const (
	Heard       Hearing = iota
	HeardByPort         // the interface is a port of another one, where its packets are heard
	NoSuchPort          // no socket is open on the port, in the VRF of the interface
	NoSuchVRF           // the relay serves nothing of the family in the VRF of the interface
	OtherGroup          // it goes to a multicast group that relays do not join
	NotJoined           // it goes to all DHCPv6 relays, which this one is not on the interface
	NotOurs             // it goes to an address that is none of this host's
)

// AllRelays returns the group of all DHCPv6 relays and servers on a link (RFC 9915,
// section 7.1).
func AllRelays() netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 13: 0x01, 15: 0x02})
}

// Hears tells whether the relay gets what comes by an interface to an address and port
// of UDP. link is nil if the interface is not known; host is what the plan was made
// with.
func (p *Plan) Hears(dst netip.AddrPort, link *giaddr.Link, host []giaddr.Link) Hearing {
	f, vrf := dhcp.FamilyOf(dst.Addr()), 0
	if link != nil {
		if link.Master != "" {
			return HeardByPort
		}
		vrf = p.vrfOf[link.Index]
	}
	if !p.Wants(Socket{f, dst.Port(), vrf}) {
		if dst.Port() == f.Port() {
			return NoSuchVRF
		}
		return NoSuchPort
	}
	switch a := dst.Addr().WithZone(""); {
	case f == dhcp.V6 && a.IsMulticast():
		return p.hearsGroup(a, link)
	case giaddr.Owns(host, a), isBroadcast(host, a):
		return Heard
	}
	return NotOurs
}

// hearsGroup tells whether what comes by an interface to a group is heard.
func (p *Plan) hearsGroup(group netip.Addr, link *giaddr.Link) Hearing {
	if group != AllRelays() {
		return OtherGroup
	}
	if link != nil {
		if l := p.snap.Link(link.Index); l != nil && p.HearsMulticast(l) {
			return Heard
		}
	}
	return NotJoined
}

// isBroadcast reports whether an address is a broadcast address for a host.
func isBroadcast(host []giaddr.Link, a netip.Addr) bool {
	if a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return true
	}
	for i := range host {
		for _, b := range host[i].Addrs {
			if giaddr.Broadcast(b.Prefix) == a {
				return true
			}
		}
	}
	return false
}
