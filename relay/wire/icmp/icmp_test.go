package icmp

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var equal = cmp.Comparer(func(a, b Error) bool { return a == b })

// v4 returns an IPv4 packet in which 10.9.7.1 says something of a datagram from
// 10.1.0.1:67 to 10.9.0.2:67. Change edits it before the checksum is set.
func v4(typ, code uint8, change func(b []byte)) []byte {
	b := []byte{
		0x45, 0, 0, 56, 0, 0, 0, 0, 64, 1, 0, 0, 10, 9, 7, 1, 10, 1, 0, 1, // IPv4
		typ, code, 0, 0, 0, 0, 5, 120, // ICMP: MTU 1400
		0x45, 0, 1, 72, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 1, 0, 1, 10, 9, 0, 2, // the datagram, with DF
		0, 67, 0, 67, 1, 52, 0, 0, // UDP
	}
	if change != nil {
		change(b)
	}
	binary.BigEndian.PutUint16(b[22:], 0)
	binary.BigEndian.PutUint16(b[22:], checksum(b[20:]))
	return b
}

func TestDecode4(t *testing.T) {
	t.Parallel()
	said := func(k Kind, typ, code uint8, mtu int) Error {
		return Error{
			Kind: k, Type: typ, Code: code, MTU: mtu, Offender: netip.MustParseAddr("10.9.7.1"),
			From: netip.MustParseAddrPort("10.1.0.1:67"), To: netip.MustParseAddrPort("10.9.0.2:67"),
		}
	}
	for _, c := range []struct {
		name string
		b    []byte
		want Error // zero: none
	}{
		{"port unreachable", v4(3, 3, nil), said(PortClosed, 3, 3, 0)},
		{"host unreachable", v4(3, 1, nil), said(HostUnreachable, 3, 1, 0)},
		{"network unreachable", v4(3, 0, nil), said(NoRoute, 3, 0, 0)},
		{"administratively prohibited", v4(3, 13, nil), said(Prohibited, 3, 13, 0)},
		{"host prohibited", v4(3, 10, nil), said(Prohibited, 3, 10, 0)},
		{"fragmentation needed", v4(3, 4, nil), said(TooBig, 3, 4, 1400)},
		{"TTL exceeded", v4(11, 0, nil), said(HopsExceeded, 11, 0, 0)},
		{"reassembly time exceeded", v4(11, 1, nil), said(Other, 11, 1, 0)},
		{"a code that is not known", v4(3, 99, nil), said(Other, 3, 99, 0)},
		{"echo reply", v4(0, 0, nil), Error{}},
		{"redirect", v4(5, 1, nil), Error{}},
		{"of TCP", v4(3, 3, func(b []byte) { b[37] = 6 }), Error{}},
		{"of a later fragment", v4(3, 3, func(b []byte) { b[35] = 9 }), Error{}},
		{"a fragment itself", v4(3, 3, func(b []byte) { b[6] = 0x20 }), Error{}},
		{"padded", append(v4(3, 3, nil), 0xaa, 0xbb), said(PortClosed, 3, 3, 0)},
		{"options in the header of the datagram cut off", v4(3, 3, func(b []byte) { b[28] = 0x4f }), Error{}},
		{"wrong checksum", func() []byte { b := v4(3, 3, nil); b[45]++; return b }(), Error{}},
		{"cut off", v4(3, 3, nil)[:47], Error{}},
		{"empty", nil, Error{}},
	} {
		got, ok := Decode4(c.b)
		if !ok {
			got = Error{}
		}
		if diff := cmp.Diff(c.want, got, equal); diff != "" || ok != c.want.To.IsValid() {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, ok, diff)
		}
	}
}

// v6 returns an ICMPv6 message about a datagram from [2001:db8:1::1]:547 to
// [2001:db8:9::2]:547, with what headers there are between.
func v6(typ, code, next uint8, between ...byte) []byte {
	b := []byte{
		typ, code, 0, 0, 0, 0, 5, 120, // MTU 1400
		0x60, 0, 0, 0, 0, 100, next, 64, // IPv6
	}
	for _, a := range []string{"2001:db8:1::1", "2001:db8:9::2"} {
		ip := netip.MustParseAddr(a).As16()
		b = append(b, ip[:]...)
	}
	b = append(b, between...)
	return append(b, 2, 35, 2, 35, 0, 100, 0, 0) // UDP
}

func TestDecode6(t *testing.T) {
	t.Parallel()
	router := netip.MustParseAddr("2001:db8:7::1")
	said := func(k Kind, typ, code uint8, mtu int) Error {
		return Error{
			Kind: k, Type: typ, Code: code, MTU: mtu, Offender: router,
			From: netip.MustParseAddrPort("[2001:db8:1::1]:547"), To: netip.MustParseAddrPort("[2001:db8:9::2]:547"),
		}
	}
	for _, c := range []struct {
		name string
		b    []byte
		want Error // zero: none
	}{
		{"port unreachable", v6(1, 4, 17), said(PortClosed, 1, 4, 0)},
		{"address unreachable", v6(1, 3, 17), said(HostUnreachable, 1, 3, 0)},
		{"no route", v6(1, 0, 17), said(NoRoute, 1, 0, 0)},
		{"beyond scope", v6(1, 2, 17), said(NoRoute, 1, 2, 0)},
		{"administratively prohibited", v6(1, 1, 17), said(Prohibited, 1, 1, 0)},
		{"failed policy", v6(1, 5, 17), said(Prohibited, 1, 5, 0)},
		{"too big", v6(2, 0, 17), said(TooBig, 2, 0, 1400)},
		{"hop limit exceeded", v6(3, 0, 17), said(HopsExceeded, 3, 0, 0)},
		{"first fragment", v6(1, 4, 44, 17, 0, 0, 1, 0, 0, 0, 9), said(PortClosed, 1, 4, 0)},
		{"later fragment", v6(1, 4, 44, 17, 0, 5, 8, 0, 0, 0, 9), Error{}},
		{"neighbour advertisement", v6(136, 0, 17), Error{}},
		{"of TCP", v6(1, 4, 6), Error{}},
		{"cut off", v6(1, 4, 17)[:51], Error{}},
		{"cut off after a fragment header", v6(1, 4, 44, 17, 0, 0, 1)[:57], Error{}},
		{"empty", nil, Error{}},
	} {
		got, ok := Decode6(c.b, router)
		if !ok {
			got = Error{}
		}
		if diff := cmp.Diff(c.want, got, equal); diff != "" || ok != c.want.To.IsValid() {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, ok, diff)
		}
	}
}

func TestKindsHaveNames(t *testing.T) {
	t.Parallel()
	for k := range Kind(NumKinds) {
		b, _ := k.MarshalText()
		var back Kind
		if err := back.UnmarshalText(b); err != nil || back != k {
			t.Errorf("%d is %q, which is %d: %v", k, b, back, err)
		}
	}
	if err := new(Kind).UnmarshalText([]byte("odd")); err == nil {
		t.Error("takes any name")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(v4(3, 3, nil))
	f.Add(v4(3, 4, func(b []byte) { b[28] = 0x4f }))
	f.Add(v6(1, 4, 17))
	f.Add(v6(1, 4, 44, 17, 0, 0, 1, 0, 0, 0, 9))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, ok := Decode4(b); ok && (!e.To.Addr().Is4() || !e.From.Addr().Is4() || !e.Offender.Is4() || int(e.Kind) >= NumKinds) {
			t.Errorf("%+v", e)
		}
		if e, ok := Decode6(b, netip.IPv6Loopback()); ok && (!e.To.Addr().Is6() || !e.From.Addr().Is6() || int(e.Kind) >= NumKinds) {
			t.Errorf("%+v", e)
		}
	})
}
