//go:build !small

package capture

import (
	"encoding/binary"
	"net/netip"
)

// Protocol numbers, and those of the IPv6 headers before the last (RFC 8200,
// section 4.1).
const (
	protocolUDP = 17
	hopByHop    = 0
	routing     = 43
	fragment    = 44
	destination = 60

	headerUDP  = 8
	headerIPv6 = 40
)

// ip takes off the IP header.
func (p *Packet) ip(b []byte, cut bool) {
	if len(b) == 0 {
		return
	}
	switch b[0] >> 4 {
	case 4:
		p.ipv4(b, cut)
	case 6:
		p.ipv6(b, cut)
	}
}

// ipv4 takes off an IPv4 header (RFC 791, section 3.1):
//
//	 0 version, IHL | 1 TOS | 2 total length | 4 identification
//	 6 flags, fragment offset | 8 TTL | 9 protocol | 10 checksum
//	12 source | 16 destination
func (p *Packet) ipv4(b []byte, cut bool) {
	if len(b) < 20 || b[9] != protocolUDP {
		return
	}
	const moreFragments, offset = 0x2000, 0x1fff
	src, dst := netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	header, total := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	if place := binary.BigEndian.Uint16(b[6:]) & (moreFragments | offset); place != 0 {
		p.Skip = Fragment
		if place&offset == 0 {
			p.ports(b, header, src, dst)
		}
		return
	}
	if total == 0 {
		// The network card was to cut it into segments and fill this in.
		total = len(b)
	}
	if header < 20 || total < header {
		p.Skip = BadLength
		return
	}
	p.udp(b, header, total, cut, src, dst)
}

// ipv6 takes off an IPv6 header (RFC 8200, section 3) and those that follow:
//
//	0 version, class, flow | 4 payload length | 6 next header | 7 hop limit
//	8 source | 24 destination
func (p *Packet) ipv6(b []byte, cut bool) {
	if len(b) < headerIPv6 {
		return
	}
	src, dst := netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	total := headerIPv6 + int(binary.BigEndian.Uint16(b[4:]))
	at, next := headerIPv6, b[6]
	for next == hopByHop || next == routing || next == destination {
		if len(b) < at+2 {
			return
		}
		next, at = b[at], at+8*(1+int(b[at+1]))
	}
	switch {
	case next == fragment && len(b) >= at+8 && b[at] == protocolUDP:
		p.Skip = Fragment
		if binary.BigEndian.Uint16(b[at+2:])>>3 == 0 {
			p.ports(b, at+8, src, dst)
		}
		return
	case next != protocolUDP:
		return
	}
	p.udp(b, at, total, cut, src, dst)
}

// udp takes off a UDP header (RFC 768), which begins at an offset of an IP packet
// of total octets. What the frame has behind that is its padding.
//
//	0 source port | 2 destination port | 4 length | 6 checksum
func (p *Packet) udp(b []byte, at, total int, cut bool, src, dst netip.Addr) {
	p.ports(b, at, src, dst)
	if len(b) < total {
		p.Skip = BadLength
		if cut {
			p.Skip = CutOff
		}
		return
	}
	b = b[:total]
	if len(b) < at+headerUDP {
		p.Skip = BadLength
		return
	}
	b = b[at:]
	n := int(binary.BigEndian.Uint16(b[4:]))
	switch {
	case n < headerUDP || n > len(b):
		p.Skip = BadLength
		return
	case src.Is6() && binary.BigEndian.Uint16(b[6:]) == 0:
		p.Skip = NoChecksum
		return
	}
	p.Skip = Datagram
	p.Payload = b[headerUDP:n:n]
}

// ports notes where a datagram comes from and goes to, if as much of it is there.
func (p *Packet) ports(b []byte, at int, src, dst netip.Addr) {
	if len(b) < at+4 {
		return
	}
	p.Src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b[at:]))
	p.Dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[at+2:]))
}
