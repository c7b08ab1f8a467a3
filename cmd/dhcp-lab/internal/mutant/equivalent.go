package mutant

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"
)

//go:embed equivalent.tsv
var equivalentList string

// An equivalence holds the mutants that behave as the code does, by their names.
type equivalence map[string]bool

// equivalents reads the list of them. Each line has a file below the module's
// directory, a line of it, what is written there instead of what, and the reason,
// which must say why no input whatever shows a difference; that a difference is
// small, or slow, is none.
func equivalents() (equivalence, error) { return parseEquivalents(equivalentList) }

func parseEquivalents(list string) (equivalence, error) {
	e := make(equivalence)
	for i, line := range strings.Split(list, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 5 || f[4] == "" {
			return nil, fmt.Errorf("equivalent.tsv:%d: %d fields, want a file, a line of it, old, new and the reason", i+1, len(f))
		}
		e[strings.Join(f[:4], "\x00")] = true
	}
	return e, nil
}

// has reports whether a mutant is on the list: by the end of its path, for the
// list knows no directory of a machine.
func (e equivalence) has(m *Mutant) bool {
	parts := strings.Split(filepath.ToSlash(m.File), "/")
	for i := range parts {
		if e[strings.Join([]string{strings.Join(parts[i:], "/"), m.Text, m.Old, m.New}, "\x00")] {
			return true
		}
	}
	return false
}
