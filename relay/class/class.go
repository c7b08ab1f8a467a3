// Package class finds which of many ordered rules a client's message is under: by what
// the client says of itself, and by its link-layer address. It has no state and
// allocates nothing for a message.
package class

import (
	"math/bits"
	"strings"
)

// A Field is what of a message a Rule looks at.
type Field uint8

// The fields.
const (
	MAC          Field = iota // chaddr, or in DHCPv6 the link-layer source of the frame
	Architecture              // option 93 (RFC 4578), in DHCPv6 option 61 (RFC 5970): 2 octets for each
	Enterprise                // the enterprise number of DHCPv6 option 16: 4 octets
	VendorClass               // option 60, in DHCPv6 the data of option 16
	UserClass                 // option 77 (RFC 3004), in DHCPv6 option 15
	Port                      // name of the port of a bridge by which the message came
	NumFields    = int(iota)
)

// A Kind says how the text of a Pattern has to lie in a value.
type Kind uint8

// The kinds.
const (
	Exact     Kind = iota // it is the value
	Prefix                // the value begins with it
	Substring             // the first MaxScan octets of the value hold it
)

// MaxScan is how many octets of a value are looked through for a Substring: as many as
// an option of DHCPv4 has, so that no client can have the relay search for long.
const MaxScan = 255

// A Pattern says which values are meant.
type Pattern struct {
	Kind Kind
	Text string // octets
}

// Matches reports whether a value is meant.
func (p Pattern) Matches(value string) bool {
	switch p.Kind {
	case Exact:
		return value == p.Text
	case Prefix:
		return strings.HasPrefix(value, p.Text)
	case Substring:
		return strings.Contains(value[:min(len(value), MaxScan)], p.Text)
	}
	return false
}

// Covers reports whether p means every value that q means.
func (p Pattern) Covers(q Pattern) bool {
	switch p.Kind {
	case Exact:
		return q == p
	case Prefix:
		return q.Kind != Substring && strings.HasPrefix(q.Text, p.Text) || p.Text == ""
	case Substring:
		// A value may be longer than what is looked through.
		return strings.Contains(q.Text[:min(len(q.Text), MaxScan)], p.Text)
	}
	return false
}

// A Rule is what a message needs to be under it: for each field that has patterns, a
// value that one of them means. One without any is for every message.
type Rule [NumFields][]Pattern

// Covers reports whether every message that is under q is under r, as far as that can be
// told from the patterns.
func (r *Rule) Covers(q *Rule) bool {
	for f := range r {
		if len(r[f]) == 0 {
			continue
		}
		if len(q[f]) == 0 {
			return false
		}
		for _, p := range q[f] {
			if !covered(r[f], p) {
				return false
			}
		}
	}
	return true
}

func covered(by []Pattern, p Pattern) bool {
	for _, c := range by {
		if c.Covers(p) {
			return true
		}
	}
	return false
}

// MaxRules is how many rules a Matcher can have.
const MaxRules = 64 * maxWords

const maxWords = 64

// A set has a bit for each rule.
type set [maxWords]uint64

// A Matcher finds the first of its rules that a message is under. It is immutable and
// safe for concurrent use; a nil one has no rules.
type Matcher struct {
	words  int // of a set that are in use
	all    []uint64
	fields [NumFields]*index // nil: no rule asks for it
}

// New returns a Matcher of rules, of which there are MaxRules at most.
func New(rules []Rule) *Matcher {
	if len(rules) == 0 {
		return nil
	}
	if len(rules) > MaxRules {
		panic("class: more than MaxRules rules")
	}
	m := &Matcher{words: (len(rules) + 63) / 64}
	m.all = make([]uint64, m.words)
	for i := range rules {
		m.all[i/64] |= 1 << (i % 64)
	}
	for f := range Field(NumFields) {
		m.fields[f] = newIndex(rules, f, m.words)
	}
	return m
}

// Asks reports whether a rule depends on a field.
func (m *Matcher) Asks(f Field) bool { return m != nil && m.fields[f] != nil }

// A match is the search for the rule of one message.
type match struct {
	m    *Matcher
	left set // rules that nothing speaks against so far
	met  set // rules of which the field at hand has a value
}

// begin has all rules come into question.
func (s *match) begin(m *Matcher) {
	s.m = m
	copy(s.left[:m.words], m.all)
}

// open begins a field, of which value follows for each value of the message, and then
// close. It returns false if no rule asks for the field.
func (s *match) open(f Field) *index {
	x := s.m.fields[f]
	if x != nil {
		copy(s.met[:s.m.words], x.free)
	}
	return x
}

// close drops the rules that ask for another value of the field than there was, and
// reports whether any is left.
func (s *match) close() bool {
	var some uint64
	left, met := s.left[:s.m.words], s.met[:s.m.words]
	for i := range left {
		left[i] &= met[i]
		some |= left[i]
	}
	return some != 0
}

// first returns the first rule that is left, -1 if none is.
func (s *match) first() int {
	for i, w := range s.left[:s.m.words] {
		if w != 0 {
			return 64*i + bits.TrailingZeros64(w)
		}
	}
	return -1
}
