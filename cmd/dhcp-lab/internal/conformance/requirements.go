// Package conformance holds the list of what RFCs and experience demand of the
// relay, and finds out from the results of the tests which of it is shown. Its
// tests are the cases themselves, played to the decision core and to the daemon.
package conformance

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed requirements.tsv
var table string

// A Requirement is one line of the list.
type Requirement struct {
	ID       string `json:"id"`      // such as R1542-13; tests bear it in their names
	Level    string `json:"level"`   // the RFC's keyword, decl (stated as fact), eng (engineering), trap or corpus
	Section  string `json:"section"` // of the list: 1 to 6 DHCPv4, 8 and 9 DHCPv6, 12 security, 13 bugs, 14 traps
	What     string `json:"what"`    // in a few words
	Due      Due    `json:"due"`
	Reason   string `json:"reason,omitempty"`   // why it cannot apply; or of what that is not built it is a part
	Deviates string `json:"deviates,omitempty"` // in what it is met in another way, by decision, and why; "": to the letter
}

// Due says whether a test has to show a requirement.
type Due string

// What can be due.
const (
	Now   Due = "now"
	InVM  Due = "vm"    // by a test that needs the kernel of the virtual machine
	Later Due = "later" // what it speaks of is not built
	Never Due = "n/a"   // it cannot apply
)

// Requirements returns the list in its order. It panics if the list that is
// built in is malformed.
func Requirements() []Requirement {
	rs, err := parse(table)
	if err != nil {
		panic("conformance: " + err.Error())
	}
	return rs
}

// parse reads lines of tab-separated fields: id, level, section, status, what,
// and where it is so, what deviates. The status is due, vm, "later: " and what is
// not built, or "n/a: " and the reason.
func parse(s string) ([]Requirement, error) {
	var rs []Requirement
	seen := make(map[string]bool)
	for i, line := range strings.Split(strings.TrimSuffix(s, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 5 && len(f) != 6 {
			return nil, fmt.Errorf("line %d: %d fields, want 5 or 6", i+1, len(f))
		}
		r := Requirement{ID: f[0], Level: f[1], Section: f[2], What: f[4]}
		if len(f) == 6 {
			r.Deviates = f[5]
		}
		if !r.due(f[3]) {
			return nil, fmt.Errorf("line %d: status %q, want due, vm, or later or n/a with what or why", i+1, f[3])
		}
		switch {
		case r.ID == "" || r.What == "" || seen[r.ID]:
			return nil, fmt.Errorf("line %d: %q is empty, says nothing or stands twice", i+1, r.ID)
		case len(f) == 6 && (r.Deviates == "" || r.Due != Now):
			return nil, fmt.Errorf("line %d: %q deviates without a reason, or is not due", i+1, r.ID)
		}
		seen[r.ID] = true
		rs = append(rs, r)
	}
	return rs, nil
}

// due reads a status; it reports false if that is none.
func (r *Requirement) due(status string) bool {
	word, reason, _ := strings.Cut(status, ": ")
	switch {
	case status == "due":
		r.Due = Now
	case status == "vm":
		r.Due = InVM
	case word == string(Later) && reason != "", word == string(Never) && reason != "":
		r.Due, r.Reason = Due(word), reason
	default:
		return false
	}
	return true
}
