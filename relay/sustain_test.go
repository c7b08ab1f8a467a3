package relay_test

import (
	"encoding/binary"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/bootp"
)

// sustained returns for how long a load lasts, and skips the test where nobody has said.
func sustained(t *testing.T) time.Duration {
	t.Helper()
	v := os.Getenv("SUSTAIN")
	if v == "" {
		t.Skip("takes minutes and both processors: make sustain")
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		t.Fatalf("SUSTAIN: %v", err)
	}
	return d
}

// The stress plan of SONiC: 10,000 requests a second for 120 s (SUSTAIN), of which each
// one is relayed.
func TestTenThousandASecond(t *testing.T) {
	last := sustained(t)
	const perSecond = 10_000
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/16")
	heard := listenAt(b.servers, "10.9.0.2:67").tally(perSecond * int(last/time.Second+10))
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	s := n.stream(perSecond)
	time.Sleep(last) // this is what is tested: that it goes on
	s.stop()
	if s.rate < 0.99*perSecond {
		t.Errorf("%.0f requests a second were offered, want %d", s.rate, perSecond)
	}
	end := time.Now().Add(patient)
	for int(heard.Load())+n.lost() < s.sent && time.Now().Before(end) {
		time.Sleep(5 * time.Millisecond)
	}
	m := d.balanced()
	t.Logf("%d requests in %v, %.0f a second; the server heard %d; cables lost %d; resident %d MiB",
		s.sent, last, s.rate, heard.Load(), n.lost(), m.sum("process_resident_memory_bytes")>>20)
	if k := int(heard.Load()); k+n.lost() != s.sent || m.outcome("relayed") != s.sent-n.lost() {
		t.Errorf("of %d requests %d are relayed and %d are heard: %v", s.sent, m.outcome("relayed"), k, m.of("vlan10"))
	}
}

// Many millions of messages of as many clients leave the memory as it was after the
// first million, within 5 %.
func TestMemoryAfterMillions(t *testing.T) {
	last := sustained(t) * 5 / 2
	const million, ahead = 1_000_000, 8192
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/16")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	n.must(unix.SetsockoptInt(n.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4096)) // nobody reads there
	var heard atomic.Int64
	v.answerEach(&heard)

	f := frameOf(discover(0).request())
	var first usage
	began, sent := time.Now(), 0
	for lost := 0; first == (usage{}) || time.Since(began) < last; sent++ {
		binary.BigEndian.PutUint32(f[14+28+4:], uint32(sent))  // xid
		binary.BigEndian.PutUint32(f[14+28+30:], uint32(sent)) // chaddr
		n.must(n.transmit(f))
		for stands := time.Now(); sent-lost-int(heard.Load()) > ahead; time.Sleep(time.Millisecond) {
			if time.Since(stands) > time.Second { // what is missing is lost
				lost = sent - int(heard.Load())
			}
		}
		switch {
		case sent == million-1:
			first = usageOf(d.scrape())
		case sent%(10*million) == 0 && sent > 0:
			m := d.scrape()
			t.Logf("after %d requests %+v; garbage is collected at %d octets, half as much again as was in use", sent, usageOf(m), m.sum("go_memstats_next_gc_bytes"))
		}
	}
	if sent < 2*million {
		t.Fatalf("%d requests in %v are too few to compare; give it more time", sent, time.Since(began))
	}
	s := d.scrape()
	most := usageOf(s)
	t.Logf("%d requests and as many answers in %v: %d messages; after the first million %+v, after the last %+v",
		sent, time.Since(began).Round(time.Second), s.sum("dhcp_relay_messages_total"), first, most)
	if most.octets > first.octets+first.octets/20 {
		t.Errorf("%d octets of memory at the end, want at most 5 %% more than %d", most.octets, first.octets)
	}
	if most.descriptors > first.descriptors || most.goroutines > first.goroutines+4 {
		t.Errorf("descriptors or goroutines are not given back: %+v, then %+v", first, most)
	}
}

// usageOf reads what a process uses.
func usageOf(s scrape) usage {
	return usage{s.sum("process_open_fds"), s.sum("go_goroutines"), s.sum("process_resident_memory_bytes")}
}

// answerEach is answerAll, and counts what it hears.
func (v *server) answerEach(heard *atomic.Int64) {
	v.answerBy(func(p bootp.Packet) []byte {
		heard.Add(1)
		return answer(p, bootp.Offer, "10.1.0.77")
	})
}
