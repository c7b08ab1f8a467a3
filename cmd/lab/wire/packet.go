package wire

import (
	"encoding/binary"
	"net"
	"net/netip"
)

// A Packet describes a UDP datagram over IP over Ethernet, IPv6 if an address is
// of that family. A zero field gets the usual value, a pointer that is not nil
// any value, however wrong.
type Packet struct {
	EtherSrc net.HardwareAddr // nil: 02:00:00:00:00:01
	EtherDst net.HardwareAddr // nil: broadcast; that of the group for an IPv6 multicast
	VLAN     uint16           // 802.1Q identifier; 0: untagged

	Src, Dst  netip.AddrPort // invalid addresses: 0.0.0.0 and 255.255.255.255
	TOS       uint8
	ID        uint16
	TTL       *uint8 // nil: 64
	DF        bool
	IPOptions []byte // a multiple of 4 octets
	IPLen     *uint16
	IPSum     *uint16
	First     uint8  // IPv6: what Ext begins with, such as 0 for Hop-by-Hop Options
	Ext       []byte // IPv6: extension headers, the last of which says that UDP follows

	UDPLen  *uint16
	UDPSum  *uint16 // 0: none (RFC 768)
	Payload []byte
}

// Frame returns the octets of the frame, without Ethernet padding or FCS.
func (p *Packet) Frame() []byte { return p.frame(p.datagram(), 0, p.flags()) }

// Fragments returns the frames of the packet cut into fragments whose IP payload
// has at most size octets; size is rounded down to a multiple of 8.
func (p *Packet) Fragments(size int) [][]byte {
	if p.v6() {
		return p.fragments6(size)
	}
	size &^= 7
	data := p.datagram()
	var out [][]byte
	for off := 0; off < len(data); off += size {
		end, flags := min(off+size, len(data)), p.flags()
		if end < len(data) {
			flags |= 0x2000
		}
		out = append(out, p.frame(data[off:end], off, flags))
	}
	return out
}

func (p *Packet) flags() uint16 {
	if p.DF {
		return 0x4000
	}
	return 0
}

// datagram returns the UDP header and the payload.
func (p *Packet) datagram() []byte {
	length := udpLen + len(p.Payload)
	b := make([]byte, length)
	binary.BigEndian.PutUint16(b[0:], p.Src.Port())
	binary.BigEndian.PutUint16(b[2:], p.Dst.Port())
	binary.BigEndian.PutUint16(b[4:], or(p.UDPLen, uint16(length)))
	copy(b[udpLen:], p.Payload)
	s := ^fold(sum(pseudo(p.src(), p.dst(), length), b))
	if s == 0 {
		s = 0xffff // RFC 768: a sum of zero is sent as all ones
	}
	binary.BigEndian.PutUint16(b[6:], or(p.UDPSum, s))
	return b
}

// frame puts Ethernet and IP headers before a part of the datagram.
func (p *Packet) frame(data []byte, offset int, flags uint16) []byte {
	b := make([]byte, 0, etherLen+vlanLen+ip6Len+len(p.IPOptions)+len(p.Ext)+len(data))
	b = append(b, orMAC(p.EtherDst, p.group())...)
	b = append(b, orMAC(p.EtherSrc, net.HardwareAddr{2, 0, 0, 0, 0, 1})...)
	if p.VLAN != 0 {
		b = binary.BigEndian.AppendUint16(b, TypeVLAN)
		b = binary.BigEndian.AppendUint16(b, p.VLAN)
	}
	if p.v6() {
		b = binary.BigEndian.AppendUint16(b, TypeIPv6)
		return append(p.header6(b, len(data)), data...)
	}
	b = binary.BigEndian.AppendUint16(b, TypeIPv4)

	ip := make([]byte, ipLen+len(p.IPOptions))
	ip[0] = 4<<4 | uint8(len(ip)/4)
	ip[1] = p.TOS
	binary.BigEndian.PutUint16(ip[2:], or(p.IPLen, uint16(len(ip)+len(data))))
	binary.BigEndian.PutUint16(ip[4:], p.ID)
	binary.BigEndian.PutUint16(ip[6:], flags|uint16(offset/8))
	ip[8], ip[9] = or(p.TTL, 64), ProtoUDP
	src, dst := p.src().As4(), p.dst().As4()
	copy(ip[12:], src[:])
	copy(ip[16:], dst[:])
	copy(ip[ipLen:], p.IPOptions)
	binary.BigEndian.PutUint16(ip[10:], or(p.IPSum, ^fold(sum(0, ip))))
	return append(append(b, ip...), data...)
}

func (p *Packet) src() netip.Addr {
	if a := p.Src.Addr(); a.IsValid() {
		return a
	}
	return netip.IPv4Unspecified()
}

func (p *Packet) dst() netip.Addr {
	if a := p.Dst.Addr(); a.IsValid() {
		return a
	}
	return netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// Broadcast returns the Ethernet broadcast address.
func Broadcast() net.HardwareAddr { return net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }

func or[T any](p *T, v T) T {
	if p != nil {
		return *p
	}
	return v
}

func orMAC(mac, v net.HardwareAddr) net.HardwareAddr {
	if mac != nil {
		return mac
	}
	return v
}
