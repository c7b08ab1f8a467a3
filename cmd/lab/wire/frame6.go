package wire

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// ip6Len is the length of the fixed IPv6 header, in octets.
const ip6Len = 40

// Extension headers that a frame may bear (RFC 8200, section 4).
const (
	protoHopByHop = 0
	protoRouting  = 43
	protoFragment = 44
	protoOptions  = 60
)

// ip6 reads an IPv6 packet:
//
//	version, class, flow label (4) | payload length (2) | next header | hop limit
//	source (16) | destination (16)
func (f *Frame) ip6(b []byte) error {
	if len(b) < ip6Len {
		return fmt.Errorf("IPv6 header: %w", ErrTruncated)
	}
	f.TOS = b[0]<<4 | b[1]>>4
	f.IPLen = binary.BigEndian.Uint16(b[4:])
	f.Proto, f.TTL, f.IPSumOK = b[6], b[7], true
	f.IPSrc, f.IPDst = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	end := ip6Len + int(f.IPLen)
	if end > len(b) {
		return fmt.Errorf("IPv6 packet of %d octets in %d: %w", end, len(b), ErrTruncated)
	}
	rest, err := f.extensions(b[ip6Len:end])
	if err != nil || f.Proto != ProtoUDP || f.FragOffset != 0 {
		return err
	}
	return f.udp(rest)
}

// extensions goes past the extension headers, whose length counts units of eight
// octets beyond the first (RFC 8200, section 4.3).
func (f *Frame) extensions(b []byte) ([]byte, error) {
	for f.Proto == protoHopByHop || f.Proto == protoRouting || f.Proto == protoFragment || f.Proto == protoOptions {
		n := 8
		if len(b) >= n && f.Proto != protoFragment {
			n += 8 * int(b[1])
		}
		if len(b) < n {
			return nil, fmt.Errorf("IPv6 extension header: %w", ErrTruncated)
		}
		if f.Proto == protoFragment {
			off := binary.BigEndian.Uint16(b[2:])
			f.FragOffset, f.MF, f.ID = off&^7, off&1 != 0, binary.BigEndian.Uint16(b[6:])
		}
		f.Proto = b[0]
		b = b[n:]
		if f.FragOffset != 0 {
			break
		}
	}
	return b, nil
}

// v6 reports whether the packet is one of IPv6.
func (p *Packet) v6() bool { return p.Src.Addr().Is6() || p.Dst.Addr().Is6() }

// group returns where a packet goes by default: to all, or to those that listen
// to the IPv6 group (RFC 2464, section 7).
func (p *Packet) group() net.HardwareAddr {
	if a := p.Dst.Addr(); a.Is6() && a.IsMulticast() {
		return slices.Concat(net.HardwareAddr{0x33, 0x33}, a.AsSlice()[12:])
	}
	return Broadcast()
}

// header6 appends the IPv6 header and the extension headers for n octets of data.
func (p *Packet) header6(b []byte, n int) []byte {
	next := uint8(ProtoUDP)
	if len(p.Ext) > 0 {
		next = p.First
	}
	b = append(b, 6<<4|p.TOS>>4, p.TOS<<4, 0, 0)
	b = binary.BigEndian.AppendUint16(b, or(p.IPLen, uint16(len(p.Ext)+n)))
	b = append(b, next, or(p.TTL, 64))
	b = append(append(b, p.Src.Addr().AsSlice()...), p.Dst.Addr().AsSlice()...)
	return append(b, p.Ext...)
}

// fragments6 is Fragments for IPv6, which says in an extension header what a
// fragment is (RFC 8200, section 4.5).
func (p *Packet) fragments6(size int) [][]byte {
	size &^= 7
	data := p.datagram()
	var out [][]byte
	for off := 0; off < len(data); off += size {
		end, more := min(off+size, len(data)), uint16(1)
		if end == len(data) {
			more = 0
		}
		q := *p
		q.First, q.Ext = protoFragment, []byte{ProtoUDP, 0}
		q.Ext = binary.BigEndian.AppendUint16(q.Ext, uint16(off)|more)
		q.Ext = binary.BigEndian.AppendUint32(q.Ext, uint32(p.ID))
		out = append(out, q.frame(data[off:end], 0, 0))
	}
	return out
}
