package vm

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// A report reads the output of tests run with -test.v, between the lines of the
// guest's init, and prints one line for each test that has no subtests.
type report struct {
	w       io.Writer
	verbose bool
	results *json.Encoder // gets each result; nil: none
	machine string

	done                    bool
	passed, failed, skipped int

	failing []string // tests that have failed, without their subtests; "": a program, by no test of it
	spoilt  []string // machines in which they have

	pkg     string
	before  int                 // failed in other packages
	current string              // the test that is running
	said    map[string][]string // what tests have printed
	parents map[string]bool
	lost    []string // what was printed outside of tests
}

// An event is a line of what go test -json writes.
type event struct {
	Action, Package, Test string
}

// ended matches the line that tells a test's end.
var ended = regexp.MustCompile(`^ *--- (PASS|FAIL|SKIP): (\S+) \((\S+)s\)$`)

// boots tells that a machine starts.
func (r *report) boots(machine string) { r.done, r.current, r.pkg, r.machine = false, "", "", machine }

// line reads the next line.
func (r *report) line(s string) {
	if rest, ok := strings.CutPrefix(s, Mark+" "); ok {
		r.step(rest)
		return
	}
	if m := ended.FindStringSubmatch(s); m != nil {
		r.result(m[1], m[2], m[3])
		return
	}
	if rest, ok := strings.CutPrefix(s, "=== "); ok {
		if f := strings.Fields(rest); len(f) == 2 {
			r.start(f[1])
		}
		return
	}
	if r.current == "" {
		r.lost = append(r.lost, s)
		return
	}
	r.said[r.current] = append(r.said[r.current], s)
}

// step reads a line of the guest's init.
func (r *report) step(s string) {
	what, rest, _ := strings.Cut(s, " ")
	switch what {
	case "run":
		r.pkg, r.before, r.current, r.lost = rest, r.failed, "", nil
		r.said, r.parents = map[string][]string{}, map[string]bool{}
		fmt.Fprintln(r.w, rest)
	case "end":
		if f := strings.Fields(rest); len(f) > 2 && f[2] != "<nil>" {
			r.broken(strings.Join(f[2:], " "))
		}
	case "done":
		r.done = rest == "<nil>"
	}
}

// broken reports a test binary that has failed. If it has not come to its end,
// no test of it may have told so.
func (r *report) broken(err string) {
	if r.current != "" {
		r.print("FAIL", r.current, "?")
		r.detail([]string{err})
		r.fails("")
		return
	}
	crashed := slices.ContainsFunc(r.lost, func(l string) bool { return strings.HasPrefix(l, "panic:") })
	if r.failed == r.before || crashed {
		r.fails("")
		fmt.Fprintf(r.w, "  FAIL  %s: %s\n", r.pkg, err)
		r.detail(r.lost)
	}
}

func (r *report) start(name string) {
	r.current = name
	if i := strings.LastIndexByte(name, '/'); i > 0 {
		r.parents[name[:i]] = true
	}
}

func (r *report) result(outcome, name, seconds string) {
	r.current = ""
	if r.results != nil {
		// What cannot be written lacks at those who read it.
		_ = r.results.Encode(event{Action: strings.ToLower(outcome), Package: r.pkg + " in the machine " + r.machine, Test: name})
	}
	if r.parents[name] && (outcome == "PASS" || len(r.said[name]) == 0) {
		return
	}
	switch outcome {
	case "PASS":
		r.passed++
	case "SKIP":
		r.skipped++
	default:
		r.fails(name)
	}
	r.print(outcome, name, seconds)
}

func (r *report) print(outcome, name, seconds string) {
	readable := strings.ReplaceAll(strings.TrimPrefix(name, "Test"), "_", " ")
	fmt.Fprintf(r.w, "  %s %6ss  %s\n", outcome, seconds, strings.Replace(readable, "/", ": ", 1))
	if outcome != "PASS" || r.verbose {
		r.detail(r.said[name])
	}
}

func (r *report) detail(lines []string) {
	for _, l := range lines {
		fmt.Fprintln(r.w, "          "+strings.TrimSpace(l))
	}
}

// fails notes that a test has failed, or with "" a whole program.
func (r *report) fails(test string) {
	r.failed++
	test, _, _ = strings.Cut(test, "/")
	if !slices.Contains(r.failing, test) {
		r.failing = append(r.failing, test)
	}
	if !slices.Contains(r.spoilt, r.machine) {
		r.spoilt = append(r.spoilt, r.machine)
	}
}

// few returns the tests that have failed if they are so few that the machine's other work
// may be the cause.
func (r *report) few() []string {
	if len(r.failing) > 2 || slices.Contains(r.failing, "") {
		return nil
	}
	return r.failing
}

// forgive forgets the failures, before they are tried once more.
func (r *report) forgive() { r.failed, r.failing, r.spoilt = 0, nil, nil }

// summary counts.
func (r *report) summary() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", r.passed, r.failed, r.skipped)
}
