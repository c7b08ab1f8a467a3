package clientmac

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzNotice has the neighbour table told of by any octets: it learns Ethernet
// addresses of IPv6 neighbours or nothing, and forgets what it is told to.
func FuzzNotice(f *testing.F) {
	nd := make([]byte, 12)
	nd[0], nd[4], nd[8] = unix.AF_INET6, 7, unix.NUD_REACHABLE
	attr := func(typ byte, v ...byte) []byte { return append([]byte{byte(4 + len(v)), 0, typ, 0}, v...) }
	addr := netip.MustParseAddr("fe80::1").AsSlice()
	whole := append(append(nd, attr(unix.NDA_DST, addr...)...), attr(unix.NDA_LLADDR, 2, 0, 0, 0, 0, 1, 0, 0)...)
	f.Add(whole)
	f.Add(nd)
	f.Add([]byte{})
	f.Add(append(nd[:12:12], 10, 0, 0, 0, 0, 0, 0, 0, 0, 0)) // an attribute that is not padded
	f.Fuzz(func(t *testing.T, data []byte) {
		var n Neighbours
		for _, typ := range []uint16{unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH} {
			if err := n.notice(typ, data); err != nil && err.Error() == "" {
				t.Error("an error without words")
			}
		}
		for i := range n.shards {
			if m := n.shards[i].Load(); m != nil && len(*m) > 0 {
				t.Errorf("%v is not forgotten", *m)
			}
		}
		_ = nlError(data)
	})
}

// FuzzRoom has the kernel's neighbour table described by any octets.
func FuzzRoom(f *testing.F) {
	f.Add(attrStats, make([]byte, 88))
	f.Add(attrConfig, make([]byte, 8))
	f.Add(attrThresh3, []byte{0, 4, 0, 0})
	f.Fuzz(func(t *testing.T, attr int, v []byte) {
		var r Room
		r.set(attr, v)
		if r != (Room{}) && len(v) < 4 {
			t.Errorf("%+v of %d octets", r, len(v))
		}
	})
}
