package conformance

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// A State says whether tests show a requirement.
type State string

// The states. A requirement that only skipped tests carry is not shown.
const (
	Passed   State = "passed"
	Failed   State = "failed"
	Skipped  State = "skipped"
	Missing  State = "MISSING"
	NotHere  State = "vm"    // only the virtual machine can show it, and its results are not there
	NotBuilt State = "later" // no test has to
	NA       State = "n/a"
)

// A Line is a requirement with what the tests say of it.
type Line struct {
	Requirement
	State   State    `json:"state"`
	Tests   []string `json:"tests"`   // names of those that carry it; if one failed, of those that failed
	Skipped int      `json:"skipped"` // how many of those that carry it were skipped, and ran nowhere
}

// A Report is the whole table.
type Report struct {
	Lines    []Line         `json:"requirements"`
	Totals   map[State]int  `json:"totals"`
	Later    map[string]int `json:"later"`    // lines, by what is not built
	Deviates int            `json:"deviates"` // of the lines that passed
	Partly   int            `json:"partly"`   // lines that passed, of whose tests some were skipped
}

// An event is a line of `go test -json`.
type event struct {
	Action, Package, Test string
}

// Results are the outcomes of tests: pass, fail or skip by package and name.
type Results map[string]string

// Read adds the outcomes in the output of `go test -json`. Lines that are no
// JSON, such as the compiler's, are passed over. The error is the reader's.
func (r Results) Read(in io.Reader) error {
	s := bufio.NewScanner(in)
	s.Buffer(nil, 1<<24)
	for s.Scan() {
		var e event
		if json.Unmarshal(s.Bytes(), &e) != nil {
			continue
		}
		switch e.Action {
		case "pass", "fail", "skip":
			r[e.Package+"\x00"+e.Test] = e.Action
		}
	}
	return s.Err()
}

// FailedPackages returns the packages that failed, in order, also those that
// did not build.
func (r Results) FailedPackages() []string {
	var fs []string
	for k, action := range r {
		pkg, test, _ := strings.Cut(k, "\x00")
		if test == "" && action == "fail" {
			fs = append(fs, pkg)
		}
	}
	slices.Sort(fs)
	return fs
}

// Report compares the requirements with the results.
func (r Results) Report(reqs []Requirement) Report {
	tests := r.named()
	rep := Report{Totals: make(map[State]int), Later: make(map[string]int)}
	for _, req := range reqs {
		l := lineOf(req, tests)
		rep.Totals[l.State]++
		switch {
		case l.State == NotBuilt:
			rep.Later[req.Reason]++
		case l.State == Passed && req.Deviates != "":
			rep.Deviates++
		}
		if l.State == Passed && l.Skipped > 0 {
			rep.Partly++
		}
		rep.Lines = append(rep.Lines, l)
	}
	return rep
}

// A named is a test with what came of it.
type named struct{ name, norm, action string }

// named returns the tests in the order of their names. One that has run is not
// skipped, though it is elsewhere. One with subtests passes even if they are all
// skipped, so it says nothing beside them unless it failed.
func (r Results) named() []named {
	best := make(map[string]string)
	rank := map[string]int{"skip": 1, "pass": 2, "fail": 3}
	for k, action := range r {
		if _, name, _ := strings.Cut(k, "\x00"); name != "" && rank[action] > rank[best[name]] {
			best[name] = action
		}
	}
	for name := range best {
		for i := strings.LastIndexByte(name, '/'); i > 0; i = strings.LastIndexByte(name[:i], '/') {
			if parent := name[:i]; best[parent] != "fail" {
				delete(best, parent)
			}
		}
	}
	tests := make([]named, 0, len(best))
	for name, action := range best {
		tests = append(tests, named{name, normalise(name), action})
	}
	slices.SortFunc(tests, func(a, b named) int { return strings.Compare(a.name, b.name) })
	return tests
}

// lineOf says of a requirement what the tests do.
func lineOf(req Requirement, tests []named) Line {
	l := Line{Requirement: req, Tests: []string{}}
	by := make(map[string][]string)
	id := normalise(req.ID)
	for i := range tests {
		if carries(tests[i].norm, id) {
			by[tests[i].action] = append(by[tests[i].action], tests[i].name)
		}
	}
	l.Skipped = len(by["skip"])
	switch {
	case len(by["fail"]) > 0:
		l.State, l.Tests = Failed, by["fail"]
	case req.Due == Never:
		l.State = NA
	case req.Due == Later:
		l.State = NotBuilt
	case len(by["pass"]) > 0:
		l.State, l.Tests = Passed, by["pass"]
	case req.Due == InVM:
		l.State, l.Tests = NotHere, append(l.Tests, by["skip"]...)
	case l.Skipped > 0:
		l.State, l.Tests = Skipped, by["skip"]
	default:
		l.State = Missing
	}
	return l
}

// OK reports whether every requirement that is due is shown and none failed.
func (r Report) OK() bool {
	return r.Totals[Failed]+r.Totals[Missing]+r.Totals[Skipped] == 0
}

// Print writes the table for people, and the totals.
func (r Report) Print(w io.Writer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	section := ""
	for _, l := range r.Lines {
		if l.Section != section {
			section = l.Section
			fmt.Fprintf(t, "\t\t\t\t\t\nsection %s\t\t\tshown by\trequirement\tdeviates, and why\n", section)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Level, l.State, l.proof(), l.What, l.Deviates)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, r.summary())
	return err
}

// summary counts.
func (r Report) summary() string {
	n := r.Totals
	s := fmt.Sprintf("\n%d requirements: %d passed, %d failed, %d missing, %d skipped, %d for the virtual machine, %d later, %d not applicable\n",
		len(r.Lines), n[Passed], n[Failed], n[Missing], n[Skipped], n[NotHere], n[NotBuilt], n[NA])
	s += fmt.Sprintf("of those that passed, %d deviate by decision, and of %d some tests were skipped here\n", r.Deviates, r.Partly)
	what := slices.SortedFunc(maps.Keys(r.Later), func(a, b string) int {
		return cmp.Or(cmp.Compare(r.Later[b], r.Later[a]), strings.Compare(a, b))
	})
	for i, w := range what {
		what[i] = fmt.Sprintf("%d %s", r.Later[w], w)
	}
	if len(what) > 0 {
		s += "not built: " + strings.Join(what, ", ") + "\n"
	}
	return s
}

// proof says what shows a line: its first test, how many more, and how many were
// skipped; or why none has to.
func (l *Line) proof() string {
	switch {
	case l.State == NA || l.State == NotBuilt:
		return l.Reason
	case l.State == NotHere:
		return "make vm-test"
	case len(l.Tests) == 0:
		return ""
	}
	s := l.Tests[0]
	if more := len(l.Tests) - 1; more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	if l.Skipped > 0 && l.State != Skipped {
		s += fmt.Sprintf(", %d skipped", l.Skipped)
	}
	return s
}

// normalise writes names in one way: Go has no hyphens in function names, and
// writes blanks of subtests as underscores.
func normalise(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '.' || r == ' ' {
			return '-'
		}
		return r
	}, s)
}

// carries reports whether the name bears the identifier as a word of its own:
// R1542-1 is not in R1542-13.
func carries(name, id string) bool {
	for from := 0; ; {
		i := strings.Index(name[from:], id)
		if i < 0 {
			return false
		}
		at := from + i
		end := at + len(id)
		before := at == 0 || !alnum(name[at-1]) || strings.HasSuffix(name[:at], "Test")
		if before && (end == len(name) || !alnum(name[end])) {
			return true
		}
		from = at + 1
	}
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
