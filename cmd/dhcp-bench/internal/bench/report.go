package bench

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// A Report is all that was measured, as it is written as JSON.
type Report struct {
	Host    Host     `json:"host"`
	Quick   bool     `json:"quick"`
	Rounds  int      `json:"rounds"`
	Uplinks []Uplink `json:"uplinks"`
	Lost    uint32   `json:"lost_by_load"`    // messages that the load's own sockets lost
	Backlog uint64   `json:"lost_by_backlog"` // packets that the kernel dropped before any socket
	Tables  []Table  `json:"tables"`
}

// A Table holds the relays of one address family.
type Table struct {
	Family string `json:"family"`
	Rows   []*Row `json:"relays"`
}

// A Row is one relay.
type Row struct {
	Name      string             `json:"name"`
	Binary    string             `json:"binary,omitempty"`
	Yardstick bool               `json:"yardstick,omitempty"` // not a relay but a limit
	Notes     []string           `json:"notes,omitempty"`     // what went wrong
	Values    map[string]*Sample `json:"values"`
}

// A Sample is the values of one metric.
type Sample struct {
	Values  []float64 `json:"values"`             // of each round; for latency of each slice, for watched and bare of each pair
	AtLeast bool      `json:"at_least,omitempty"` // the load was the limit, not the relay
	Median  float64   `json:"median"`
	Min     float64   `json:"min"`
	Max     float64   `json:"max"`
}

func (r *Row) add(key string, v float64) {
	if r.Values == nil {
		r.Values = map[string]*Sample{}
	}
	s := r.Values[key]
	if s == nil {
		s = &Sample{}
		r.Values[key] = s
	}
	s.Values = append(s.Values, v)
	s.Median, s.Min, s.Max = median(s.Values), slices.Min(s.Values), slices.Max(s.Values)
}

func (r *Row) atLeast(key string) { r.Values[key].AtLeast = true }

// note keeps what went wrong, once.
func (r *Row) note(text string) {
	if !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// value returns the median of a metric; ok is false if it was not measured.
func (r *Row) value(key string) (v float64, ok bool) {
	if r == nil || r.Values[key] == nil {
		return 0, false
	}
	return r.Values[key].Median, true
}

// last returns the latest value of a metric, or 0 if it was not measured.
func (r *Row) last(key string) float64 {
	s := r.Values[key]
	if s == nil {
		return 0
	}
	return s.Values[len(s.Values)-1]
}

// spread returns how far the values lie apart, relative to the median.
func (s *Sample) spread() float64 {
	if s.Median == 0 {
		return 0
	}
	return (s.Max - s.Min) / s.Median
}

// median returns the middle of the values, or the mean of the two in the middle.
func median(vs []float64) float64 {
	if len(vs) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(vs))
	k := len(s) / 2
	if len(s)%2 == 0 {
		return (s[k-1] + s[k]) / 2
	}
	return s[k]
}

// row returns the row of a relay, nil if there is none.
func (t *Table) row(name string) *Row {
	for _, r := range t.Rows {
		if r.Name == name {
			return r
		}
	}
	return nil
}

// best returns the best peer at a metric: neither ours nor a yardstick.
func (t *Table) best(m metric) *Row {
	var peers []*Row
	for _, r := range t.Rows {
		if v, ok := r.value(m.key); ok && r.Name != ours && !r.Yardstick && (v > 0 || !m.fewer) {
			peers = append(peers, r)
		}
	}
	if len(peers) == 0 {
		return nil
	}
	order := func(a, b *Row) int { return cmp.Compare(a.Values[m.key].Median, b.Values[m.key].Median) }
	if m.fewer {
		return slices.MinFunc(peers, order)
	}
	return slices.MaxFunc(peers, order)
}

// A metric is one line of the table.
type metric struct {
	key, label, unit string
	fewer            bool // less is better
}

// comparable reports whether a ratio of the metric to another relay's says
// anything: not of per cents, and not at a rate that is each relay's own.
func (m *metric) comparable() bool {
	return m.unit != "%" && !strings.HasPrefix(m.key, "lat_half_")
}

// metrics lists the lines of the table in order; those nobody has a value for
// are left out.
func metrics(t *Table) []metric {
	known := map[string]bool{}
	for _, r := range t.Rows {
		for k := range maps.Keys(r.Values) {
			known[k] = true
		}
	}
	ms := slices.Concat(rateMetrics(), pairMetrics(), latencyMetrics(), footprintMetrics(), linkMetrics())
	return slices.DeleteFunc(ms, func(m metric) bool { return !known[m.key] })
}

func rateMetrics() []metric {
	alone := []metric{{"req_alone", "generator alone", "/s", false}}
	return slices.Concat(alone, requestMetrics(virtual), requestMetrics(card), []metric{
		{"rep_rate", "replies: highest rate without loss", "/s", false},
		{"rep_flood", "replies: relayed under flood", "/s", false},
		{"rep_loss", "replies: lost under flood", "%", true},
		{"rep_cpu", "replies: CPU each, under flood", "ns", true},
		{"rep_cpu_lossless", "replies: CPU each, at highest rate", "ns", true},
		{"txn_rate", "transactions: highest rate without loss", "/s", false},
		{"txn_flood", "transactions: completed under flood", "/s", false},
		{"txn_cpu", "transactions: CPU each, under flood", "ns", true},
		{"txn_cpu_lossless", "transactions: CPU each, at highest rate", "ns", true},
	})
}

// requestMetrics are those that differ between the uplinks.
func requestMetrics(u uplink) []metric {
	k, l := u.prefix(), u.String()+" uplink, "
	return []metric{
		{k + "req_rate", l + "requests: highest rate without loss", "/s", false},
		{k + "req_flood", l + "requests: relayed under flood", "/s", false},
		{k + "req_loss", l + "requests: lost under flood", "%", true},
		{k + "req_cpu", l + "requests: CPU each, under flood", "ns", true},
		{k + "req_cpu_lossless", l + "requests: CPU each, at highest rate", "ns", true},
		{k + "burst", l + "burst of 50,000: relayed", "", false},
	}
}

// pairMetrics are the ratios of watched to bare.
func pairMetrics() []metric {
	return []metric{
		{"req_cpu_ratio", "requests: CPU each, watched to bare", "", true},
		{"req_flood_ratio", "requests: relayed under flood, watched to bare", "", false},
		{"rep_cpu_ratio", "replies: CPU each, watched to bare", "", true},
		{"rep_flood_ratio", "replies: relayed under flood, watched to bare", "", false},
	}
}

func latencyMetrics() []metric {
	ms := make([]metric, 0, 8)
	for _, r := range [...]struct{ key, at string }{
		{"100", "100/s"}, {"1000", "1000/s"}, {"10000", "10000/s"}, {"half", "half of own rate"},
	} {
		ms = append(ms, metric{"lat_" + r.key + "_p50", "latency at " + r.at + ", median", "us", true},
			metric{"lat_" + r.key + "_p99", "latency at " + r.at + ", 99th pct.", "us", true})
	}
	return ms
}

func footprintMetrics() []metric {
	return []metric{
		{"forward_ns", "forwarding: CPU of a packet beside it", "ns", true},
		{"tax_ns", "forwarding: of that the relay's presence", "ns", true},
		{"tax", "forwarding: tax", "%", true},
		{"start", "start to first relayed request", "ms", true},
		{"rss_idle", "memory idle", "KiB", true},
		{"rss_loaded", "memory loaded", "KiB", true},
		{"size", "binary", "KiB", true},
	}
}

func linkMetrics() []metric {
	ms := make([]metric, 0, 28)
	for _, n := range [...]string{"1", "100", "1000", "4000"} {
		k, l := "links_"+n+"_", n+" interfaces: "
		ms = append(ms,
			metric{k + "start", l + "start to first relayed", "ms", true},
			metric{k + "rate", l + "highest rate without loss", "/s", false},
			metric{k + "cpu", l + "CPU each, under flood", "ns", true},
			metric{k + "p50", l + "latency at 1000/s, median", "us", true},
			metric{k + "p99", l + "latency at 1000/s, 99th pct.", "us", true},
			metric{k + "rss", l + "memory", "KiB", true},
			metric{k + "new", l + "a new one relays after", "ms", true})
	}
	return ms
}
