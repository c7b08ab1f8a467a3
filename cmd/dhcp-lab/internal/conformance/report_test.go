package conformance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequirementsAreAllThere(t *testing.T) {
	got := make(map[string]int)
	for _, r := range Requirements() {
		got[r.Section]++
		if !r.Due && r.Reason == "" {
			t.Errorf("%s is not due and has no reason", r.ID)
		}
	}
	want := map[string]int{
		"1": 46, "2": 22, "3": 28, "4": 6, "5": 45, "6": 11, "7": 22, "8": 46,
		"9": 21, "10": 8, "11": 32, "12": 13, "13": 33, "14": 26,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("requirements by section (-want +got):\n%s", d)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ name, in string }{
		{"too few fields", "R1-1\tMUST\t1\tdue"},
		{"no such status", "R1-1\tMUST\t1\tsoon\tx"},
		{"no reason", "R1-1\tMUST\t1\tn/a: \tx"},
		{"nothing said", "R1-1\tMUST\t1\tdue\t"},
		{"twice", "R1-1\tMUST\t1\tdue\tx\nR1-1\tMUST\t1\tdue\tx"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if rs, err := parse(tc.in); err == nil {
				t.Errorf("got %v, want an error", rs)
			}
		})
	}
}

func TestCarries(t *testing.T) {
	for _, tc := range []struct {
		name, id string
		want     bool
	}{
		{"TestWire/R1542-13_giaddr_zero", "R1542-13", true},
		{"TestR1542_13_giaddr", "R1542-13", true},
		{"TestWire/R1542-13_giaddr_zero", "R1542-1", false},
		{"TestWire/R1542-13_and_R1542-1", "R1542-1", true},
		{"TestCore/R6607-v6-1_x", "R6607-1", false},
		{"TestCore/R-SEC-4", "R-SEC-4", true},
		{"TestCore/T2_x", "T2", true},
		{"TestT2_x", "T2", true},
		{"TestCore/NOT2_x", "T2", false},
		{"TestCore/T26_x", "T2", false},
		{"TestCorpus/ISC-3.0_giant", "ISC-3.0", true},
	} {
		if got := carries(normalise(tc.name), normalise(tc.id)); got != tc.want {
			t.Errorf("%s in %s: got %v, want %v", tc.id, tc.name, got, tc.want)
		}
	}
}

func TestReport(t *testing.T) {
	reqs := []Requirement{
		{ID: "R1-1", Section: "1", What: "shown", Due: true},
		{ID: "R1-2", Section: "1", What: "broken", Due: true},
		{ID: "R1-3", Section: "1", What: "forgotten", Due: true},
		{ID: "R1-4", Section: "1", What: "skipped", Due: true},
		{ID: "R1-5", Section: "1", What: "not offered", Reason: "because"},
	}
	in := `{"Action":"run","Package":"p","Test":"TestA"}
# a line of the compiler
{"Action":"pass","Package":"p","Test":"TestA/R1-1_a"}
{"Action":"pass","Package":"p","Test":"TestB/R1-1_R1-2_b"}
{"Action":"fail","Package":"p","Test":"TestA/R1-2_a"}
{"Action":"skip","Package":"p","Test":"TestA/R1-4"}
{"Action":"fail","Package":"p"}
`
	rs := Results{}
	if err := rs.Read(strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	rep := rs.Report(reqs)
	var b strings.Builder
	if err := rep.Print(&b); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range strings.Split(b.String(), "\n") {
		if f := strings.Fields(l); len(f) > 0 {
			got = append(got, strings.Join(f, " "))
		}
	}
	want := []string{
		"section 1",
		"R1-1 passed shown TestA/R1-1_a and 1 more",
		"R1-2 failed broken TestA/R1-2_a",
		"R1-3 MISSING forgotten",
		"R1-4 skipped skipped TestA/R1-4",
		"R1-5 n/a not offered because",
		"5 requirements: 1 passed, 1 failed, 1 missing, 1 skipped, 1 not applicable",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("table (-want +got):\n%s", d)
	}
	if rep.OK() {
		t.Error("a report with a failed and a missing line is OK")
	}
	if d := cmp.Diff([]string{"p"}, rs.FailedPackages()); d != "" {
		t.Errorf("failed packages (-want +got):\n%s", d)
	}
}
