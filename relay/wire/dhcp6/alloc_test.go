package dhcp6

import (
	"net/netip"
	"testing"
)

// deepest is a Relay-forward at the hop limit.
func deepest() Message {
	return nest(solicit(), RelayForward, 8, func(int) []byte {
		return opt(OptionInterfaceID, []byte("vlan10")...)
	})
}

func header() Header {
	return Header{Link: netip.MustParseAddr("2001:db8:1::1"), Peer: netip.MustParseAddr("fe80::2")}
}

func TestNoAllocations(t *testing.T) {
	m, deep, c := everything(), deepest(), solicit()
	store := make([]byte, 256+len(c))
	copy(store[256:], c)
	scratch := make([]byte, 0, 128)
	h := header()
	mac := []byte{2, 0, 0, 0, 0, 9}
	tests := []struct {
		name string
		run  func()
	}{
		{"read", func() {
			l, _ := m.Scan()
			_, _ = m.Decapsulate(&l)
			_, _, _ = m.LinkAddress(), m.PeerAddress(), m.DownstreamPort(&l)
			_ = m.Value(l.InterfaceID)
			_ = m.Type().String()
		}},
		{"client identifier", func() { _ = c.ClientID() }},
		{"nesting", func() { _, _ = deep.Innermost(); _ = deep.HasRSOO() }},
		{"encapsulate", func() {
			opts := AppendOption(scratch, OptionInterfaceID, mac)
			opts = AppendClientLinkLayer(opts, 1, mac)
			opts = AppendRelayPort(opts, 1000)
			if _, ok := Encapsulate(store, 256, len(c), h, opts); !ok {
				t.Error("Encapsulate() = false")
			}
		}},
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.run); n != 0 {
			t.Errorf("%s: %v allocations, want 0", tt.name, n)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	m := relayed(RelayReply,
		opt(OptionInterfaceID, []byte("vlan10")...),
		AppendClientLinkLayer(nil, 1, []byte{2, 0, 0, 0, 0, 9}),
		opt(OptionRelayMsg, solicit()...))
	b.ReportAllocs()
	for b.Loop() {
		l, _ := m.Scan()
		if inner, ok := m.Decapsulate(&l); !ok || inner.Type() != Solicit {
			b.Fatal("not decapsulated")
		}
	}
}

func BenchmarkEncapsulate(b *testing.B) {
	c := solicit()
	store := make([]byte, 256+len(c))
	copy(store[256:], c)
	opts := AppendClientLinkLayer(opt(OptionInterfaceID, []byte("vlan10")...), 1, []byte{2, 0, 0, 0, 0, 9})
	h := header()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Encapsulate(store, 256, len(c), h, opts); !ok {
			b.Fatal("no room")
		}
	}
}

func BenchmarkInnermost8(b *testing.B) {
	m := deepest()
	b.ReportAllocs()
	for b.Loop() {
		if _, depth := m.Innermost(); depth != 8 {
			b.Fatal("depth", depth)
		}
	}
}

func BenchmarkHasRSOO8(b *testing.B) {
	m := deepest()
	b.ReportAllocs()
	for b.Loop() {
		if m.HasRSOO() {
			b.Fatal("found one")
		}
	}
}

func BenchmarkClientID(b *testing.B) {
	m := solicit()
	b.ReportAllocs()
	for b.Loop() {
		if m.ClientID() == nil {
			b.Fatal("found none")
		}
	}
}
