package agent

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// A hop is what one relay of a chain was told, and what it made of it.
type hop struct {
	link     string // where the message came from
	src      netip.AddrPort
	message  []byte // as received
	forward  []byte // as sent on
	firstHop bool
}

// A chain plays every relay of random chains with one core.
type chain struct {
	*rand.Rand
	s    *Snapshot
	hops []hop
	room [10][]byte // stores of the relays, used again for each chain
}

func newChain(seed uint64) *chain {
	s, _ := compile6(nil)
	c := &chain{Rand: rand.New(rand.NewPCG(seed, 3)), s: s}
	for i := range c.room {
		c.room[i] = make([]byte, Headroom+4096)
	}
	return c
}

func (c *chain) octets(b []byte) {
	for i := range b {
		b[i] = byte(c.Uint32())
	}
}

// peer returns an address that this host has not: link-local or global.
func (c *chain) peer() netip.Addr {
	a := [16]byte{0xfe, 0x80}
	if c.IntN(2) == 0 {
		a = [16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 3} // as t0, for relays are on the link
	}
	c.octets(a[8:])
	return netip.AddrFrom16(a)
}

// receive puts a message where a relay receives it.
func (c *chain) receive(i int, m []byte) *Buf {
	return &Buf{Store: c.room[i], Off: Headroom, Len: copy(c.room[i][Headroom:], m)}
}

// up sends a message of random octets through as many relays as c.hops holds.
func (c *chain) up(t *testing.T, m []byte) {
	for i := range c.hops {
		h := &c.hops[i]
		*h = hop{link: "t0", message: m, firstHop: i == 0, src: netip.AddrPortFrom(c.peer(), 547)}
		switch {
		case h.firstHop:
			h.link = []string{"d0", "d1"}[c.IntN(2)]
		case c.IntN(4) == 0:
			h.src = netip.AddrPortFrom(h.src.Addr(), uint16(1+c.IntN(0xffff)))
		}
		b := c.receive(i, m)
		v := c.s.Relay6(b, Ingress{Link: c.s.named[h.link], Src: h.src, Dst: netip.MustParseAddr(relays), MAC: clientMAC})
		if v.Reason != Relayed {
			t.Fatalf("relay %d of % x: %v", i, m, v.Reason)
		}
		h.forward = b.Bytes()
		if want := h.wrapped(byte(i)); !bytes.Equal(want, h.forward) {
			t.Fatalf("relay %d sent\n% x, want\n% x", i, h.forward, want)
		}
		m = h.forward
	}
}

// wrapped is the Relay-forward that a hop must send, made without the core.
func (h *hop) wrapped(count byte) []byte {
	link := map[string]string{"d0": gua0, "d1": gua1, "t0": guaT}[h.link]
	if !h.firstHop && !h.src.Addr().IsLinkLocalUnicast() {
		link = "::"
	}
	options := id6(h.link)
	if h.firstHop {
		options = append(options, mac6(clientMAC...)...)
	} else if h.src.Port() != 547 {
		options = append(options, port6(h.src.Port())...)
	}
	return relay6(12, count, link, h.src.Addr().String(), options, inner6(h.message))
}

// down has the server answer with what it got, and brings it home.
func (c *chain) down(t *testing.T) {
	m := c.answer(len(c.hops))
	for i := len(c.hops) - 1; i >= 0; i-- {
		h := &c.hops[i]
		b := c.receive(len(c.room)-1, m)
		v := c.s.Relay6(b, Ingress{Link: c.s.named["u0"], Src: netip.AddrPortFrom(netip.MustParseAddr(server6), 547), Dst: netip.MustParseAddr(gua0)})
		port := uint16(546)
		if !h.firstHop {
			port = h.src.Port()
		}
		if v.Reason != Relayed || v.Link.Host.Name != h.link || v.Dst != h.src.Addr() || v.Port != port {
			t.Fatalf("relay %d of % x: %v to %v port %d, want %v on %s, port %d", i, m, v.Reason, v.Dst, v.Port, h.src, h.link, port)
		}
		m = bytes.Clone(b.Bytes())
		if want := c.answer(i); !bytes.Equal(want, m) {
			t.Fatalf("relay %d delivered\n% x, want\n% x", i, m, want)
		}
	}
}

// answer is what a server sends back for the first n relays: with the message of
// the client inside, and every option as it was (RFC 9915, section 19.3).
func (c *chain) answer(n int) []byte {
	if n == 0 {
		return c.hops[0].message
	}
	m := bytes.Clone(c.hops[n-1].forward)
	for at, i := m, n-1; i >= 0; i-- {
		at[0] = 13
		at = at[len(at)-len(c.hops[i].message):]
	}
	return m
}

// Wrapping and unwrapping are each other's inverse, and the octets inside stay
// as they are, for random messages through random chains of relays.
func TestR9915_14_R9915_24_R9915_26_R7969_2_MillionNested(t *testing.T) {
	rounds := 1_000_000
	if testing.Short() || raced {
		rounds = 20_000
	}
	c := newChain(uint64(rounds))
	types := []byte{1, 3, 4, 5, 6, 8, 9, 11, 20, 21, 36, 99, 255}
	hops := make([]hop, 9)
	payload := make([]byte, 128)
	for nested := 0; nested < rounds; {
		m := payload[:4+c.IntN(len(payload)-4)]
		c.octets(m)
		m[0] = types[c.IntN(len(types))]
		c.hops = hops[:1+c.IntN(len(hops))]
		nested += len(c.hops)
		c.up(t, m)
		c.down(t)
	}
}

// Random octets behind a sound start never break anything.
func TestR_SEC_3_RandomThroughTheCore(t *testing.T) {
	rounds := 50_000
	if testing.Short() || raced {
		rounds = 3_000
	}
	c := newChain(7)
	ins := make([]case6, 0, 32)
	for _, k := range kinds6() {
		ins = append(ins, k)
	}
	for range rounds {
		k := ins[c.IntN(len(ins))]
		m := append([]byte(nil), k.in[:c.IntN(len(k.in))]...)
		tail := make([]byte, c.IntN(64))
		c.octets(tail)
		if c.IntN(2) == 0 {
			for i := range tail { // options, mostly
				if i%4 == 0 || i%4 == 2 {
					tail[i] = 0
				} else {
					tail[i] %= 32
				}
			}
		}
		exercise6(t, c.s, append(m, tail...), k.ingress(c.s))
	}
}
