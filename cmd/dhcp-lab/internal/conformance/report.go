package conformance

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// A State says whether tests show a requirement.
type State string

// The states. A requirement that only skipped tests carry is not shown.
const (
	Passed  State = "passed"
	Failed  State = "failed"
	Skipped State = "skipped"
	Missing State = "MISSING"
	NA      State = "n/a"
)

// A Line is a requirement with what the tests say of it.
type Line struct {
	Requirement
	State State    `json:"state"`
	Tests []string `json:"tests"` // names of those that carry it; if one failed, of those that failed
}

// A Report is the whole table.
type Report struct {
	Lines  []Line        `json:"requirements"`
	Totals map[State]int `json:"totals"`
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
	type named struct{ name, norm, action string }
	tests := make([]named, 0, len(r))
	for k, action := range r {
		if _, name, _ := strings.Cut(k, "\x00"); name != "" {
			tests = append(tests, named{name, normalise(name), action})
		}
	}
	slices.SortFunc(tests, func(a, b named) int { return strings.Compare(a.name, b.name) })
	rep := Report{Totals: make(map[State]int)}
	for _, req := range reqs {
		l := Line{Requirement: req, State: Missing, Tests: []string{}}
		by := make(map[string][]string)
		id := normalise(req.ID)
		for i := range tests {
			if carries(tests[i].norm, id) {
				by[tests[i].action] = append(by[tests[i].action], tests[i].name)
			}
		}
		switch {
		case len(by["fail"]) > 0:
			l.State, l.Tests = Failed, by["fail"]
		case len(by["pass"]) > 0:
			l.State, l.Tests = Passed, by["pass"]
		case !req.Due:
			l.State = NA
		case len(by["skip"]) > 0:
			l.State, l.Tests = Skipped, by["skip"]
		}
		rep.Totals[l.State]++
		rep.Lines = append(rep.Lines, l)
	}
	return rep
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
			fmt.Fprintf(t, "\t\t\t\t\nsection %s\t\t\t\t\n", section)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", l.ID, l.Level, l.State, l.What, l.proof())
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%d requirements: %d passed, %d failed, %d missing, %d skipped, %d not applicable\n",
		len(r.Lines), r.Totals[Passed], r.Totals[Failed], r.Totals[Missing], r.Totals[Skipped], r.Totals[NA])
	return err
}

// proof says what shows a line: its first test and how many more, or why none
// has to.
func (l *Line) proof() string {
	switch {
	case l.State == NA:
		return l.Reason
	case len(l.Tests) == 0:
		return ""
	case len(l.Tests) == 1:
		return l.Tests[0]
	}
	return fmt.Sprintf("%s and %d more", l.Tests[0], len(l.Tests)-1)
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
