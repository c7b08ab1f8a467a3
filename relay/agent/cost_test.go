package agent

import (
	"net/netip"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
)

// testHost is a router with client networks on d0 and d1 and an uplink u0.
func testHost() []giaddr.Link {
	link := func(index int, name, prefix string) giaddr.Link {
		return giaddr.Link{
			Index: index, Name: name, Type: 1, MTU: 1500, Up: true, Broadcast: true,
			MAC:   []byte{2, 0, 0, 0, 0, byte(index)},
			Addrs: []giaddr.Addr{{Prefix: netip.MustParsePrefix(prefix)}},
		}
	}
	return []giaddr.Link{
		link(2, "d0", "192.0.2.1/24"),
		link(3, "d1", "198.51.101.1/24"),
		link(4, "u0", "203.0.113.1/30"),
	}
}

var server = netip.MustParseAddrPort("198.51.100.10:67")

// testPolicy relays d0 and d1 with every suboption that needs work per message.
func testPolicy(t testing.TB) Policy {
	t.Helper()
	circuit, err := ParseTemplate("{interface}")
	if err != nil {
		t.Fatal(err)
	}
	return Policy{
		Servers: []Server{{Addr: server, VSS: true}},
		Interfaces: []Interface{{
			Name: "d*", Servers: []int{0}, V4: Interface4{
				Common: Common{HopLimit: 4, SourcePort: 67}, Bootp: true,
				Option82: Option82{On: true, CircuitID: circuit, LinkSel: LinkSelSubnet, Flags: true},
			},
		}},
	}
}

// testMessage is a message with option 53 and END, padded to 300 octets.
func testMessage(op byte, typ bootp.Type, giaddr netip.Addr, options ...byte) []byte {
	m := make([]byte, 240, 300)
	m[0], m[1], m[2] = op, 1, 6
	copy(m[28:], []byte{2, 0, 0, 0, 0xcc, 1})
	if giaddr.IsValid() {
		copy(m[24:], giaddr.AsSlice())
	}
	copy(m[236:], []byte{99, 130, 83, 99})
	m = append(m, bootp.OptionMessageType, 1, byte(typ))
	m = append(m, options...)
	m = append(m, bootp.OptionEnd)
	return m[:max(300, len(m))]
}

// A feed hands the same message to the core again and again.
type feed struct {
	snap    *Snapshot
	message []byte
	in      Ingress
	buf     Buf
}

func newFeed(t testing.TB, message []byte, in Ingress) *feed {
	t.Helper()
	s, problems := Compile(testPolicy(t), testHost())
	for _, p := range problems {
		t.Fatal(p)
	}
	return &feed{snap: s, message: message, in: in, buf: Buf{Store: make([]byte, 2048)}}
}

func (f *feed) once() Verdict {
	f.buf.Off = 64
	f.buf.Len = copy(f.buf.Store[64:], f.message)
	return f.snap.Relay4(&f.buf, f.in)
}

func discover(t testing.TB) *feed {
	in := Ingress{
		Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"),
		Dst: netip.MustParseAddr("255.255.255.255"),
	}
	return newFeed(t, testMessage(bootp.Request, bootp.Discover, netip.Addr{}), in)
}

func offer(t testing.TB) *feed {
	m := testMessage(bootp.Reply, bootp.Offer, netip.MustParseAddr("192.0.2.1"),
		bootp.OptionRelay, 4, bootp.SubCircuitID, 2, 'd', '0')
	copy(m[16:], []byte{192, 0, 2, 77})
	return newFeed(t, m, Ingress{Link: 4, Src: server, Dst: netip.MustParseAddr("192.0.2.1")})
}

func TestRelay4AllocatesNothing(t *testing.T) {
	for name, f := range map[string]*feed{"discover": discover(t), "offer": offer(t)} {
		t.Run(name, func(t *testing.T) {
			if v := f.once(); v.Reason != Relayed {
				t.Fatalf("got %v, want relayed", v.Reason)
			}
			if n := testing.AllocsPerRun(1000, func() { f.once() }); n != 0 {
				t.Errorf("%v allocations for a message, want 0", n)
			}
		})
	}
}

func BenchmarkRelay4(b *testing.B) {
	for name, f := range map[string]*feed{"discover": discover(b), "offer": offer(b)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.once()
			}
		})
	}
}
