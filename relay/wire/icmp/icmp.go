// Package icmp reads the errors by which hosts answer datagrams of this one (RFC 792,
// RFC 4443). It knows octets and names only. What an error says is no proof: anybody
// can send one.
package icmp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// A Kind is what an error says. The list is closed.
type Kind uint8

// The kinds.
const (
	Other           Kind = iota // none of the others
	PortClosed                  // nothing listens on the port
	HostUnreachable             // the last router, or this host, finds the receiver nowhere on the link
	NoRoute
	Prohibited // administratively, as firewalls do
	TooBig
	HopsExceeded // it went through too many routers, as where routes form a circle
	NumKinds     = int(iota)
)

// String returns the name that metrics and JSON have.
func (k Kind) String() string {
	return [NumKinds]string{"other", "port_closed", "host_unreachable", "no_route", "prohibited", "too_big", "hops_exceeded"}[k]
}

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *Kind) UnmarshalText(b []byte) error {
	for i := range Kind(NumKinds) {
		if i.String() == string(b) {
			*k = i
			return nil
		}
	}
	return fmt.Errorf("%q is no kind of ICMP error", b)
}

// An Error is what a host says of a UDP datagram.
type Error struct {
	Kind       Kind
	Type, Code uint8
	MTU        int            // of TooBig, 0 if it is not told
	Offender   netip.Addr     // who says so
	From, To   netip.AddrPort // of the datagram
}

// Where the fields of headers are, in octets:
//
//	IPv4   0 version, header length | 6 fragment offset | 9 protocol | 12 source | 16 destination
//	IPv6   0 version | 6 next header | 8 source | 24 destination | 40 what follows
//	ICMP   0 type | 1 code | 2 checksum | 4 MTU (IPv6), 6 MTU (IPv4) | 8 the datagram
//	UDP    0 source port | 2 destination port
const (
	sizeIPv4 = 20
	sizeIPv6 = 40
	sizeICMP = 8
	ports    = 4 // octets of a UDP header that are needed

	protocolICMP = 1
	protocolUDP  = 17
	nextFragment = 44
	sizeFragment = 8
)

// Decode4 reads an IPv4 packet that holds an ICMP message. It returns false of what is
// no error about a UDP datagram.
func Decode4(b []byte) (e Error, ok bool) {
	h, ok := header4(b)
	if !ok || b[9] != protocolICMP || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
		return e, false
	}
	m := b[h:]
	if n := int(binary.BigEndian.Uint16(b[2:])); n >= h && n <= len(b) {
		m = b[h:n]
	}
	if len(m) < sizeICMP || checksum(m) != 0 {
		return e, false
	}
	of := m[sizeICMP:] // only its beginning is there, be its length what it may
	h, ok = header4(of)
	if !ok || of[9] != protocolUDP || binary.BigEndian.Uint16(of[6:])&0x1fff != 0 || len(of) < h+ports {
		return e, false
	}
	e = Error{Type: m[0], Code: m[1], Offender: netip.AddrFrom4([4]byte(b[12:16]))}
	if e.Kind, ok = kind4(e.Type, e.Code); !ok {
		return e, false
	}
	if e.Kind == TooBig {
		e.MTU = int(binary.BigEndian.Uint16(m[6:]))
	}
	e.From = netip.AddrPortFrom(netip.AddrFrom4([4]byte(of[12:16])), binary.BigEndian.Uint16(of[h:]))
	e.To = netip.AddrPortFrom(netip.AddrFrom4([4]byte(of[16:20])), binary.BigEndian.Uint16(of[h+2:]))
	return e, true
}

// header4 returns the length of the IPv4 header that b begins with.
func header4(b []byte) (int, bool) {
	if len(b) < sizeIPv4 || b[0]>>4 != 4 {
		return 0, false
	}
	h := int(b[0]&0xf) * 4
	return h, h >= sizeIPv4 && len(b) >= h
}

// checksum returns the Internet checksum of b, 0 where it holds its own and is whole.
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
		sum = sum&0xffff + sum>>16
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	return ^uint16(sum&0xffff + sum>>16)
}

// kind4 returns what a type and code of IPv4 say (RFC 792; RFC 1122, section 3.2.2.1;
// RFC 1812, section 5.2.7.1), false of those that are no errors of the way.
func kind4(typ, code uint8) (Kind, bool) {
	const unreachable, exceeded, parameter = 3, 11, 12
	switch typ {
	case unreachable:
		switch code {
		case 0, 5, 6, 11:
			return NoRoute, true
		case 1, 7, 12:
			return HostUnreachable, true
		case 3:
			return PortClosed, true
		case 4:
			return TooBig, true
		case 9, 10, 13, 14, 15:
			return Prohibited, true
		}
		return Other, true
	case exceeded:
		if code == 0 {
			return HopsExceeded, true
		}
		return Other, true
	case parameter:
		return Other, true
	}
	return Other, false
}

// Decode6 reads an ICMPv6 message of a host, the checksum of which the kernel has
// verified. It returns false of what is no error about a UDP datagram.
func Decode6(m []byte, from netip.Addr) (e Error, ok bool) {
	if len(m) < sizeICMP+sizeIPv6+ports {
		return e, false
	}
	of := m[sizeICMP:]
	next, at := of[6], sizeIPv6
	if next == nextFragment {
		if len(of) < sizeIPv6+sizeFragment+ports || binary.BigEndian.Uint16(of[at+2:])>>3 != 0 {
			return e, false
		}
		next, at = of[at], at+sizeFragment
	}
	if of[0]>>4 != 6 || next != protocolUDP {
		return e, false
	}
	e = Error{Type: m[0], Code: m[1], Offender: from.WithZone("")}
	if e.Kind, ok = kind6(e.Type, e.Code); !ok {
		return e, false
	}
	if e.Kind == TooBig {
		e.MTU = int(binary.BigEndian.Uint32(m[4:]) & 0xffff) // no link has more that matters
	}
	e.From = netip.AddrPortFrom(netip.AddrFrom16([16]byte(of[8:24])), binary.BigEndian.Uint16(of[at:]))
	e.To = netip.AddrPortFrom(netip.AddrFrom16([16]byte(of[24:40])), binary.BigEndian.Uint16(of[at+2:]))
	return e, true
}

// kind6 is kind4 for IPv6 (RFC 4443, section 3).
func kind6(typ, code uint8) (Kind, bool) {
	const unreachable, tooBig, exceeded, parameter = 1, 2, 3, 4
	switch typ {
	case unreachable:
		switch code {
		case 0, 2:
			return NoRoute, true
		case 1, 5, 6:
			return Prohibited, true
		case 3:
			return HostUnreachable, true
		case 4:
			return PortClosed, true
		}
		return Other, true
	case tooBig:
		return TooBig, true
	case exceeded:
		if code == 0 {
			return HopsExceeded, true
		}
		return Other, true
	case parameter:
		return Other, true
	}
	return Other, false
}
