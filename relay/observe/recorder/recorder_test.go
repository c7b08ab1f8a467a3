package recorder_test

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
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/dhcp"
)

// record writes a batch of messages with these payloads; each is sent with an
// octet more.
func record(w *recorder.Writer, payloads ...[]byte) bool {
	if !w.Begin(len(payloads)) {
		return false
	}
	for _, p := range payloads {
		w.Received(p)
	}
	for _, p := range payloads {
		w.Sent(&recorder.Event{At: int64(p[0]) * 1e9, Done: int64(p[0])*1e9 + 1}, append(p[:len(p):len(p)], 0xff), 0)
	}
	w.End()
	return true
}

func first(ms []recorder.Message) (out []byte) {
	for i := range ms {
		out = append(out, ms[i].Received[0])
	}
	return out
}

func TestLogKeepsBothLegs(t *testing.T) {
	l := recorder.NewLog(4)
	w := l.Writer()
	two := []netip.AddrPort{netip.MustParseAddrPort("10.9.0.1:67"), netip.MustParseAddrPort("10.9.0.2:67")}
	if !w.Begin(1) {
		t.Fatal("nobody reads, yet the recorder was refused")
	}
	w.Received([]byte{1, 2, 3})
	w.Sent(&recorder.Event{
		At: 5e9, Done: 6e9, Family: dhcp.V4, Direction: dhcp.Requests, Type: 1, Outcome: agent.Relayed,
		Heard: 7, Link: 7, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"),
		Servers: l.Servers([]recorder.Server{{Addr: two[0]}, {Addr: two[1]}}), Copies: 2, Refused: 1, Class: l.Class("voip"), Errno: syscall.ENETUNREACH,
	}, []byte{1, 2, 3, 4}, 0)
	w.End()

	got, lost := l.Reader().Read()
	want := []recorder.Message{{
		At: time.Unix(5, 0), Done: time.Unix(6, 0), Type: 1, Heard: 7, Link: 7,
		Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"),
		Servers: two[1:], Refused: two[:1], Class: "voip", Errno: syscall.ENETUNREACH, Received: []byte{1, 2, 3}, Size: 3, Sent: []byte{1, 2, 3, 4}, SentLen: 4,
	}}
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{})); d != "" || lost != 0 {
		t.Errorf("lost %d, messages (-want +got):\n%s", lost, d)
	}
}

func TestReaderGetsEachMessageOnce(t *testing.T) {
	l := recorder.NewLog(4)
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
	for name, r := range map[string]*recorder.Reader{"reader": r, "follower": late} {
		if ms, _ := r.Read(); !bytes.Equal(first(ms), []byte{4}) {
			t.Errorf("%s got %v, want what is new: [4]", name, first(ms))
		}
	}
}

func TestPickTakesWhatIsWanted(t *testing.T) {
	const messages = 200
	l := recorder.NewLog(messages)
	w := l.Writer()
	for i := range messages {
		e := recorder.Event{At: int64(i), Done: int64(i), Family: dhcp.Family(i % 2)}
		if i%3 == 0 {
			e.Outcome = agent.HopLimit
		}
		if !w.Begin(1) {
			t.Fatal("nobody reads, yet the recorder was refused")
		}
		w.Received([]byte{byte(i), 7})
		w.Sent(&e, []byte{byte(i), 8}, 0)
		w.End()
	}
	shown := 0
	ms, lost := l.Reader().Pick(func(g recorder.Glance) bool {
		if i := int(g.Received[0]); i != shown || g.Family != dhcp.Family(i%2) || (g.Outcome == agent.HopLimit) != (i%3 == 0) {
			t.Errorf("message %d is shown as %+v", shown, g)
		}
		shown++
		return g.Outcome != agent.Relayed
	}, 0)
	if shown != messages || len(ms) != (messages+2)/3 || lost != 0 {
		t.Errorf("%d were shown, %d taken and %d lost, want %d, %d and 0", shown, len(ms), lost, messages, (messages+2)/3)
	}
	for i := range ms {
		if n := byte(3 * i); ms[i].Received[0] != n || ms[i].Sent[0] != n || ms[i].Sent[1] != 8 {
			t.Errorf("message %d is %x and %x", i, ms[i].Received, ms[i].Sent)
		}
	}
}

func TestPickTakesTheLatest(t *testing.T) {
	const messages = 200
	l := recorder.NewLog(messages)
	w, r := l.Writer(), l.Reader()
	for i := range messages {
		record(w, []byte{byte(i)})
	}
	even := func(g recorder.Glance) bool { return g.Received[0]%2 == 0 }
	ms, lost := r.Pick(even, 3)
	if got := first(ms); !bytes.Equal(got, []byte{194, 196, 198}) || lost != 97 {
		t.Errorf("got %v and %d lost, want the last three of a hundred", got, lost)
	}
	record(w, []byte{202})
	if ms, lost := r.Pick(even, 3); !bytes.Equal(first(ms), []byte{202}) || lost != 0 {
		t.Errorf("got %v and %d lost, want what is new", first(ms), lost)
	}
}

func TestOldMessagesMakeRoom(t *testing.T) {
	// count returns messages of so many octets, numbered from first on.
	count := func(first, n, size int) (list [][]byte) {
		for i := range n {
			list = append(list, bytes.Repeat([]byte{byte(first + i)}, size))
		}
		return list
	}
	for name, c := range map[string]struct {
		batches [][][]byte
		first   byte // that is kept
		kept    int
		lost    uint64
	}{
		"more messages than slots": {[][][]byte{count(1, 120, 10), count(121, 120, 10)}, 113, 128, 112},
		// 128 slots have room for 128 times 256 octets. Of the first batch, the octets
		// of 3 messages as received make room for the second.
		"more octets than room":                {[][][]byte{count(1, 8, 1150), count(9, 9, 1150)}, 4, 14, 3},
		"a batch that is larger than the room": {[][][]byte{count(1, 20, recorder.MaxOctets)}, 21, 0, 20},
	} {
		t.Run(name, func(t *testing.T) {
			l := recorder.NewLog(1)
			w := l.Writer()
			for _, b := range c.batches {
				record(w, b...)
			}
			ms, lost := l.Reader().Read()
			if got := first(ms); len(got) != c.kept || len(got) > 0 && got[0] != c.first || lost != c.lost {
				t.Errorf("got %v and %d lost, want %d from %d on and %d", got, lost, c.kept, c.first, c.lost)
			}
			for i := range ms {
				if n := ms[i].Received[0]; !bytes.Equal(ms[i].Received, bytes.Repeat([]byte{n}, ms[i].Size)) || ms[i].Sent[0] != n {
					t.Errorf("message %d has octets of another one", n)
				}
			}
		})
	}
}

func TestLargeMessageIsCutAndSaysSo(t *testing.T) {
	l := recorder.NewLog(4)
	record(l.Writer(), make([]byte, recorder.MaxOctets+10))
	ms, _ := l.Reader().Read()
	if m := ms[0]; len(m.Received) != recorder.MaxOctets || m.Size != recorder.MaxOctets+10 || m.SentLen != recorder.MaxOctets+11 {
		t.Errorf("got %d of %d octets received, %d of %d sent", len(m.Received), m.Size, len(m.Sent), m.SentLen)
	}
}

func TestClosedWriterIsUsedAgain(t *testing.T) {
	l := recorder.NewLog(4)
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
	l := recorder.NewLog(0)
	l.Writer().Close()
	if ms, lost := l.Follow().Read(); ms != nil || lost != 0 || l.Missed() != 0 {
		t.Errorf("got %v, %d lost, %d missed", ms, lost, l.Missed())
	}
}

// Whatever a reader does, a writer never waits: each message is in the log, or
// was counted as missed.
func TestReadersDoNotHoldUpTheWriter(t *testing.T) {
	const batches, size = 2000, 16
	l := recorder.NewLog(batches * size)
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
	w := recorder.NewLog(64).Writer()
	p := make([]byte, 300)
	n := testing.AllocsPerRun(1000, func() {
		if w.Begin(1) {
			w.Received(p)
			w.Sent(&recorder.Event{}, p, 0)
			w.End()
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a message, want none", n)
	}
}
