package deploytest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

// An alertTest is one group of the unit tests of the rules.
type alertTest struct {
	Name   string
	Series []struct{ Series, Values string } `yaml:"input_series"`
	Exprs  []struct {
		Expr    string
		Samples []struct{ Labels string } `yaml:"exp_samples"`
	} `yaml:"promql_expr_test"`
}

func alertTests(t *testing.T) map[string]alertTest {
	t.Helper()
	out := map[string]alertTest{}
	for _, name := range RulesTestFiles() {
		b, err := os.ReadFile(filepath.Join(deployDir, name))
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Tests []alertTest }
		if err := yaml.Unmarshal(b, &file); err != nil {
			t.Fatal(err)
		}
		for _, a := range file.Tests {
			out[a.Name] = a
		}
	}
	return out
}

func alerts(t *testing.T) []Rule {
	t.Helper()
	rules, err := Rules(deployDir)
	if err != nil {
		t.Fatal(err)
	}
	rules = slices.DeleteFunc(rules, func(r Rule) bool { return r.Alert == "" })
	if len(rules) == 0 {
		t.Fatal("no alerts")
	}
	return rules
}

// instance returns the label of a series in the notation of promtool.
func instance(t *testing.T, series string) (metric, instance string) {
	t.Helper()
	q, err := Parse(series)
	if err != nil || len(q.Selectors) != 1 {
		t.Fatalf("series %q: %v", series, err)
	}
	for _, m := range q.Selectors[0].Matchers {
		if m.Label == "instance" {
			instance = m.Value
		}
	}
	return q.Selectors[0].Metric, instance
}

// TestEachAlertIsTested holds the unit tests to what they promise: that there
// is one for each alert, which would fire for one relay, gives the other the same
// metrics without firing, and ends. Those of all relays together need more of them.
func TestEachAlertIsTested(t *testing.T) {
	tests := alertTests(t)
	for _, r := range alerts(t) {
		t.Run(r.Alert, func(t *testing.T) {
			a := tests[r.Alert]
			metrics := map[string][]string{}
			for _, s := range a.Series {
				m, i := instance(t, s.Series)
				if !slices.Contains(metrics[i], m) {
					metrics[i] = append(metrics[i], m)
				}
			}
			if !r.Fleet {
				slices.Sort(metrics["sick"])
				slices.Sort(metrics["well"])
			}
			switch {
			case r.Fleet && len(metrics) < 4:
				t.Errorf("metrics by relay: %v, want those of four relays or more", metrics)
			case !r.Fleet && (len(metrics) != 2 || !slices.Equal(metrics["sick"], metrics["well"])):
				t.Errorf("metrics by relay: %v, want the same of sick and well", metrics)
			}
			silent, fires, ends := false, false, false
			for _, e := range a.Exprs {
				if want := `ALERTS{alertname="` + r.Alert + `", alertstate="firing"}`; e.Expr != want {
					t.Errorf("query %s, want %s", e.Expr, want)
				}
				silent = silent || len(e.Samples) == 0
				ends = fires && len(e.Samples) == 0
				for _, s := range e.Samples {
					fires = true
					checkFiring(t, r, s.Labels)
				}
			}
			if !silent || !fires || !ends {
				t.Errorf("a time before it fires: %v, a time when it fires: %v, and one when it has ended: %v; want all", silent, fires, ends)
			}
		})
	}
}

// absent are labels that texts speak of only where the alert has them.
var absent = []string{"vrf", "site"}

var labelUsed = regexp.MustCompile(`\$labels\.(\w+)`)

// checkFiring checks that the alert, when it fires, has the labels that its
// texts speak of.
func checkFiring(t *testing.T, r Rule, series string) {
	t.Helper()
	q, err := Parse(series)
	if err != nil {
		t.Fatal(err)
	}
	sick := "sick"
	if r.Fleet {
		sick = ""
	}
	have := map[string]string{}
	for _, m := range q.Selectors[0].Matchers {
		have[m.Label] = m.Value
	}
	if have["instance"] != sick || have["severity"] != r.Labels["severity"] {
		t.Errorf("expected of %q, severity %s: %s", sick, r.Labels["severity"], series)
	}
	for name, text := range r.Annotations {
		for _, m := range labelUsed.FindAllStringSubmatch(text, -1) {
			if _, ok := have[m[1]]; !ok && !slices.Contains(absent, m[1]) {
				t.Errorf("%s speaks of the label %s, which the alert has not: %s", name, m[1], series)
			}
		}
	}
}

func TestAlertsAreComplete(t *testing.T) {
	for _, r := range alerts(t) {
		t.Run(r.Alert, func(t *testing.T) {
			if !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
				t.Errorf("severity %q", r.Labels["severity"])
			}
			for _, name := range []string{"summary", "description", "runbook"} {
				if len(strings.Fields(r.Annotations[name])) < 4 {
					t.Errorf("%s says too little: %q", name, r.Annotations[name])
				}
			}
			if !strings.HasPrefix(r.Annotations["runbook"], "1. ") {
				t.Errorf("the runbook has no steps: %q", r.Annotations["runbook"])
			}
			if !r.Fleet && !strings.Contains(r.Annotations["summary"], "$labels.instance") {
				t.Errorf("the summary does not name the relay: %q", r.Annotations["summary"])
			}
		})
	}
}
