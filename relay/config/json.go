package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDepth is how deep values of JSON may lie in each other: far more than any key needs.
const maxDepth = 32

// isJSON reports whether a configuration is JSON: by its name, or because it begins as
// an object does, and as no TOML can.
func isJSON(name, text string) bool {
	return strings.HasSuffix(name, ".json") || strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{")
}

// A jsonReader makes of JSON what the TOML library makes of TOML, and notes where keys
// and values begin.
type jsonReader struct {
	text  string
	dec   *json.Decoder
	marks map[string]mark
	bad   []flaw
}

// parseJSON reads the text of one file. Where it is no JSON, it is not read to its end.
func parseJSON(text string) parsed {
	j := &jsonReader{text: text, dec: json.NewDecoder(strings.NewReader(text)), marks: make(map[string]mark)}
	j.dec.UseNumber()
	at := j.next()
	v, err := j.value("", 0)
	if err == nil {
		err = j.end()
	}
	if err != nil {
		return parsed{text: text, flaws: append(j.bad, j.syntax(err)), lost: true}
	}
	tree, ok := v.(map[string]any)
	if !ok {
		j.flaw(at, "", describeType(v), `write an object, such as {"interface": [{"name": "vlan10", "servers": ["10.9.0.2"]}]}`)
		return parsed{text: text, flaws: j.bad, lost: true}
	}
	delete(tree, "$schema") // for editors
	return parsed{tree: tree, marks: j.marks, text: text, flaws: j.bad}
}

func (j *jsonReader) flaw(at int, path, say, hint string) {
	line, col := lineOf(j.text, at)
	j.bad = append(j.bad, flaw{line, col, path, say, hint})
}

// next returns where the next token begins.
func (j *jsonReader) next() int {
	at := int(j.dec.InputOffset())
	return at + len(j.text[at:]) - len(strings.TrimLeft(j.text[at:], " \t\r\n,:"))
}

func (j *jsonReader) end() error {
	if strings.TrimLeft(j.text[j.dec.InputOffset():], " \t\r\n") != "" {
		return errAfter
	}
	return nil
}

var (
	errAfter = errors.New("something follows the end of the object")
	errDepth = fmt.Errorf("values lie more than %d deep in each other", maxDepth)
)

// value reads what stands at a path.
func (j *jsonReader) value(path string, depth int) (any, error) {
	t, err := j.dec.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, errDepth
	}
	switch t := t.(type) {
	case json.Delim:
		if t == '[' {
			return j.array(path, depth)
		}
		return j.object(path, depth)
	case json.Number:
		return number64(t), nil
	}
	return t, nil
}

// number64 returns a number as the TOML library does.
func number64(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, _ := n.Float64() // what is beyond all bounds is a number with a fraction, too
	return f
}

func (j *jsonReader) array(path string, depth int) (any, error) {
	list := []any{}
	for j.dec.More() {
		p := element(path, len(list))
		at := j.next()
		j.marks[p] = mark{key: at, value: at}
		v, err := j.value(p, depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := j.dec.Token()
	return list, err
}

func (j *jsonReader) object(path string, depth int) (any, error) {
	object := make(map[string]any)
	for j.dec.More() {
		at := j.next()
		t, err := j.dec.Token()
		if err != nil {
			return nil, err
		}
		key, ok := t.(string)
		if !ok {
			return nil, fmt.Errorf("%v is no key", t)
		}
		p, val := join(path, key), j.next()
		first, twice := j.marks[p]
		if twice {
			line, _ := lineOf(j.text, first.key)
			j.flaw(at, p, fmt.Sprintf("this is already in line %d", line), "remove one")
		}
		j.marks[p] = mark{key: at, value: val}
		v, err := j.value(p, depth+1)
		if err != nil {
			return nil, err
		}
		if composite(v) {
			object[key] = v
			continue
		}
		j.marks[p] = mark{key: at, value: val, end: int(j.dec.InputOffset())}
		if v == nil {
			j.flaw(val, p, "null is no value", "leave the key out")
			continue
		}
		object[key] = v
	}
	_, err := j.dec.Token()
	return object, err
}

// composite reports whether a value is an object, which a header stands for in TOML.
func composite(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// syntax says in own words what is no JSON.
func (j *jsonReader) syntax(err error) flaw {
	at := min(int(j.dec.InputOffset()), len(j.text))
	var s *json.SyntaxError
	if errors.As(err, &s) && int(s.Offset) > at {
		at = min(int(s.Offset)-1, len(j.text))
	}
	at += len(j.text[at:]) - len(strings.TrimLeft(j.text[at:], " \t\r\n"))
	rest := j.text[at:]
	word := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))]
	before := strings.TrimRight(j.text[:at], " \t\r\n")
	say, hint := "this is no JSON: "+strings.TrimPrefix(err.Error(), "json: "), ""
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), rest == "" && !errors.Is(err, errAfter):
		at = len(before)
		say, hint = "the file ends within a value", `close each "{", "[" and quote; the file may have been cut short`
	case strings.HasPrefix(rest, "}") || strings.HasPrefix(rest, "]"):
		if strings.HasSuffix(before, ",") {
			at, say, hint = len(before)-1, "there is a comma behind the last element", "remove it"
		}
	case strings.HasPrefix(rest, "#"), strings.HasPrefix(rest, "//"), strings.HasPrefix(rest, "/*"):
		say, hint = "JSON has no comments", "remove it, or write TOML"
	case strings.HasPrefix(rest, "'"):
		say, hint = "strings have double quotes", `write "..."`
	case jsonWord(word) != "":
		say, hint = word+" is none of JSON's words", jsonWord(word)
	case strings.HasPrefix(rest, `"`), strings.HasPrefix(rest, "{"), strings.HasPrefix(rest, "["):
		if !errors.Is(err, errAfter) {
			say, hint = "a comma or colon is missing before this", ""
		}
	case word != "":
		say, hint = word+" needs quotes", `write "`+word+`"`
	}
	line, col := lineOf(j.text, at)
	return flaw{line, col, "", say, hint}
}

// jsonWord says what to write for a word of another language.
func jsonWord(word string) string {
	switch strings.ToLower(word) {
	case "true", "yes", "on":
		return "write true"
	case "false", "no", "off":
		return "write false"
	case "none", "null", "nil", "undefined":
		return "leave the key out"
	}
	return ""
}
