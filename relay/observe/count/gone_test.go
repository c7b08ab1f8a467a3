package count

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/wire/dhcp"
)

// names lists the interfaces that are counted.
func (t *Table) names() (all []string) {
	links, _ := t.Links()
	for _, l := range links {
		all = append(all, l.Name())
	}
	return all
}

// balance returns what was received in IPv4, what the links account for, and what
// former ones do.
func (t *Table) balance() (got, links, former uint64) {
	all, retired := t.Links()
	for _, l := range all {
		links += l.Total(dhcp.V4)
	}
	return t.Received(dhcp.V4).Value(), links, retired[dhcp.V4]
}

func (t *Table) message(l *Link) {
	t.Received(dhcp.V4).Inc()
	l.Count(dhcp.V4, dhcp.Requests, 1, agent.Relayed)
}

func TestSeriesOfWhatIsGoneEnd(t *testing.T) {
	t.Parallel()
	now := time.Now()
	after := now.Add
	m := New()
	stays, goes, back := m.Link("stays"), m.Link("goes"), m.Link("back")
	a, b := netip.MustParseAddrPort("10.9.0.2:67"), netip.MustParseAddrPort("10.9.0.3:67")
	one, two := m.Server(a, ""), m.Server(b, "")
	for _, l := range []*Link{stays, goes, back, m.Link("")} {
		m.message(l)
	}
	one.Sent()
	m.InUse(now, []*Link{stays, goes, back}, []*Server{one, two})
	m.InUse(now, []*Link{stays}, []*Server{two})
	m.Sweep(after(keepGone - time.Second))
	if got, want := m.names(), []string{"back", "goes", "other", "stays"}; !slices.Equal(got, want) {
		t.Errorf("shortly after: %v, want %v", got, want)
	}
	// One comes back in time, and goes on counting.
	if m.Link("back") != back {
		t.Error("an interface that came back has lost its counts")
	}
	m.InUse(after(keepGone-time.Second), []*Link{stays, back}, []*Server{two})
	m.Sweep(after(keepGone + sweepEvery))
	if got, want := m.names(), []string{"back", "other", "stays"}; !slices.Equal(got, want) {
		t.Errorf("later: %v, want %v", got, want)
	}
	if s := m.Servers(); len(s) != 1 || s[0].Addr != b {
		t.Errorf("servers %+v", s)
	}
	check := func(when string, wantFormer uint64) {
		t.Helper()
		if got, series, former := m.balance(); got != series+former || former != wantFormer {
			t.Errorf("%s: %d received, %d in series, %d formerly; want %d", when, got, series, former, wantFormer)
		}
	}
	check("at the end of its series", 1)
	m.message(goes) // was under way
	check("with one that was under way", 2)
	m.Sweep(after(keepGone + lateCounts + 2*sweepEvery))
	check("at last", 2)
	if len(m.late) > 0 {
		t.Errorf("%d links are still remembered", len(m.late))
	}
	// The same name later is a new one.
	if again := m.Link("goes"); again == goes {
		t.Error("a name that came back too late has its former counts")
	}
	if m.Server(a, "") == one {
		t.Error("a server that came back too late has its former counts")
	}
}

// Names that come and go for ever neither pile up nor turn later ones into "other".
func TestEverNewNamesFindRoom(t *testing.T) {
	t.Parallel()
	now := time.Now()
	m := New()
	stays := m.Link("stays")
	m.message(stays)
	const at = 100 // in use at once
	for i := range 18000 / at {
		links := []*Link{stays}
		for j := range at {
			l := m.Link(fmt.Sprintf("veth%d-%d", i, j))
			if l.name == Other {
				t.Fatalf("name %d is counted as other", i*at+j)
			}
			m.message(l)
			links = append(links, l)
		}
		m.InUse(now.Add(time.Duration(i)*time.Second), links, nil)
	}
	if n := len(m.ordered); n > maxGone+2*at {
		t.Errorf("%d names are kept", n)
	}
	if got, series, former := m.balance(); got != series+former || former == 0 {
		t.Errorf("%d received, %d in series, %d formerly", got, series, former)
	}
	if m.Link("stays") != stays {
		t.Error("what stayed has lost its counts")
	}
}

// What a server did before it was left out of the configuration does not count for the
// one that comes back.
func TestHealthOfAServerThatComesBack(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_790_000_000, 0)
	tb := New()
	addr := netip.MustParseAddrPort("10.9.0.2:67")
	s := tb.Server(addr, "")
	s.Health.Replied(1, netip.Addr{}, time.Second)
	s.Health.Judge(2*time.Second, now)
	tb.Server(addr, "") // a reload that keeps it
	if is := s.Health.State(); is != health.Answering {
		t.Errorf("%v after a reload", is)
	}
	tb.InUse(now, nil, nil)
	if tb.Server(addr, "") != s || s.Health.State() != health.Idle {
		t.Errorf("%v after it was gone", s.Health.State())
	}
	if g := tb.Server(netip.MustParseAddrPort("[ff05::1:3]:547"), ""); g.Health.State() != health.Group {
		t.Errorf("a group is %v", g.Health.State())
	}
}
