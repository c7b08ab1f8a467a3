package bootp

import (
	"net/netip"
	"testing"
)

// relayed is a message as a client sends it, padded to MinLen, in a buffer with
// room for option 82.
func relayed() Packet {
	return roomy(padded(message(request, clientID, serverID, params, end), MinLen), 64)
}

func TestNoAllocation(t *testing.T) { // not parallel: AllocsPerRun refuses that
	var (
		p       = relayed()
		split   = message(relayA, relayB, end)
		giaddr  = netip.MustParseAddr("192.0.2.1")
		scratch = make([]byte, 64)
		subs    = make([]byte, 0, 64)
		fields  int
		bad     string
	)
	got := testing.AllocsPerRun(100, func() {
		if !p.Valid() || !p.DHCP() {
			bad = "Valid"
		}
		fields += int(p.Op()) + int(p.Htype()) + int(p.Hops()) + int(p.Xid()) + int(p.Secs()) + len(p.Chaddr())
		fields += p.Ciaddr().BitLen() + p.Yiaddr().BitLen() + p.addr(offSiaddr).BitLen() + p.Giaddr().BitLen()
		p.SetHops(1)
		p.SetGiaddr(giaddr)
		l, ok := p.Scan()
		if !ok {
			bad = "Scan"
		}
		if a := p.Aggregate(&l); a.Relay || !a.MayBe(l.Type) {
			bad = "Aggregate"
		}
		q, ok := p.Insert(&l, relayInf)
		if !ok {
			bad = "Insert"
		}
		l, _ = q.Scan()
		if v := RelayInfo(q.RelayValue(&l, scratch)); !v.Valid() {
			bad = "RelayValue"
		}
		if p, ok = q.RemoveAll(&l).Pad(MinLen); !ok {
			bad = "Pad"
		}
		sl, _ := split.Scan()
		v := RelayInfo(split.RelayValue(&sl, scratch))
		if _, ok := v.Sub(SubCircuitID); !ok {
			bad = "Sub"
		}
		subs = AppendSub(subs[:0], SubCircuitID, scratch[:8])
		fields += len(l.Type.String())
	})
	if bad != "" || fields == 0 {
		t.Fatalf("%s failed", bad)
	}
	if got != 0 {
		t.Errorf("%v allocations a message, want 0", got)
	}
}

func BenchmarkScan(b *testing.B) {
	p := relayed()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := p.Scan(); !ok {
			b.Fatal("Scan refused the message")
		}
	}
}

// A request going up: set the header's fields, scan, add option 82.
func BenchmarkRequest(b *testing.B) {
	client := relayed()
	p := make(Packet, len(client), cap(client))
	giaddr := netip.MustParseAddr("192.0.2.1")
	b.ReportAllocs()
	for b.Loop() {
		copy(p, client)
		l, ok := p.Scan()
		if !ok {
			b.Fatal("Scan refused the message")
		}
		p.SetHops(p.Hops() + 1)
		p.SetGiaddr(giaddr)
		if _, ok := p.Insert(&l, relayInf); !ok {
			b.Fatal("Insert found no room")
		}
	}
}

// A reply going down: scan, read option 82, take it out, pad.
func BenchmarkReply(b *testing.B) {
	server := padded(message(request, serverID, params, relayInf, end), MinLen)
	p := make(Packet, len(server))
	b.ReportAllocs()
	for b.Loop() {
		copy(p, server)
		l, ok := p.Scan()
		if !ok {
			b.Fatal("Scan refused the message")
		}
		if _, ok := RelayInfo(p.RelayValue(&l, nil)).Sub(SubCircuitID); !ok {
			b.Fatal("no circuit ID")
		}
		if _, ok := p.RemoveAll(&l).Pad(MinLen); !ok {
			b.Fatal("Pad found no room")
		}
	}
}
