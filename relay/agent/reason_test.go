package agent

import (
	"strings"
	"testing"

	"dhcp-relay/relay/wire/dhcp"
)

// What is forgotten in a row, or a row that is, is named here.
func TestEachReasonHasItsRow(t *testing.T) {
	t.Parallel()
	names := make(map[string]Reason)
	for r := range Reason(NumReasons) {
		d := r.Doc()
		if was, twice := names[d.Name]; twice || d.Name == "" {
			t.Errorf("reason %d has the name %q, as %d has", r, d.Name, was)
		}
		names[d.Name] = r
		for dir := range dhcp.Direction(dhcp.Directions) {
			for _, s := range []string{r.DocOf(dir).What, r.DocOf(dir).Remedy} {
				if !strings.HasSuffix(s, ".") {
					t.Errorf("%s of a %s: %q is no sentence", d.Name, dir, s)
				}
			}
		}
		if d.Severity == 0 {
			t.Errorf("%s has no severity", d.Name)
		}
		if d.Rule == (families{}) {
			t.Errorf("%s has no rule", d.Name)
		}
		for f := range dhcp.Family(dhcp.Families) {
			if d.Rule[f] == "" && d.Settings[f] != "" {
				t.Errorf("%s has settings of %s, in which it cannot occur", d.Name, f)
			}
		}
	}
}

func TestEachStateHasItsRow(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for s := range State(NumStates) {
		d := s.Doc()
		if d.Name == "" || d.What == "" || names[d.Name] {
			t.Errorf("state %d has %q, %q, or the name of another", s, d.Name, d.What)
		}
		names[d.Name] = true
	}
}
