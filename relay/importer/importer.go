// Package importer writes the configuration of this relay from those of other
// relays. What it cannot carry over it names, and where this relay will do
// something else a comment says so. It touches neither the host nor the network.
package importer

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"dhcp-relay/relay/config"
)

// A Source is one file of the old configuration.
type Source struct {
	Name string // as problems call it
	Data []byte
}

// Options say how to read the sources.
type Options struct {
	From  Kind   // Unknown: by the content
	ISC   bool   // choose as dhcrelay does where the configuration says nothing
	Names Names  // what interfaces and servers are called here
	Hosts Finder // finds an interface by its address; may be nil
}

// A Finder names the interface of the host that has an address, "" if none has.
type Finder func(netip.Addr) string

// A Result is the configuration, and what it lacks.
type Result struct {
	TOML     string // "" if there was no interface that could be carried over
	Problems []config.Problem
}

// Import reads the sources into one configuration. The error says that a source
// cannot be read at all.
func Import(sources []Source, o Options) (*Result, error) {
	p := &plan{options: o}
	for _, s := range sources {
		kind := o.From
		if kind == Unknown {
			kind = Detect(s.Data)
		}
		if kind == Unknown {
			return nil, config.Problems{{
				File: s.Name, Text: "this is no configuration of a relay that is known here",
				Hint: "say with --from what it is: " + strings.Join(KindNames(), ", "),
			}}
		}
		text := strings.ReplaceAll(strings.TrimPrefix(string(s.Data), "\ufeff"), "\r\n", "\n")
		r := &reader{plan: p, file: s.Name, kind: kind}
		p.sources = append(p.sources, fmt.Sprintf("%s (%s)", s.Name, kind))
		if err := kind.read(r, text); err != nil {
			return nil, r.syntax(err)
		}
	}
	p.finish()
	slices.SortStableFunc(p.problems, func(a, b config.Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	p.problems = slices.Compact(p.problems)
	return &Result{TOML: p.toml(), Problems: p.problems}, nil
}

// A lineError is an error of syntax at a line.
type lineError struct {
	line int
	text string
}

func (e lineError) Error() string { return e.text }

func (r *reader) syntax(err error) error {
	p := config.Problem{File: r.file, Text: err.Error()}
	var at lineError
	if errors.As(err, &at) {
		p.Line = at.line
	}
	return config.Problems{p}
}

// A reader reads one source into the plan.
type reader struct {
	*plan
	file string
	kind Kind
}

// cannot says that a line is not carried over, why, and what to do.
func (r *reader) cannot(line int, why, do string) {
	r.problems = append(r.problems, config.Problem{File: r.file, Line: line, Text: why, Hint: do})
}

// differs says that this relay does something else than the old one, for all
// interfaces. What it says becomes a comment.
func (r *reader) differs(what string) {
	if !slices.Contains(r.notes, what) {
		r.notes = append(r.notes, what)
	}
}
