package frame

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// A frame with IPv4, in octets:
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
	sizeIPv4    = 20
	sizeUDP     = 8
	offUDP      = offIP + sizeIPv4
	sizeHeaders = offUDP + sizeUDP
	maxPayload  = 0xffff - sizeIPv4 - sizeUDP
)

const (
	typeIPv4    = 0x0800
	versionIHL  = 0x45 // version 4, 5 words of header
	ttl         = 64   // the default of RFC 1700; the client is one hop away
	protocolUDP = 17

	moreFragments = 1 << 13 // the flag MF, in the word that has the offset (RFC 791, section 3.1)
)

// A header says what the headers of a frame hold.
type header struct {
	to, from [6]byte
	src, dst netip.AddrPort
	id       uint32 // of the datagram, IPv4 has the lower half; IPv6 has it in fragments alone
}

// putHeaders writes the headers in front of the payload in f. DF stays clear, as
// in what the kernel itself sends to clients, so the identification counts
// (RFC 6864, section 4.3). The checksums are of the values that are written: to
// read again in long words what was just written in short ones would take longer.
func putHeaders(f []byte, h *header) {
	putEthernet(f, h, typeIPv4)

	src, dst := word(h.src.Addr()), word(h.dst.Addr())
	ip := f[offIP:]
	ip[0], ip[1] = versionIHL, 0
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	binary.BigEndian.PutUint16(ip[4:], uint16(h.id))
	binary.BigEndian.PutUint16(ip[6:], 0)
	ip[8], ip[9] = ttl, protocolUDP
	addrs := uint64(src) + uint64(dst)
	s := addrs + versionIHL<<8 + uint64(len(ip)) + uint64(uint16(h.id)) + ttl<<8 + protocolUDP
	binary.BigEndian.PutUint16(ip[10:], ^fold(s))
	binary.BigEndian.PutUint32(ip[12:], src)
	binary.BigEndian.PutUint32(ip[16:], dst)

	udp := f[offUDP:]
	binary.BigEndian.PutUint16(udp[0:], h.src.Port())
	binary.BigEndian.PutUint16(udp[2:], h.dst.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	s = addrs + protocolUDP + uint64(len(udp)) // the pseudo header
	s += uint64(h.src.Port()) + uint64(h.dst.Port()) + uint64(len(udp)) + halve(sum(f[sizeHeaders:]))
	binary.BigEndian.PutUint16(udp[6:], udpChecksum(s))
}

// putEthernet writes the Ethernet header.
func putEthernet(f []byte, h *header, typ uint16) {
	copy(f[0:], h.to[:])
	copy(f[6:], h.from[:])
	binary.BigEndian.PutUint16(f[12:], typ)
}

// putFragment writes Ethernet and IPv4 headers in front of the part of a datagram
// in f that begins off octets into it.
func putFragment(f []byte, h *header, off int, last bool) {
	putEthernet(f, h, typeIPv4)
	place := uint16(off / fragmentUnit)
	if !last {
		place |= moreFragments
	}
	src, dst := word(h.src.Addr()), word(h.dst.Addr())
	ip := f[offIP:]
	ip[0], ip[1] = versionIHL, 0
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	binary.BigEndian.PutUint16(ip[4:], uint16(h.id))
	binary.BigEndian.PutUint16(ip[6:], place)
	ip[8], ip[9] = ttl, protocolUDP
	ip[10], ip[11] = 0, 0
	binary.BigEndian.PutUint32(ip[12:], src)
	binary.BigEndian.PutUint32(ip[16:], dst)
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(ip[:sizeIPv4])))
}

// word returns an IPv4 address as a number.
func word(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// udpChecksum returns the checksum of a datagram whose words and whose pseudo
// header's add up to s. A checksum of 0 is sent as 0xffff, as 0 would say that there
// is none (RFC 768; RFC 1122, section 4.1.3.4). Packet sockets have no checksum
// offload, so it must be whole.
func udpChecksum(s uint64) uint16 {
	if c := ^fold(s); c != 0 {
		return c
	}
	return 0xffff
}

// sum adds up b as 64-bit words in ones' complement; the order of octets is as
// in the 16-bit words that RFC 1071 adds, of which a larger word is a multiple. Of
// words that are added one after the other the processor keeps the carry.
func sum(b []byte) uint64 {
	var s, carry uint64
	for len(b) >= 32 {
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[8:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[16:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[24:]), carry)
		b = b[32:]
	}
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

// halve reduces a ones' complement sum to 33 bits, so that more can be added.
func halve(s uint64) uint64 { return s>>32 + s&0xffffffff }

// fold reduces a ones' complement sum to 16 bits.
func fold(s uint64) uint16 {
	s = halve(s)
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return uint16(s)
}
