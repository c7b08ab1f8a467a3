package conformance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequirementsAreAllThere(t *testing.T) {
	got := make(map[string]int)
	var deviate []string
	for _, r := range Requirements() {
		got[r.Section]++
		if due := r.Due == Now || r.Due == InVM; due != (r.Reason == "") {
			t.Errorf("%s: due %s, reason %q", r.ID, r.Due, r.Reason)
		}
		if r.Deviates != "" {
			deviate = append(deviate, r.ID)
		}
	}
	if d := cmp.Diff([]string{"R3046-1", "R5107-4", "R6925-3", "R9915-6", "R7969-1", "R6977-2"}, deviate); d != "" {
		t.Errorf("requirements that are met in another way (-want +got):\n%s", d)
	}
	want := map[string]int{
		"1": 47, "2": 22, "3": 28, "4": 6, "5": 45, "6": 11, "7": 22, "8": 48,
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
		{"not said what is not built", "R1-1\tMUST\t1\tlater\tx"},
		{"no reason to deviate", "R1-1\tMUST\t1\tdue\tx\t"},
		{"deviates though not built", "R1-1\tMUST\t1\tlater: y\tx\tbecause"},
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
		{ID: "R1-1", Section: "1", What: "shown", Due: Now},
		{ID: "R1-2", Section: "1", What: "broken", Due: Now},
		{ID: "R1-3", Section: "1", What: "forgotten", Due: Now},
		{ID: "R1-4", Section: "1", What: "skipped", Due: Now},
		{ID: "R1-5", Section: "1", What: "impossible", Due: Never, Reason: "because"},
		{ID: "R1-6", Section: "1", What: "to come", Due: Later, Reason: "leases"},
		{ID: "R1-7", Section: "1", What: "too", Due: Later, Reason: "leases"},
		{ID: "R1-8", Section: "1", What: "another", Due: Later, Reason: "limits"},
		{ID: "R1-9", Section: "1", What: "elsewhere", Due: InVM},
		{ID: "R1-10", Section: "1", What: "otherwise", Due: Now, Deviates: "for this"},
		{ID: "R1-11", Section: "1", What: "there", Due: InVM},
		{ID: "R1-12", Section: "1", What: "broken before it is due", Due: Later, Reason: "leases"},
	}
	in := `{"Action":"run","Package":"p","Test":"TestA"}
# a line of the compiler
{"Action":"pass","Package":"p","Test":"TestA/R1-1_a"}
{"Action":"pass","Package":"p","Test":"TestB/R1-1_R1-2_b"}
{"Action":"skip","Package":"p","Test":"TestB/R1-1_c"}
{"Action":"skip","Package":"p","Test":"TestB/R1-1_d"}
{"Action":"skip","Package":"p","Test":"TestB/R1-1_ran_in_the_vm"}
{"Action":"pass","Package":"p vm","Test":"TestB/R1-1_ran_in_the_vm"}
{"Action":"fail","Package":"p","Test":"TestA/R1-2_a"}
{"Action":"skip","Package":"p","Test":"TestA/R1-4"}
{"Action":"pass","Package":"p","Test":"TestA/R1-5_R1-6"}
{"Action":"pass","Package":"p","Test":"TestR1_9"}
{"Action":"pass","Package":"p","Test":"TestR1_9/one"}
{"Action":"skip","Package":"p","Test":"TestR1_9/one/here"}
{"Action":"skip","Package":"p","Test":"TestR1_9/two"}
{"Action":"pass","Package":"p","Test":"TestA/R1-10"}
{"Action":"pass","Package":"p","Test":"TestA/R1-11"}
{"Action":"fail","Package":"p","Test":"TestA/R1-12"}
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
		"section 1 shown by requirement deviates, and why",
		"R1-1 passed TestA/R1-1_a and 2 more, 2 skipped shown",
		"R1-2 failed TestA/R1-2_a broken",
		"R1-3 MISSING forgotten",
		"R1-4 skipped TestA/R1-4 skipped",
		"R1-5 n/a because impossible",
		"R1-6 later leases to come",
		"R1-7 later leases too",
		"R1-8 later limits another",
		"R1-9 vm make vm-test elsewhere",
		"R1-10 passed TestA/R1-10 otherwise for this",
		"R1-11 passed TestA/R1-11 there",
		"R1-12 failed TestA/R1-12 broken before it is due",
		"12 requirements: 3 passed, 2 failed, 1 missing, 1 skipped, 1 for the virtual machine, 3 later, 1 not applicable",
		"of those that passed, 1 deviate by decision, and of 1 some tests were skipped here",
		"not built: 2 leases, 1 limits",
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
