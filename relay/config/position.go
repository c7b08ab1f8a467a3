package config

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A source is the text of a configuration file, and where each key stands in
// it: the TOML library tells positions only of what it cannot parse.
type source struct {
	file  string
	text  string
	marks map[string]mark
}

// A mark is where a key and its value stand, in octets from the start.
type mark struct{ key, value int }

// newSource finds the keys of a text that is valid TOML. Of any other text it
// finds some keys.
func newSource(file, text string) source {
	s := scanner{text: text, marks: map[string]mark{}, arrays: map[string]int{}}
	s.document()
	return source{file: file, text: text, marks: s.marks}
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

// A scanner walks through TOML and notes where keys and values begin. It trusts
// that the text is valid and only takes care to come to an end if it is not.
type scanner struct {
	text   string
	at     int
	marks  map[string]mark
	arrays map[string]int // number of [[headers]] so far, by path
}

func (s *scanner) document() {
	table := ""
	for s.blank(); s.at < len(s.text); s.blank() {
		if s.peek() == '[' {
			table = s.header()
		} else {
			s.pair(table)
		}
	}
}

// header reads [a.b] or [[a.b]] and returns its path.
func (s *scanner) header() string {
	start := s.at
	s.at++
	array := s.accept("[")
	path, keys := "", s.keys()
	for i, k := range keys {
		path = join(path, k.name)
		if array && i == len(keys)-1 {
			s.note(path, mark{start, start})
			s.arrays[path]++
		}
		if n := s.arrays[path]; n > 0 {
			path = element(path, n-1)
		}
		s.note(path, mark{start, start})
	}
	s.accept("]")
	s.accept("]")
	return path
}

// pair reads key = value of the table at path.
func (s *scanner) pair(path string) {
	start := s.at
	for _, k := range s.keys() {
		path = join(path, k.name)
		s.note(path, mark{k.at, k.at})
	}
	s.accept("=")
	s.space()
	m := s.marks[path]
	m.value = s.at
	s.marks[path] = m
	s.value(path)
	if s.at == start {
		s.at++
	}
}

// note keeps the first mark of a path: a table begins where it is first named.
func (s *scanner) note(path string, m mark) {
	if _, ok := s.marks[path]; !ok {
		s.marks[path] = m
	}
}

// A scanned is one part of a dotted key.
type scanned struct {
	name string
	at   int
}

func (s *scanner) keys() []scanned {
	var keys []scanned
	for {
		s.space()
		start := s.at
		var name string
		switch s.peek() {
		case '"':
			s.quoted('"')
			name = unquote(s.text[start:s.at])
		case '\'':
			s.quoted('\'')
			name = strings.Trim(s.text[start:s.at], "'")
		default:
			s.until(" \t.=]\r\n#,{}")
			name = s.text[start:s.at]
		}
		keys = append(keys, scanned{name, start})
		s.space()
		if !s.accept(".") {
			return keys
		}
	}
}

// unquote reads a basic string. Escapes that only TOML has are left as they
// are; the position of such a key is then that of its table.
func unquote(q string) string {
	if s, err := strconv.Unquote(q); err == nil {
		return s
	}
	return strings.Trim(q, `"`)
}

// value walks over one value and notes the elements of arrays and the keys of
// inline tables.
func (s *scanner) value(path string) {
	switch c := s.peek(); c {
	case '"', '\'':
		s.quoted(c)
	case '[':
		s.at++
		for i := 0; s.more(']'); i++ {
			p := element(path, i)
			s.note(p, mark{s.at, s.at})
			s.item(func() { s.value(p) })
		}
	case '{':
		s.at++
		for s.more('}') {
			s.item(func() { s.pair(path) })
		}
	default:
		s.until(",]}#\r\n")
	}
}

// more reports whether another item stands before the end of an array or inline
// table, and walks over the end.
func (s *scanner) more(end byte) bool {
	s.blank()
	return s.at < len(s.text) && !s.accept(string(end))
}

// item reads one item and the comma after it.
func (s *scanner) item(read func()) {
	start := s.at
	read()
	s.blank()
	s.accept(",")
	if s.at == start {
		s.at++
	}
}

// quoted walks over a string of any of the four kinds, which begins with q.
func (s *scanner) quoted(q byte) {
	end := string(q)
	if long := strings.Repeat(end, 3); strings.HasPrefix(s.text[s.at:], long) {
		end = long
	}
	s.at += len(end)
	for s.at < len(s.text) && !s.accept(end) {
		if q == '"' && s.text[s.at] == '\\' {
			s.at++
		}
		s.at++
	}
	s.at = min(s.at, len(s.text))
	if len(end) == 3 {
		// Up to two quotes may stand right before the closing ones.
		for range 2 {
			s.accept(string(q))
		}
	}
}

func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) accept(t string) bool {
	if !strings.HasPrefix(s.text[s.at:], t) {
		return false
	}
	s.at += len(t)
	return true
}

func (s *scanner) until(stop string) {
	if n := strings.IndexAny(s.text[s.at:], stop); n >= 0 {
		s.at += n
		return
	}
	s.at = len(s.text)
}

func (s *scanner) space() {
	for s.peek() == ' ' || s.peek() == '\t' {
		s.at++
	}
}

// blank walks over white space, line ends and comments.
func (s *scanner) blank() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		case '#':
			s.until("\n")
		default:
			return
		}
	}
}
