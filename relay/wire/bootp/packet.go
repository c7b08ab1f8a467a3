// Package bootp views BOOTP and DHCPv4 messages in the buffer that they arrived
// in, and edits the few octets that a relay agent may touch. It decodes nothing
// into structures, encodes nothing anew, and never allocates.
package bootp

import (
	"encoding/binary"
	"net/netip"
)

// The fixed part of a message (RFC 2131, section 2, figure 1); the numbers in
// brackets are octets.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|     op (1)    |   htype (1)   |   hlen (1)    |   hops (1)    |
//	+---------------+---------------+---------------+---------------+
//	|                            xid (4)                            |
//	+-------------------------------+-------------------------------+
//	|           secs (2)            |           flags (2)           |
//	+-------------------------------+-------------------------------+
//	|                          ciaddr  (4)                          |
//	+---------------------------------------------------------------+
//	|                          yiaddr  (4)                          |
//	+---------------------------------------------------------------+
//	|                          siaddr  (4)                          |
//	+---------------------------------------------------------------+
//	|                          giaddr  (4)                          |
//	+---------------------------------------------------------------+
//	|                          chaddr  (16)                         |
//	+---------------------------------------------------------------+
//	|                          sname   (64)                         |
//	+---------------------------------------------------------------+
//	|                          file    (128)                        |
//	+---------------------------------------------------------------+
//	|                          options (variable)                   |
//	+---------------------------------------------------------------+
const (
	offOp     = 0
	offHtype  = 1
	offHlen   = 2
	offHops   = 3
	offXid    = 4
	offSecs   = 8
	offFlags  = 10
	offCiaddr = 12
	offYiaddr = 16
	offSiaddr = 20
	offGiaddr = 24
	offChaddr = 28
	offSname  = 44
	offFile   = 108

	maxHlen = offSname - offChaddr
)

// Sizes of a message and of its parts, in octets.
const (
	HeaderLen     = 236 // the fixed part, up to the options field
	OptionsOffset = 240 // the first option, after the magic cookie
	MinLen        = 300 // the least that BOOTP sends (RFC 951, section 3; RFC 1542, section 2.1)
)

// Values of the op field (RFC 951, section 3).
const (
	Request = 1 // BOOTREQUEST, client to server
	Reply   = 2 // BOOTREPLY, server to client
)

const (
	// cookie opens an options field (RFC 2131, section 3): 99, 130, 83, 99.
	cookie = 0x63825363

	// flagBroadcast is the B flag (RFC 2131, section 2, figure 2):
	//
	//	 0                   1
	//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
	//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
	//	|B|             MBZ             |
	//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
	flagBroadcast = 0x8000
)

// A Packet views a BOOTP message in place. Call Valid before any other method:
// the others panic on fewer octets than HeaderLen.
type Packet []byte

// Valid reports whether p is long enough for a BOOTP message. It does not look
// at any field.
func (p Packet) Valid() bool { return len(p) >= HeaderLen }

// DHCP reports whether p has an options field that opens with the magic cookie
// (RFC 2131, section 3).
func (p Packet) DHCP() bool {
	return len(p) >= OptionsOffset && binary.BigEndian.Uint32(p[HeaderLen:]) == cookie
}

// Op returns the op field: Request or Reply in a sound message.
func (p Packet) Op() byte { return p[offOp] }

// Htype returns the hardware type, an ARP hardware type.
func (p Packet) Htype() byte { return p[offHtype] }

// Hlen returns the length of the hardware address in octets, as the sender
// claims it: it may exceed the 16 octets that chaddr has.
func (p Packet) Hlen() byte { return p[offHlen] }

// Hops returns the number of relay agents that the message has passed.
func (p Packet) Hops() byte { return p[offHops] }

// Xid returns the transaction ID.
func (p Packet) Xid() uint32 { return binary.BigEndian.Uint32(p[offXid:]) }

// Secs returns the seconds since the client began.
func (p Packet) Secs() uint16 { return binary.BigEndian.Uint16(p[offSecs:]) }

// flags returns the flags field.
func (p Packet) flags() uint16 { return binary.BigEndian.Uint16(p[offFlags:]) }

// Broadcast reports whether the client asked for broadcast replies
// (RFC 2131, section 4.1).
func (p Packet) Broadcast() bool { return p.flags()&flagBroadcast != 0 }

// Ciaddr returns the address that the client has, 0.0.0.0 if none.
func (p Packet) Ciaddr() netip.Addr { return p.addr(offCiaddr) }

// Yiaddr returns the address that the client is given, 0.0.0.0 if none.
func (p Packet) Yiaddr() netip.Addr { return p.addr(offYiaddr) }

// Giaddr returns the address of the first relay agent, 0.0.0.0 if none.
func (p Packet) Giaddr() netip.Addr { return p.addr(offGiaddr) }

// Chaddr returns a view of the client's hardware address: the first Hlen octets
// of the field, at most 16.
func (p Packet) Chaddr() []byte {
	end := offChaddr + min(int(p.Hlen()), maxHlen)
	return p[offChaddr:end:end]
}

// ChaddrWords returns the 16 octets of chaddr as two words, the first octet in the
// lowest bits, with zeros for those beyond the address.
func (p Packet) ChaddrWords() (first, second uint64) {
	first = binary.LittleEndian.Uint64(p[offChaddr:])
	second = binary.LittleEndian.Uint64(p[offChaddr+8:])
	n := min(int(p.Hlen()), maxHlen)
	if n < 8 {
		return first & (1<<(8*n) - 1), 0
	}
	return first, second & (1<<(8*(n-8)) - 1)
}

// SetHops sets the hops field.
func (p Packet) SetHops(h byte) { p[offHops] = h }

// SetGiaddr sets the giaddr field. It panics if a is no IPv4 address.
func (p Packet) SetGiaddr(a netip.Addr) {
	b := a.As4()
	copy(p[offGiaddr:], b[:])
}

func (p Packet) addr(off int) netip.Addr {
	return netip.AddrFrom4([4]byte(p[off:]))
}
