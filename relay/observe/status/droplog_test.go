package status

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// epoch is when the tests begin.
func epoch() time.Time { return time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC) }

func noGiaddr(link string, n uint64) count.Dropped {
	return count.Dropped{Interface: link, Kind: count.Kind{Family: dhcp.V4, Direction: dhcp.Requests, Reason: agent.NoGiaddr}, Count: n}
}

func TestDropLogTellsTheFirstThenOnceAMinute(t *testing.T) {
	t.Parallel()
	var log DropLog
	got := make(map[int][]DropLine)
	// One drop a second for two minutes, then one that is late, then one after
	// a long silence.
	for second := range 2000 {
		var fresh []count.Dropped
		if second < 120 || second == 150 || second == 1999 {
			fresh = []count.Dropped{noGiaddr("vlan10", 1)}
		}
		if lines := log.Lines(epoch().Add(time.Duration(second)*time.Second), fresh); len(lines) > 0 {
			got[second] = lines
		}
	}
	line := func(n uint64, first bool) []DropLine {
		return []DropLine{{"vlan10", 1, count.Kind{Family: dhcp.V4, Direction: dhcp.Requests, Reason: agent.NoGiaddr}, n, first}}
	}
	want := map[int][]DropLine{
		0:    line(1, true),
		60:   line(60, false),
		120:  line(59, false),
		180:  line(1, false),
		1999: line(1, true),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines by second (-want +got):\n%s", diff)
	}
}

func TestDropLogTellsKindsApart(t *testing.T) {
	t.Parallel()
	var log DropLog
	fresh := []count.Dropped{
		noGiaddr("vlan10", 1),
		noGiaddr("vlan11", 1),
		{Interface: "vlan10", Kind: count.Kind{Family: dhcp.V6, Direction: dhcp.Requests, Reason: agent.NoLinkAddress}, Count: 1},
		{Interface: "vlan10", Kind: count.Kind{Family: dhcp.V4, Direction: dhcp.Replies, Reason: agent.LinkDown}, Count: 1},
		{Interface: "vlan10", Kind: count.Kind{Family: dhcp.V6, Direction: dhcp.Replies, Reason: agent.LinkDown}, Count: 1},
	}
	for _, l := range log.Lines(epoch(), fresh) {
		if !l.First || l.Count != 1 || l.Interfaces != 1 {
			t.Errorf("%+v is not a first", l)
		}
		fresh = fresh[1:]
	}
	if len(fresh) != 0 {
		t.Errorf("%d kinds were not told", len(fresh))
	}
}

// TestDropLogIsBounded has 1,000 interfaces drop all the time.
func TestDropLogIsBounded(t *testing.T) {
	t.Parallel()
	var fresh []count.Dropped
	for i := range 1000 {
		fresh = append(fresh, noGiaddr(fmt.Sprintf("vlan%d", i), 1),
			count.Dropped{Interface: fmt.Sprintf("vlan%d", i), Kind: count.Kind{Reason: agent.HopLimit}, Count: 1})
	}
	var log DropLog
	var told, lines uint64
	worst, window := 0, []int{}
	const seconds = 185
	for second := range seconds {
		ls := log.Lines(epoch().Add(time.Duration(second)*time.Second), fresh)
		for _, l := range ls {
			told += l.Count
		}
		lines += uint64(len(ls))
		window = append(window, len(ls))
		if len(window) > 60 {
			window = window[1:]
		}
		sum := 0
		for _, n := range window {
			sum += n
		}
		worst = max(worst, sum)
	}
	if worst > dropLogLines+2 {
		t.Errorf("%d lines in a minute", worst)
	}
	if first := uint64(2000); lines == 0 || told < first*(seconds-60) {
		t.Errorf("%d lines tell of %d drops of %d", lines, told, first*seconds)
	}
}

func TestDropLogPrefersWhatIsNew(t *testing.T) {
	t.Parallel()
	var old []count.Dropped
	for i := range 100 {
		old = append(old, noGiaddr(fmt.Sprintf("vlan%d", i), 50))
	}
	var log DropLog
	log.Lines(epoch(), old)
	lines := log.Lines(epoch().Add(time.Minute), append(old, count.Dropped{Interface: "vlan7", Kind: count.Kind{Family: dhcp.V4, Direction: dhcp.Requests, Reason: agent.HopLimit}, Count: 1}))
	want := DropLine{"vlan7", 1, count.Kind{Family: dhcp.V4, Direction: dhcp.Requests, Reason: agent.HopLimit}, 1, true}
	if diff := cmp.Diff(want, lines[0]); diff != "" {
		t.Errorf("first line (-want +got):\n%s", diff)
	}
	last := lines[len(lines)-1]
	if last.Interface != "" || last.Interfaces != 81 || last.Count != 81*50 {
		t.Errorf("summary: %+v", last)
	}
}

// The lines of a minute are counted over all calls in it: what is new after
// twenty is summed up, until the minute is over.
func TestDropLogCountsOverCalls(t *testing.T) {
	t.Parallel()
	var log DropLog
	next := 0
	call := func(second, n int) (single, summed int) {
		t.Helper()
		var fresh []count.Dropped
		for range n {
			next++
			fresh = append(fresh, noGiaddr(fmt.Sprintf("vlan%d", next), 1))
		}
		for _, l := range log.Lines(epoch().Add(time.Duration(second)*time.Second), fresh) {
			if l.Interface == "" {
				summed += l.Interfaces
			} else {
				single++
			}
		}
		return single, summed
	}
	for _, c := range []struct{ second, fresh, single, summed int }{
		{0, 8, 8, 0},
		{1, 8, 8, 0},
		{2, 8, 4, 4},
		{3, 8, 0, 0}, // the summary has had its line of this minute
		{59, 1, 0, 0},
		{60, 12, 20, 0}, // nine of the last minute first
		{62, 0, 0, 1},
	} {
		single, summed := call(c.second, c.fresh)
		if single != c.single || summed != c.summed {
			t.Errorf("second %d: %d lines and %d interfaces summed up, want %d and %d", c.second, single, summed, c.single, c.summed)
		}
	}
}
