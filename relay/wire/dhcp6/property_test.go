package dhcp6

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	lib "github.com/insomniacslk/dhcp/dhcpv6"
)

// A maker makes random messages out of a pool of random octets.
type maker struct {
	*rand.Rand
	pool []byte
}

func newMaker(seed uint64) *maker {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, seed)), pool: make([]byte, 1<<16)}
	for i := 0; i < len(m.pool); i += 8 {
		binary.LittleEndian.PutUint64(m.pool[i:], m.Uint64())
	}
	return m
}

// octets returns n octets of the pool.
func (m *maker) octets(n int) []byte {
	at := m.IntN(len(m.pool) - n)
	return m.pool[at : at+n]
}

func (m *maker) addr() netip.Addr { return netip.AddrFrom16([16]byte(m.octets(16))) }

// payload puts a message from a client into dst: a random type that is no relay
// message, and octets that need not be options.
func (m *maker) payload(dst []byte) []byte {
	dst = append(dst[:0], m.octets(HeaderLen+m.IntN(300))...)
	if Message(dst).IsRelay() {
		dst[offType] = byte(Solicit)
	}
	return dst
}

// A level is what one relay agent adds.
type level struct {
	header Header
	name   []byte // Interface-Id
	port   uint16 // Relay Source Port
	opts   []byte // all options
}

// level fills l with a random header and options in a random order.
func (m *maker) level(l *level) {
	l.header = Header{Hop: byte(m.Uint32()), Link: m.addr(), Peer: m.addr()}
	l.name, l.port = m.octets(m.IntN(20)), uint16(m.Uint32())
	l.opts = l.opts[:0]
	first := m.IntN(3)
	for i := range 3 {
		switch (first + i) % 3 {
		case 0:
			l.opts = AppendOption(l.opts, OptionInterfaceID, l.name)
		case 1:
			l.opts = AppendRelayPort(l.opts, l.port)
		case 2:
			l.opts = AppendOption(l.opts, uint16(1000+m.IntN(60000)), m.octets(m.IntN(30)))
		}
	}
}

// matches reports whether l is what stands in front of the message in r, which
// it returns.
func (l *level) matches(r Message) (Message, bool) {
	lay, ok := r.Scan()
	if !ok || r.HopCount() != l.header.Hop || r.LinkAddress() != l.header.Link || r.PeerAddress() != l.header.Peer ||
		!bytes.Equal(r.Value(lay.InterfaceID), l.name) || r.DownstreamPort(&lay) != l.port {
		return nil, false
	}
	return r.Decapsulate(&lay)
}

// rounds is the number of random messages for a property: fewer where time is
// short.
func rounds() int {
	switch {
	case raced:
		return 20_000
	case testing.Short():
		return 100_000
	}
	return 1_000_000
}

// Wrapping and unwrapping are inverse, whatever the message and however often
// it is wrapped, on the way to the server as on the way back; R9915-14,
// R9915-24, R9915-26.
func TestR9915_24_RandomNesting(t *testing.T) {
	t.Parallel()
	const seed, room = 8415, 1024
	m := newMaker(seed)
	store := make([]byte, room+512)
	var want []byte
	var levels [9]level
	for i := range rounds() {
		want = m.payload(want)
		n := len(want)
		copy(store[room:], want)
		off, size := room, n
		around := levels[:m.IntN(len(levels)+1)]
		for j := range around {
			m.level(&around[j])
			at, ok := Encapsulate(store, off, size, around[j].header, around[j].opts)
			if !ok {
				t.Fatalf("seed %d, round %d: Encapsulate() = false with %d octets of room", seed, i, off)
			}
			off, size = at, size+off-at
		}
		r := Message(store[off : off+size])
		back := i%2 == 1
		if inner, depth := r.Innermost(); depth != len(around) || !bytes.Equal(inner, want) {
			t.Fatalf("seed %d, round %d: Innermost() = %x at depth %d, want %x at %d", seed, i, inner, depth, want, len(around))
		}
		for j := len(around) - 1; j >= 0; j-- {
			if back {
				r[offType] = byte(RelayReply)
			}
			inner, ok := around[j].matches(r)
			if !ok {
				t.Fatalf("seed %d, round %d: level %d of %d is %x, want %+v", seed, i, j, len(around), r, around[j])
			}
			r = inner
		}
		if !bytes.Equal(r, want) || &r[0] != &store[room] {
			t.Fatalf("seed %d, round %d: got %x, want %x where it was", seed, i, r, want)
		}
	}
}

// What this package writes, insomniacslk/dhcp reads as it was meant.
func TestLibraryReads(t *testing.T) {
	t.Parallel()
	m := newMaker(1)
	store := make([]byte, 2048)
	for i := range 2000 {
		payload := solicit()
		payload[1], payload[2], payload[3] = byte(i>>8), byte(i), 7
		off, size := 1024, copy(store[1024:], payload)
		around := make([]level, 1+m.IntN(8))
		for j := range around {
			m.level(&around[j])
			at, _ := Encapsulate(store, off, size, around[j].header, around[j].opts)
			off, size = at, size+off-at
		}
		d, err := lib.FromBytes(store[off : off+size])
		if err != nil {
			t.Fatalf("the library refuses %x: %v", store[off:off+size], err)
		}
		for j := len(around) - 1; j >= 0; j-- {
			r, ok := d.(*lib.RelayMessage)
			if !ok {
				t.Fatalf("level %d is %v, want a relay message", j, d)
			}
			link, _ := netip.AddrFromSlice(r.LinkAddr)
			peer, _ := netip.AddrFromSlice(r.PeerAddr)
			got := level{header: Header{r.HopCount, link, peer}, name: r.Options.InterfaceID(), port: r.Options.RelayPort().DownstreamSourcePort}
			want := around[j]
			if got.header != want.header || !bytes.Equal(got.name, want.name) || got.port != want.port {
				t.Fatalf("the library reads level %d as %+v, want %+v", j, got, want)
			}
			d = r.Options.RelayMessage()
		}
		if diff := cmp.Diff([]byte(payload), d.ToBytes()); diff != "" {
			t.Fatalf("message inside (-want +got):\n%s", diff)
		}
	}
}

// What insomniacslk/dhcp writes, this package reads as it was meant.
func TestLibraryWrites(t *testing.T) {
	t.Parallel()
	m := newMaker(2)
	var want []lib.RelayMessage
	for range 2000 {
		d, err := lib.FromBytes(solicit())
		if err != nil {
			t.Fatal(err)
		}
		want = want[:0]
		for range 1 + m.IntN(8) {
			link, peer := m.addr(), m.addr()
			r, err := lib.EncapsulateRelay(d, lib.MessageTypeRelayForward, link.AsSlice(), peer.AsSlice())
			if err != nil {
				t.Fatal(err)
			}
			r.AddOption(lib.OptInterfaceID(m.octets(m.IntN(9))))
			want, d = append(want, *r), r
		}
		got := Message(d.ToBytes())
		for i := len(want) - 1; i >= 0; i-- {
			l, ok := got.Scan()
			w := want[i]
			if !ok || got.HopCount() != w.HopCount || !bytes.Equal(got.LinkAddress().AsSlice(), w.LinkAddr) ||
				!bytes.Equal(got.PeerAddress().AsSlice(), w.PeerAddr) || !bytes.Equal(got.Value(l.InterfaceID), w.Options.InterfaceID()) {
				t.Fatalf("level %d is %x, want %s", i, got, w.Summary())
			}
			if got, ok = got.Decapsulate(&l); !ok {
				t.Fatalf("level %d has no message inside", i)
			}
		}
		if !bytes.Equal(got, solicit()) {
			t.Fatalf("message inside is %x, want %x", got, solicit())
		}
	}
}
