package deploytest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		expr string
		want Query
	}{
		{"a metric", "up", Query{Selectors: []Selector{{Metric: "up"}}}},
		{
			"matchers", `up{job="a\"b", instance=~".*",} == 0`,
			Query{Selectors: []Selector{{Metric: "up", Matchers: []Matcher{{"job", "=", `a"b`}, {"instance", "=~", ".*"}}}}},
		},
		{
			"functions, windows and clauses", `sum by (job, le) (rate(x_bucket[10m:1m] offset 5m)) > bool on (job) group_left (a) y`,
			Query{Selectors: []Selector{{Metric: "x_bucket"}, {Metric: "y"}}, Grouping: []string{"job", "le", "job", "a"}},
		},
		{
			"words in both cases of place", `sum(by_x) by (z) and time() - 1e-9 or vector(0) unless a:b:c`,
			Query{Selectors: []Selector{{Metric: "by_x"}, {Metric: "a:b:c"}}, Grouping: []string{"z"}},
		},
		{"an aggregation with a number", `topk(10, x)`, Query{Selectors: []Selector{{Metric: "x"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.expr)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range []string{
		`{job="a"}`, `up{job}`, `up{job=1}`, `up{job='a'}`, `up{job="a"`, `rate(x[5m`, `sum by x`, `sum by (x`,
		`up{job="$job"} $y`, `sum by ("x") (y)`, `x @ 5`,
	} {
		if q, err := Parse(bad); err == nil {
			t.Errorf("%s: got %v and no error", bad, q)
		}
	}
}

func TestLacks(t *testing.T) {
	inv := Inventory{}
	inv.Add("x", "job", "a")
	inv.Add("y", "job", "b")
	for metric, expr := range map[string]string{"r:sum": `sum by (a) (x)`, "r:rate": `rate(y[5m])`} {
		q, err := Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		inv.Record(metric, q)
	}
	tests := []struct {
		expr string
		want []string
	}{
		{`sum by (a) (x{job="j"}) / on (b) y`, nil},
		{`z{job="j"}`, []string{"z"}},
		{`x{b="1"} + y`, []string{"x{b}"}},
		{`r:sum{a="1"} + on (b) r:rate{b="1"}`, nil},
		{`r:sum{job="1"}`, []string{"r:sum{job}"}},
		{`sum by (c) (x + y)`, []string{"x, y{c}"}},
	}
	for _, tt := range tests {
		q, err := Parse(tt.expr)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, q.Lacks(inv)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.expr, diff)
		}
	}
}
