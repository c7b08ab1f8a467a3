package deploytest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v2"
)

// RulesTestFiles returns the unit tests of the rules: those at the pace of Prometheus,
// and those of alerts that come fast.
func RulesTestFiles() []string {
	return []string{"prometheus/dhcp-relay.test.yml", "prometheus/dhcp-relay.fast.test.yml"}
}

// The files, below the directory deploy.
const (
	RulesFile     = "prometheus/dhcp-relay.rules.yml"
	RunbooksFile  = "prometheus/RUNBOOKS.md"
	RoutesFile    = "prometheus/alertmanager.yml"
	DashboardFile = "grafana/dhcp-relay.json"
)

// A Rule is a recording rule or an alert.
type Rule struct {
	Fleet       bool `yaml:"-"` // of all relays together
	Record      string
	Alert       string
	Expr        string
	For         string
	Labels      map[string]string
	Annotations map[string]string
}

// Rules returns the rules of the directory deploy, in order.
func Rules(dir string) ([]Rule, error) {
	b, err := os.ReadFile(filepath.Join(dir, RulesFile))
	if err != nil {
		return nil, err
	}
	var file struct {
		Groups []struct {
			Name, Interval string
			Rules          []Rule
		}
	}
	if err := yaml.UnmarshalStrict(b, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", RulesFile, err)
	}
	var out []Rule
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			r.Fleet = g.Name == "dhcp-relay-fleet"
			out = append(out, r)
		}
	}
	return out, nil
}

// A Dashboard is what tests look at in the dashboard.
type Dashboard struct {
	Templating struct {
		List []Variable
	}
	Annotations struct{ List []Annotation }
	Panels      []Panel
}

// An Annotation marks moments in all panels.
type Annotation struct{ Name, Expr string }

// A Variable is a choice at the top of the dashboard.
type Variable struct {
	Name, Type, Definition string
	Datasource             Datasource
}

// A Datasource names where data come from.
type Datasource struct{ UID string }

// A Panel is one picture, or a row of them.
type Panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               Datasource
	GridPos                  struct{ X, Y, W, H int }
	Targets                  []Target
	FieldConfig              struct {
		Defaults  struct{ Unit string }
		Overrides []Override
	}
}

// An Override is how one column of a table differs.
type Override struct {
	Matcher    struct{ Options string }
	Properties []struct{ ID string }
}

// A Target is one query of a panel.
type Target struct {
	Expr         string
	LegendFormat string
	Datasource   Datasource
}

// ReadDashboard reads the dashboard of the directory deploy.
func ReadDashboard(dir string) (*Dashboard, error) {
	b, err := os.ReadFile(filepath.Join(dir, DashboardFile))
	if err != nil {
		return nil, err
	}
	d := new(Dashboard)
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("%s: %w", DashboardFile, err)
	}
	return d, nil
}

// plain is what stands for the variables of Grafana, so that Prometheus
// understands a query.
var plain = strings.NewReplacer("$__rate_interval", "10m", "$instance", ".*", "$interface", ".*")

// Plain returns the query as Grafana sends it when all is chosen.
func (t Target) Plain() string { return plain.Replace(t.Expr) }

// A Named is a query and where it stands.
type Named struct {
	Where  string
	Expr   string
	Record string // the metric that it is recorded as, or ""
}

// Queries returns every query of the rules and of the dashboard, variables
// included.
func Queries(dir string) ([]Named, error) {
	rules, err := Rules(dir)
	if err != nil {
		return nil, err
	}
	d, err := ReadDashboard(dir)
	if err != nil {
		return nil, err
	}
	var out []Named
	for _, r := range rules {
		out = append(out, Named{"rule " + r.Record + r.Alert, r.Expr, r.Record})
	}
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			out = append(out, Named{Where: "panel " + p.Title, Expr: t.Plain()})
		}
	}
	for _, a := range d.Annotations.List {
		out = append(out, Named{Where: "annotation " + a.Name, Expr: Target{Expr: a.Expr}.Plain()})
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		expr, err := v.query()
		if err != nil {
			return nil, err
		}
		out = append(out, Named{Where: "variable " + v.Name, Expr: expr})
	}
	return out, nil
}

// query returns label_values(selector, label) as a query that names the same.
func (v Variable) query() (string, error) {
	inner, ok := strings.CutPrefix(v.Definition, "label_values(")
	at := strings.LastIndex(inner, ",")
	if !ok || at < 0 || !strings.HasSuffix(inner, ")") {
		return "", fmt.Errorf("variable %s: unknown query %q", v.Name, v.Definition)
	}
	label := strings.TrimSpace(strings.TrimSuffix(inner[at+1:], ")"))
	return "group by (" + label + ") (" + plain.Replace(inner[:at]) + ")", nil
}
