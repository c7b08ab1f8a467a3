package recorder_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/dhcp"
)

// fill returns so many octets by chance.
func fill(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := 0; i < n; i += 8 {
		var w [8]byte
		binary.NativeEndian.PutUint64(w[:], r.Uint64())
		copy(b[i:], w[:])
	}
	return b
}

// change returns what a relay, or anything else, might make of a message, and
// where that begins, or is said to begin, in the message.
func change(r *rand.Rand, p []byte) (sent []byte, shift int) {
	s := bytes.Clone(p)
	switch r.IntN(6) {
	case 0: // dropped
		return nil, 0
	case 1: // hops, giaddr and options
		if len(s) > 240 {
			s[3]++
			copy(s[24:28], fill(r, 4))
			copy(s[240:], fill(r, 20))
		}
		s = append(s, fill(r, r.IntN(30))...)
	case 2: // wrapped
		h := fill(r, r.IntN(200))
		s, shift = append(h, s...), -len(h)
	case 3: // unwrapped
		shift = r.IntN(len(p) + 1)
		s = s[shift:]
	case 4: // nothing to do with it
		s = fill(r, r.IntN(2*recorder.MaxOctets))
		shift = r.IntN(4*recorder.MaxOctets) - 2*recorder.MaxOctets
	}
	for range r.IntN(3) {
		if len(s) > 0 {
			s[r.IntN(len(s))] ^= 1 << r.IntN(8)
		}
	}
	return s, shift
}

// Whatever was sent, it is told to the octet, or its message is not told at all.
func TestSentIsToldExactly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	w := recorder.NewLog(1)
	l, log := w.Writer(), w.Reader()
	var kept, lost int
	for range 4000 {
		n := 1 + r.IntN(12)
		var received, sent [][]byte
		var shifts []int
		for range n {
			size := 200 + r.IntN(400)
			if r.IntN(16) == 0 {
				size = r.IntN(2 * recorder.MaxOctets)
			}
			p := fill(r, size)
			if r.IntN(2) == 0 && size >= 236 { // no sname and no file
				clear(p[44:236])
			}
			s, shift := change(r, p)
			received, sent, shifts = append(received, p), append(sent, s), append(shifts, shift)
		}
		if !l.Begin(n) {
			t.Fatal("nobody reads, yet the recorder was refused")
		}
		for _, p := range received {
			l.Received(p)
		}
		for i, s := range sent {
			l.Sent(&recorder.Event{}, s, shifts[i])
		}
		l.End()
		ms, gone := log.Read()
		if len(ms)+int(gone) != n {
			t.Fatalf("%d messages and %d lost, want %d in all", len(ms), gone, n)
		}
		kept, lost = kept+len(ms), lost+int(gone)
		for i, m := range ms {
			p, s := received[int(gone)+i], sent[int(gone)+i]
			if !bytes.Equal(m.Received, p[:min(len(p), recorder.MaxOctets)]) || m.Size != len(p) {
				t.Fatalf("received %x of %d octets, want %x", m.Received, m.Size, p)
			}
			if !bytes.Equal(m.Sent, s[:min(len(s), recorder.MaxOctets)]) || m.SentLen != len(s) {
				t.Fatalf("sent %x of %d octets, shift %d, want %x", m.Sent, m.SentLen, shifts[int(gone)+i], s)
			}
		}
	}
	if kept < 20*lost || lost == 0 {
		t.Errorf("%d kept and %d lost, want some lost and most kept", kept, lost)
	}
}

func TestUsualMessagesAreAllKept(t *testing.T) {
	const messages = 1000
	for name, p := range map[string]passage{"v4 request": request4(), "v6 solicit": solicit6()} {
		l := recorder.NewLog(messages)
		w := l.Writer()
		f := newFlow(p)
		for range 3 * messages / batch {
			f.batch(w, true)
		}
		ms, _ := l.Reader().Read()
		if len(ms) != messages {
			t.Errorf("%s: %d messages are kept, want %d", name, len(ms), messages)
		}
		for i := range ms {
			if !bytes.Equal(ms[i].Received, p.received) || !bytes.Equal(ms[i].Sent, p.sent) {
				t.Fatalf("%s: message %d is %x and %x, want %x and %x", name, i, ms[i].Received, ms[i].Sent, p.received, p.sent)
			}
		}
	}
}

func TestEventIsToldAsItWas(t *testing.T) {
	server, client := netip.MustParseAddrPort("[2001:db8::9]:547"), netip.MustParseAddrPort("192.0.2.77:68")
	for _, c := range []struct {
		name  string
		event recorder.Event
		want  recorder.Message
	}{
		{"nothing known", recorder.Event{}, recorder.Message{At: time.Unix(0, 0), Done: time.Unix(0, 0)}},
		{
			"a reply in a frame",
			recorder.Event{
				At: 3e9, Done: 3e9 + 5, Direction: dhcp.Replies, Type: 2, To: agent.ToFrame, Heard: 9, Link: 7,
				Src: netip.MustParseAddrPort("10.9.0.2:67"), Dst: netip.MustParseAddrPort("192.0.2.1:67"),
				From: netip.MustParseAddr("192.0.2.1"), Client: client, HW: [6]byte{2, 0, 0, 0, 0, 1},
			},
			recorder.Message{
				At: time.Unix(3, 0), Done: time.Unix(3, 5), Direction: dhcp.Replies, Type: 2, To: agent.ToFrame, Heard: 9, Link: 7,
				Src: netip.MustParseAddrPort("10.9.0.2:67"), Dst: netip.MustParseAddrPort("192.0.2.1:67"),
				From: netip.MustParseAddr("192.0.2.1"), Client: client, HW: [6]byte{2, 0, 0, 0, 0, 1},
			},
		},
		{
			"a reply by the kernel",
			recorder.Event{Family: dhcp.V6, Direction: dhcp.Replies, Type: 7, To: agent.ToHost, Src: server, Client: netip.MustParseAddrPort("[fe80::1]:546")},
			recorder.Message{
				At: time.Unix(0, 0), Done: time.Unix(0, 0), Family: dhcp.V6, Direction: dhcp.Replies, Type: 7, To: agent.ToHost,
				Src: server, Client: netip.MustParseAddrPort("[fe80::1]:546"),
			},
		},
		{
			"unspecified is not unknown",
			recorder.Event{Family: dhcp.V6, From: netip.IPv6Unspecified(), Src: netip.MustParseAddrPort("[::ffff:192.0.2.1]:0"), Omitted: true, Outcome: agent.HopLimit},
			recorder.Message{
				At: time.Unix(0, 0), Done: time.Unix(0, 0), Family: dhcp.V6, From: netip.IPv6Unspecified(),
				Src: netip.MustParseAddrPort("[::ffff:192.0.2.1]:0"), Omitted: true, Outcome: agent.HopLimit,
			},
		},
		{"a very long time", recorder.Event{Done: 100e9}, recorder.Message{At: time.Unix(0, 0), Done: time.Unix(0, 1<<32-1)}},
		{"done before it came", recorder.Event{At: 100e9}, recorder.Message{At: time.Unix(100, 0), Done: time.Unix(100, 0)}},
	} {
		l := recorder.NewLog(1)
		w := l.Writer()
		w.Begin(1)
		w.Received(nil)
		w.Sent(&c.event, nil, 0)
		w.End()
		got, _ := l.Reader().Read()
		if d := cmp.Diff([]recorder.Message{c.want}, got, cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{})); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestServersHaveOneNumberAList(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.9.0.1:67"), netip.MustParseAddrPort("10.9.0.2:67")
	l := recorder.NewLog(1)
	source := netip.MustParseAddr("10.7.0.1")
	if own := l.Servers([]recorder.Server{{Addr: a, Source: source}}); own == l.Servers([]recorder.Server{{Addr: a}}) {
		t.Errorf("number %d with and without a source", own)
	}
	one, two := l.Servers([]recorder.Server{{Addr: a}}), l.Servers([]recorder.Server{{Addr: a}, {Addr: b}})
	if again := l.Servers([]recorder.Server{{Addr: a}}); again != one || one == two || one == 0 || l.Servers(nil) != 0 {
		t.Errorf("numbers %d and then %d for one list, %d for another, %d for none", one, again, two, l.Servers(nil))
	}
	if n := (*recorder.Log)(nil).Servers([]recorder.Server{{Addr: a}}); n != 0 {
		t.Errorf("no log has number %d", n)
	}
}
