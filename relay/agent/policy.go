package agent

import (
	"net/netip"
	"time"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

// A Policy is a configuration, checked and with every default filled in, before
// it is resolved against the links of the host.
type Policy struct {
	Hostname     string         // for templates; at most 64 octets
	Servers      []Server       // each server once; interfaces refer to them by index
	Groups       []Group        // interfaces refer to them by index
	Classes      []Class        // of clients' requests: the first one that a request is of holds
	Interfaces   []Interface    // a link belongs to the one with its name, else to the first whose pattern matches
	AnswersFrom  []OtherAddress // who may reply as one of the servers
	Former       []Server       // were servers a moment ago: they may still reply to what they were asked
	ReplySources []netip.Prefix // who may reply beside the servers; empty: anyone, but not on client-facing links
	DUID         []byte         // this relay's name in DHCPv6 (RFC 5460, section 5.4.1); empty: none
	Alone        bool           // to servers each datagram leaves alone, never several with UDP_SEGMENT

	// Held are the files of Active that say that this router is active, which nobody
	// who compiles the policy looks for.
	Held map[string]bool
}

// A Server is a DHCP server, or the next relay on the way to one, or an IPv6
// multicast group of such.
type Server struct {
	Addr netip.AddrPort // with Link as its zone if it is link-local
	Link string         // name of the interface to send on if Addr is link-local or a multicast group, else ""
	VRF  string         // name of the VRF device that leads to it, "" for the default VRF
	VSS  bool           // the server understands VSS (RFC 6607)

	Source netip.Addr // where requests to it leave from; invalid: what the interface says

	NoLinkSelection bool // the server gets none in option 82, whatever the interface sends (RFC 3527)

	Name    string        // as [[server]] has it, "" for none
	Host    string        // the DNS name that has this address, "" if the address is listed
	Delay   time.Duration // how long a client has to have tried before it is asked
	Listens bool          // it gets copies, and never answers
}

// An OtherAddress is where a server answers from, beside its own address.
type OtherAddress struct {
	Server int // index into Policy.Servers
	From   netip.Prefix
}

// An Interface says how to serve the links whose name matches.
type Interface struct {
	Description string // for people

	Name    string   // a link's name, or a pattern with * ? [ ] as in path.Match
	Servers []int    // indexes into Policy.Servers, both families
	Hosts   []string // DNS names among its servers, whatever addresses they have now
	Groups  []int    // indexes into Policy.Groups: their servers are Servers, in this order, but for ForClasses; empty: each server gets a copy
	Off     bool     // its links are left alone: an exception from a pattern
	Trusted bool     // relays and switches are attached, not only clients
	Active  Active

	ForClasses  int   // how many of Servers, the last ones, get requests of some Class only
	ClassGroups []int // the groups of every Class that may hold for its links

	// NextAfter is how often a client asks the first of Groups in vain before the next one
	// is asked too; 0: all are asked at once.
	NextAfter int

	Limit       int      // messages a second that may come from the link, requests and replies apart; 0: no limit
	IgnorePorts []string // names and patterns of ports of bridges; a request that comes by one is not relayed
	ClientLimit int      // requests a second that may come from one of its clients; 0: no limit

	ProbeInterval int // seconds between two probes of its servers; 0: none

	V4 Interface4
	V6 Interface6
}

// A Common is what an Interface says of each family alike.
type Common struct {
	Address     giaddr.Rule // which address stands for the clients: giaddr, or link-address
	HopLimit    uint8       // hops above which a request is dropped; DHCPv6: hop-count from which on (RFC 9915, section 19.1.2)
	Source      Source      // IP source of what is sent to the servers
	SourceAddr  netip.Addr  // Source == SourceGiven
	SourcePort  uint16      // UDP source port towards the servers; that of the protocol unless RFC 8357 is wanted
	RefuseTypes []uint8     // message types not to relay for clients (RFC 4388, section 7; RFC 7283, section 6)
}

// Of returns what an interface says of a family.
func (i *Interface) Of(f dhcp.Family) *Common {
	if f == dhcp.V6 {
		return &i.V6.Common
	}
	return &i.V4.Common
}

// MaxServers is how many servers of a family an interface may have.
const MaxServers = 16

// Relayed4 says what to do with option 82 of a request whose giaddr another
// relay has set.
type Relayed4 uint8

// The treatments of already relayed requests.
const (
	Forward Relayed4 = iota // add nothing (RFC 3046, section 2.1.1)
	Append                  // add ours after theirs
	Replace                 // put ours in place of theirs
	Drop                    // do not relay
)

// A Source says which IP source address requests to the servers bear.
type Source uint8

// The sources.
const (
	SourceRoute  Source = iota // the kernel's choice by the route to the server
	SourceGiaddr               // the address that stands for the clients
	SourceGiven                // SourceAddr
)

// A VSS is a virtual subnet selection (RFC 6607, section 3.5).
type VSS struct {
	On   bool
	Type uint8  // 0: Name is NVT ASCII; 1: a VPN-ID of 7 octets (RFC 2685); 255: the global VPN
	Name []byte // without the type octet
}
