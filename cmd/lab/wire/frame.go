// Package wire taps links with packet sockets and builds and reads frames with
// every field at hand. It shows what really crossed a link; it knows nothing of
// what should have crossed it.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Lengths of headers, in octets.
const (
	etherLen = 14
	vlanLen  = 4
	ipLen    = 20
	udpLen   = 8
)

// EtherTypes and protocol numbers.
const (
	TypeIPv4 = 0x0800
	TypeARP  = 0x0806
	TypeVLAN = 0x8100
	TypeIPv6 = 0x86dd
	ProtoUDP = 17
)

// ErrTruncated says that a frame ends before a header or length says so.
var ErrTruncated = errors.New("truncated")

// A Frame is a frame as captured or built, with its headers decoded as far as
// they go: IP fields are zero for anything but IPv4 and IPv6, UDP fields for
// anything but an unfragmented or first fragment of UDP.
type Frame struct {
	At       time.Time // the kernel's time of capture
	Outgoing bool      // sent by the tapped link, rather than received
	Raw      []byte    // from the Ethernet header on

	EtherDst, EtherSrc net.HardwareAddr
	VLAN               uint16 // 802.1Q identifier, 0 if untagged
	EtherType          uint16

	IPSrc, IPDst netip.Addr
	TOS          uint8  // IPv6: the traffic class
	IPLen        uint16 // as the header says; IPv6: without the fixed header
	ID           uint16 // IPv6: the lower half
	DF, MF       bool
	FragOffset   uint16 // in octets
	TTL          uint8  // IPv6: the hop limit
	Proto        uint8  // IPv6: after the extension headers
	IPSumOK      bool   // IPv6 has no such checksum: it is right

	SrcPort, DstPort uint16
	UDPLen           uint16 // as the header says
	UDPSum           uint16 // as the header says; 0: none
	UDPSumOK         bool   // right, or none, which IPv6 does not allow
	Payload          []byte // octets after the UDP header, without Ethernet padding
}

// Fragment reports whether the frame holds a part of an IP packet only.
func (f *Frame) Fragment() bool { return f.MF || f.FragOffset != 0 }

// UDP reports whether the frame holds a whole UDP datagram.
func (f *Frame) UDP() bool { return f.Proto == ProtoUDP && !f.Fragment() && f.UDPLen != 0 }

// DHCP4 reports whether the frame holds a UDP datagram over IPv4 from or to port
// 67 or 68.
func (f *Frame) DHCP4() bool { return f.EtherType == TypeIPv4 && f.ports(67, 68) }

// DHCP6 reports whether the frame holds a UDP datagram over IPv6 from or to port
// 546 or 547.
func (f *Frame) DHCP6() bool { return f.EtherType == TypeIPv6 && f.ports(546, 547) }

// ports reports whether the frame holds a UDP datagram from or to one of the
// ports.
func (f *Frame) ports(a, b uint16) bool {
	is := func(p uint16) bool { return p == a || p == b }
	return f.UDP() && (is(f.SrcPort) || is(f.DstPort))
}

// Src returns the UDP source.
func (f *Frame) Src() netip.AddrPort { return netip.AddrPortFrom(f.IPSrc, f.SrcPort) }

// Dst returns the UDP destination.
func (f *Frame) Dst() netip.AddrPort { return netip.AddrPortFrom(f.IPDst, f.DstPort) }

// Decode reads the headers of a frame; the result refers to raw. The error
// wraps ErrTruncated if the frame is too short, and the Frame then holds what
// could be read.
func Decode(raw []byte) (Frame, error) {
	f := Frame{Raw: raw}
	if len(raw) < etherLen {
		return f, fmt.Errorf("ethernet header: %w", ErrTruncated)
	}
	f.EtherDst, f.EtherSrc = raw[0:6], raw[6:12]
	f.EtherType = binary.BigEndian.Uint16(raw[12:])
	rest := raw[etherLen:]
	if f.EtherType == TypeVLAN {
		if len(rest) < vlanLen {
			return f, fmt.Errorf("802.1Q header: %w", ErrTruncated)
		}
		f.VLAN = binary.BigEndian.Uint16(rest) & 0xfff
		f.EtherType = binary.BigEndian.Uint16(rest[2:])
		rest = rest[vlanLen:]
	}
	var err error
	switch f.EtherType {
	case TypeIPv4:
		err = f.ip(rest)
	case TypeIPv6:
		err = f.ip6(rest)
	}
	return f, err
}

func (f *Frame) ip(b []byte) error {
	if len(b) < ipLen {
		return fmt.Errorf("IP header: %w", ErrTruncated)
	}
	head := int(b[0]&0xf) * 4
	f.TOS = b[1]
	f.IPLen = binary.BigEndian.Uint16(b[2:])
	f.ID = binary.BigEndian.Uint16(b[4:])
	frag := binary.BigEndian.Uint16(b[6:])
	f.DF, f.MF, f.FragOffset = frag&0x4000 != 0, frag&0x2000 != 0, frag&0x1fff*8
	f.TTL, f.Proto = b[8], b[9]
	f.IPSrc, f.IPDst = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	if head < ipLen || head > len(b) {
		return fmt.Errorf("IP options: %w", ErrTruncated)
	}
	f.IPSumOK = fold(sum(0, b[:head])) == 0xffff
	end := int(f.IPLen)
	if end < head || end > len(b) {
		return fmt.Errorf("IP packet of %d octets in %d: %w", end, len(b), ErrTruncated)
	}
	if f.Proto != ProtoUDP || f.FragOffset != 0 {
		return nil
	}
	return f.udp(b[head:end])
}

func (f *Frame) udp(b []byte) error {
	if len(b) < udpLen {
		return fmt.Errorf("UDP header: %w", ErrTruncated)
	}
	f.SrcPort, f.DstPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	f.UDPLen, f.UDPSum = binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	if f.MF {
		f.Payload = b[udpLen:]
		return nil
	}
	end := int(f.UDPLen)
	if end < udpLen || end > len(b) {
		return fmt.Errorf("UDP datagram of %d octets in %d: %w", end, len(b), ErrTruncated)
	}
	f.Payload = b[udpLen:end]
	f.UDPSumOK = f.UDPSum == 0 && f.EtherType == TypeIPv4 ||
		f.UDPSum != 0 && fold(sum(pseudo(f.IPSrc, f.IPDst, end), b[:end])) == 0xffff
	return nil
}

// pseudo returns the sum of UDP's pseudo-header (RFC 768; RFC 8200, section 8.1).
func pseudo(src, dst netip.Addr, length int) uint32 {
	return sum(sum(ProtoUDP+uint32(length), src.AsSlice()), dst.AsSlice())
}

// sum adds 16-bit words (RFC 1071); an odd last octet counts as a high one. acc
// cannot overflow over the 64 KiB that an IP packet may have.
func sum(acc uint32, b []byte) uint32 {
	for ; len(b) >= 2; b = b[2:] {
		acc += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		acc += uint32(b[0]) << 8
	}
	return acc
}

func fold(acc uint32) uint16 {
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}
