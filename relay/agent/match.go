package agent

import (
	"iter"
	"strings"

	"dhcp-relay/giaddr"
)

// A matcher finds which of a policy's interfaces holds for a name: one that is called
// so, else the first whose pattern matches. There may be thousands of them, most of them
// plain names.
type matcher struct {
	interfaces []Interface
	plain      map[string]int // index by name
	patterns   []int          // indexes, in the order of the policy
}

func newMatcher(is []Interface) *matcher {
	m := &matcher{interfaces: is, plain: make(map[string]int, len(is))}
	for i := range is {
		name := is[i].Name
		if isPattern(name) {
			m.patterns = append(m.patterns, i)
		} else if _, ok := m.plain[name]; !ok {
			m.plain[name] = i
		}
	}
	return m
}

// link returns the index of the interface that holds for a link, or -1, and the
// alternative name by which it does, if it is not by the link's own. Of several names
// that are written out the first holds. No pattern matches a loopback or what hears
// nothing itself: only its name written out does, so that a pattern for all is none for
// those.
func (m *matcher) link(l *giaddr.Link) (first int, alt string) {
	first, alt = firstOf(l, m.literal)
	if first < 0 && !l.Loopback && l.Master == "" {
		first, alt = firstOf(l, m.pattern)
	}
	return first, alt
}

// firstOf returns the first index that is found for any name of a link.
func firstOf(l *giaddr.Link, find func(string) int) (first int, alt string) {
	first = find(l.Name)
	for _, name := range l.AltNames {
		if i := find(name); i >= 0 && (first < 0 || i < first) {
			first, alt = i, name
		}
	}
	return first, alt
}

// literal returns the index of the interface that is called so, or -1.
func (m *matcher) literal(name string) int {
	if i, ok := m.plain[name]; ok {
		return i
	}
	return -1
}

// isPattern reports whether an interface of the policy is named by a pattern.
func isPattern(name string) bool { return strings.ContainsAny(name, `*?[\`) }

// pattern returns the index of the first pattern that matches, or -1.
func (m *matcher) pattern(name string) int {
	for _, i := range m.patterns {
		if giaddr.Match(m.interfaces[i].Name, name) {
			return i
		}
	}
	return -1
}

// Matches yields each link that one of the interfaces holds for, with that one's index.
func Matches(is []Interface, links []giaddr.Link) iter.Seq2[string, int] {
	m := newMatcher(is)
	return func(yield func(string, int) bool) {
		for i := range links {
			if j, _ := m.link(&links[i]); j >= 0 && !links[i].IsVRF && !yield(links[i].Name, j) {
				return
			}
		}
	}
}
