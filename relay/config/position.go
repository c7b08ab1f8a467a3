package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"
)

// A source is the text of a configuration, and where each key stands in it: the
// libraries that decode it tell positions only of what they cannot parse.
type source struct {
	parts []part // as they are read
	marks map[string]mark
	tree  map[string]any // what they say
}

// A part is one file of a configuration.
type part struct {
	file, text string
	first      map[string]int // of each list of tables, how many elements the files before it have
}

// A mark is where a key and its value stand, in octets from the start of a part. Of a
// table under a header both are the header; only the value of a pair has an end.
type mark struct{ part, key, value, end int }

// markTOML finds the keys of a text that is valid TOML.
func markTOML(text string) (map[string]mark, error) {
	m := marked(text)
	if m.err != nil {
		return nil, fmt.Errorf("find the keys: %w", m.err)
	}
	return m.marks, nil
}

// marked finds the keys of a text, up to where it is no TOML.
func marked(text string) *marker {
	m := &marker{text: text, marks: map[string]mark{}, arrays: map[string]int{}, headers: map[string]int{}}
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
	m.err = p.Error()
	return m
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
	if len(s.parts) == 0 {
		return Problem{Key: path, Text: text, Hint: hint}
	}
	n, line, col := s.position(path, atKey)
	return Problem{File: s.parts[n].file, Line: line, Col: col, Key: s.parts[n].local(path), Text: text, Hint: hint}
}

// position returns the part, line and column, both from 1, of a path or of the
// nearest table around it; 0, 0 is the file as a whole.
func (s *source) position(path string, atKey bool) (n, line, col int) {
	for ; path != ""; path = path[:max(0, strings.LastIndexAny(path, ".["))] {
		m, ok := s.mark(path)
		if !ok {
			continue
		}
		at := m.value
		if atKey {
			at = m.key
		}
		line, col := lineOf(s.parts[m.part].text, at)
		return m.part, line, col
	}
	return 0, 0, 0
}

// place names where a path stands: "relay.toml:12".
func (s *source) place(path string) string {
	n, line, _ := s.position(path, true)
	return s.parts[n].file + ":" + strconv.Itoa(line)
}

// other names a path for a problem at a second one: by its place if that is in another
// file.
func (s *source) other(path, second string) string {
	n, _, _ := s.position(path, true)
	if here, _, _ := s.position(second, true); n != here {
		return s.place(path)
	}
	return path
}

// lineOf returns line and column of an octet, in characters from 1.
func lineOf(text string, at int) (line, col int) {
	before := text[:at]
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}

// local returns a path with the index that an element has in the list of this file.
func (p *part) local(path string) string { return p.shift(path, -1) }

// global returns a path of this file with the index that an element has in the whole list.
func (p *part) global(path string) string { return p.shift(path, 1) }

func (p *part) shift(path string, sign int) string {
	list, rest, ok := strings.Cut(path, "[")
	digits, below, _ := strings.Cut(rest, "]")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || p.first[list] == 0 {
		return path
	}
	return element(list, n+sign*p.first[list]) + below
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

	headers map[string]int // where the [header] of a path is
	twice   []doubled
	err     error
}

// A doubled is what is given twice.
type doubled struct {
	path   string
	first  int // octets from the start
	again  mark
	header bool
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
	if e.Kind == unstable.Table {
		if first, ok := m.headers[path]; ok {
			m.twice = append(m.twice, doubled{path, first, mark{key: start}, true})
		} else {
			m.headers[path] = start
		}
	}
	return path
}

// pair notes key = value of the table at path.
func (m *marker) pair(path string, e *unstable.Node) {
	var key, first mark
	end, given := 0, false
	for keys := e.Key(); keys.Next(); {
		raw := keys.Node().Raw
		key = mark{key: int(raw.Offset), value: int(raw.Offset)}
		end = int(raw.Offset + raw.Length)
		path = join(path, string(keys.Node().Data))
		first, given = m.marks[path]
		m.note(path, key)
	}
	if given {
		m.twice = append(m.twice, doubled{path, first.key, mark{key: key.key, end: int(e.Raw.Offset + e.Raw.Length)}, false})
	}
	value := m.skip(end, "=")
	m.marks[path] = mark{key: key.key, value: value, end: int(e.Raw.Offset + e.Raw.Length)}
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
