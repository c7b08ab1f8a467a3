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
		if strings.ContainsAny(name, `*?[\`) {
			m.patterns = append(m.patterns, i)
		} else if _, ok := m.plain[name]; !ok {
			m.plain[name] = i
		}
	}
	return m
}

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
