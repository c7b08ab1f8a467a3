package bench

import (
	"encoding/binary"
	"net"
	"net/netip"

	"dhcp-relay/cmd/lab/wire"
)

const typeIPv6 = 0x86dd

// frame6 returns a UDP datagram over IPv6 over Ethernet.
func frame6(from, to net.HardwareAddr, src, dst netip.AddrPort, payload []byte) []byte {
	n := 8 + len(payload)
	b := make([]byte, headers6, headers6+len(payload))
	copy(b, to)
	copy(b[6:], from)
	binary.BigEndian.PutUint16(b[12:], typeIPv6)

	ip := b[etherLen:]
	ip[0] = 6 << 4
	binary.BigEndian.PutUint16(ip[4:], uint16(n))
	ip[6], ip[7] = wire.ProtoUDP, 64
	s, d := src.Addr().As16(), dst.Addr().As16()
	copy(ip[8:], s[:])
	copy(ip[24:], d[:])

	u := ip[40:]
	binary.BigEndian.PutUint16(u, src.Port())
	binary.BigEndian.PutUint16(u[2:], dst.Port())
	binary.BigEndian.PutUint16(u[4:], uint16(n))
	b = append(b, payload...)
	// The pseudo-header (RFC 8200, section 8.1), then the datagram.
	acc := sum(sum(uint64(n)+wire.ProtoUDP, s[:]), d[:])
	putSum(b[etherLen+46:], sum(acc, b[etherLen+40:]))
	return b
}

// sum adds 16-bit words (RFC 1071); an odd last octet counts as a high one.
func sum(acc uint64, b []byte) uint64 {
	for ; len(b) >= 2; b = b[2:] {
		acc += uint64(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		acc += uint64(b[0]) << 8
	}
	return acc
}

// putSum writes the complement of a sum as a UDP checksum.
func putSum(b []byte, acc uint64) {
	for acc > 0xffff {
		acc = acc>>16 + acc&0xffff
	}
	if acc == 0xffff {
		acc = 0 // a checksum of zero is sent as all ones (RFC 768)
	}
	binary.BigEndian.PutUint16(b, ^uint16(acc))
}
