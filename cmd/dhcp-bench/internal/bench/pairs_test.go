package bench

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// side makes one side of a pair that has relayed half of 2,000 messages each way.
func side(cpu time.Duration, goodput float64) *half {
	f := flow{Sent: 2000, Received: 1000, Rate: 2 * goodput, CPU: cpu, Goodput: goodput}
	return &half{requests: f, replies: f}
}

// paired is a table of three pairs: the machine's speed is another for each, and
// one pair is disturbed.
func paired() *Table {
	bare, watched := &Row{Name: oursBare, Yardstick: true}, &Row{Name: oursWatched, Yardstick: true}
	addPair(bare, watched, side(4*time.Millisecond, 100_000), side(4160*time.Microsecond, 98_000))
	addPair(bare, watched, side(2*time.Millisecond, 200_000), side(2060*time.Microsecond, 194_000))
	addPair(bare, watched, side(2*time.Millisecond, 200_000), side(4*time.Millisecond, 100_000))
	return &Table{Family: "v4", Rows: []*Row{bare, watched}}
}

func TestPairs(t *testing.T) {
	tab := paired()
	var got []float64
	for _, key := range []string{"req_cpu_ratio", "req_flood_ratio", "rep_cpu_ratio", "rep_flood_ratio"} {
		v, ok := tab.row(oursWatched).value(key)
		if !ok {
			t.Errorf("no %s", key)
		}
		got = append(got, v)
	}
	if diff := cmp.Diff([]float64{1.04, 0.97, 1.04, 0.97}, got); diff != "" {
		t.Errorf("medians of the ratios (-want +got):\n%s", diff)
	}
	if v, _ := tab.row(oursBare).value("req_cpu"); v != 2000 {
		t.Errorf("a request costs %v ns bare, want 2000", v)
	}
}

func TestThroughput(t *testing.T) {
	limited := flow{Sent: 200_000, Received: 100_000, Rate: 100_000, Goodput: 50_000}
	kept := flow{Sent: 200_000, Received: 200_000, Rate: 100_000, Goodput: 99_000, Lag: 20 * time.Millisecond}
	slowly := flow{Sent: 200_000, Received: 200_000, Rate: 100_000, Goodput: 80_000, Lag: 500 * time.Millisecond}
	other := flow{Sent: 100_000, Received: 100_000, Rate: 50_000, Goodput: 49_500, Lag: 20 * time.Millisecond}
	for _, tt := range []struct {
		name          string
		bare, watched flow
		want          float64
		bounded       bool
	}{
		{"watched loses", kept, limited, 50_000.0 / 99_000, false},
		{"watched falls behind", kept, slowly, 80_000.0 / 99_000, false},
		{"both lose", limited, limited, 1, false},
		{"both keep up, the load was slower", kept, other, 1, true},
	} {
		if got, bounded := throughput(&tt.bare, &tt.watched); got != tt.want || bounded != tt.bounded {
			t.Errorf("%s: got %v, %v; want %v, %v", tt.name, got, bounded, tt.want, tt.bounded)
		}
	}
}

func TestPairWithoutReplies(t *testing.T) {
	b, w := side(time.Millisecond, 1000), side(time.Millisecond, 1000)
	b.replies.Received = 0
	var bare, watched Row
	addPair(&bare, &watched, b, w)
	if watched.Values["rep_cpu_ratio"] != nil || watched.Values["req_cpu_ratio"] == nil {
		t.Errorf("got %v, want ratios of requests only", watched.Values)
	}
}

func TestPairBars(t *testing.T) {
	r := &Report{Tables: []Table{*paired()}}
	got := r.Bars()
	want := []struct {
		what string
		met  bool
	}{
		{"CPU per request, watched, to bare", true},
		{"CPU per reply, watched, to bare", true},
		{"requests relayed under flood, watched, to bare", true},
		{"replies relayed under flood, watched, to bare", true},
	}
	if len(got) != len(want) {
		t.Fatalf("%d bars, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		if got[i].What != w.what || got[i].Met() != w.met || got[i].Spread <= 0 {
			t.Errorf("got %+v, want %+v with a spread", got[i], w)
		}
	}
	for _, key := range []string{"req_cpu_ratio", "req_flood_ratio"} {
		s := r.Tables[0].row(oursWatched).Values[key]
		s.Median = 1.06
		if key == "req_flood_ratio" {
			s.Median = 0.94
		}
	}
	missed := slices.DeleteFunc(r.Bars(), func(b Bar) bool { return b.Met() })
	if len(missed) != 2 {
		t.Errorf("with 6 %% lost there are missed %+v, want 2", missed)
	}
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(b.String()), " ")
	for _, s := range []string{
		"requests: CPU each, watched to bare - 1.06 ",
		"CPU per reply, watched, to bare at most 1.05 1.04 (spread 93%) met",
		"requests relayed under flood, watched, to bare at least 0.95 0.94 (spread 51%) missed",
	} {
		if !strings.Contains(text, s) {
			t.Errorf("no %q in\n%s", s, b.String())
		}
	}
}

func TestChosenPairs(t *testing.T) {
	for _, tt := range []struct {
		name string
		only []string
		want []string
	}{
		{"one brings the other", []string{oursBare}, []string{oursWatched, oursBare}},
		{"neither", []string{ours}, []string{ours}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &session{Config: Config{Self: []string{"self"}, Only: tt.only}}
			xs, err := s.chosen()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, x := range xs {
				got = append(got, x.name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOver(t *testing.T) {
	for _, tt := range []struct {
		name    string
		l       load
		elapsed time.Duration
		sent    int
		want    bool
	}{
		{"some are left", load{total: 10}, time.Hour, 9, false},
		{"all are sent", load{total: 10}, 0, 10, true},
		{"there is time", load{total: 10, lasts: time.Second}, 999 * time.Millisecond, 9, false},
		{"the time is up", load{total: 10, lasts: time.Second}, time.Second, 0, true},
	} {
		if got := tt.l.over(tt.elapsed, tt.sent); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

// TestOwnRate shows no ratios of what was measured at rates that differ.
func TestOwnRate(t *testing.T) {
	mine, peer, null := &Row{Name: ours}, &Row{Name: "dhcrelay"}, &Row{Name: nullName, Yardstick: true}
	for i, r := range []*Row{mine, peer, null} {
		r.add("lat_half_p50", float64(100+i))
		r.add("lat_100_p50", float64(100*(1+i)))
	}
	r := &Report{Tables: []Table{{Family: "v4", Rows: []*Row{mine, peer, null}}}}
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for line, want := range map[string]string{
		"latency at half of own rate, median, us": "100 101 102",
		"latency at 100/s, median, us":            "100 200 300 0.50 (dhcrelay) 0.33",
	} {
		_, rest, ok := strings.Cut(text, line)
		rest, _, _ = strings.Cut(rest, "\n")
		if got := strings.Join(strings.Fields(rest), " "); !ok || got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}
