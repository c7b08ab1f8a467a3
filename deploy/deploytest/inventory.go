package deploytest

import (
	"slices"
	"strings"
)

// An Inventory holds the labels of metrics, by metric.
type Inventory map[string][]string

// Add adds a series. Buckets, sum and count of a histogram are metrics of their
// own, as they are to queries.
func (inv Inventory) Add(metric string, labels ...string) {
	have := slices.Concat(inv[metric], labels)
	slices.Sort(have)
	inv[metric] = slices.Compact(have)
}

// Record adds what a recording rule yields: its query's series, by the labels
// of the query's clauses, or where there are none, of its first metric.
func (inv Inventory) Record(metric string, q Query) {
	labels := q.Grouping
	if len(labels) == 0 {
		labels = slices.Concat(inv[q.Selectors[0].Metric], q.Made)
	}
	inv.Add(metric, labels...)
}

// Lacks returns what the query names and the inventory does not have: metrics,
// and labels as "metric{label}". A label of a clause must be one of some metric
// of the query.
func (q Query) Lacks(inv Inventory) []string {
	var out []string
	all := slices.Clone(q.Made)
	for _, s := range q.Selectors {
		labels, ok := inv[s.Metric]
		if !ok {
			out = append(out, s.Metric)
			continue
		}
		all = append(all, labels...)
		for _, m := range s.Matchers {
			if !slices.Contains(labels, m.Label) {
				out = append(out, s.Metric+"{"+m.Label+"}")
			}
		}
	}
	if len(out) > 0 {
		return out // the labels of what is missing are not known
	}
	for _, l := range q.Grouping {
		if !slices.Contains(all, l) {
			out = append(out, q.metrics()+"{"+l+"}")
		}
	}
	return out
}

func (q Query) metrics() string {
	var names []string
	for _, s := range q.Selectors {
		names = append(names, s.Metric)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ", ")
}
