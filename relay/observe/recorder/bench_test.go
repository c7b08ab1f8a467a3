package recorder_test

import (
	"fmt"
	"net/netip"
	"testing"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/dhcp"
)

// A passage is one message on its way through a relay: where it was received and
// what is sent lie in one store.
type passage struct {
	event          recorder.Event
	received, sent []byte
	shift          int // where what is sent begins, counted from where the other began
}

// request4 is a DISCOVER of 300 octets that gets hops, giaddr and option 82.
func request4() passage {
	p := make([]byte, 300)
	copy(p, []byte{1, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef})                          // op, htype, hlen, hops, xid
	copy(p[28:], []byte{2, 0, 0, 0, 0xcc, 1})                                    // chaddr
	copy(p[236:], []byte{99, 130, 83, 99})                                       // cookie
	copy(p[240:], []byte{53, 1, 1, 61, 7, 1, 2, 0, 0, 0, 0xcc, 1})               // type, client-id
	copy(p[252:], []byte{55, 6, 1, 3, 6, 15, 51, 54, 12, 4, 'h', 'o', 's', 't'}) // parameters, name
	p[266] = 255
	s := append([]byte(nil), p...)
	s[3] = 1
	copy(s[24:], []byte{192, 0, 2, 1})
	copy(s[266:], []byte{82, 14, 1, 6, 'v', 'l', 'a', 'n', '1', '0', 5, 4, 192, 0, 2, 0, 255})
	return passage{
		event: recorder.Event{
			At: 1e18, Done: 1e18 + 90_000, Type: 1, Outcome: agent.Relayed, Heard: 7, Link: 7,
			Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"),
			From: netip.MustParseAddr("192.0.2.1"), Copies: 1,
		},
		received: p, sent: s,
	}
}

// solicit6 is a Solicit of 98 octets that gets a Relay-forward around it.
func solicit6() passage {
	p := make([]byte, 98)
	copy(p, []byte{1, 0xde, 0xad, 0xbf, 0, 1, 0, 14, 0, 1, 0, 1, 1, 2, 3, 4, 2, 0, 0, 0, 0xcc, 1}) // type, xid, client-id
	copy(p[22:], []byte{0, 3, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})                          // IA_NA
	copy(p[38:], []byte{0, 8, 0, 2, 0, 0, 0, 6, 0, 4, 0, 23, 0, 24})                               // elapsed, options asked for
	copy(p[52:], []byte{0, 16, 0, 42})                                                             // vendor class
	h := make([]byte, 34, 64)
	h[0] = 12 // Relay-forward
	copy(h[2:], []byte{0x20, 1, 0xd, 0xb8})
	copy(h[18:], []byte{0xfe, 0x80})
	h = append(
		h,
		0, 18, 0, 6, 'v', 'l', 'a', 'n', '1', '0', // Interface-Id
		0, 79, 0, 8, 0, 1, 2, 0, 0, 0, 0xcc, 1, // link-layer address
		0, 9, 0, byte(len(p)), // Relay Message
	)
	return passage{
		event: recorder.Event{
			At: 1e18, Done: 1e18 + 90_000, Family: dhcp.V6, Type: 1, Outcome: agent.Relayed, Heard: 7, Link: 7,
			Src: netip.MustParseAddrPort("[fe80::1]:546"), Dst: netip.MustParseAddrPort("[ff02::1:2]:547"),
			From: netip.MustParseAddr("2001:db8::1"), Copies: 1,
		},
		received: p, sent: append(h, p...), shift: -len(h),
	}
}

// others is the memory that a relay works on between two batches, in octets. What
// the recorder takes of the processor's cache is paid for there.
const others = 256 << 10

// work touches all of that memory, a cache line at a time, in no order that the
// processor foresees.
func work(memory []byte) {
	const line, step = 64, 1567
	for at, n := 0, len(memory)/line; n > 0; n-- {
		memory[at*line]++
		at = (at + step) % (others / line)
	}
}

// BenchmarkRecord takes the time of a message in batches of 128, recorded and not:
// putting the message in its place and other work are part of both.
func BenchmarkRecord(b *testing.B) {
	for name, p := range map[string]passage{"v4 request": request4(), "v6 solicit": solicit6()} {
		for _, busy := range []int{0, others} {
			memory := make([]byte, busy)
			for _, record := range []bool{true, false} {
				b.Run(fmt.Sprintf("%s/others=%d/recorded=%v", name, busy, record), func(b *testing.B) {
					b.ReportAllocs()
					w := recorder.NewLog(1000).Writer()
					f := newFlow(p)
					for b.Loop() {
						work(memory)
						f.batch(w, record)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/message")
				})
			}
		}
	}
}

const batch, stride, headroom = 128, 68_000, 1024

// A flow repeats a passage in the stores of a batch.
type flow struct {
	passage
	stores []byte
}

func newFlow(p passage) *flow {
	return &flow{p, make([]byte, batch*stride)}
}

func (f *flow) batch(w *recorder.Writer, record bool) {
	if record && !w.Begin(batch) {
		panic("nobody reads, yet the recorder was refused")
	}
	for i := range batch {
		at := f.stores[i*stride+headroom:]
		copy(at, f.received)
		if record {
			w.Received(at[:len(f.received)])
		}
	}
	for i := range batch {
		copy(f.stores[i*stride+headroom+f.shift:], f.sent)
	}
	for i := range batch {
		at := f.stores[i*stride+headroom+f.shift:]
		if record {
			w.Sent(&f.event, at[:len(f.sent)], f.shift)
		}
	}
	if record {
		w.End()
	}
}
