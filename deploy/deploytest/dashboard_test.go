package deploytest

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

const source = "${datasource}"

func dashboard(t *testing.T) *Dashboard {
	t.Helper()
	d, err := ReadDashboard(deployDir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDashboardAsksForItsSource(t *testing.T) {
	d := dashboard(t)
	types := map[string]string{}
	for _, v := range d.Templating.List {
		types[v.Name] = v.Type
		if v.Type == "query" && v.Datasource.UID != source {
			t.Errorf("variable %s has the data source %q", v.Name, v.Datasource.UID)
		}
	}
	for name, want := range map[string]string{"datasource": "datasource", "instance": "query", "interface": "query"} {
		if types[name] != want {
			t.Errorf("variable %s: got type %q, want %q", name, types[name], want)
		}
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			if p.Datasource.UID != source || target.Datasource.UID != source {
				t.Errorf("panel %s has a data source of its own", p.Title)
			}
		}
	}
}

func TestDashboardHasItsRows(t *testing.T) {
	want := []string{
		"All relays", "Traffic", "Servers", "Drops", "Interfaces that do not relay", "Kernel and sending",
		"Transactions", "Flight recorder", "Configuration", "Process",
	}
	var got []string
	for _, p := range dashboard(t).Panels {
		if p.Type == "row" {
			got = append(got, p.Title)
		}
	}
	if !slices.Equal(want, got) {
		t.Errorf("rows: got %q, want %q", got, want)
	}
}

// TestPanelsExplainThemselves checks that each panel has a place, a unit and a
// text, and that those that show interfaces show a few of 4,000.
func TestPanelsExplainThemselves(t *testing.T) {
	ids, titles := map[int]bool{}, map[string]bool{}
	taken := map[[2]int]string{}
	for _, p := range dashboard(t).Panels {
		if ids[p.ID] || titles[p.Title] {
			t.Errorf("panel %s: id %d or title is used twice", p.Title, p.ID)
		}
		ids[p.ID], titles[p.Title] = true, true
		g := p.GridPos
		if g.W == 0 || g.H == 0 || g.X+g.W > 24 {
			t.Errorf("panel %s has no place: %+v", p.Title, g)
		}
		for x := range g.W {
			for y := range g.H {
				at := [2]int{g.X + x, g.Y + y}
				if taken[at] != "" {
					t.Fatalf("panel %s lies over %s", p.Title, taken[at])
				}
				taken[at] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if !strings.HasSuffix(p.Description, ".") || len(strings.Fields(p.Description)) < 5 {
			t.Errorf("panel %s says too little: %q", p.Title, p.Description)
		}
		if p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
			t.Errorf("panel %s has no unit or no query", p.Title)
		}
		for _, target := range p.Targets {
			checkTarget(t, &p, target)
		}
	}
}

// TestTablesLeadToTheRelay checks that a table that names relays has links to them.
func TestTablesLeadToTheRelay(t *testing.T) {
	n := 0
	for _, p := range dashboard(t).Panels {
		q, err := Parse(strings.Join(exprs(&p), " + "))
		if p.Type != "table" || !slices.Contains(q.Grouping, "instance") || slices.Contains(fleetWide, p.Title) {
			continue
		}
		n++
		links := 0
		for _, o := range p.FieldConfig.Overrides {
			if o.Matcher.Options == "instance" {
				links = len(o.Properties)
			}
		}
		if err != nil || links == 0 {
			t.Errorf("panel %s names relays without a link to them (%v)", p.Title, err)
		}
	}
	if n < 10 {
		t.Errorf("%d tables that name relays", n)
	}
}

// fleetWide are tables whose queries join relays.
var fleetWide = []string{"Servers that are silent for most relays"}

func exprs(p *Panel) (out []string) {
	for _, t := range p.Targets {
		out = append(out, t.Plain())
	}
	return out
}

// unitOf returns the units that fit a query, or none if any may.
func unitOf(expr string) []string {
	switch {
	case strings.Contains(expr, "process_cpu_seconds_total"), strings.Contains(expr, ") / ("):
		return []string{"percentunit"}
	case strings.Contains(expr, "_bytes"):
		return []string{"bytes"}
	case strings.Contains(expr, "response_seconds_bucket"), strings.Contains(expr, "time() -"):
		return []string{"s"}
	case strings.Contains(expr, "rate("):
		return []string{"cps"}
	case strings.Contains(expr, "timestamp_seconds"):
		return []string{"dateTimeAsIso"}
	}
	return []string{"short"}
}

var few = regexp.MustCompile(`^(top|bottom)k\(`)

var legendLabel = regexp.MustCompile(`{{(\w+)}}`)

func checkTarget(t *testing.T, p *Panel, target Target) {
	t.Helper()
	q, err := Parse(target.Plain())
	if err != nil {
		t.Fatalf("panel %s: %v", p.Title, err)
	}
	if units := unitOf(target.Expr); !slices.Contains(units, p.FieldConfig.Defaults.Unit) {
		t.Errorf("panel %s: unit %q, want %q for %s", p.Title, p.FieldConfig.Defaults.Unit, units, target.Expr)
	}
	if slices.Contains(q.Grouping, "interface") && !few.MatchString(target.Expr) {
		t.Errorf("panel %s shows all interfaces: %s", p.Title, target.Expr)
	}
	if p.Type == "timeseries" && slices.Contains(q.Grouping, "instance") && !few.MatchString(target.Expr) {
		t.Errorf("panel %s has a line for each of fifty relays: %s", p.Title, target.Expr)
	}
	over := slices.Contains([]string{"stat", "heatmap"}, p.Type) || slices.Contains(q.Grouping, "server") && few.MatchString(target.Expr) || slices.Contains(q.Grouping, "state") && !slices.Contains(q.Grouping, "interface")
	if !over && !slices.Contains(q.Grouping, "instance") {
		t.Errorf("panel %s does not tell relays apart: %s", p.Title, target.Expr)
	}
	for _, m := range legendLabel.FindAllStringSubmatch(target.LegendFormat, -1) {
		if !slices.Contains(q.Grouping, m[1]) {
			t.Errorf("panel %s: the legend shows %s, which the query does not yield: %s", p.Title, m[1], target.Expr)
		}
	}
	for _, s := range q.Selectors {
		if !slices.ContainsFunc(s.Matchers, func(m Matcher) bool { return m.Label == "instance" }) {
			t.Errorf("panel %s does not heed the choice of relays: %s", p.Title, target.Expr)
		}
	}
}
