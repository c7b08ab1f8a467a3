package dhcp6

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestScan(t *testing.T) {
	t.Parallel()
	inner := opt(OptionRelayMsg, client(Reply)...) // 8 octets, 4 of them the value
	name := opt(OptionInterfaceID, []byte("vlan10")...)
	tests := []struct {
		name string
		m    Message
		want Layout
		ok   bool
	}{
		{"no options", relayed(RelayForward), Layout{}, true},
		{"R9915-25 relay message only", relayed(RelayReply, inner), Layout{
			RelayMsg: Span{38, 4}, NumRelayMsg: 1,
		}, true},
		{"R9915-30 interface-id before", relayed(RelayReply, name, inner), Layout{
			InterfaceID: Span{38, 6}, NumInterfaceID: 1,
			RelayMsg: Span{48, 4}, NumRelayMsg: 1,
		}, true},
		{"R9915-30 interface-id after", relayed(RelayReply, inner, name), Layout{
			RelayMsg: Span{38, 4}, NumRelayMsg: 1,
			InterfaceID: Span{46, 6}, NumInterfaceID: 1,
		}, true},
		{"every option", relayed(RelayForward,
			name,
			AppendRemoteID(nil, 3561, []byte("r")),
			opt(OptionSubscriberID, 's'),
			AppendEchoRequest(nil, OptionRemoteID),
			opt(OptionRelayID, duid...),
			opt(OptionRSOO, opt(OptionERPLocalDomain, 0)...),
			AppendVSS(nil, 255, nil),
			AppendClientLinkLayer(nil, 1, []byte{2, 0, 0, 0, 0, 9}),
			AppendRelayPort(nil, 1000),
			inner,
		), Layout{
			InterfaceID: Span{38, 6}, NumInterfaceID: 1,
			RemoteID:        Span{48, 5},
			SubscriberID:    Span{57, 1},
			EchoRequest:     Span{62, 2},
			RelayID:         Span{68, 10},
			RSOO:            Span{82, 5},
			VSS:             Span{91, 1},
			ClientLinkLayer: Span{96, 8},
			RelayPort:       Span{108, 2},
			RelayMsg:        Span{114, 4}, NumRelayMsg: 1,
		}, true},
		{"R9915-10 unknown options", relayed(RelayReply, opt(65000, 1, 2), opt(143), inner), Layout{
			RelayMsg: Span{48, 4}, NumRelayMsg: 1,
		}, true},
		{"R9915-31 two relay messages", relayed(RelayReply, inner, inner), Layout{
			RelayMsg: Span{38, 4}, NumRelayMsg: 2,
		}, true},
		{"two interface-ids", relayed(RelayReply, name, opt(OptionInterfaceID), inner), Layout{
			InterfaceID: Span{38, 6}, NumInterfaceID: 2,
			RelayMsg: Span{52, 4}, NumRelayMsg: 1,
		}, true},
		{"R9915-32 1 octet after the last option", relayed(RelayReply, inner, []byte{0}), Layout{}, false},
		{"R9915-32 option header cut", relayed(RelayReply, inner, []byte{0, 18, 0}), Layout{}, false},
		{"R9915-32 value cut", relayed(RelayReply, inner, cut(OptionInterfaceID, 7, []byte("vlan10")...)), Layout{}, false},
		{"R9915-32 relay message cut", relayed(RelayReply, cut(OptionRelayMsg, 5, client(Reply)...)), Layout{}, false},
		{"client message", solicit(), Layout{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := tt.m.Scan()
			if ok != tt.ok {
				t.Errorf("Scan() = %v, want %v", ok, tt.ok)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("layout (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	m := relayed(RelayReply, opt(OptionInterfaceID), opt(OptionSubscriberID, 's', '1'), []byte{0, 99, 0, 0})
	l, _ := m.Scan()
	if got := m.Value(l.InterfaceID); got == nil || len(got) != 0 {
		t.Errorf("empty option: got %v, want no octets and not nil", got)
	}
	if got := m.Value(l.RemoteID); got != nil {
		t.Errorf("absent option: got %v, want nil", got)
	}
	got := m.Value(l.SubscriberID)
	if string(got) != "s1" || cap(got) != 2 {
		t.Errorf("got %q with capacity %d, want s1 with 2", got, cap(got))
	}
}

func TestDecapsulate(t *testing.T) {
	t.Parallel()
	name := opt(OptionInterfaceID, []byte("vlan10")...)
	nested := relayed(RelayReply, opt(OptionRelayMsg, client(Reply)...))
	tests := []struct {
		name string
		m    Message
		want Message // nil: refused
	}{
		{"R9915-29 type 7", relayed(RelayReply, opt(OptionRelayMsg, client(Reply)...)), client(Reply)},
		{"R9915-29 type 10", relayed(RelayReply, opt(OptionRelayMsg, client(Reconfigure)...)), client(Reconfigure)},
		{"R9915-29 type 13", relayed(RelayReply, name, opt(OptionRelayMsg, nested...)), nested},
		{"R9915-29 type 21", relayed(RelayReply, opt(OptionRelayMsg, client(21)...)), client(21)},
		{"R9915-29 type 99", relayed(RelayReply, opt(OptionRelayMsg, client(99)...)), client(99)},
		{"R9915-29 type 200", relayed(RelayReply, opt(OptionRelayMsg, client(200)...)), client(200)},
		{"R9915-14 malformed inside", relayed(RelayForward, opt(OptionRelayMsg, client(Solicit, []byte{0, 1, 0xff})...)), client(Solicit, []byte{0, 1, 0xff})},
		{"R9915-31 no relay message", relayed(RelayReply, name), nil},
		{"R9915-31 no options", relayed(RelayForward), nil},
		{"R9915-31 relay message of 0 octets", relayed(RelayReply, opt(OptionRelayMsg)), nil},
		{"R9915-31 relay message of 3 octets", relayed(RelayReply, opt(OptionRelayMsg, 7, 0, 0)), nil},
		{"R9915-31 two relay messages", relayed(RelayReply, opt(OptionRelayMsg, client(Reply)...), opt(OptionRelayMsg, client(Reply)...)), nil},
		{"R9915-32 relay header cut inside", relayed(RelayReply, opt(OptionRelayMsg, nested[:33]...)), nil},
		{"relay header only inside", relayed(RelayReply, opt(OptionRelayMsg, nested[:34]...)), nested[:34]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l, ok := tt.m.Scan()
			if !ok {
				t.Fatal("Scan() = false")
			}
			got, ok := tt.m.Decapsulate(&l)
			if ok != (tt.want != nil) {
				t.Errorf("Decapsulate() = %v, want %v", ok, tt.want != nil)
			}
			if !ok {
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("message inside (-want +got):\n%s", diff)
			}
			if &got[0] != &tt.m[l.RelayMsg.Off] {
				t.Error("the message inside is a copy, want a view")
			}
		})
	}
}

func TestDownstreamPort(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		option []byte
		want   uint16
	}{
		{"R8357-6 1000", AppendRelayPort(nil, 1000), 1000},
		{"R8357-6 zero", AppendRelayPort(nil, 0), 0},
		{"absent", nil, 0},
		{"of 1 octet", opt(OptionRelayPort, 3), 0},
		{"of 3 octets", opt(OptionRelayPort, 3, 0xe8, 0), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := relayed(RelayReply, opt(OptionRelayMsg, client(Reply)...), tt.option)
			l, ok := m.Scan()
			if got := m.DownstreamPort(&l); !ok || got != tt.want {
				t.Errorf("DownstreamPort() = %d, want %d; scanned: %v", got, tt.want, ok)
			}
		})
	}
}

func TestEncapsulate(t *testing.T) {
	t.Parallel()
	const off = 128
	payload := solicit()
	store := make([]byte, off+len(payload)+16)
	for i := range store {
		store[i] = 0xee
	}
	copy(store[off:], payload)
	h := Header{Hop: 7, Link: netip.MustParseAddr("2001:db8:1::1"), Peer: netip.MustParseAddr("fe80::2%eth9")}
	opts := opt(OptionInterfaceID, []byte("vlan10")...)

	at, ok := Encapsulate(store, off, len(payload), h, opts)
	if !ok {
		t.Fatal("Encapsulate() = false")
	}
	want := slices.Concat(
		[]byte{12, 7}, // R9915-9, R9915-21: Relay-forward, hop-count
		[]byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, // R9915-15 link-address
		[]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},       // R9915-13 peer-address
		[]byte{0, 18, 0, 6}, []byte("vlan10"), // Interface-Id
		[]byte{0, 9, 0, byte(len(payload))}, []byte(payload), // R9915-14 Relay Message
	)
	if diff := cmp.Diff(want, store[at:off+len(payload)]); diff != "" {
		t.Errorf("Relay-forward (-want +got):\n%s", diff)
	}
	around := append(slices.Clone(store[:at]), store[off+len(payload):]...)
	if rest := bytes.Trim(around, "\xee"); len(rest) != 0 || at != off-Room(len(opts)) {
		t.Errorf("octets outside of [%d:%d] were written: %x", at, off+len(payload), around)
	}
}

func TestEncapsulateZeroHeader(t *testing.T) {
	t.Parallel()
	store := bytes.Repeat([]byte{0xee}, 60)
	at, ok := Encapsulate(store, 38, 4, Header{}, nil)
	m := Message(store[at:42])
	if !ok || at != 0 || m.HopCount() != 0 || m.LinkAddress() != netip.IPv6Unspecified() || m.PeerAddress() != netip.IPv6Unspecified() {
		t.Errorf("got %x at %d, %v, want a header of zeroes (R9915-12, R9915-23)", m, at, ok)
	}
}

func TestEncapsulateBounds(t *testing.T) {
	t.Parallel()
	opts := opt(OptionInterfaceID, []byte("vlan10")...) // 10 octets
	const room = 34 + 10 + 4
	tests := []struct {
		name   string
		off, n int
		ok     bool
	}{
		{"just enough room", room, 100, true},
		{"1 octet of room too few", room - 1, 100, false},
		{"no room", 0, 100, false},
		{"empty message", room, 0, true},
		{"R9915-33 largest", room, maxLen - room, true},
		{"R9915-33 1 octet too many", room, maxLen - room + 1, false},
		{"R9915-33 option of 65535 octets", room, 65535, false},
		{"R9915-33 option of 65536 octets", room, 65536, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			store := bytes.Repeat([]byte{0xee}, tt.off+tt.n)
			at, ok := Encapsulate(store, tt.off, tt.n, Header{}, opts)
			if ok != tt.ok {
				t.Fatalf("Encapsulate() = %v, want %v", ok, tt.ok)
			}
			if !ok {
				if at != tt.off || len(bytes.Trim(store, "\xee")) != 0 {
					t.Errorf("a refused message now begins at %d, want %d and the store untouched", at, tt.off)
				}
				return
			}
			m := Message(store[at:])
			if l, ok := m.Scan(); !ok || l.RelayMsg != (Span{room, tt.n}) {
				t.Errorf("scanned as %+v, %v", l, ok)
			}
		})
	}
}
