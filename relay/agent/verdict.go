package agent

import (
	"net/netip"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// An Ingress says how a message reached this host.
type Ingress struct {
	Link      int            // index of the interface that heard it
	Src       netip.AddrPort // source of the datagram, without zone
	Dst       netip.Addr     // destination of the datagram
	Choice    int            // which of Side.Choices to try first
	Tries     int            // how often the client has asked in vain, before the conversation that the message belongs to
	Trial     bool           // servers that are down are to be asked, too, to see whether they are back
	Named     int            // the server that the message is known to name, as an index into Policy.Servers and 1; 0: none
	Standings []Standing     // of groups and families, by StandingOf; nil: nothing is known
	MAC       []byte         // link-layer source of the frame; empty if it is not known
	Port      int            // index of the port of a bridge that the frame came by, 0 if it is not known
	Routes    [][]int        // by which links the servers are reached, by index into Policy.Servers; an entry that is nil is not known, nil allows any
	Unasked   bool           // the message answers no open transaction
	Truncated bool           // the message is longer than what was received of it
	Refused   Reason         // why a message that is well-formed is not to be relayed, whatever it says; else Relayed
}

// TypeInvalid is the Verdict.Type of a message too broken to have a type.
const TypeInvalid = 255

// typeOf returns the Verdict.Type of a message type. 255, which nobody has
// assigned, is told as 254, which nobody has either: it is not broken.
func typeOf(t uint8) uint8 { return min(t, TypeInvalid-1) }

// A Target is the kind of receiver of a relayed message.
type Target uint8

// The targets.
const (
	ToServers Target = iota // the servers of Verdict.Link, by UDP
	ToFrame                 // a client, in a link-layer frame to Verdict.HW: it may not answer ARP yet
	ToHost                  // a client or relay, by UDP and the kernel's own neighbour look-up; see Frameable
)

// A Verdict says what to do with a message, and why. The message itself was
// edited in its Buf.
type Verdict struct {
	Reason    Reason
	Family    dhcp.Family
	Direction dhcp.Direction
	Type      uint8 // a bootp.Type or dhcp6.Type, of a Relay-reply that of what it brings; TypeInvalid if there is none
	Link      *Link // the client-facing link concerned, nil if there is none
	To        Target

	Asked     uint64     // ToServers: bit n: the n-th of Link.Side[Family].Servers gets a copy
	Due       uint64     // ToServers: bit n: of those the n-th may be expected to answer
	Src       netip.Addr // source address to use, see SourceTo; invalid: the kernel's choice
	SrcPort   uint16     // ToServers: source port to use
	Dst       netip.Addr // ToFrame, ToHost: destination address
	Port      uint16     // ToFrame, ToHost: destination UDP port
	Elsewhere bool       // ToServers: option 54 names a server that is none of the link's, and may be nobody
	Named     bool       // ToServers: option 54 names a server
	Class     uint16     // the class that a request is of, as an index into Policy.Classes and 1; 0: none
	Chained   bool       // ToHost: Dst and Port are of a relay, which must have asked from there lately
	HW        []byte     // ToFrame: destination link-layer address, 6 octets; nil: broadcast
	Omitted   bool       // option 82 was left out for want of room
	NoMAC     bool       // option 79 was left out, for the client's link-layer address is not known

	// Of a request it is not known by which port of a bridge, or from which link-layer address,
	// it came, and its link asks for that: identifiers say "unknown".
	Unidentified bool

	framed bool  // see Frameable
	sel    bool  // link selection is in added, for Shape
	target int16 // of the class: index into choosing.targets and 1; 0: none
	id     int16 // of the class: index into subscribers.ids and 1; 0: none

	added bootp.Span // option 82 as inserted, for TooLarge
	bare  int        // octets of the message before that
	vss   int        // octets of VSS for Shape: at the end of option 82, or the first option of a Relay-forward
}

// begin makes v that of a message of which only the link is known that heard it,
// nil if it is none of ours. It sets field by field: a literal is put together
// elsewhere and copied, and the copy waits until what is narrower has been stored.
func (v *Verdict) begin(f dhcp.Family, l *Link) {
	*v = Verdict{}
	v.Family, v.Type, v.Link, v.Asked = f, TypeInvalid, l, ^uint64(0)
}

// Frameable reports whether a reply to a DHCPv6 client is better sent in a frame,
// for which it takes the link-layer address that the request came from: the kernel
// asks the client for it, has room for some 1,000 that it has asked, and sends to
// no address without an on-link route, though the link is known (RFC 9915, section
// 19.2).
func (v *Verdict) Frameable() bool { return v.framed }

// Frame has a reply that is Frameable sent to a link-layer address.
func (v *Verdict) Frame(hw []byte) {
	v.To, v.Src, v.HW = ToFrame, v.Link.from6(v.Dst), hw
}
