package agent

import (
	"strings"

	"dhcp-relay/giaddr"
)

// A matcher finds the first of a policy's interfaces whose pattern matches a
// name. There may be thousands of them, most of them plain names.
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
// alternative name by which it does, if it is not by the link's own. No pattern
// matches a loopback or what hears nothing itself: only its name written out does,
// so that a pattern for all is none for those.
func (m *matcher) link(l *giaddr.Link) (first int, alt string) {
	find := m.find
	if l.Loopback || l.Master != "" {
		find = m.literal
	}
	first = find(l.Name)
	for _, name := range l.AltNames {
		if i := find(name); i >= 0 && (first < 0 || i < first) {
			first, alt = i, name
		}
	}
	return first, alt
}

// literal is find without the patterns.
func (m *matcher) literal(name string) int {
	if i, ok := m.plain[name]; ok {
		return i
	}
	return -1
}

// isPattern reports whether an interface of the policy is named by a pattern.
func isPattern(name string) bool { return strings.ContainsAny(name, `*?[\`) }

// find returns an index, or -1 if no interface matches.
func (m *matcher) find(name string) int {
	first, ok := m.plain[name]
	if !ok {
		first = -1
	}
	for _, i := range m.patterns {
		if ok && i > first {
			break
		}
		if giaddr.Match(m.interfaces[i].Name, name) {
			return i
		}
	}
	return first
}
