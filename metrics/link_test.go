package metrics

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// Every message is counted once, and no scrape shows more outcomes than
// messages or a counter that goes back, however many goroutines count.
func TestCountsBalanceUnderScrape(t *testing.T) {
	t.Parallel()
	const workers, scrapes, messages = 4, 50, 10_000
	m := plain()
	var wg sync.WaitGroup
	var total atomic.Uint64
	stop := make(chan struct{})
	for w := range workers {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					total.Add(uint64(i))
					return
				default:
				}
				l := m.Link([]string{"eth0", "eth1", ""}[i%3])
				m.Received(dhcp.Family(i % dhcp.Families)).Inc()
				l.Count(dhcp.Family(i%dhcp.Families), dhcp.Direction(w%dhcp.Directions), uint8(i), agent.Reason(i%agent.NumReasons))
			}
		})
	}
	var last float64
	for n := 0; n < scrapes || last < messages; n++ {
		outcomes, read := sums(t, m)
		if outcomes > read {
			t.Errorf("%v outcomes of %v messages", outcomes, read)
		}
		if outcomes < last {
			t.Errorf("outcomes went from %v to %v", last, outcomes)
		}
		last = outcomes
	}
	close(stop)
	wg.Wait()
	outcomes, read := sums(t, m)
	if want := float64(total.Load()); outcomes != want || read != want {
		t.Errorf("%v outcomes, %v messages, want %v of both", outcomes, read, want)
	}
}

// sums returns the outcomes and the received messages of one scrape.
func sums(t *testing.T, m bed) (outcomes, read float64) {
	t.Helper()
	all := gather(t, m)
	for _, s := range all["dhcp_relay_messages_total"].GetMetric() {
		outcomes += s.GetCounter().GetValue()
	}
	for _, s := range all["dhcp_relay_received_total"].GetMetric() {
		read += s.GetCounter().GetValue()
	}
	return outcomes, read
}

const manyLinks = 4000

// many fills m as a large router does: four types relayed and two reasons to
// drop on each of 4,000 links, and their state.
func many(m bed) bed {
	states := make([]LinkState, manyLinks)
	for i := range states {
		name := fmt.Sprintf("vlan%d", i)
		l := m.Link(name)
		l.Count(dhcp.V4, dhcp.Requests, uint8(bootp.Discover), agent.Relayed)
		l.Count(dhcp.V4, dhcp.Replies, uint8(bootp.Offer), agent.Relayed)
		l.Count(dhcp.V4, dhcp.Requests, uint8(bootp.DHCPRequest), agent.Relayed)
		l.Count(dhcp.V4, dhcp.Replies, uint8(bootp.Ack), agent.Relayed)
		l.Count(dhcp.V4, dhcp.Requests, uint8(bootp.Discover), agent.NoServer)
		l.Count(dhcp.V4, dhcp.Requests, uint8(bootp.DHCPRequest), agent.HopLimit)
		states[i] = LinkState{Name: name, Address: "192.0.2.1", Servers: 2}
	}
	states = append(states, LinkState{Name: "vlan0", Family: dhcp.V6, Address: "2001:db8::1", Servers: 1})
	m.SetState(func() State {
		return State{ConfigHash: "0f1e2d", Links: states, Probes: []ProbeState{{Duration: 1}}, Names: []NameState{{}}, Servers: []ServerInfo{{}}, Listeners: []ListenerState{{"metrics", true, []Refused{{"full", 0}}}}}
	})
	return m
}

// get asks for the metrics as Prometheus does and returns their octets.
func get(tb testing.TB, h http.Handler) int {
	tb.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5")
	w := &discard{header: make(http.Header)}
	h.ServeHTTP(w, r)
	if w.status != 0 && w.status != http.StatusOK {
		tb.Fatalf("scrape: status %d", w.status)
	}
	return w.n
}

// discard is a ResponseWriter that counts octets.
type discard struct {
	header http.Header
	status int
	n      int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(b []byte) (int, error) { d.n += len(b); return len(b), nil }

// The bound is loose: a scrape takes some 40 ms, but machines and the race
// detector differ.
func TestScrapeOfManyLinks(t *testing.T) {
	h := many(withRuntime()).Handler()
	start := time.Now()
	n := get(t, h)
	took := time.Since(start)
	t.Logf("%d octets in %v", n, took)
	if took > load.Bound(3*time.Second) {
		t.Errorf("a scrape took %v", took)
	}
}

func TestMemoryOfManyLinks(t *testing.T) {
	before := heap()
	m := many(withRuntime())
	got := heap() - before
	runtime.KeepAlive(m)
	t.Logf("%d links: %d KiB", manyLinks, got>>10)
	if got > 7<<20 {
		t.Errorf("%d links cost %d KiB, want at most 7 MiB", manyLinks, got>>10)
	}
}

// heap returns the octets of live heap.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func BenchmarkScrape(b *testing.B) {
	m := many(withRuntime())
	h := m.Handler()
	b.Run("stream", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			b.SetBytes(int64(get(b, h)))
		}
	})
	b.Run("gather", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.gatherer.Gather(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
