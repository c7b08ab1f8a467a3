package bootp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// A generator makes messages such as clients, servers, and broken or hostile
// senders might send: options in any order, unknown, repeated, split, with PADs
// between them, with and without END, and anything behind it.
type generator struct {
	*rand.Rand
	fixed []byte // up to the first option
	buf   []byte
}

func newGenerator(seed uint64) *generator {
	return &generator{
		Rand:  rand.New(rand.NewPCG(seed, 82)),
		fixed: message(),
		buf:   make([]byte, 0, 16<<10),
	}
}

// one reports true once in n times.
func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

// octets appends n octets of any value.
func (g *generator) octets(n int) {
	for range n {
		g.buf = append(g.buf, byte(g.Uint32()))
	}
}

// zeros appends n zero octets.
func (g *generator) zeros(n int) {
	g.buf = append(g.buf, make([]byte, n)...)
}

// option appends an option with n octets of any value.
func (g *generator) option(code byte, n int) {
	g.buf = append(g.buf, code, byte(n))
	g.octets(n)
}

// size is a length as options have it: mostly small.
func (g *generator) size() int {
	if g.one(50) {
		return g.IntN(256)
	}
	return g.IntN(12)
}

// usual is a length that the option should have, and seldom another.
func (g *generator) usual(n int) int {
	if g.one(10) {
		return g.size()
	}
	return n
}

// message returns a message that is valid until the next call.
func (g *generator) message() []byte {
	g.buf = append(g.buf[:0], g.fixed...)
	for range g.IntN(16) {
		g.part()
	}
	if !g.one(5) {
		g.buf = append(g.buf, OptionEnd)
		g.tail()
	}
	g.damage()
	return g.buf
}

func (g *generator) part() {
	switch g.IntN(11) {
	case 10:
		g.option(OptionOverload, g.usual(1))
	case 0:
		g.zeros(1 + g.IntN(8))
	case 1, 2:
		g.option(OptionRelay, g.size())
	case 3:
		g.option(OptionMessageType, g.usual(1))
	case 4:
		g.option(OptionServerID, g.usual(4))
	case 5:
		g.option(OptionClientID, g.usual(7))
	default:
		g.option(byte(1+g.IntN(254)), g.size())
	}
}

func (g *generator) tail() {
	switch g.IntN(4) {
	case 0:
		g.zeros(max(0, MinLen-len(g.buf)))
	case 1:
		g.zeros(g.IntN(64))
	case 2:
		g.octets(g.IntN(40))
	}
}

// damage breaks one message in eight.
func (g *generator) damage() {
	switch g.IntN(16) {
	case 0:
		g.buf = g.buf[:HeaderLen+g.IntN(len(g.buf)-HeaderLen)]
	case 1:
		g.buf[HeaderLen+g.IntN(len(g.buf)-HeaderLen)] = byte(g.Uint32())
	}
}

// inserts returns an option as a relay might add it.
func (g *generator) inserts(dst []byte) []byte {
	n := g.size()
	dst = append(dst[:0], OptionRelay, byte(n))
	for range n {
		dst = append(dst, byte(g.Uint32()))
	}
	return dst
}

// Whatever the message: Scan agrees with an independent parser, Insert changes
// nothing before its place and moves or absorbs what follows, Remove undoes it,
// RemoveAll leaves all but option 82. Named for what it shows most of all:
// R3396-4, that nothing is encoded anew.
func TestR3396_4_RandomMessages(t *testing.T) {
	t.Parallel()
	const shards = 4
	messages := 1_000_000
	if raceDetector || testing.Short() {
		messages = 40_000
	}
	for seed := range uint64(shards) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			g := newGenerator(seed)
			room := make([]byte, 16<<10)
			var opt []byte
			sound, several, many := 0, 0, 0
			for range messages / shards {
				m := g.message()
				opt = g.inserts(opt)
				o := consult(m)
				checkScan(t, o, m)
				checkInsert(t, o, room[:len(m)+g.IntN(64)], m, opt)
				checkRemove(t, o, room[:len(m)], m)
				if o != nil {
					n := o.layout().NumRelay
					sound++
					several += min(1, n/2)
					many += min(1, n/(MaxRelay+1))
				}
			}
			// A generator that makes only broken messages would prove nothing.
			if n := messages / shards; sound < n/2 || several < n/20 || many < n/200 {
				t.Errorf("of %d messages only %d are sound, %d with a split option 82, %d with one split too often", n, sound, several, many)
			}
		})
	}
}

// Every prefix of a message, and every octet of its options field replaced by
// its neighbours and the extremes.
func TestBrokenMessages(t *testing.T) {
	t.Parallel()
	room := make([]byte, 1024)
	for _, m := range []Packet{
		message(request, clientID, serverID, params, relayInf, end, pads),
		message(relayA, pads, discover, relayB, end, junk),
		message(discover, relayInf),
	} {
		check := func(m []byte) {
			t.Helper()
			o := consult(m)
			checkScan(t, o, m)
			checkInsert(t, o, room[:len(m)+len(relayInf)], m, relayInf)
			checkRemove(t, o, room[:len(m)], m)
		}
		for n := range m {
			check(m[:n])
		}
		for i := HeaderLen; i < len(m); i++ {
			for _, octet := range []byte{0, m[i] - 1, m[i] + 1, OptionRelay, 255} {
				broken := slices.Clone(m)
				broken[i] = octet
				check(broken)
			}
		}
	}
}
