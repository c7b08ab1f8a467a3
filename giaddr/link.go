// Package giaddr answers two questions: which address stands for a client
// network, and which network an address stands for. It decides over a picture
// of the host's links and never touches the host itself.
package giaddr

import (
	"net/netip"
	"slices"
)

// A Link is one network interface of this host at one moment.
type Link struct {
	Index int    // kernel interface index
	Name  string // kernel interface name, at most 15 octets
	Alias string // ifalias as set by the operator, or empty
	Kind  string // what the kernel calls it: "vlan", "bridge", "macvlan" and so on; empty for most cards

	AltNames []string // alternative names, each at most 127 octets (ip link property)

	MAC       []byte // link-layer address; empty on links that have none
	Type      uint16 // ARPHRD_ value of the kernel, equal to the ARP hardware type
	MTU       int    // octets of IP packet
	Up        bool   // administratively up, with carrier
	Broadcast bool   // the link has link-layer broadcast
	Loopback  bool   // the link is a loopback
	IsVRF     bool   // the link is itself a VRF device
	VLAN      uint16 // 802.1Q VLAN identifier, 0 if the link is no VLAN interface
	OuterVLAN uint16 // VLAN identifier of the VLAN interface that this one is on, 0 if it is on none
	FDB       FDB    // where a bridge of the host knows by which port who is heard on the link is reached
	VRF       int    // interface index of the VRF device, 0 in the default VRF
	Master    string // name of the link on which IP hears the packets of this one, which it does not hear itself; empty if it does
	Lower     int    // index of the link on which a macvlan or ipvlan is, so that both hear its broadcasts; 0 for other links
	Addrs     []Addr // IPv4 and IPv6, in any order

	// Life is another one after the kernel has dropped all IPv6 state of the link,
	// multicast memberships of sockets among it: the link was deleted and made again
	// under its index, or its MTU was too small for IPv6.
	Life uint64
}

// An FDB is a part of the forwarding table of a bridge. The zero value is none.
type FDB struct {
	Bridge int32  // index of the bridge that a link is, or that it is on as a VLAN or macvlan
	VLAN   uint16 // under which the bridge knows who is heard on the link, 0 if it does not filter by VLAN
}

// An Addr is one address of a link, with what the kernel says of it.
type Addr struct {
	Prefix     netip.Prefix // the address itself with its prefix length, not masked
	Secondary  bool         // IPv4: the kernel's IFA_F_SECONDARY
	Tentative  bool         // IPv6: duplicate address detection has not ended; it may be optimistic (RFC 4429)
	Duplicate  bool         // IPv6: duplicate address detection has failed: another host has the address
	Deprecated bool         // the preferred lifetime is over
	Temporary  bool         // IPv6: RFC 8981
}

// called reports whether name is the link's name or one of its alternative names.
func (l *Link) called(name string) bool {
	return l.Name == name || slices.Contains(l.AltNames, name)
}

// Source reports whether the host can send from the address now: the kernel refuses
// one that duplicate address detection has not passed (RFC 4862, section 5.4).
func (a *Addr) Source() bool { return !a.Tentative && !a.Duplicate }

// Owns reports whether an address is one of a host's, on whichever link.
func Owns(host []Link, a netip.Addr) bool {
	for i := range host {
		for _, b := range host[i].Addrs {
			if b.Prefix.Addr() == a {
				return true
			}
		}
	}
	return false
}
