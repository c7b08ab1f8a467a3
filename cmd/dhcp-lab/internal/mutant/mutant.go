// Package mutant breaks a package in one place at a time and runs the package's
// own tests: what they do not notice, they do not hold. Of all the places it takes
// a sample, the same one as long as the code around them stays. It changes no file
// of the module.
package mutant

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"slices"
)

// A Mutant is one change of one file.
type Mutant struct {
	File     string // path
	Func     string // the declaration that it is in
	Line     int
	Offset   int    // in octets
	Text     string // of the line, without blanks around it
	Old, New string // New is in place of Old
	Rule     string // by which it was made, such as "<"
	nth      int    // of those in the declaration that are else alike
}

// In names the place, seen from a directory, and the change.
func (m *Mutant) In(dir string) string {
	file := m.File
	if rel, err := filepath.Rel(dir, file); err == nil {
		file = rel
	}
	return fmt.Sprintf("%s:%d: %s: %s", file, m.Line, m.Func, m.change())
}

// change is what is written instead of what, on one line.
func (m *Mutant) change() string {
	if m.New == "" {
		return fmt.Sprintf("%q is left out", shorten(m.Old))
	}
	return fmt.Sprintf("%q becomes %q", shorten(m.Old), shorten(m.New))
}

// shorten keeps the beginning of what is long, and no line ends.
func shorten(s string) string {
	const most = 60
	out := []rune{}
	for _, c := range s {
		if c == '\n' || c == '\t' {
			c = ' '
		}
		if len(out) == most {
			return string(out) + "..."
		}
		out = append(out, c)
	}
	return string(out)
}

// apply returns the source with the change.
func (m *Mutant) apply(src []byte) []byte {
	return slices.Concat(src[:m.Offset], []byte(m.New), src[m.Offset+len(m.Old):])
}

// key names the change without the line, so that what is written above it does
// not change it.
func (m *Mutant) key() string {
	return fmt.Sprintf("%s\x00%s\x00%s\x00%s\x00%d", m.Func, m.Rule, m.Old, m.New, m.nth)
}

// Sample puts mutants into an order that depends on a seed and on each one alone,
// so that a change of the code adds or removes its own mutants and moves no others.
func Sample(ms []Mutant, seed uint64) []Mutant {
	weight := func(m *Mutant) uint64 {
		h := sha256.New()
		_ = binary.Write(h, binary.BigEndian, seed) // a hash takes everything
		_, _ = h.Write([]byte(m.key()))
		return binary.BigEndian.Uint64(h.Sum(nil))
	}
	weights := make(map[string]uint64, len(ms))
	for i := range ms {
		weights[ms[i].key()] = weight(&ms[i])
	}
	return slices.SortedFunc(slices.Values(ms), func(a, b Mutant) int {
		return cmp.Or(cmp.Compare(weights[a.key()], weights[b.key()]), cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset))
	})
}
