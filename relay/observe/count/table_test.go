package count

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

func TestLinkHandles(t *testing.T) {
	t.Parallel()
	m := New()
	cases := []struct {
		name string
		a, b string
		same bool
	}{
		{"same name", "eth0", "eth0", true},
		{"other names", "eth0", "eth1", false},
		{"no name is other", "", "other", true},
		{"names that one label cannot tell apart", "a\xfe", "a\xff", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := m.Link(c.a) == m.Link(c.b); got != c.same {
				t.Errorf("Link(%q) == Link(%q) is %v, want %v", c.a, c.b, got, c.same)
			}
		})
	}
	t.Run("servers differ by VRF", func(t *testing.T) {
		t.Parallel()
		a := netip.MustParseAddrPort("10.0.0.1:67")
		main, red := m.Server(a, ""), m.Server(a, "red")
		if main == red {
			t.Error("one handle for two VRFs")
		}
		if m.Server(a, "red") != red {
			t.Error("two handles for one server")
		}
	})
}

func TestLinksAreBounded(t *testing.T) {
	t.Parallel()
	m := New()
	first := m.Link("eth0")
	for i := range maxLinks + 10 {
		m.Link("ppp" + string(rune('A'+i%26)) + time.Duration(i).String())
	}
	if got := m.Link("one more"); got != m.Link("") {
		t.Errorf("interface %q got a handle of its own", got.name)
	}
	if m.Link("eth0") != first {
		t.Error("an early interface lost its handle")
	}
	if len(m.links) > maxLinks+1 {
		t.Errorf("%d handles, want at most %d", len(m.links), maxLinks+1)
	}
}

func TestCountDoesNotAllocate(t *testing.T) {
	m := New()
	l := m.Link("eth0")
	s := m.Server(netip.MustParseAddrPort("10.0.0.1:67"), "")
	l.Count(dhcp.V4, dhcp.Requests, 1, agent.NoServer) // makes what lasts
	cases := []struct {
		name string
		f    func()
	}{
		{"relayed", func() { l.Count(dhcp.V4, dhcp.Requests, 1, agent.Relayed) }},
		{"second drop", func() { l.Count(dhcp.V4, dhcp.Requests, 3, agent.NoServer) }},
		{"received", func() { m.Received(dhcp.V4).Inc() }},
		{"sent", s.Sent},
		{"failed", func() { s.Failed(101) }},
		{"client error", func() { m.ClientSendError(100) }},
		{"omitted option 82", l.OmittedOption82},
		{"omitted option 79", l.OmittedOption79},
	}
	for _, c := range cases {
		if n := testing.AllocsPerRun(100, c.f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", c.name, n)
		}
	}
}

func TestHistogramBuckets(t *testing.T) {
	t.Parallel()
	var h Histogram
	for _, d := range []time.Duration{0, 100 * time.Microsecond, 101 * time.Microsecond, 5 * time.Second, time.Minute} {
		h.observe(d)
	}
	got, sum := h.Read()
	want := make([]uint64, len(bounds)+1)
	want[0], want[1], want[len(bounds)-1], want[len(bounds)] = 2, 1, 1, 1
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("buckets (-want +got):\n%s", d)
	}
	if want := 65*time.Second + 201*time.Microsecond; sum != want {
		t.Errorf("sum is %v, want %v", sum, want)
	}
}

// Two values under one name would be one series twice, which costs a scrape.
func TestTypeNamesAreDistinct(t *testing.T) {
	t.Parallel()
	for f, names := range New().types {
		seen := make(map[string]bool)
		for _, p := range names.names {
			if seen[p] {
				t.Errorf("%s: type %q has two slots", dhcp.Family(f), p)
			}
			seen[p] = true
		}
	}
}

func BenchmarkCount(b *testing.B) {
	l := New().Link("eth0")
	for _, r := range []agent.Reason{agent.Relayed, agent.HopLimit} {
		b.Run(r.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.Count(dhcp.V4, dhcp.Requests, 1, r)
			}
		})
	}
}

// BenchmarkCountParallel has every goroutine on one counter, the worst case.
func BenchmarkCountParallel(b *testing.B) {
	l := New().Link("eth0")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.Count(dhcp.V4, dhcp.Requests, 1, agent.Relayed)
		}
	})
}
