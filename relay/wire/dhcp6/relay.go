package dhcp6

import (
	"encoding/binary"
	"net/netip"
)

// A Layout says where the options of a relay message lie that a relay agent
// needs, of several with one code the first. It holds for the message that it
// was made from.
type Layout struct {
	RelayMsg        Span // the message inside
	InterfaceID     Span
	RemoteID        Span
	SubscriberID    Span
	EchoRequest     Span
	RelayID         Span
	RSOO            Span
	VSS             Span
	ClientLinkLayer Span
	RelayPort       Span
	NumRelayMsg     int // instances of the Relay Message option; 1 in a sound message
	NumInterfaceID  int // instances of the Interface-Id option
}

// Scan walks the options of a relay message once, in whatever order they stand,
// and returns their layout. It does not look into the message inside. It
// returns false if an option is cut off by the end of m, and for a message that
// is no relay message.
func (m Message) Scan() (Layout, bool) {
	var l Layout
	if !m.IsRelay() {
		return l, false
	}
	for off := RelayHeaderLen; off < len(m); {
		code, value, ok := m.option(off, len(m))
		if !ok {
			return Layout{}, false
		}
		l.note(code, value)
		off = value.end()
	}
	return l, true
}

// note enters an option into the layout.
func (l *Layout) note(code uint16, value Span) {
	var s *Span
	switch code {
	case OptionRelayMsg:
		l.NumRelayMsg++
		s = &l.RelayMsg
	case OptionInterfaceID:
		l.NumInterfaceID++
		s = &l.InterfaceID
	case OptionRemoteID:
		s = &l.RemoteID
	case OptionSubscriberID:
		s = &l.SubscriberID
	case OptionEchoRequest:
		s = &l.EchoRequest
	case OptionRelayID:
		s = &l.RelayID
	case OptionRSOO:
		s = &l.RSOO
	case OptionVSS:
		s = &l.VSS
	case OptionClientLinkLayer:
		s = &l.ClientLinkLayer
	case OptionRelayPort:
		s = &l.RelayPort
	default:
		return
	}
	if !s.Present() {
		*s = value
	}
}

// Decapsulate returns a view of the message inside a relay message, whatever
// its type (RFC 8415, section 19.2). l must be the layout of m. It returns
// false unless there is exactly one Relay Message option (RFC 8415, section 9)
// and what it holds is Valid.
func (m Message) Decapsulate(l *Layout) (Message, bool) {
	if l.NumRelayMsg != 1 {
		return nil, false
	}
	inner := Message(m.Value(l.RelayMsg))
	return inner, inner.Valid()
}

// DownstreamPort returns the port in the Relay Source Port option of a relay
// message (RFC 8357, section 5.2): 0 if it is 0, if the option is absent, and
// if it has not the 2 octets that it must have. l must be the layout of m.
func (m Message) DownstreamPort(l *Layout) uint16 {
	if l.RelayPort.Len != relayPortLen {
		return 0
	}
	return binary.BigEndian.Uint16(m[l.RelayPort.Off:])
}

// A Header is what a relay agent writes into the header of a Relay-forward. An
// address that is the zero Addr is written as ::, a zone is not written.
type Header struct {
	Hop        byte       // hop-count
	Link, Peer netip.Addr // link-address, peer-address
}

// Room returns the octets that Encapsulate needs in front of a message for
// options of n octets in all.
func Room(n int) int { return RelayHeaderLen + n + OptionHeaderLen }

// Encapsulate makes a Relay-forward of the message store[off:off+n], of any
// type and content (RFC 8415, section 19.1): the header, opts, and a Relay
// Message option, last so that its value is the message where it lies. opts is
// any number of whole options and must not lie in the store.
//
// It returns where the Relay-forward begins; it ends where the message did,
// whose octets are neither moved nor changed. It returns false, and writes
// nothing, if the octets in front of the message are fewer than Room, or if the
// Relay-forward would have more than MaxLen.
func Encapsulate(store []byte, off, n int, h Header, opts []byte) (int, bool) {
	room := Room(len(opts))
	if room > off || room+n > maxLen {
		return off, false
	}
	at := off - room
	head := store[at:off]
	link, peer := h.Link.As16(), h.Peer.As16()
	head[offType] = byte(RelayForward)
	head[offHop] = h.Hop
	copy(head[offLink:], link[:])
	copy(head[offPeer:], peer[:])
	copy(head[RelayHeaderLen:], opts)
	option := head[RelayHeaderLen+len(opts):]
	binary.BigEndian.PutUint16(option, OptionRelayMsg)
	binary.BigEndian.PutUint16(option[2:], uint16(n))
	return at, true
}
