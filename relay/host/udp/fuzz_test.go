package udp

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

// FuzzControl reads control messages of any octets and any length that the kernel can
// name, and reads back what is written.
func FuzzControl(f *testing.F) {
	var c control
	n := c.put(dhcp.V4, netip.MustParseAddr("192.0.2.1"), 7, 300)
	f.Add(c[:], uint8(n), uint8(0))
	n = c.put(dhcp.V6, netip.MustParseAddr("2001:db8::1"), 7, 0)
	f.Add(c[:], uint8(n), uint8(1))
	_, n = c.message(0, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS_NEW, sizeTime)
	f.Add(c[:], uint8(n), uint8(1))
	f.Fuzz(func(t *testing.T, octets []byte, n, family uint8) {
		var c control
		copy(c[:], octets)
		fam := dhcp.Family(family % dhcp.Families)
		size := int(n) % (controlSize + 1)
		link, dst := c.pktinfo(fam, size)
		if at, known := c.arrival(size); known != c.timed(size) || known && at.IsZero() && size == 0 {
			t.Errorf("arrival %v, %v", at, known)
		}
		if dst.IsValid() != (size >= least(fam, c.timed(size))) {
			t.Errorf("%d octets of %s: destination %v on %d", size, fam, dst, link)
		}
		if !dst.IsValid() || link == 0 {
			return
		}
		var again control
		end := again.put(fam, dst, link, int(n))
		gotLink, _ := again.pktinfo(fam, end)
		if uint32(gotLink) != uint32(link) || end > controlSize {
			t.Errorf("link %d of %d octets, want %d", gotLink, end, link)
		}
	})
}

// least is how many octets of control messages tell the destination.
func least(f dhcp.Family, timed bool) int {
	n := unix.CmsgLen(map[dhcp.Family]int{dhcp.V4: sizePktinfo4, dhcp.V6: sizePktinfo6}[f])
	if timed {
		n += unix.CmsgSpace(sizeTime)
	}
	return n
}

// FuzzSockaddr reads back the addresses that are written for the kernel.
func FuzzSockaddr(f *testing.F) {
	f.Add([]byte{192, 0, 2, 1}, uint16(67), 3)
	f.Add(netip.MustParseAddr("fe80::1").AsSlice(), uint16(547), 3)
	f.Fuzz(func(t *testing.T, octets []byte, port uint16, scope int) {
		a, ok := netip.AddrFromSlice(octets)
		if !ok {
			return
		}
		var s sockaddr
		want := netip.AddrPortFrom(a, port)
		got := s.addr6
		if s.put(want, scope) == unix.SizeofSockaddrInet4 {
			got = s.addr4
		}
		if got() != want {
			t.Errorf("%v is read back as %v", want, got())
		}
	})
}
