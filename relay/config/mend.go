package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// A mending is what was probably meant by a line.
type mending struct {
	line, say, hint string
	lost            bool // the line is left out
}

// curly are the quotes that word processors make of straight ones, and spaces that look
// like others.
func curly() *strings.Replacer {
	return strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "‟", `"`, "«", `"`, "»", `"`, "‘", `"`, "’", `"`, "‚", `"`, "´", `"`, "`", `"`, "″", `"`)
}

// mended says what is wrong with a line, and what was meant.
func mended(line string, within bool, e *toml.ParseError) mending {
	code, comment := cutComment(line)
	bare := strings.TrimSpace(code)
	if straight := curly().Replace(code); straight != code {
		return mending{straight + comment, "curly quotes are no quotes", "write " + shown(straight), false}
	}
	if spaced := strings.NewReplacer("\u00a0", " ", "\u200b", "", "\ufeff", "", "\u3000", " ", "\u202f", " ").Replace(line); spaced != line {
		return mending{spaced, "there is a space that is none of TOML's, as web pages have them", "write a plain one in its place", false}
	}
	if strings.Contains(e.Message, "escape") {
		double := strings.ReplaceAll(strings.ReplaceAll(code, `\\`, `\`), `\`, `\\`)
		if double != code {
			return mending{double + comment, "in double quotes a backslash begins an escape", "write " + shown(double) + ", or single quotes", false}
		}
	}
	if strings.Contains(code, "{{") || strings.Contains(code, "{%") {
		return mending{"", "this is a template's, which was not filled in", "check the file that is made of the template", true}
	}
	switch h := header.FindStringSubmatch(line); {
	case within:
		return inList(code, comment, e)
	case len(h) > 0 && h[2] != "" && (len(h[1]) != len(h[3]) || len(h[1]) > 2):
		right := "[" + h[2] + "]"
		if h[2] == "interface" || h[2] == "server" || len(h[1]) > 1 {
			right = "[" + right + "]"
		}
		return mending{right + h[4], "this header has " + brackets(len(h[1])) + " before its name and " + brackets(len(h[3])) + " behind it", "write " + right, false}
	case strings.HasPrefix(bare, ";"), strings.HasPrefix(bare, "//"), strings.HasPrefix(bare, "/*"), strings.HasPrefix(bare, "!"):
		return mending{"", "comments begin with #", "write # " + strings.TrimLeft(bare, ";/*! "), false}
	}
	key, val, found := strings.Cut(code, "=")
	if !found {
		key, val, found = strings.Cut(bare, " ")
		if found && known(key) && !strings.HasSuffix(val, "{") {
			m := mendPair(key, strings.TrimSpace(val))
			m.say, m.hint = `there is no "=" between key and value`, "write "+shown(m.line)
			m.line += comment
			return m
		}
		return mending{"", "this is no TOML", `write a header such as [[interface]], or key = value, or # before a comment`, true}
	}
	m := mendPair(key, val)
	if m.line == code {
		return mending{"", "this is no TOML: " + strings.TrimSuffix(e.Message, "."), "", true}
	}
	m.line += comment
	return m
}

func brackets(n int) string {
	if n == 1 {
		return "one bracket"
	}
	return strconv.Itoa(n) + " brackets"
}

// shown is a line as a hint has it.
func shown(line string) string {
	line = strings.TrimSpace(line)
	const most = 120
	if len(line) > most {
		return line[:strings.LastIndexByte(line[:most], ' ')+1] + "..."
	}
	return line
}

// known reports whether a word is a key of the configuration, or was one of another
// product's.
func known(word string) bool {
	return slices.ContainsFunc(Keys(), func(k Key) bool { return k.Name == word }) || foreignWord(word)
}

// isList reports whether a key has a list.
func isList(key string) bool {
	return slices.ContainsFunc(Keys(), func(k Key) bool { return k.Name == key && strings.HasPrefix(k.Default, "[") })
}

// mendPair mends a key and its value.
func mendPair(key, val string) mending {
	indent := key[:len(key)-len(strings.TrimLeft(key, " \t"))]
	name := strings.TrimSpace(key)
	var say string
	if short := strings.TrimRight(name, ": \t"); short != name {
		name, say = short, `key and value have "=" between them`
	}
	if rest := strings.TrimLeft(val, "=>"); rest != val {
		val, say = rest, `key and value have "=" between them`
	}
	if _, err := toml.Decode(name+" = 1", new(map[string]any)); err != nil {
		if under := strings.Join(strings.Fields(name), "_"); under != name && strings.Trim(under, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == "" {
			name, say = under, "a key has no spaces"
		} else {
			name, say = `"`+strings.NewReplacer(`\`, "", `"`, "").Replace(name)+`"`, name+" is no key"
		}
	}
	v := mendValue(name, strings.TrimSpace(val))
	if v.lost {
		v.say = cmp.Or(say, v.say)
		return v
	}
	if name == "server" && v.say != "" && strings.HasPrefix(v.line, "[") {
		name = "servers"
	}
	line := indent + name + " = " + v.line
	if same := indent + name + "=" + v.line; strings.TrimSpace(key)+"="+strings.TrimSpace(val) == strings.TrimSpace(same) {
		line = key + "=" + val
	}
	return mending{line, cmp.Or(say, v.say), "write " + shown(line), false}
}
