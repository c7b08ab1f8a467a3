package deploytest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v2"

	"dhcp-relay/metrics"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// target are the labels that Prometheus gives to every series of a relay; site, where
// its operator has it.
var target = []string{"job", "instance", "site"}

// documented returns what the relay exports according to its documentation,
// what the runtime and the process add, and what Prometheus itself does.
func documented(t *testing.T) Inventory {
	t.Helper()
	inv := Inventory{}
	for _, d := range metrics.Docs() {
		labels := slices.Concat(target, d.Labels)
		if d.Type == "histogram" {
			inv.Add(d.Name+"_bucket", append(labels, "le")...)
			inv.Add(d.Name+"_sum", labels...)
			inv.Add(d.Name+"_count", labels...)
			continue
		}
		inv.Add(d.Name, labels...)
	}
	for name := range families(t, runtimeText(t)) {
		if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") {
			inv.Add(name, target...)
		}
	}
	inv.Add("up", target...)
	inv.Add("ALERTS", append(target, "alertname", "alertstate", "severity", "interface", "server")...)
	return inv
}

// runtimeText returns what a relay that has done nothing exports.
func runtimeText(t *testing.T) string {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.New("test", count.New()).Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

func families(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	f, err := p.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestQueriesNameWhatIsDocumented fails where a rule, panel or variable names a
// metric, a label or a value that the relay does not have.
func TestQueriesNameWhatIsDocumented(t *testing.T) {
	inv := documented(t)
	queries, err := Queries(deployDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range queries {
		q, err := Parse(n.Expr)
		if err != nil {
			t.Errorf("%s: %v", n.Where, err)
			continue
		}
		if lacks := q.Lacks(inv); len(lacks) > 0 {
			t.Errorf("%s names what the relay does not export: %q", n.Where, lacks)
		}
		if n.Record != "" {
			inv.Record(n.Record, q)
		}
		for _, s := range q.Selectors {
			for _, m := range s.Matchers {
				for _, v := range values(m) {
					if known := closed()[m.Label]; known != nil && !slices.Contains(known, v) {
						t.Errorf("%s asks for %s %q, which there is not", n.Where, m.Label, v)
					}
				}
			}
		}
	}
}

// values returns the alternatives of a matcher.
func values(m Matcher) []string {
	if m.Value == ".*" {
		return nil
	}
	if strings.HasSuffix(m.Op, "~") {
		return strings.Split(m.Value, "|")
	}
	return []string{m.Value}
}

// closed returns the values of the labels that have a closed list of them.
func closed() map[string][]string {
	out := map[string][]string{
		"direction": {"request", "reply"},
		"family":    {"ipv4", "ipv6"},
		"towards":   {"server", "client"},
		"result":    {"success", "failure"},
	}
	for r := range agent.NumReasons {
		out["outcome"] = append(out["outcome"], agent.Reason(r).String())
	}
	for s := range agent.NumStates {
		out["state"] = append(out["state"], agent.State(s).String())
	}
	for _, s := range health.States() {
		out["state"] = append(out["state"], s.Name)
	}
	for i := range 256 {
		out["type"] = append(out["type"], bootp.Type(i).String(), dhcp6.Type(i).String())
	}
	return out
}

var named = regexp.MustCompile(`\bdhcp_relay_\w+`)

// TestTextsNameWhatIsDocumented does the same for descriptions and runbooks.
func TestTextsNameWhatIsDocumented(t *testing.T) {
	inv := documented(t)
	texts := map[string]string{}
	for _, r := range alerts(t) {
		for name, text := range r.Annotations {
			texts[r.Alert+" "+name] = text
		}
	}
	for _, p := range dashboard(t).Panels {
		texts["panel "+p.Title] = p.Description
	}
	for where, text := range texts {
		for _, name := range named.FindAllString(text, -1) {
			if _, ok := inv[name]; !ok {
				t.Errorf("%s speaks of %s, which there is not", where, name)
			}
		}
	}
}

// TestQueriesYieldSomething lets Prometheus evaluate each panel and recording
// rule over everything that a relay can export: one that names the right
// things, but joins them wrongly, yields nothing.
func TestQueriesYieldSomething(t *testing.T) {
	queries, err := Queries(deployDir)
	if err != nil {
		t.Fatal(err)
	}
	type expr struct {
		Expr     string           `yaml:"expr"`
		EvalTime string           `yaml:"eval_time"`
		Samples  []map[string]any `yaml:"exp_samples"`
	}
	type group struct {
		Interval string              `yaml:"interval"`
		Series   []map[string]string `yaml:"input_series"`
		Exprs    []expr              `yaml:"promql_expr_test"`
	}
	g := group{Interval: "1m", Series: everything(t)}
	for _, n := range queries {
		if strings.HasPrefix(n.Where, "rule DHCPRelay") {
			continue // those have tests of their own
		}
		// What is there when there is nothing does not count.
		core := strings.TrimSuffix(n.Expr, " or vector(0)")
		g.Exprs = append(g.Exprs, expr{
			// The comparison with the query's place names it where it fails.
			Expr:     fmt.Sprintf("count(%s) > bool 0 and on () absent(absent_place{place=%q})", core, n.Where),
			EvalTime: "30m", Samples: []map[string]any{{"labels": "{}", "value": 1}},
		})
	}
	rules, err := filepath.Abs(filepath.Join(deployDir, RulesFile))
	if err != nil {
		t.Fatal(err)
	}
	b, err := yaml.Marshal(map[string]any{
		"rule_files": []string{rules}, "evaluation_interval": "1m",
		"group_eval_order": []string{"dhcp-relay-records"}, "tests": []group{g},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "yield.yml")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := promtool(t, "test", "rules", file); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// everything returns the series of two relays that export all there is: of the
// first, counters rise; of the other, all gauges are 0.
func everything(t *testing.T) []map[string]string {
	t.Helper()
	golden, err := os.ReadFile(filepath.Join("..", "..", "metrics", "testdata", "full.prom"))
	if err != nil {
		t.Fatal(err)
	}
	all := families(t, string(golden))
	for name, f := range families(t, runtimeText(t)) {
		if all[name] == nil {
			all[name] = f
		}
	}
	out := []map[string]string{
		series("up", "a", nil, "1x60"), series("up", "b", nil, "0x60"),
		series("ALERTS", "a", map[string]string{"alertname": "DHCPRelayX", "alertstate": "firing"}, "1x60"),
	}
	for name, f := range all {
		for _, m := range f.Metric {
			out = append(out, sample(name, m)...)
		}
	}
	return out
}

// sample returns the series of one metric at both relays.
func sample(name string, m *dto.Metric) []map[string]string {
	labels := map[string]string{}
	for _, l := range m.Label {
		labels[l.GetName()] = l.GetValue()
	}
	rises := func(v float64) string { return fmt.Sprintf("0+%gx60", v) }
	switch {
	case m.Counter != nil:
		return []map[string]string{series(name, "a", labels, rises(m.Counter.GetValue()))}
	case m.Histogram != nil:
		out := []map[string]string{
			series(name+"_count", "a", labels, rises(float64(m.Histogram.GetSampleCount()))),
			series(name+"_sum", "a", labels, rises(m.Histogram.GetSampleSum())),
		}
		for _, b := range m.Histogram.Bucket {
			labels["le"] = strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)
			out = append(out, series(name+"_bucket", "a", labels, rises(float64(b.GetCumulativeCount()))))
		}
		return out
	case m.Gauge != nil:
		return []map[string]string{
			series(name, "a", labels, fmt.Sprintf("%gx60", m.Gauge.GetValue())), series(name, "b", labels, "0x60"),
		}
	}
	return nil
}

func series(metric, relay string, labels map[string]string, values string) map[string]string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s{job=\"dhcp-relay\",instance=%q", metric, relay)
	for name, v := range labels {
		fmt.Fprintf(&b, ",%s=%s", name, strconv.QuoteToASCII(v))
	}
	return map[string]string{"series": b.String() + "}", "values": values}
}
