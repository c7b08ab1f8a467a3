package count

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

func epoch() time.Time { return time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC) }

func after(d time.Duration) time.Time { return epoch().Add(d) }

// A bed is a table with what is recent of it.
type bed struct {
	*Table
	Recent
}

func newBed() *bed { return &bed{Table: New()} }

// messages counts on vlan10, in DHCPv4.
func (b *bed) messages(relayed, hopLimit int) {
	for i := range relayed {
		b.Link("vlan10").Count(dhcp.V4, dhcp.Requests, uint8(1+2*(i%2)), agent.Relayed) // Discover or Request
	}
	for range hopLimit {
		b.Link("vlan10").Count(dhcp.V4, dhcp.Requests, 1, agent.HopLimit)
	}
}

func (b *bed) read(at time.Duration) []Dropped { return b.Read(after(at), b.Table, nil) }

func (b *bed) relayed(at time.Duration) Number {
	return b.At(after(at)).Links["vlan10"].Relayed[dhcp.V4][dhcp.Requests]
}

func TestRecentForgets(t *testing.T) {
	t.Parallel()
	b := newBed()
	steps := []struct {
		at       time.Duration
		relayed  uint64 // in all
		dropped  uint64
		recent   uint64 // relayed
		recentD  uint64
		lastDrop time.Duration
		fresh    uint64
	}{
		{0, 10, 1, 10, 1, 0, 1},
		{time.Second, 12, 1, 12, 1, 0, 0},
		{5 * time.Minute, 112, 4, 112, 4, 5 * time.Minute, 3},
		{9*time.Minute + 59*time.Second, 113, 4, 113, 4, 5 * time.Minute, 0},
		{10 * time.Minute, 113, 4, 101, 3, 5 * time.Minute, 0}, // the first minute is over
		{15 * time.Minute, 113, 4, 1, 0, 5 * time.Minute, 0},
		{60 * time.Minute, 113, 4, 0, 0, 5 * time.Minute, 0},
		{61 * time.Minute, 120, 5, 7, 1, 61 * time.Minute, 1},
		{500 * time.Minute, 120, 5, 0, 0, 61 * time.Minute, 0},
	}
	var relayed, dropped uint64
	for _, s := range steps {
		b.messages(int(s.relayed-relayed), int(s.dropped-dropped))
		relayed, dropped = s.relayed, s.dropped
		var n uint64
		for _, f := range b.read(s.at) {
			n += f.Count
		}
		c := b.At(after(s.at)).Links["vlan10"]
		got := []any{n, c.Relayed[dhcp.V4][dhcp.Requests], c.Drops[0].Count, c.Drops[0].Last}
		want := []any{s.fresh, Number{s.relayed, s.recent}, Number{s.dropped, s.recentD}, after(s.lastDrop)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("at %v (-want +got):\n%s", s.at, diff)
		}
	}
}

func TestRecentForgetsWithoutSamples(t *testing.T) {
	t.Parallel()
	b := newBed()
	b.messages(10, 1)
	b.read(0)
	if c := b.relayed(time.Hour); c != (Number{10, 0}) {
		t.Errorf("got %+v", c)
	}
}

// TestRecentBearsClocks has the wall clock step back.
func TestRecentBearsClocks(t *testing.T) {
	t.Parallel()
	b := newBed()
	b.messages(10, 1)
	b.read(time.Hour)
	b.messages(2, 0)
	b.read(0)
	b.read(0)
	if got, window := b.relayed(0), b.At(epoch()).Window; got != (Number{12, 12}) || window != 0 {
		t.Errorf("got %+v in %v", got, window)
	}
}

// What the table has ended is forgotten; under the same name it counts anew.
func TestRecentForgetsWhatHasEnded(t *testing.T) {
	t.Parallel()
	b := newBed()
	b.messages(10, 1)
	b.Server(netip.MustParseAddrPort("10.9.0.2:67"), "").Sent()
	b.read(0)
	b.InUse(epoch(), nil, nil)
	b.Sweep(after(keepGone))
	b.read(keepGone)
	if c := b.At(after(keepGone)); len(c.Links) > 0 || len(c.Servers) > 0 {
		t.Errorf("still there: %+v", c)
	}
	b.messages(2, 1)
	fresh := b.read(keepGone + time.Second)
	b.messages(5, 2)
	fresh = append(fresh, b.read(keepGone+2*time.Second)...)
	if c := b.relayed(keepGone + 2*time.Second); c.Total != 7 {
		t.Errorf("then %+v, want 7 in all", c)
	}
	if len(fresh) != 2 || fresh[0].Count != 1 || fresh[1].Count != 2 {
		t.Errorf("new drops %+v", fresh)
	}
	// It began anew between two readings.
	b.InUse(after(keepGone), nil, nil)
	b.Sweep(after(2*keepGone + sweepEvery))
	b.messages(0, 1)
	if fresh := b.read(2*keepGone + sweepEvery); len(fresh) != 1 || fresh[0].Count != 1 {
		t.Errorf("new drops %+v, want the one", fresh)
	}
}

func TestRecentCountsTheRest(t *testing.T) {
	t.Parallel()
	b := newBed()
	var kernel uint64
	b.SetSocketDrops(dhcp.V6, func() uint64 { return kernel })
	link, s := b.Link("vlan10"), b.Server(netip.MustParseAddrPort("10.9.0.2:67"), "red")
	for i := range 3 {
		link.Count(dhcp.V4, dhcp.Replies, uint8(bootp.Nak), agent.Relayed)
		link.Unanswered(dhcp.V6)
		s.Copies.Add(10)
		s.Replies.Add(8)
		s.Failures.Add(1)
		s.NoReply.Add(2)
		kernel += 7
		b.Read(after(time.Duration(i)*5*time.Minute), b.Table, []SendError{{senderror.EPERM, senderror.Clients, 5 * uint64(i+1)}})
	}
	want := Reading{
		Window: Window,
		Links: map[string]OfLink{"vlan10": {
			Relayed:  [2][2]Number{dhcp.V4: {dhcp.Replies: {3, 2}}},
			Counts:   [NumLinkCounters][2]Number{Unanswered: {dhcp.V6: {3, 2}}},
			Refusals: Number{3, 2},
		}},
		Servers:    []OfServer{{ServerID: s.ServerID, Copies: Number{30, 20}, Replies: Number{24, 16}, Failures: Number{3, 2}, NoReply: Number{6, 4}}},
		Kernel:     [2]Number{dhcp.V6: {21, 14}},
		KernelLast: [2]time.Time{dhcp.V6: after(10 * time.Minute)},
		SendErrors: []OfError{{senderror.EPERM, senderror.Clients, Number{15, 10}, after(10 * time.Minute)}},
	}
	opts := []cmp.Option{cmpopts.EquateComparable(netip.AddrPort{}), cmpopts.IgnoreFields(OfServer{}, "Response", "Lately", "Health"), cmpopts.IgnoreFields(OfLink{}, "Lately")}
	if diff := cmp.Diff(want, b.At(after(Window)), opts...); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	const us = time.Microsecond
	cases := []struct {
		name  string
		times map[time.Duration]int
		q     float64
		want  time.Duration
		ok    bool
	}{
		{"none", nil, 0.5, 0, false},
		{"in the first bucket", map[time.Duration]int{us: 10}, 0.5, 50 * us, true},
		{"in the middle of a bucket", map[time.Duration]int{200 * us: 10}, 0.5, 175 * us, true},
		{"at the edge", map[time.Duration]int{us: 5, 200 * us: 5}, 0.5, 100 * us, true},
		{"in the last bucket", map[time.Duration]int{us: 90, 5 * time.Second: 10}, 0.99, 4750 * time.Millisecond, true},
		{"beyond the last bound", map[time.Duration]int{us: 1, time.Minute: 9}, 0.9, 5 * time.Second, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var h Histogram
			for d, n := range c.times {
				for range n {
					h.observe(d)
				}
			}
			if got, ok := h.Quantile(c.q); ok != c.ok || got.Round(us) != c.want {
				t.Errorf("got %v %v, want %v %v", got, ok, c.want, c.ok)
			}
		})
	}
}

// BenchmarkRead is one reading of 4,000 interfaces, each of which has relayed and
// dropped since the one before.
func BenchmarkRead(b *testing.B) {
	t := New()
	for i := range 4000 {
		t.Link(fmt.Sprintf("vlan%d", i))
	}
	links, _ := t.Links()
	var r Recent
	now := epoch()
	for b.Loop() {
		now = now.Add(time.Second)
		for _, l := range links {
			for f := range dhcp.Family(dhcp.Families) {
				for d := range dhcp.Direction(dhcp.Directions) {
					for typ := range uint8(5) {
						l.Count(f, d, typ, agent.Relayed)
					}
				}
			}
			l.Count(dhcp.V4, dhcp.Requests, 1, agent.HopLimit)
		}
		r.Read(now, t, nil)
	}
}

// What was lost while nothing was answered is no partial loss once that is over.
func TestOutageThatIsOver(t *testing.T) {
	t.Parallel()
	b := newBed()
	l := b.Link("vlan10")
	replies := func(n int) {
		for range n {
			l.Count(dhcp.V4, dhcp.Replies, uint8(bootp.Offer), agent.Relayed)
		}
	}
	lose := func(n int) {
		for range n {
			l.Unanswered(dhcp.V4)
		}
	}
	steps := []struct {
		at             time.Duration
		replies, lost  int
		unmet, partial uint64
	}{
		{0, 5, 0, 0, 0},
		{2 * time.Second, 5, 3, 0, 3},
		{20 * time.Second, 0, 6, 6, 9},
		{21 * time.Second, 1, 0, 0, 0},
		{25 * time.Second, 1, 4, 0, 0}, // asked before the replies came back
		{40 * time.Second, 1, 2, 0, 2},
	}
	for _, s := range steps {
		replies(s.replies)
		lose(s.lost)
		b.read(s.at)
		now := b.At(after(s.at)).Links["vlan10"].Lately[dhcp.V4]
		if now.Unmet != s.unmet || now.Lost != s.partial {
			t.Errorf("after %v: %d unmet and %d lost, want %d and %d", s.at, now.Unmet, now.Lost, s.unmet, s.partial)
		}
	}
}

func TestMoments(t *testing.T) {
	t.Parallel()
	var m moments
	for _, s := range []struct {
		second  int64
		n, want uint64
	}{{0, 4, 4}, {9, 1, 5}, {15, 2, 7}, {29, 1, 8}, {30, 1, 4}, {100, 0, 0}, {101, 3, 3}} {
		m.add(s.n, s.second)
		if got := m.at(s.second); got != s.want {
			t.Errorf("at second %d: %d, want %d", s.second, got, s.want)
		}
	}
}
