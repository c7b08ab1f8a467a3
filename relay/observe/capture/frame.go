//go:build !small

package capture

import (
	"encoding/binary"

	"github.com/gopacket/gopacket/layers"
)

// EtherTypes.
const (
	typeIPv4 = 0x0800
	typeIPv6 = 0x86dd
	typeVLAN = 0x8100 // IEEE 802.1Q
	typeQinQ = 0x88a8 // IEEE 802.1ad
	typeOld  = 0x9100 // the same before it was standardized
)

// Link types that the library has no name for: BSD's and OpenBSD's numbers of
// LINKTYPE_RAW.
const (
	linkRawBSD     = 12
	linkRawOpenBSD = 14
)

// decode takes the headers off a frame. It returns false if the link type is not
// known.
func (p *Packet) decode(b []byte, cut bool, link layers.LinkType) bool {
	p.Skip = Other
	switch link {
	case layers.LinkTypeEthernet:
		p.ethernet(b, cut)
	case layers.LinkTypeLinuxSLL:
		p.cooked(b, cut)
	case layers.LinkTypeLinuxSLL2:
		p.cooked2(b, cut)
	case layers.LinkTypeRaw, layers.LinkTypeIPv4, layers.LinkTypeIPv6, linkRawBSD, linkRawOpenBSD:
		p.ip(b, cut)
	case layers.LinkTypeNull, layers.LinkTypeLoop:
		// The first 4 octets are a protocol family whose number each system has of
		// its own; the IP version says the same.
		if len(b) >= 4 {
			p.ip(b[4:], cut)
		}
	default:
		return false
	}
	return true
}

// ethernet takes off an Ethernet header:
//
//	 0             6             12     14
//	+-------------+-------------+------+
//	| destination |   source    | type |
//	+-------------+-------------+------+
func (p *Packet) ethernet(b []byte, cut bool) {
	if len(b) < 14 {
		return
	}
	p.MAC = b[6:12:12]
	p.tagged(b[14:], binary.BigEndian.Uint16(b[12:]), cut)
}

// cooked takes off the header of LINKTYPE_LINUX_SLL:
//
//	 0             2             4             6             14     16
//	+-------------+-------------+-------------+-------------+------+
//	| packet type |   ARPHRD    |   length    |   source    | type |
//	+-------------+-------------+-------------+-------------+------+
func (p *Packet) cooked(b []byte, cut bool) {
	if len(b) < 16 {
		return
	}
	p.sender(binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[4:])), b[6:14])
	p.tagged(b[16:], binary.BigEndian.Uint16(b[14:]), cut)
}

// cooked2 takes off the header of LINKTYPE_LINUX_SLL2:
//
//	 0      2      4       8        10     11       12       20
//	+------+------+-------+--------+------+--------+--------+
//	| type |  0   | index | ARPHRD |packet| length | source |
//	+------+------+-------+--------+------+--------+--------+
func (p *Packet) cooked2(b []byte, cut bool) {
	if len(b) < 20 {
		return
	}
	p.Index = int(int32(binary.BigEndian.Uint32(b[4:])))
	p.sender(uint16(b[10]), int(b[11]), b[12:20])
	p.tagged(b[20:], binary.BigEndian.Uint16(b), cut)
}

// packetOutgoing is the packet type of what the capturing host itself sent.
const packetOutgoing = 4

// sender notes what a cooked header says of the sender.
func (p *Packet) sender(packet uint16, n int, addr []byte) {
	p.Outgoing = p.Outgoing || packet == packetOutgoing
	if n == 6 {
		p.MAC = addr[:6:6]
	}
}

// tagged takes off the VLAN tags of a frame, in any number:
//
//	 0         2      4
//	+---------+------+
//	|3| 1| 12 | type |  priority, drop eligible, VLAN identifier
//	+---------+------+
func (p *Packet) tagged(b []byte, ethertype uint16, cut bool) {
	for ethertype == typeVLAN || ethertype == typeQinQ || ethertype == typeOld {
		if len(b) < 4 {
			return
		}
		p.VLANs = append(p.VLANs, binary.BigEndian.Uint16(b)&0xfff)
		ethertype = binary.BigEndian.Uint16(b[2:])
		b = b[4:]
	}
	if ethertype == typeIPv4 || ethertype == typeIPv6 {
		p.ip(b, cut)
	}
}
