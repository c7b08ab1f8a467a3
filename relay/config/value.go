package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// mendValue mends the value of a key.
func mendValue(key, v string) mending {
	short := strings.TrimRight(v, ";, \t")
	say := "this needs quotes"
	if short != v && valid(short) {
		return mending{short, "nothing stands behind a value", "", false}
	}
	switch {
	case v == "":
		return mending{"", "there is no value", "write one, or leave the key out", true}
	case v[0] == '[' || v[0] == '{':
		m := inList(v, "", nil)
		if v[0] == '{' && m.say == "" {
			m = mending{"", "this is no table", `write { key = "value" }, with commas between`, true}
		}
		return m
	case v[0] == '"' || v[0] == '\'':
		q := quoted(v)
		rest := strings.TrimLeft(v[len(q):], " \t,;")
		switch {
		case !closed(q) && (v[len(v)-1] == '"' || v[len(v)-1] == '\'') && len(v) > 1:
			return mending{quote(v[1 : len(v)-1]), "the quotes at both ends differ", "", false}
		case !closed(q):
			return mending{quote(v[1:]), "the quote is not closed", "", false}
		case isList(key) && rest != "" && strings.ContainsAny(rest[:1], `"'`):
			m := inList("["+v+"]", "", nil)
			m.say = "several values stand in a list"
			return m
		case rest != "":
			return mending{q, "nothing stands behind a value", "", false}
		}
		return mending{line: v}
	case noValue(short):
		return mending{"", short + " is none of TOML's words", "leave the key out", true}
	case isList(key) || key == "server":
		var all []string
		for _, w := range strings.FieldsFunc(short, func(r rune) bool { return strings.ContainsRune(", ;\t", r) }) {
			all = append(all, word(strings.Trim(w, `"'`)))
		}
		return mending{"[" + strings.Join(all, ", ") + "]", "addresses and names need quotes, and stand in a list", "", false}
	case foreignFalse(short), foreignTrue(short):
		say = short + " is none of TOML's words"
	}
	return mending{word(short), say, "", false}
}

func valid(v string) bool {
	_, err := toml.Decode("x = "+v, new(map[string]any))
	return err == nil
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(strings.TrimSpace(s)) + `"`
}

// word writes a bare word as what it is likely to mean.
func word(s string) string {
	switch {
	case foreignTrue(s):
		return "true"
	case foreignFalse(s):
		return "false"
	case valid(s):
		return s
	}
	return quote(s)
}

func foreignTrue(s string) bool {
	return slices.Contains([]string{"yes", "on", "True", "TRUE", "Yes", "YES", "On", "ON", "enabled", "enable"}, s)
}

func foreignFalse(s string) bool {
	return slices.Contains([]string{"no", "off", "False", "FALSE", "No", "NO", "Off", "OFF", "disabled", "disable"}, s)
}

func noValue(s string) bool {
	return slices.Contains([]string{"None", "none", "null", "nil", "NULL", "~", "undefined"}, s)
}

// inList mends what stands in a list: words without quotes, commas that are missing.
func inList(code, comment string, e *toml.ParseError) mending {
	var b strings.Builder
	say := ""
	value := false // a value has just been
	for i := 0; i < len(code); {
		c := code[i]
		part := code[i : i+1]
		switch {
		case c == '"' || c == '\'':
			part = quoted(code[i:])
		case strings.IndexByte(" \t,[]{}=", c) < 0:
			part = code[i : i+len(code[i:])-len(strings.TrimLeftFunc(code[i:], func(r rune) bool { return !strings.ContainsRune(" \t,]}=\"'", r) }))]
		}
		i += len(part)
		isKey := strings.HasPrefix(strings.TrimLeft(code[i:], " \t"), "=")
		text := part
		switch {
		case strings.Trim(part, " \t") == "":
			b.WriteString(part)
			continue
		case c == '"' || c == '\'':
			if !closed(part) {
				end := strings.TrimRight(part, "]}, ")
				text, say = quote(end[1:])+part[len(end):], "a quote is not closed"
			}
		case strings.IndexByte(",[]{}=", c) >= 0:
			b.WriteString(part)
			value = c == ']' || c == '}'
			continue
		case !isKey && !valid(part):
			text, say = word(strings.TrimRight(part, ";")), cmp.Or(say, "addresses and names need quotes")
			if noValue(part) {
				say = part + " is none of TOML's words"
			}
		}
		if value {
			b.WriteString(", ")
			say = cmp.Or(say, "a comma is missing")
		}
		b.WriteString(text)
		value = !isKey
	}
	line := b.String()
	switch {
	case line == code && e != nil:
		return mending{"", "this is no TOML: " + strings.TrimSuffix(e.Message, "."), "", true}
	case line == code:
		return mending{line: code}
	}
	return mending{line + comment, say, "write " + shown(line), false}
}
