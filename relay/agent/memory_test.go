package agent

import (
	"net/netip"
	"runtime"
	"testing"
)

// TestMemoryOfManyLinks holds down what the snapshot keeps of each link.
func TestMemoryOfManyLinks(t *testing.T) {
	const links = 4000
	host := vlans(links)
	for _, c := range []struct {
		name    string
		servers []int
		most    uint64 // octets a link
	}{
		{"IPv4", []int{0}, 1100},
		{"IPv6", []int{1}, 1150},
		{"both", []int{0, 1}, 1500},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := testPolicy(t)
			p.Servers = append(p.Servers, Server{Addr: netip.MustParseAddrPort("[2001:db8:f:1::10]:547")})
			in := &p.Interfaces[0]
			in.Name, in.Servers = "vlan*", c.servers
			in.V6 = Interface6{Common: Common{HopLimit: 8, SourcePort: 547}, ClientMAC: true}
			before := heap()
			s, ps := Compile(p, host)
			got := (heap() - before) / links
			if len(s.Links) != links || len(ps) != 0 {
				t.Fatalf("%d links, problems %v", len(s.Links), ps)
			}
			t.Logf("%d octets a link", got)
			if got > c.most {
				t.Errorf("%d octets a link, want at most %d", got, c.most)
			}
			runtime.KeepAlive(s)
		})
	}
	runtime.KeepAlive(host)
}

// heap returns the octets of live heap.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}
