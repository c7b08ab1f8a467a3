package frame

import "encoding/binary"

// A frame with IPv6, in octets:
//
//	 0 Ethernet   0 destination | 6 source | 12 type
//	14 IPv6       0 version, class, label | 4 length | 6 next header | 7 hop limit
//	              8 source | 24 destination        (RFC 8200, section 3)
//	54 UDP        0 source port | 2 destination port | 4 length | 6 checksum
//	                                               (RFC 768)
//	62 payload
//
// In a fragment there is another header behind that of IPv6:
//
//	54 fragment   0 next header | 2 offset, more | 4 identification
//	                                               (RFC 8200, section 4.5)
const (
	sizeIPv6     = 40
	sizeFragment = 8
	offUDP6      = offIP + sizeIPv6
	sizeHeaders6 = offUDP6 + sizeUDP
	maxPayload6  = 0xffff - sizeUDP
)

const (
	typeIPv6         = 0x86dd
	version6         = 6 << 28
	hopLimit         = 64 // the default of RFC 1700, as the kernel's; the client is on the link
	protocolFragment = 44
	moreFragments6   = 1
)

// putHeaders6 writes the headers in front of the payload in f. The checksum must
// not be left out (RFC 8200, section 8.1).
func putHeaders6(f []byte, h *header) {
	udp := f[offUDP6:]
	putUDP6(udp, h)
	putIPv6(f, h, len(udp), protocolUDP)
}

// putUDP6 writes the UDP header of a whole datagram.
func putUDP6(udp []byte, h *header) {
	src, dst := h.src.Addr().As16(), h.dst.Addr().As16()
	binary.BigEndian.PutUint16(udp[0:], h.src.Port())
	binary.BigEndian.PutUint16(udp[2:], h.dst.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	s := halve(sum(src[:])) + halve(sum(dst[:])) + protocolUDP + uint64(len(udp)) // the pseudo header
	s += uint64(h.src.Port()) + uint64(h.dst.Port()) + uint64(len(udp)) + halve(sum(udp[sizeUDP:]))
	binary.BigEndian.PutUint16(udp[6:], udpChecksum(s))
}

// putFragment6 writes Ethernet, IPv6 and fragment headers in front of the part of
// a datagram in f that begins off octets into it.
func putFragment6(f []byte, h *header, off int, last bool) {
	putIPv6(f, h, len(f)-offUDP6, protocolFragment)
	x := f[offUDP6:]
	x[0], x[1] = protocolUDP, 0
	place := uint16(off) // a multiple of 8, in units of which it is counted
	if !last {
		place |= moreFragments6
	}
	binary.BigEndian.PutUint16(x[2:], place)
	binary.BigEndian.PutUint32(x[4:], h.id)
}

// putIPv6 writes Ethernet and IPv6 headers in front of n octets.
func putIPv6(f []byte, h *header, n int, next uint8) {
	putEthernet(f, h, typeIPv6)
	ip := f[offIP:]
	binary.BigEndian.PutUint32(ip[0:], version6)
	binary.BigEndian.PutUint16(ip[4:], uint16(n))
	ip[6], ip[7] = next, hopLimit
	src, dst := h.src.Addr().As16(), h.dst.Addr().As16()
	copy(ip[8:], src[:])
	copy(ip[24:], dst[:])
}
