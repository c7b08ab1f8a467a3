package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A reader turns parsed TOML into settings and collects every problem on the
// way; what it cannot read keeps its default.
type reader struct {
	src      source
	problems []Problem
	bad      []string // the paths of problems
	lost     bool     // a part of the files could not be read, so what is missing may be there
	warnings []Problem
	formers  map[former][]string // the paths of keys that stand at their former places
}

// A value is one value of the file.
type value struct {
	path string
	want string // what may be written
	any  any    // as the TOML library gives it
}

// fail notes that a value cannot be used. Without a hint the reader says what
// may be written.
func (r *reader) fail(v value, hint, format string, args ...any) {
	if hint == "" {
		hint = "write " + v.want
	}
	r.note(v.path, false, fmt.Sprintf(format, args...), hint)
}

// refuse notes that a value cannot be used, with an error that says what to
// write.
func (r *reader) refuse(v value, err error) {
	r.note(v.path, false, err.Error(), "")
}

// wrong notes a problem with the key at a path, which may be a missing one.
func (r *reader) wrong(path, text, hint string) {
	r.note(path, true, text, hint)
}

func (r *reader) note(path string, atKey bool, text, hint string) {
	r.bad = append(r.bad, path)
	r.problems = append(r.problems, r.src.problem(path, atKey, text, hint))
}

// warn notes something doubtful about the key at a path.
func (r *reader) warn(path, text, hint string) {
	r.warnings = append(r.warnings, r.src.problem(path, true, text, hint))
}

// The reading of single values: each notes a problem and returns false if the
// value is of another type.

func (r *reader) text(v value) (string, bool) {
	s, ok := v.any.(string)
	if !ok {
		r.mistyped(v)
	}
	return s, ok
}

func (r *reader) boolean(v value) (yes, ok bool) {
	yes, ok = v.any.(bool)
	if !ok {
		r.mistyped(v)
	}
	return yes, ok
}

func (r *reader) number(v value, least, greatest int64) (int64, bool) {
	n, ok := v.any.(int64)
	if !ok {
		r.mistyped(v)
		return 0, false
	}
	if n < least || n > greatest {
		r.fail(v, "", "%d is out of range", n)
		return 0, false
	}
	return n, true
}

// choice returns the index in names of the string that is written.
func (r *reader) choice(v value, names ...string) (int, bool) {
	s, ok := r.text(v)
	if !ok {
		return 0, false
	}
	i := slices.Index(names, s)
	if i < 0 {
		r.fail(v, "", "there is no %q", s)
	}
	return i, i >= 0
}

// list returns the elements, of which each may be what want says.
func (r *reader) list(v value, want string) ([]value, bool) {
	var vs []value
	switch l := v.any.(type) {
	case []any:
		for i, e := range l {
			vs = append(vs, value{element(v.path, i), want, e})
		}
	case []map[string]any:
		for i, e := range l {
			vs = append(vs, value{element(v.path, i), want, e})
		}
	default:
		r.mistyped(v)
		return nil, false
	}
	return vs, true
}

func (r *reader) table(v value) (map[string]any, bool) {
	m, ok := v.any.(map[string]any)
	if !ok {
		r.mistyped(v)
	}
	return m, ok
}

func (r *reader) mistyped(v value) { r.fail(v, "", "%s", describeType(v.any)) }

func describeType(v any) string {
	switch v := v.(type) {
	case nil:
		return "null is no value"
	case string:
		return fmt.Sprintf("%q is a string", v)
	case int64:
		return fmt.Sprintf("%d is a number", v)
	case float64:
		return "this is a number with a fraction"
	case bool:
		return fmt.Sprintf("%v is a boolean", v)
	case time.Time:
		return "this is a date or time"
	case []any:
		return "this is a list"
	case []map[string]any:
		return "this is a list of tables"
	}
	return "this is a table"
}

// readTable reads the keys of one table into to, in the order of keys, and
// notes the keys that do not exist.
func readTable[T any](r *reader, keys []key[T], v value, to *T) bool {
	m, ok := r.table(v)
	if !ok {
		return false
	}
	for _, k := range keys {
		if e, ok := m[k.name]; ok {
			k.read(r, value{join(v.path, k.name), k.want, e}, to)
		}
	}
	known := keyNames(keys)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if !slices.Contains(known, name) {
			r.stranger(v, name, known)
		}
	}
	return true
}

func keyNames[T any](keys []key[T]) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

// instead says what may have been meant by a key that does not exist.
func instead(name string, names []string) string {
	lower := strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if slices.Contains(names, lower) {
		return "keys are in lower case with underscores: write " + lower
	}
	best := slices.MinFunc(names, func(a, b string) int { return distance(lower, a) - distance(lower, b) })
	if distance(lower, best) <= max(1, len(best)/3) {
		return "did you mean " + best + "?"
	}
	elsewhere := func(near int) (name string, places []string) {
		for _, k := range Keys() {
			if distance(lower, k.Name) <= near && (name == "" || name == k.Name) {
				name, places = k.Name, append(places, place(k.Table))
			}
		}
		return name, places
	}
	if _, places := elsewhere(0); places != nil {
		return lower + " belongs " + strings.Join(places, " or ")
	}
	if name, places := elsewhere(1); places != nil {
		return "did you mean " + name + "? It belongs " + strings.Join(places, " or ")
	}
	return "there are " + strings.Join(names, ", ")
}

// place says in words where a key of a table belongs.
func place(table string) string {
	switch table {
	case "":
		return "at the top of the file, before the first table"
	case "defaults":
		return "in [defaults] or [[interface]]"
	case "server", "server_group", "class", "interface":
		return "in [[" + table + "]]"
	}
	if below, ok := strings.CutPrefix(table, "defaults."); ok {
		return "in [" + table + "] or [interface." + below + "]"
	}
	return "in [" + table + "]"
}

// distance counts the letters to change, add or remove to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := min(row[j], row[j+1]) + 1
			if a[i] == b[j] {
				next = min(next, diagonal)
			} else {
				next = min(next, diagonal+1)
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}
