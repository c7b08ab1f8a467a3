package dhcp6

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

// seeds are messages of every shape, sound and broken.
func seeds() []Message {
	rsoo := opt(OptionRSOO, opt(OptionERPLocalDomain, 0)...)
	return []Message{
		nil,
		{12},
		solicit(),
		client(99, []byte{0, 1, 0xff}),
		everything(),
		everything()[:100],
		relayed(RelayReply),
		relayed(RelayReply, opt(OptionRelayMsg)),
		relayed(RelayReply, opt(OptionRelayMsg, client(Reply)...), opt(OptionRelayMsg, client(Reply)...)),
		relayed(RelayForward, cut(OptionInterfaceID, 65535, 1, 2, 3)),
		nest(solicit(), RelayForward, 9, nil),
		nest(solicit(), RelayForward, 33, nil),
		nest(relayed(RelayForward, rsoo), RelayForward, 3, nil),
		relayed(RelayForward, opt(OptionRelayMsg, relayed(RelayForward)...), opt(OptionRelayMsg, relayed(RelayForward, rsoo)...)),
	}
}

// hasRSOO is HasRSOO by recursion, with slices instead of offsets.
func hasRSOO(m Message, depth int) bool {
	if !m.Valid() || !m.IsRelay() {
		return false
	}
	if depth == MaxNesting {
		return true
	}
	for b := m[RelayHeaderLen:]; len(b) >= 4; {
		code, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if code == OptionRSOO {
			return true
		}
		if b = b[4:]; n > len(b) {
			return false
		}
		if code == OptionRelayMsg && hasRSOO(b[:n], depth+1) {
			return true
		}
		b = b[n:]
	}
	return false
}

func FuzzMessage(f *testing.F) {
	for _, m := range seeds() {
		f.Add([]byte(m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := Message(b)
		l, ok := exercise(t, m)
		if !m.Valid() {
			return
		}
		if got, want := m.HasRSOO(), hasRSOO(m, 0); got != want {
			t.Errorf("HasRSOO() = %v, want %v", got, want)
		}
		if !ok {
			return
		}
		if l.RSOO.Present() && !m.HasRSOO() {
			t.Errorf("HasRSOO() = false with %+v", l.RSOO)
		}
		inner, ok := m.Decapsulate(&l)
		if !ok {
			return
		}
		// What was inside, put back, is the message again if nothing came after.
		if l.RelayMsg.end() != len(m) || len(m) > maxLen {
			return
		}
		opts := slices.Clone(m[RelayHeaderLen : l.RelayMsg.Off-OptionHeaderLen])
		store := append(make([]byte, l.RelayMsg.Off), inner...)
		h := Header{m.HopCount(), m.LinkAddress(), m.PeerAddress()}
		at, ok := Encapsulate(store, l.RelayMsg.Off, len(inner), h, opts)
		store[0] = byte(m.Type())
		if !ok || at != 0 || !bytes.Equal(store, m) {
			t.Errorf("Encapsulate() = %x at %d, %v, want %x", store, at, ok, m)
		}
	})
}

func FuzzEncapsulate(f *testing.F) {
	f.Add([]byte(solicit()), byte(0), 128, opt(OptionInterfaceID, 'x'))
	f.Add([]byte(everything()), byte(7), 37, []byte(nil))
	f.Add([]byte(nil), byte(255), 38, []byte(nil))
	f.Add([]byte(client(99)), byte(1), 64, []byte{0, 18, 0, 9, 1})
	f.Fuzz(func(t *testing.T, payload []byte, hop byte, off int, opts []byte) {
		if off < 0 || off > 1<<16 {
			return
		}
		store := append(bytes.Repeat([]byte{0xee}, off), payload...)
		h := Header{Hop: hop, Link: netip.MustParseAddr("2001:db8::1"), Peer: netip.MustParseAddr("fe80::2")}
		at, ok := Encapsulate(store, off, len(payload), h, opts)
		if want := Room(len(opts)) <= off && Room(len(opts))+len(payload) <= maxLen; ok != want {
			t.Fatalf("Encapsulate() = %v, want %v", ok, want)
		}
		if !bytes.Equal(store[off:], payload) || len(bytes.Trim(store[:at], "\xee")) != 0 {
			t.Fatal("octets outside of the header were written")
		}
		if !ok {
			return
		}
		m := Message(store[at:])
		if _, ok := exercise(t, m); !ok {
			return // opts are no options
		}
		if m.Type() != RelayForward || m.HopCount() != hop || m.LinkAddress() != h.Link || m.PeerAddress() != h.Peer {
			t.Errorf("header %x, want %+v", m[:RelayHeaderLen], h)
		}
	})
}
