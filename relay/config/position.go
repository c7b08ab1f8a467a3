package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// A source is the text of a configuration file, and where each key stands in
// it: the library that decodes it tells positions only of what it cannot parse.
type source struct {
	file  string
	text  string
	marks map[string]mark
}

// A mark is where a key and its value stand, in octets from the start. Of a table
// under a header both are the header; only the value of a pair has an end.
type mark struct{ key, value, end int }

// newSource finds the keys of a text that is valid TOML.
func newSource(file, text string) (source, error) {
	m := marker{text: text, marks: map[string]mark{}, arrays: map[string]int{}}
	var p unstable.Parser
	p.Reset([]byte(text))
	table := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table = m.header(e)
		default:
			m.pair(table, e)
		}
	}
	s := source{file: file, text: text, marks: m.marks}
	if err := p.Error(); err != nil {
		return s, fmt.Errorf("find the keys: %w", err)
	}
	return s, nil
}

// has reports whether the file gives the key of this path.
func (s *source) has(path string) bool {
	_, ok := s.mark(path)
	return ok
}

// mark returns where a path stands: a key of DHCPv4 may be at its old place.
func (s *source) mark(path string) (mark, bool) {
	m, ok := s.marks[path]
	if !ok {
		if table, key, found := strings.Cut(path, ".dhcpv4."); found {
			m, ok = s.marks[table+"."+key]
		}
	}
	return m, ok
}

// problem describes a problem with the value at a path, or with the key itself.
func (s *source) problem(path string, atKey bool, text, hint string) Problem {
	line, col := s.position(path, atKey)
	return Problem{File: s.file, Line: line, Col: col, Key: path, Text: text, Hint: hint}
}

// position returns line and column, both from 1, of a path or of the nearest
// table around it; 0, 0 is the file as a whole.
func (s *source) position(path string, atKey bool) (line, col int) {
	for ; path != ""; path = path[:max(0, strings.LastIndexAny(path, ".["))] {
		m, ok := s.mark(path)
		if !ok {
			continue
		}
		at := m.value
		if atKey {
			at = m.key
		}
		before := s.text[:at]
		return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	}
	return 0, 0
}

// join appends a key to the path of a table.
func join(path, key string) string {
	bare := key != "" && strings.IndexFunc(key, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}) < 0
	if !bare {
		key = strconv.Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// A marker notes where keys and values begin.
type marker struct {
	text   string
	marks  map[string]mark
	arrays map[string]int // number of [[headers]] so far, by path
}

// header notes [a.b] or [[a.b]] and returns its path.
func (m *marker) header(e *unstable.Node) string {
	keys := e.Key()
	path, start := "", -1
	for keys.Next() {
		if start < 0 {
			start = strings.LastIndexByte(m.text[:keys.Node().Raw.Offset], '[')
			if e.Kind == unstable.ArrayTable {
				start--
			}
		}
		path = join(path, string(keys.Node().Data))
		if e.Kind == unstable.ArrayTable && keys.IsLast() {
			m.note(path, mark{key: start, value: start})
			m.arrays[path]++
		}
		if n := m.arrays[path]; n > 0 {
			path = element(path, n-1)
		}
		m.note(path, mark{key: start, value: start})
	}
	return path
}

// pair notes key = value of the table at path.
func (m *marker) pair(path string, e *unstable.Node) {
	var key mark
	end := 0
	for keys := e.Key(); keys.Next(); {
		raw := keys.Node().Raw
		key = mark{key: int(raw.Offset), value: int(raw.Offset)}
		end = int(raw.Offset + raw.Length)
		path = join(path, string(keys.Node().Data))
		m.note(path, key)
	}
	value := m.skip(end, "=")
	m.marks[path] = mark{key.key, value, int(e.Raw.Offset + e.Raw.Length)}
	m.value(path, value, e.Value())
}

// note keeps the first mark of a path: a table begins where it is first named.
func (m *marker) note(path string, at mark) {
	if _, ok := m.marks[path]; !ok {
		m.marks[path] = at
	}
}

// value notes the elements of arrays and the keys of inline tables in a value, and
// returns where it ends, or what is in it.
func (m *marker) value(path string, at int, v *unstable.Node) (end int) {
	parts := v.Children()
	switch v.Kind {
	case unstable.Array:
		at++
		for i := 0; parts.Next(); i++ {
			p := element(path, i)
			at = m.skip(at, ",]}")
			m.note(p, mark{key: at, value: at})
			at = m.value(p, at, parts.Node())
		}
		return at
	case unstable.InlineTable:
		at++
		for parts.Next() {
			kv := parts.Node()
			m.pair(path, kv)
			at = int(kv.Raw.Offset + kv.Raw.Length)
		}
		return at
	default:
		return int(v.Raw.Offset + v.Raw.Length)
	}
}

// skip walks over white space, line ends, comments, and signs that are no value.
func (m *marker) skip(at int, signs string) int {
	for at < len(m.text) {
		switch {
		case m.text[at] == '#':
			n := strings.IndexByte(m.text[at:], '\n')
			if n < 0 {
				return len(m.text)
			}
			at += n
		case strings.IndexByte(" \t\r\n"+signs, m.text[at]) >= 0:
			at++
		default:
			return at
		}
	}
	return at
}
