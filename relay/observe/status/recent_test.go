package status

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

func after(d time.Duration) time.Time { return epoch().Add(d) }

// messages are rows of vlan10, DHCPv4.
func messages(relayed, hopLimit uint64) []MessageCount {
	return []MessageCount{
		{"vlan10", dhcp.V4, dhcp.Requests, agent.Relayed, relayed - relayed/2, false}, // Discover
		{"vlan10", dhcp.V4, dhcp.Requests, agent.Relayed, relayed / 2, false},         // Request
		{"vlan10", dhcp.V4, dhcp.Requests, agent.HopLimit, hopLimit, false},
	}
}

func TestRecentForgets(t *testing.T) {
	t.Parallel()
	var r Recent
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
	for _, s := range steps {
		fresh := r.Take(after(s.at), Sample{Messages: slices.Values(messages(s.relayed, s.dropped))})
		var n uint64
		for _, f := range fresh {
			n += f.Count
		}
		c := r.Counts(after(s.at)).Links["vlan10"]
		got := []any{n, c.Relayed[dhcp.V4][dhcp.Requests], c.Drops[0].Count, c.Drops[0].Last}
		want := []any{s.fresh, Count{s.relayed, s.recent}, Count{s.dropped, s.recentD}, after(s.lastDrop)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("at %v (-want +got):\n%s", s.at, diff)
		}
	}
}

func TestRecentForgetsWithoutSamples(t *testing.T) {
	t.Parallel()
	var r Recent
	r.Take(epoch(), Sample{Messages: slices.Values(messages(10, 1))})
	if c := r.Counts(after(time.Hour)).Links["vlan10"].Relayed[dhcp.V4][dhcp.Requests]; c != (Count{10, 0}) {
		t.Errorf("got %+v", c)
	}
}

// TestRecentBearsClocks has the wall clock step back, and a counter that another
// goroutine has just replaced missing from one sample.
func TestRecentBearsClocks(t *testing.T) {
	t.Parallel()
	var r Recent
	r.Take(after(time.Hour), Sample{Messages: slices.Values(messages(10, 1))})
	r.Take(epoch(), Sample{Messages: slices.Values(messages(12, 1))})
	r.Take(epoch(), Sample{})
	c := r.Counts(epoch())
	if got := c.Links["vlan10"].Relayed[dhcp.V4][dhcp.Requests]; got != (Count{12, 12}) || c.Window != 0 {
		t.Errorf("got %+v in %v", got, c.Window)
	}
}

// What samples lack for longer has ended; under the same name it counts anew.
func TestRecentForgetsWhatHasEnded(t *testing.T) {
	t.Parallel()
	id := ServerID{netip.MustParseAddrPort("10.9.0.2:67"), ""}
	var r Recent
	r.Take(epoch(), Sample{Messages: slices.Values(messages(10, 1)), Servers: []ServerCount{{ServerID: id, Copies: 10}}})
	for i := range mostMissing + 1 {
		r.Take(after(time.Duration(i+1)*time.Second), Sample{})
	}
	if c := r.Counts(after(10 * time.Second)); len(c.Links) > 0 || len(c.Servers) > 0 {
		t.Errorf("still there: %+v", c)
	}
	fresh := r.Take(after(11*time.Second), Sample{Messages: slices.Values(messages(2, 1))})
	fresh = append(fresh, r.Take(after(12*time.Second), Sample{Messages: slices.Values(messages(7, 3))})...)
	if c := r.Counts(after(12 * time.Second)).Links["vlan10"].Relayed[dhcp.V4][dhcp.Requests]; c.Total != 7 {
		t.Errorf("then %+v, want 7 in all", c)
	}
	if len(fresh) != 2 || fresh[0].Count != 1 || fresh[1].Count != 2 {
		t.Errorf("new drops %+v", fresh)
	}
	// It began anew between two samples.
	if fresh := r.Take(after(13*time.Second), Sample{Messages: slices.Values(messages(1, 1))}); len(fresh) != 1 || fresh[0].Count != 1 {
		t.Errorf("new drops %+v, want the one", fresh)
	}
}

func TestRecentCountsTheRest(t *testing.T) {
	t.Parallel()
	id := ServerID{netip.MustParseAddrPort("10.9.0.2:67"), "red"}
	h := Histogram{[]float64{0.01, 0.1}, []uint64{3, 1, 0}}
	var r Recent
	for i := range uint64(3) {
		n := i + 1
		r.Take(after(time.Duration(i)*5*time.Minute), Sample{
			Unanswered: []LinkCount{{"vlan10", dhcp.V6, n}},
			Servers:    []ServerCount{{id, 10 * n, 8 * n, n, 2 * n, h}},
			Kernel:     [2]uint64{dhcp.V6: 7 * n},
			SendErrors: []ErrorCount{{"client", "EPERM", 5 * n}},
		})
	}
	want := Counts{
		Window:     Window,
		Links:      map[string]LinkCounts{"vlan10": {Unanswered: [2]Count{dhcp.V6: {3, 2}}}},
		Servers:    []ServerCounts{{id, Count{30, 20}, Count{24, 16}, Count{3, 2}, Count{6, 4}, h}},
		Kernel:     [2]Count{dhcp.V6: {21, 14}},
		SendErrors: []ErrorCounts{{"client", "EPERM", Count{15, 10}}},
	}
	if diff := cmp.Diff(want, r.Counts(after(Window)), cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	bounds := []float64{0.001, 0.01, 0.1, 1}
	cases := []struct {
		name   string
		counts []uint64
		q      float64
		want   float64
		ok     bool
	}{
		{"none", []uint64{0, 0, 0, 0, 0}, 0.5, 0, false},
		{"in the first bucket", []uint64{10, 0, 0, 0, 0}, 0.5, 0.0005, true},
		{"in the middle of a bucket", []uint64{0, 10, 0, 0, 0}, 0.5, 0.0055, true},
		{"at the edge", []uint64{5, 5, 0, 0, 0}, 0.5, 0.001, true},
		{"in the last bucket", []uint64{90, 0, 0, 10, 0}, 0.99, 0.91, true},
		{"beyond the last bound", []uint64{1, 0, 0, 0, 9}, 0.9, 1, true},
		{"without counts", nil, 0.5, 0, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, ok := Histogram{bounds, c.counts}.quantile(c.q)
			if ok != c.ok || !cmp.Equal(c.want, got, cmpopts.EquateApprox(0, 1e-12)) {
				t.Errorf("got %v %v, want %v %v", got, ok, c.want, c.ok)
			}
		})
	}
}

// many are rows of interfaces with five types each in both families and
// directions, and one kind of drop.
func many(links int) []MessageCount {
	var all []MessageCount
	for i := range links {
		name := fmt.Sprintf("vlan%d", i)
		for _, f := range []dhcp.Family{dhcp.V4, dhcp.V6} {
			for _, d := range []dhcp.Direction{dhcp.Requests, dhcp.Replies} {
				for typ := range 5 {
					all = append(all, MessageCount{name, f, d, agent.Relayed, uint64(i + typ), false})
				}
			}
		}
		all = append(all, MessageCount{name, dhcp.V4, dhcp.Requests, agent.HopLimit, uint64(i), false})
	}
	return all
}

// BenchmarkTake is one sample of 4,000 interfaces, each of which has relayed and
// dropped since the one before.
func BenchmarkTake(b *testing.B) {
	all := many(4000)
	var r Recent
	now := epoch()
	for b.Loop() {
		now = now.Add(time.Second)
		for i := range all {
			all[i].Count++
		}
		r.Take(now, Sample{Messages: slices.Values(all)})
	}
}
