// Package dhcp6 views DHCPv6 messages in the buffer that they arrived in, and
// writes relay headers in front of them. It decodes nothing into structures,
// copies no message, changes no octet of one, and never allocates.
package dhcp6

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// The header of a message between client and server (RFC 8415, section 8):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|    msg-type   |               transaction-id                  |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	.                            options                            .
//
// The header of a message between relay agents and servers (RFC 8415,
// section 9):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|    msg-type   |   hop-count   |                               |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               |
//	|                                                               |
//	|                         link-address                          |
//	|                                                               |
//	|                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-|
//	|                               |                               |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               |
//	|                                                               |
//	|                         peer-address                          |
//	|                                                               |
//	|                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-|
//	|                               |                               |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               |
//	.                            options                            .
const (
	offType = 0
	offXid  = 0 // with msg-type in front
	offHop  = 1
	offLink = 2
	offPeer = 18
)

// Sizes of a message and of its parts, in octets.
const (
	HeaderLen      = 4     // before the options of a client's or server's message
	RelayHeaderLen = 34    // before the options of a relay message
	maxLen         = 65527 // the most that a UDP datagram holds
)

// A Message views a DHCPv6 message in place. Call Valid before any other
// method: the others may panic on a message that is not. Those about relay
// headers panic on a short message of another type, too: call IsRelay.
type Message []byte

// Valid reports whether m is long enough for the header of its type. It looks
// at no other field; every type is valid, known or not.
func (m Message) Valid() bool {
	return len(m) >= RelayHeaderLen || len(m) >= HeaderLen && !m.IsRelay()
}

// Type returns the message type.
func (m Message) Type() Type { return Type(m[offType]) }

// IsRelay reports whether m is a Relay-forward or a Relay-reply: whether it has
// a relay header.
func (m Message) IsRelay() bool {
	return m.Type() == RelayForward || m.Type() == RelayReply
}

// Xid returns the transaction ID, 24 bits. A relay message has none.
func (m Message) Xid() uint32 { return binary.BigEndian.Uint32(m[offXid:]) & 0xffffff }

// HopCount returns the number of relay agents that a relay message has passed
// before the one that wrote its header.
func (m Message) HopCount() byte { return m[offHop] }

// LinkAddress returns the link-address of a relay message: an address on the
// client's link, or ::.
func (m Message) LinkAddress() netip.Addr { return m.addr(offLink) }

// PeerAddress returns the peer-address of a relay message: where a Relay-forward
// came from, and where the content of a Relay-reply goes.
func (m Message) PeerAddress() netip.Addr { return m.addr(offPeer) }

// Peer returns a view of the 16 octets of PeerAddress.
func (m Message) Peer() []byte { return m[offPeer : offPeer+16 : offPeer+16] }

// ClientID returns a view of the DUID in the first Client Identifier option of
// a client's or server's message, possibly empty; nil if there is none before
// the end, before the first option that is cut off, and for a relay message.
func (m Message) ClientID() []byte { return m.first(OptionClientID) }

// ServerID is ClientID for the Server Identifier option.
func (m Message) ServerID() []byte { return m.first(OptionServerID) }

// ElapsedTime returns how long the client has tried, by the first Elapsed Time option,
// and 0 where ClientID would be nil. It ends at 655.35 s.
func (m Message) ElapsedTime() time.Duration {
	v := m.first(OptionElapsedTime)
	if len(v) != 2 {
		return 0
	}
	return time.Duration(binary.BigEndian.Uint16(v)) * 10 * time.Millisecond
}

// first returns the value of the first option with a code, as ClientID does.
func (m Message) first(option uint16) []byte {
	if m.IsRelay() {
		return nil
	}
	for off := HeaderLen; ; {
		code, value, ok := m.option(off, len(m))
		if !ok {
			return nil
		}
		if code == option {
			return m.Value(value)
		}
		off = value.end()
	}
}

func (m Message) addr(off int) netip.Addr {
	return netip.AddrFrom16([16]byte(m[off:]))
}
