package pcapng

import (
	"encoding/binary"
	"net/netip"
)

// Sizes of headers, in octets (RFC 791, section 3.1; RFC 8200, section 3; RFC
// 768).
const (
	ip4Len = 20
	ip6Len = 40
	udpLen = 8
)

const (
	ttl      = 64
	protoUDP = 17
)

// headersOf returns the octets of the headers in front of a payload that goes to
// an address.
func headersOf(dst netip.Addr) int {
	if dst.Is4() {
		return ip4Len + udpLen
	}
	return ip6Len + udpLen
}

// datagram returns the payload with IP and UDP headers. Of a payload of size
// octets it may be but the beginning.
func datagram(src, dst netip.AddrPort, payload []byte, size int) []byte {
	n := headersOf(dst.Addr())
	b := make([]byte, n, n+len(payload))
	ip, udp := b[:n-udpLen], b[n-udpLen:]
	from, to := addresses(src.Addr(), dst.Addr())
	if dst.Addr().Is4() {
		ip[0] = 4<<4 | ip4Len/4
		binary.BigEndian.PutUint16(ip[2:], uint16(n+size))
		ip[8], ip[9] = ttl, protoUDP
		copy(ip[12:], from)
		copy(ip[16:], to)
		binary.BigEndian.PutUint16(ip[10:], ^fold(sum(0, ip)))
	} else {
		ip[0] = 6 << 4
		binary.BigEndian.PutUint16(ip[4:], uint16(udpLen+size))
		ip[6], ip[7] = protoUDP, ttl
		copy(ip[8:], from)
		copy(ip[24:], to)
	}
	binary.BigEndian.PutUint16(udp, src.Port())
	binary.BigEndian.PutUint16(udp[2:], dst.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(udpLen+size))
	switch {
	case len(payload) == size:
		s := sum(sum(protoUDP+uint32(udpLen+size), from), to)
		binary.BigEndian.PutUint16(udp[6:], nonZero(^fold(sum(sum(s, udp), payload))))
	case dst.Addr().Is6():
		// The checksum of what was cut is not known, and over IPv6 there must be
		// one (RFC 8200, section 8.1).
		binary.BigEndian.PutUint16(udp[6:], 0xffff)
	}
	return append(b, payload...)
}

// addresses returns the octets of both, in the family of the destination.
func addresses(src, dst netip.Addr) (from, to []byte) {
	if src.Is4() != dst.Is4() {
		src = netip.IPv6Unspecified()
		if dst.Is4() {
			src = netip.IPv4Unspecified()
		}
	}
	return src.AsSlice(), dst.AsSlice()
}

// sum adds octets to a sum of 16-bit words (RFC 1071). Only the last octets that
// are added may be odd in number.
func sum(s uint32, b []byte) uint32 {
	for ; len(b) > 1; b = b[2:] {
		s += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		s += uint32(b[0]) << 8
	}
	return s
}

// fold ends a sum.
func fold(s uint32) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// nonZero returns the checksum as UDP sends it: 0 says that there is none (RFC
// 768).
func nonZero(s uint16) uint16 {
	if s == 0 {
		return 0xffff
	}
	return s
}
