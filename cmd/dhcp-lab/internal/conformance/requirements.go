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
	ID      string `json:"id"`      // such as R1542-13; tests bear it in their names
	Level   string `json:"level"`   // the RFC's keyword, decl (stated as fact), eng (engineering), trap or corpus
	Section string `json:"section"` // of the list: 1 to 6 DHCPv4, 8 and 9 DHCPv6, 12 security, 13 bugs, 14 traps
	What    string `json:"what"`    // in a few words
	Due     bool   `json:"due"`     // a test has to show it
	Reason  string `json:"reason,omitempty"`
}

// Requirements returns the list in its order. It panics if the list that is
// built in is malformed.
func Requirements() []Requirement {
	rs, err := parse(table)
	if err != nil {
		panic("conformance: " + err.Error())
	}
	return rs
}

// parse reads lines of tab-separated fields: id, level, section, status, what.
// The status is due, later, or "n/a: " and the reason.
func parse(s string) ([]Requirement, error) {
	var rs []Requirement
	seen := make(map[string]bool)
	for i, line := range strings.Split(strings.TrimSuffix(s, "\n"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 5 {
			return nil, fmt.Errorf("line %d: %d fields, want 5", i+1, len(f))
		}
		r := Requirement{ID: f[0], Level: f[1], Section: f[2], What: f[4]}
		reason, na := strings.CutPrefix(f[3], "n/a: ")
		switch {
		case f[3] == "due":
			r.Due = true
		case f[3] == "later":
			r.Reason = "not built yet"
		case na && reason != "":
			r.Reason = reason
		default:
			return nil, fmt.Errorf("line %d: status %q, want due, later, or n/a with a reason", i+1, f[3])
		}
		if r.ID == "" || r.What == "" || seen[r.ID] {
			return nil, fmt.Errorf("line %d: %q is empty, says nothing or stands twice", i+1, r.ID)
		}
		seen[r.ID] = true
		rs = append(rs, r)
	}
	return rs, nil
}
