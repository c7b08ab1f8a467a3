package dhcp6

import (
	"fmt"
	"slices"
	"testing"
)

// everything is a Relay-forward with every option that Scan knows, around
// another one around a Solicit.
func everything() Message {
	return relayed(RelayForward,
		opt(OptionInterfaceID, []byte("vlan10")...),
		AppendRemoteID(nil, 3561, []byte("remote")),
		opt(OptionSubscriberID, []byte("subscriber")...),
		AppendEchoRequest(nil, OptionRemoteID, OptionSubscriberID),
		opt(OptionRelayID, duid...),
		AppendVSS(nil, 0, []byte("red")),
		AppendClientLinkLayer(nil, 1, []byte{2, 0, 0, 0, 0, 9}),
		AppendRelayPort(nil, 1000),
		opt(OptionRelayMsg, nest(solicit(), RelayForward, 1, nil)...),
		opt(65000, 1, 2, 3),
	)
}

// exercise calls every method that reads m and checks what holds for any
// octets: views lie inside of m, and nothing is read that is not m. Reading past
// the end panics, since the capacity ends there.
func exercise(tb testing.TB, m Message) (Layout, bool) {
	tb.Helper()
	m = slices.Clip(m)
	if !m.Valid() {
		return Layout{}, false
	}
	before := slices.Clone(m)
	_, _ = m.Type().String(), m.Xid()
	if id := m.ClientID(); id != nil && m.IsRelay() {
		tb.Errorf("a relay message has the client identifier %x", id)
	}
	if inner, depth := m.Innermost(); !inner.Valid() || len(m)-len(inner) < depth*Room(0) {
		tb.Errorf("Innermost() = %d octets at depth %d of %d", len(inner), depth, len(m))
	}
	m.HasRSOO()
	l, ok := m.Scan()
	if ok {
		_, _, _ = m.HopCount(), m.LinkAddress(), m.PeerAddress()
		m.DownstreamPort(&l)
		if inner, ok := m.Decapsulate(&l); ok && (!inner.Valid() || len(inner) > len(m)-Room(0)) {
			tb.Errorf("a message of %d octets inside one of %d", len(inner), len(m))
		}
		for _, s := range spans(l) {
			if v := m.Value(s); len(v) != s.Len || s.Present() && s.Off < RelayHeaderLen+OptionHeaderLen {
				tb.Errorf("option %+v has %d octets", s, len(v))
			}
		}
	} else if l != (Layout{}) {
		tb.Errorf("a refused message has the layout %+v", l)
	}
	if !slices.Equal(before, m) {
		tb.Error("reading changed the message")
	}
	return l, ok
}

func spans(l Layout) []Span {
	return []Span{
		l.RelayMsg, l.InterfaceID, l.RemoteID, l.SubscriberID, l.EchoRequest,
		l.RelayID, l.RSOO, l.VSS, l.ClientLinkLayer, l.RelayPort,
	}
}

// boundaries returns the offsets of m at which an option begins or the message
// ends, found without the code under test.
func boundaries(m Message) []int {
	at := []int{RelayHeaderLen}
	for off := RelayHeaderLen; off < len(m); {
		off += 4 + int(m[off+2])<<8 + int(m[off+3])
		at = append(at, off)
	}
	return at
}

func TestR9915_32_Truncation(t *testing.T) {
	t.Parallel()
	m := everything()
	whole := boundaries(m)
	for n := range len(m) + 1 {
		_, ok := exercise(t, m[:n])
		if want := slices.Contains(whole, n); ok != want {
			t.Errorf("Scan() = %v on the first %d of %d octets, want %v", ok, n, len(m), want)
		}
	}
	if len(whole) != 11 {
		t.Errorf("%d places to cut between options, want 11", len(whole))
	}
}

func TestR9915_32_TruncationInside(t *testing.T) {
	t.Parallel()
	for _, inner := range []Message{solicit(), everything()} {
		for n := range len(inner) + 1 {
			m := relayed(RelayReply, opt(OptionRelayMsg, inner[:n]...))
			l, ok := exercise(t, m)
			if !ok {
				t.Fatalf("Scan() = false because of a message of %d octets inside", n)
			}
			got, ok := m.Decapsulate(&l)
			if want := inner[:n].Valid(); ok != want {
				t.Errorf("Decapsulate() = %v for %d of %d octets of %v, want %v", ok, n, len(inner), inner.Type(), want)
			}
			if ok && !slices.Equal(inner[:n], got) {
				t.Errorf("Decapsulate() = %x, want the %d octets inside", got, n)
			}
		}
	}
}

// Every length octet of every option, too large and too small, and every code
// octet changed: class of CVE-2017-14494, CVE-2020-1671 and others.
func TestMutatedOptions(t *testing.T) {
	t.Parallel()
	m := everything()
	whole := boundaries(m)
	for i, off := range whole[:len(whole)-1] {
		for field := range 4 {
			for _, b := range []byte{0, 1, 0x7f, 0xff, m[off+field] - 1, m[off+field] + 1} {
				bad := slices.Clone(m)
				bad[off+field] = b
				exercise(t, bad)
			}
		}
		// CVE-2017-14494: beyond the end by 1 and by 64 KiB.
		for _, over := range []int{whole[len(whole)-1] - off - 4 + 1, 0xffff} {
			bad := slices.Clone(m)
			bad[off+2], bad[off+3] = byte(over>>8), byte(over)
			if _, ok := exercise(t, bad); ok {
				t.Errorf("Scan() = true though option %d claims %d octets", i, over)
			}
		}
	}
}

// The sizes that have broken relays: class of CVE-2017-14493 (option 79),
// CVE-2022-0324 (option 9 in 4096 octets) and Interface-Ids of every length.
func TestOptionSizes(t *testing.T) {
	t.Parallel()
	pick := map[uint16]func(l *Layout) Span{
		OptionRelayMsg:        func(l *Layout) Span { return l.RelayMsg },
		OptionInterfaceID:     func(l *Layout) Span { return l.InterfaceID },
		OptionClientLinkLayer: func(l *Layout) Span { return l.ClientLinkLayer },
	}
	for code, span := range pick {
		for _, n := range []int{0, 1, 2, 3, 4, 18, 19, 255, 256, 300, 4095, 4096, 4097, 65535} {
			t.Run(fmt.Sprintf("option %d of %d octets", code, n), func(t *testing.T) {
				t.Parallel()
				m := relayed(RelayReply, opt(code, make([]byte, n)...))
				l, ok := exercise(t, m)
				if got := span(&l); !ok || got != (Span{38, n}) {
					t.Errorf("got %+v, %v, want %d octets at 38", got, ok, n)
				}
				if _, ok := exercise(t, m[:len(m)-1]); ok {
					t.Error("Scan() = true without the last octet")
				}
			})
		}
	}
}

// Relay Message options inside each other whose lengths disagree: the inner one
// ends past the outer one.
func TestInconsistentNesting(t *testing.T) {
	t.Parallel()
	rest := make([]byte, 64)
	for claim := range 130 {
		inner := relayed(RelayForward, cut(OptionRelayMsg, claim, solicit()[:20]...))
		m := relayed(RelayForward, opt(OptionRelayMsg, inner...), opt(99, rest...))
		exercise(t, m)
		got, depth := m.Innermost()
		want := 1 // the inner relay message itself
		if claim == 20 {
			want = 2
		}
		if depth != want || want == 1 && !slices.Equal(inner, got) {
			t.Errorf("Innermost() = %d octets at depth %d with a length of %d, want depth %d", len(got), depth, claim, want)
		}
	}
}

// The Relay-forwards that Kea must not accept: Pkt6Test.garbageRelayForw,
// emptyRelayForw, noMsgRelayForw and emptyMsgRelayForw, and their Relay-reply
// twins (class of CVE-2024-20446). Each ends before there is a message to send.
func TestR9915_31_KeaNegative(t *testing.T) {
	t.Parallel()
	remote := AppendRemoteID(nil, 3561, []byte("r"))
	zero := func(m Message) Message { clear(m[offLink:RelayHeaderLen]); return m }
	for _, typ := range []Type{RelayForward, RelayReply} {
		tests := []struct {
			name string
			m    Message
		}{
			{"garbage for options", relayed(typ, []byte("garbage in place of any option"))},
			{"garbage in the relay message", relayed(typ, opt(OptionRelayMsg, byte(RelayForward), 0xff, 0xff, 0xff, 0xff))},
			{"garbage after the relay message", relayed(typ, opt(OptionRelayMsg, solicit()...), []byte{0xff, 0xff, 0xff, 0xff})},
			{"empty", relayed(typ)},
			{"no message", relayed(typ, remote)},
			{"empty message", relayed(typ, remote, opt(OptionRelayMsg))},
			{"empty message, zero link and peer", zero(relayed(typ, opt(OptionRelayMsg)))},
			{"no message, zero link and peer", zero(relayed(typ))},
			{"type only", Message{byte(typ)}},
			{"4 octets", Message{byte(typ), 0, 0, 0}},
		}
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%v %s", typ, tt.name), func(t *testing.T) {
				t.Parallel()
				l, ok := exercise(t, tt.m)
				if !ok {
					return
				}
				if inner, ok := tt.m.Decapsulate(&l); ok {
					t.Errorf("Decapsulate() = %x", inner)
				}
			})
		}
	}
}
