package config

import (
	"fmt"
	"strings"
)

// A Problem is something wrong, or doubtful, in a configuration file.
type Problem struct {
	File string
	Line int    // from 1; 0 if the problem is with the file as a whole
	Col  int    // characters, from 1; 0 if not known
	Key  string // path of the key concerned, such as "interface[0].hop_limit"; may be empty
	Text string // what is wrong
	Hint string // what to write instead; may be empty
}

// Error returns the problem as one line: "file:line:col: key: text; hint".
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
		if p.Col > 0 {
			fmt.Fprintf(&b, ":%d", p.Col)
		}
	}
	for _, s := range []string{p.Key, p.Text} {
		if s != "" {
			b.WriteString(": " + s)
		}
	}
	if p.Hint != "" {
		b.WriteString("; " + p.Hint)
	}
	return b.String()
}

// Problems are all that is wrong with a configuration, in the order of the file.
type Problems []Problem

// Error returns one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns each problem as an error, for errors.As.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}
