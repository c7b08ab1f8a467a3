package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"dhcp-relay/relay/wire/dhcp"
)

// A Bar is what the relay has to reach, as a ratio in one run or a number.
type Bar struct {
	Family string  `json:"family"`
	What   string  `json:"what"`
	Limit  float64 `json:"limit"`
	Most   bool    `json:"most"` // the limit is the most allowed, otherwise the least
	Got    float64 `json:"got"`
	Spread float64 `json:"spread,omitempty"`  // of Got, relative to it; 0 if Got was made of two medians
	Known  bool    `json:"known"`             // both sides were measured
	AtMost bool    `json:"bounded,omitempty"` // the load was the limit, so Got may be better in truth
}

// Met reports whether the bar was reached.
func (b *Bar) Met() bool {
	if b.Most {
		return b.Known && b.Got <= b.Limit
	}
	return b.Known && b.Got >= b.Limit
}

// A goal is a bar before the measurement: the value of ours, divided by that of
// another where there is one.
type goal struct {
	what  string
	key   string
	over  string // a relay, best, self or "" for the value as it is
	base  string // the other's key if it is not the same
	limit float64
	most  bool
	of    string // whose value; "": that of ours
}

const (
	best = "best peer"
	self = ours
)

// cpuGoals are the goals of a family for what a message costs.
func cpuGoals(family string) []goal {
	if family == label(dhcp.V6) {
		return []goal{
			{"CPU per request under flood, virtual uplink, to the best peer", "req_cpu", best, "", 0.15, true, ""},
			{"CPU per request under flood, card uplink, to the best peer", "card_req_cpu", best, "", 0.10, true, ""},
			{"CPU per reply under flood, to the best peer", "rep_cpu", best, "", 0.20, true, ""},
		}
	}
	return []goal{
		{"CPU per request under flood, virtual uplink, to the best peer", "req_cpu", best, "", 0.60, true, ""},
		{"CPU per request under flood, card uplink, to the best peer", "card_req_cpu", best, "", 0.30, true, ""},
		{"CPU per reply under flood, to dhcrelay", "rep_cpu", "dhcrelay", "", 0.45, true, ""},
	}
}

// goals are the goals of a family.
func goals(family string) []goal {
	return slices.Concat(cpuGoals(family), []goal{
		{"lossless requests, virtual uplink, to the best peer", "req_rate", best, "", 2.5, false, ""},
		{"lossless requests, card uplink, to the best peer", "card_req_rate", best, "", 2.5, false, ""},
		{"replies lost under flood, %", "rep_loss", "", "", 0.1, true, ""},
		{"lossless transactions, to the best peer", "txn_rate", best, "", 3, false, ""},
		{"CPU per request, virtual uplink, to null", "req_cpu", nullName, "", 1.2, true, ""},
		{"CPU per request, card uplink, to null", "card_req_cpu", nullName, "", 1.2, true, ""},
		{"CPU per reply, to null", "rep_cpu", nullName, "", 1.2, true, ""},
		{"latency at 100/s, median, to the best peer", "lat_100_p50", best, "", 1, true, ""},
		{"latency at 100/s, 99th pct., to the best peer", "lat_100_p99", best, "", 1, true, ""},
		{"latency at 1000/s, median, to the best peer", "lat_1000_p50", best, "", 1, true, ""},
		{"latency at 1000/s, 99th pct., to the best peer", "lat_1000_p99", best, "", 1, true, ""},
		{"burst of 50,000, virtual uplink: relayed", "burst", "", "", burstSize, false, ""},
		{"burst of 50,000, card uplink: relayed", "card_burst", "", "", burstSize, false, ""},
		{"forwarding tax, %", "tax", "", "", 2, true, ""},
		{"CPU per request, watched, to bare", "req_cpu_ratio", "", "", 1.05, true, oursWatched},
		{"CPU per reply, watched, to bare", "rep_cpu_ratio", "", "", 1.05, true, oursWatched},
		{"requests relayed under flood, watched, to bare", "req_flood_ratio", "", "", 0.95, false, oursWatched},
		{"replies relayed under flood, watched, to bare", "rep_flood_ratio", "", "", 0.95, false, oursWatched},
	}, linkGoals("1000", 1000), linkGoals("4000", 3000))
}

// linkGoals are the goals with so many links; ready is in milliseconds.
func linkGoals(links string, ready float64) []goal {
	key, what := "links_"+links+"_", links+" interfaces: "
	return []goal{
		{what + "rate, to that with one", key + "rate", self, "links_1_rate", 0.9, false, ""},
		{what + "rate, to null with as many", key + "rate", nullName, "", 0.9, false, ""},
		{what + "memory, KiB", key + "rss", "", "", 40 * 1024, true, ""},
		{what + "ready, ms", key + "start", "", "", ready, true, ""},
		{what + "a new one relays, ms", key + "new", "", "", 1000, true, ""},
	}
}

// Bars compares what was measured with what is asked for. Bars of which nothing
// was measured are left out.
func (r *Report) Bars() []Bar {
	var out []Bar
	for i := range r.Tables {
		t := &r.Tables[i]
		for _, g := range goals(t.Family) {
			if b, ok := g.bar(t); ok {
				out = append(out, b)
			}
		}
	}
	return out
}

// bar applies a goal to a table; ok is false if ours has no such value.
func (g goal) bar(t *Table) (b Bar, ok bool) {
	mine := t.row(cmp.Or(g.of, ours))
	v, ok := mine.value(g.key)
	if !ok {
		return b, false
	}
	b = Bar{
		Family: t.Family, What: g.what, Limit: g.limit, Most: g.most, Got: v, Known: true,
		AtMost: mine.Values[g.key].AtLeast,
	}
	if g.over == "" {
		b.Spread = mine.Values[g.key].spread()
		return b, true
	}
	other := t.row(g.over)
	if g.over == best {
		other = t.best(metric{key: g.key, fewer: g.most})
	}
	base := g.key
	if g.base != "" {
		base = g.base
	}
	o, known := other.value(base)
	if b.Known = known && o > 0; b.Known {
		b.Got = v / o
	}
	return b, true
}

func printBars(w io.Writer, bars []Bar) {
	if len(bars) == 0 {
		return
	}
	fmt.Fprint(w, "\nBars\n\n")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, b := range bars {
		sign, verdict, got := "at least", "missed", number(b.Got)
		if b.Most {
			sign = "at most"
		}
		if b.Spread > 0 {
			got += fmt.Sprintf(" (spread %.0f%%)", 100*b.Spread)
		}
		switch {
		case !b.Known:
			verdict, got = "nothing to compare with", "-"
		case b.Met():
			verdict = "met"
		case b.AtMost:
			verdict = "not reached by the load"
		}
		fmt.Fprintf(tw, "%s\t%s\t%s %s\t%s\t%s\n", b.Family, b.What, sign, number(b.Limit), got, verdict)
	}
	// It writes into memory.
	_ = tw.Flush()
}
