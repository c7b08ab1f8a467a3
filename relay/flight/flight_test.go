package flight_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/flight"
)

// record writes a batch of messages with these payloads; each is sent with an
// octet more.
func record(w *flight.Writer, payloads ...[]byte) bool {
	w.Begin()
	for _, p := range payloads {
		w.Received(p)
	}
	if !w.Lock(len(payloads)) {
		return false
	}
	defer w.Unlock()
	for i, p := range payloads {
		*w.Next() = flight.Event{At: int64(p[0]) * 1e9, Done: int64(p[0])*1e9 + 1}
		w.Add(i, len(p), append(p[:len(p):len(p)], 0xff))
	}
	return true
}

func first(ms []flight.Message) (out []byte) {
	for i := range ms {
		out = append(out, ms[i].Received[0])
	}
	return out
}

func TestLogKeepsBothLegs(t *testing.T) {
	l := flight.NewLog(4)
	w := l.Writer()
	two := []netip.AddrPort{netip.MustParseAddrPort("10.9.0.1:67"), netip.MustParseAddrPort("10.9.0.2:67")}
	w.Begin()
	w.Received([]byte{1, 2, 3})
	if !w.Lock(1) {
		t.Fatal("nobody reads, yet the lock was refused")
	}
	*w.Next() = flight.Event{
		At: 5e9, Done: 6e9, Family: agent.V4, Direction: agent.Requests, Type: 1, Outcome: agent.Relayed,
		Heard: 7, Link: 7, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"),
		Servers: two, Copies: 2, Refused: 1, Errno: syscall.ENETUNREACH,
	}
	w.Add(0, 3, []byte{1, 2, 3, 4})
	w.Unlock()

	got, lost := l.Reader().Read()
	want := []flight.Message{{
		At: time.Unix(5, 0), Done: time.Unix(6, 0), Type: 1, Heard: 7, Link: 7,
		Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"),
		Servers: two[1:], Refused: two[:1], Errno: syscall.ENETUNREACH, Received: []byte{1, 2, 3}, Size: 3, Sent: []byte{1, 2, 3, 4}, SentLen: 4,
	}}
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{})); d != "" || lost != 0 {
		t.Errorf("lost %d, messages (-want +got):\n%s", lost, d)
	}
}

func TestReaderGetsEachMessageOnce(t *testing.T) {
	l := flight.NewLog(4)
	a, b := l.Writer(), l.Writer()
	record(a, []byte{1}, []byte{3})
	record(b, []byte{2})
	late := l.Follow()
	r := l.Reader()
	ms, _ := r.Read()
	if d := cmp.Diff([]byte{1, 2, 3}, first(ms)); d != "" {
		t.Errorf("not in the order of time (-want +got):\n%s", d)
	}
	record(b, []byte{4})
	for name, r := range map[string]*flight.Reader{"reader": r, "follower": late} {
		if ms, _ := r.Read(); !bytes.Equal(first(ms), []byte{4}) {
			t.Errorf("%s got %v, want what is new: [4]", name, first(ms))
		}
	}
}

func TestOldMessagesMakeRoom(t *testing.T) {
	large := func(n byte) []byte { return bytes.Repeat([]byte{n}, flight.MaxOctets) }
	for name, c := range map[string]struct {
		batches [][][]byte
		want    []byte
		lost    uint64
	}{
		"more messages than slots": {[][][]byte{{{1}, {2}, {3}}, {{4}, {5}, {6}}}, []byte{3, 4, 5, 6}, 2},
		// Four slots have room for 16,384 octets: two messages of 4,096 received
		// and 4,096 kept of what was sent.
		"more octets than room": {[][][]byte{{large(1), large(2)}, {large(3)}}, []byte{2, 3}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := flight.NewLog(4)
			w := l.Writer()
			for _, b := range c.batches {
				record(w, b...)
			}
			ms, lost := l.Reader().Read()
			if got := first(ms); !bytes.Equal(got, c.want) || lost != c.lost {
				t.Errorf("got %v and %d lost, want %v and %d", got, lost, c.want, c.lost)
			}
			for i := range ms {
				if n := ms[i].Received[0]; !bytes.Equal(ms[i].Received, bytes.Repeat([]byte{n}, ms[i].Size)) {
					t.Errorf("message %d has octets of another one", n)
				}
			}
		})
	}
}

func TestLargeMessageIsCutAndSaysSo(t *testing.T) {
	l := flight.NewLog(4)
	record(l.Writer(), make([]byte, flight.MaxOctets+10))
	ms, _ := l.Reader().Read()
	if m := ms[0]; len(m.Received) != flight.MaxOctets || m.Size != flight.MaxOctets+10 || m.SentLen != flight.MaxOctets+11 {
		t.Errorf("got %d of %d octets received, %d of %d sent", len(m.Received), m.Size, len(m.Sent), m.SentLen)
	}
}

func TestClosedWriterIsUsedAgain(t *testing.T) {
	l := flight.NewLog(4)
	w := l.Writer()
	record(w, []byte{1})
	w.Close()
	if ms, _ := l.Reader().Read(); len(ms) != 1 {
		t.Errorf("a closed writer shows %d messages, want the 1 that it took", len(ms))
	}
	if l.Writer() != w {
		t.Error("a closed writer was not used again")
	}
}

func TestNoLogRecordsNothing(t *testing.T) {
	l := flight.NewLog(0)
	l.Writer().Close()
	if ms, lost := l.Follow().Read(); ms != nil || lost != 0 || l.Missed() != 0 {
		t.Errorf("got %v, %d lost, %d missed", ms, lost, l.Missed())
	}
}

// Whatever a reader does, a writer never waits: each message is in the log, or
// was counted as missed.
func TestReadersDoNotHoldUpTheWriter(t *testing.T) {
	const batches, size = 2000, 16
	l := flight.NewLog(batches * size)
	w := l.Writer()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var read int
	r := l.Reader()
	wg.Go(func() {
		for {
			ms, _ := r.Read()
			read += len(ms)
			select {
			case <-stop:
				ms, _ := r.Read()
				read += len(ms)
				return
			default:
			}
		}
	})
	var payloads [][]byte
	for i := range size {
		payloads = append(payloads, []byte(fmt.Sprintf("%d: a message", i)))
	}
	for range batches {
		record(w, payloads...)
	}
	close(stop)
	wg.Wait()
	if got := uint64(read) + l.Missed(); got != batches*size {
		t.Errorf("read %d and missed %d messages of %d", read, l.Missed(), batches*size)
	}
}

func TestRecordingDoesNotAllocate(t *testing.T) {
	w := flight.NewLog(64).Writer()
	p := make([]byte, 300)
	n := testing.AllocsPerRun(1000, func() {
		w.Begin()
		w.Received(p)
		if w.Lock(1) {
			*w.Next() = flight.Event{}
			w.Add(0, len(p), p)
			w.Unlock()
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a message, want none", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	w := flight.NewLog(1024).Writer()
	p := make([]byte, 300)
	b.ReportAllocs()
	for b.Loop() {
		w.Begin()
		for range 64 {
			w.Received(p)
		}
		w.Lock(64)
		for i := range 64 {
			*w.Next() = flight.Event{At: 1}
			w.Add(i, len(p), p)
		}
		w.Unlock()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/message")
}
