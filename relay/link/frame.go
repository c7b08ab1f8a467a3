package link

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// A frame, in octets:
//
//	 0 Ethernet   0 destination | 6 source | 12 type
//	14 IPv4       0 version, IHL | 1 TOS | 2 total length | 4 identification
//	              6 flags, fragment offset | 8 TTL | 9 protocol | 10 checksum
//	             12 source | 16 destination        (RFC 791, section 3.1)
//	34 UDP        0 source port | 2 destination port | 4 length | 6 checksum
//	                                               (RFC 768)
//	42 payload
const (
	offIP       = 14
	offUDP      = offIP + 20
	sizeHeaders = offUDP + 8
	maxPayload  = 0xffff - 20 - 8
)

const (
	typeIPv4    = 0x0800
	versionIHL  = 0x45 // version 4, 5 words of header
	ttl         = 64   // the default of RFC 1700; the client is one hop away
	protocolUDP = 17
)

// A header says what the headers of a frame hold.
type header struct {
	to, from [6]byte
	src, dst netip.AddrPort
	id       uint16
}

// putHeaders writes the headers in front of the payload in f. DF stays clear, as
// in what the kernel itself sends for this relay, so the identification counts
// (RFC 6864, section 4.3).
func putHeaders(f []byte, h *header) {
	copy(f[0:], h.to[:])
	copy(f[6:], h.from[:])
	binary.BigEndian.PutUint16(f[12:], typeIPv4)

	ip := f[offIP:]
	src, dst := h.src.Addr().As4(), h.dst.Addr().As4()
	clear(ip[:20])
	ip[0] = versionIHL
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	binary.BigEndian.PutUint16(ip[4:], h.id)
	ip[8] = ttl
	ip[9] = protocolUDP
	copy(ip[12:], src[:])
	copy(ip[16:], dst[:])
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(ip[:20])))

	udp := f[offUDP:]
	binary.BigEndian.PutUint16(udp[0:], h.src.Port())
	binary.BigEndian.PutUint16(udp[2:], h.dst.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	binary.BigEndian.PutUint16(udp[6:], 0)
	binary.BigEndian.PutUint16(udp[6:], udpChecksum(ip[12:20], udp))
}

// udpChecksum returns the checksum over the pseudo header and the datagram, in
// which the checksum itself is 0. A sum of 0 is sent as 0xffff, as 0 would say
// that there is none (RFC 768; RFC 1122, section 4.1.3.4). Packet sockets have
// no checksum offload, so it must be whole.
func udpChecksum(addrs, udp []byte) uint16 {
	s := uint64(fold(sum(addrs))) + protocolUDP + uint64(len(udp)) + uint64(fold(sum(udp)))
	if c := ^fold(s); c != 0 {
		return c
	}
	return 0xffff
}

// sum adds up b as 64-bit words in ones' complement; the order of octets is as
// in the 16-bit words that RFC 1071 adds, of which a larger word is a multiple.
func sum(b []byte) uint64 {
	var s, carry uint64
	for len(b) >= 8 {
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		b = b[8:]
	}
	var last [8]byte
	copy(last[:], b)
	s, carry = bits.Add64(s, binary.BigEndian.Uint64(last[:]), carry)
	s, carry = bits.Add64(s, 0, carry)
	return s + carry
}

// fold reduces a ones' complement sum to 16 bits.
func fold(s uint64) uint16 {
	s = s>>32 + s&0xffffffff
	s = s>>32 + s&0xffffffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return uint16(s)
}
