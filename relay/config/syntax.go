package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// A flaw is something wrong with the text of a file.
type flaw struct {
	line, col       int // from 1; 0 for the file as a whole
	path, say, hint string
}

// A parsed is what the text of one file says. Where the text is wrong it is what was
// probably meant, so that the rest can be judged too.
type parsed struct {
	tree  map[string]any
	marks map[string]mark
	text  string // that the marks are for
	flaws []flaw
	lost  bool // something was left out, so that what is missing may be there
}

// parse reads the text of one file.
func parse(name, text string) parsed {
	if isJSON(name, text) {
		return parseJSON(text)
	}
	return parseTOML(text)
}

// The most flaws that are looked for, each of which takes a reading of the whole file.
const (
	maxFlaws      = 40
	maxFlawsLarge = 5
	largeFile     = 1 << 18
)

// parseTOML reads TOML. What is wrong is mended line by line as it was probably meant,
// and left out where nobody can tell.
func parseTOML(text string) parsed {
	p := parsed{text: text}
	most := maxFlaws
	if len(text) > largeFile {
		most = maxFlawsLarge
	}
	for {
		p.tree = nil
		_, err := toml.Decode(p.text, &p.tree)
		if err == nil {
			if p.marks, err = markTOML(p.text); err == nil {
				return p
			}
		}
		p.tree = nil
		var e toml.ParseError
		if !errors.As(err, &e) || !p.mend(&e) || len(p.flaws) >= most {
			if len(p.flaws) == 0 {
				p.flaws = append(p.flaws, flaw{say: err.Error()})
			}
			p.tree, p.lost = nil, true
			return p
		}
	}
}

// mend notes a flaw and mends it. It returns false if the text stays as it is.
func (p *parsed) mend(e *toml.ParseError) bool {
	at := min(max(e.Position.Start, 0), len(p.text))
	if strings.HasSuffix(e.Message, "has already been defined.") {
		if p.mendTwice() {
			return true
		}
	}
	lines := strings.Split(p.text, "\n")
	n, _ := lineOf(p.text, at)
	n--
	for n > 0 && strings.TrimSpace(lines[n]) == "" {
		n-- // the end of a line, or of the file, is where the parser gave up
	}
	open := openAt(lines, n)
	var f flaw
	switch {
	case open.quotes != "":
		f = flaw{open.line + 1, 1, "", "the text that begins here with " + open.quotes + " does not end", "close it with " + open.quotes}
		p.lost = true
		for i := open.line; i < len(lines); i++ {
			lines[i] = ""
		}
	case open.depth > 0 && (begins(lines[n]) || strings.Contains(e.Message, "EOF") || strings.Contains(e.Message, "end of file")):
		f = flaw{open.line + 1, columnOf(lines[open.line]), "", "the list that begins here does not end", `close it with "]"`}
		last := n
		if begins(lines[n]) {
			last--
		}
		for last > open.line && strings.TrimSpace(lines[last]) == "" {
			last--
		}
		code, comment := cutComment(lines[last])
		lines[last] = code + strings.Repeat("]", open.depth) + comment
	case yamlLine.MatchString(lines[n]) && open.depth == 0:
		f = flaw{n + 1, columnOf(lines[n]), "", "this is YAML", yamlHint(lines[n])}
		p.lost = true
		for i := n; i < len(lines) && (strings.TrimSpace(lines[i]) == "" || yamlLine.MatchString(lines[i])); i++ {
			lines[i] = ""
		}
	default:
		m := mended(lines[n], open.depth > 0, e)
		f = flaw{n + 1, columnOf(lines[n]), "", m.say, m.hint}
		p.lost = p.lost || m.lost
		lines[n] = m.line
	}
	f.say = cmp.Or(f.say, "this is no TOML")
	p.flaws = append(p.flaws, f)
	text := strings.Join(lines, "\n")
	changed := text != p.text
	p.text = text
	return changed
}

// mendTwice tells where a key is given first, and leaves the second out.
func (p *parsed) mendTwice() bool {
	m := marked(p.text)
	if len(m.twice) == 0 {
		return false
	}
	t := m.twice[0]
	first, _ := lineOf(p.text, t.first)
	line, col := lineOf(p.text, t.again.key)
	f := flaw{line, col, t.path, fmt.Sprintf("this is already in line %d", first), "remove one"}
	if list := singleHeader.FindString(p.text[t.again.key:]); list != "" && t.header {
		name := strings.Trim(list, "[]")
		f.hint = "write [[" + name + "]] for each"
		f.say = fmt.Sprintf("[%s] is already in line %d", name, first)
		p.flaws = append(p.flaws, f)
		p.text = regexp.MustCompile(`(?m)^([ \t]*)\[`+name+`\]`).ReplaceAllString(p.text, "$1[["+name+"]]")
		return true
	}
	end := t.again.end
	if t.header {
		f.say, f.hint = fmt.Sprintf("[%s] is already in line %d", t.path, first), "put its keys there, and remove this header"
		p.lost = true
		end = len(p.text)
		if next := nextHeader.FindStringIndex(p.text[t.again.key+1:]); next != nil {
			end = t.again.key + 1 + next[0]
		}
	}
	p.flaws = append(p.flaws, f)
	blank := strings.Repeat("\n", strings.Count(p.text[t.again.key:end], "\n"))
	p.text = p.text[:t.again.key] + blank + p.text[end:]
	return true
}

var (
	singleHeader = regexp.MustCompile(`^\[(interface|server)\]`)
	nextHeader   = regexp.MustCompile(`(?m)^[ \t]*\[`)
	header       = regexp.MustCompile(`^[ \t]*(\[+)[ \t]*([A-Za-z0-9_."'-]*)[ \t]*(\]*)[ \t]*(#.*)?\r?$`)
	pairStart    = regexp.MustCompile(`^[ \t]*[A-Za-z0-9_."'-]+[ \t]*=`)
	yamlLine     = regexp.MustCompile(`^[ \t]*(- +)?[A-Za-z0-9_-]+:([ \t].*)?\r?$|^[ \t]*- +[^=]*$|^---[ \t]*\r?$`)
)

// begins reports whether a line begins something of its own, rather than going on with
// a list.
func begins(line string) bool {
	return pairStart.MatchString(line) || header.MatchString(line) && strings.ContainsAny(line, "abcdefghijklmnopqrstuvwxyz") && !strings.ContainsAny(line, `"'`)
}

func columnOf(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) + 1 }

func yamlHint(line string) string {
	key, val, _ := strings.Cut(strings.TrimLeft(strings.TrimSpace(line), "- "), ":")
	val = strings.TrimSpace(val)
	switch {
	case key == "" || val == "":
		return `write TOML: [[interface]], and below it name = "vlan10" and servers = ["10.9.0.2"]`
	default:
		return "write TOML: " + strings.TrimSpace(mendPair(key, val).line)
	}
}

// An opening is what is open where a line begins.
type opening struct {
	depth  int    // of brackets and braces
	line   int    // where the outermost began
	quotes string // of a text of several lines
}

// openAt returns what is open where a line begins. What is before it is sound.
func openAt(lines []string, upto int) (o opening) {
	for n, line := range lines[:upto] {
		if o.quotes == "" && o.depth == 0 && strings.HasPrefix(strings.TrimLeft(line, " \t"), "[") {
			continue
		}
		for i := 0; i < len(line); {
			rest := line[i:]
			i++
			switch {
			case o.quotes != "":
				if strings.HasPrefix(rest, o.quotes) {
					o.quotes, i = "", i+2
				} else if rest[0] == '\\' && o.quotes[0] == '"' {
					i++
				}
			case strings.HasPrefix(rest, `"""`), strings.HasPrefix(rest, `'''`):
				o.quotes, i = rest[:3], i+2
				if o.depth == 0 {
					o.line = n
				}
			case rest[0] == '"' || rest[0] == '\'':
				i += len(quoted(rest)) - 1
			case rest[0] == '#':
				i = len(line)
			case rest[0] == '[' || rest[0] == '{':
				if o.depth == 0 {
					o.line = n
				}
				o.depth++
			case rest[0] == ']' || rest[0] == '}':
				o.depth = max(0, o.depth-1)
			}
		}
	}
	return o
}

// quoted returns the string that a text begins with, to its end where it is not closed.
func quoted(s string) string {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && s[0] == '"':
			i++
		case s[i] == s[0]:
			return s[:i+1]
		}
	}
	return s
}

// closed reports whether a string that quoted returns has an end.
func closed(q string) bool {
	return len(q) > 1 && q[len(q)-1] == q[0] && (q[0] == '\'' || !strings.HasSuffix(q, `\"`) || strings.HasSuffix(q, `\\"`))
}

// cutComment parts a line from the comment, with the white space before it, at its end.
func cutComment(line string) (code, comment string) {
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '"', '\'':
			i += len(quoted(line[i:])) - 1
		case '#':
			code = strings.TrimRight(line[:i], " \t")
			return code, line[len(code):]
		}
	}
	code = strings.TrimRight(line, " \t\r")
	return code, line[len(code):]
}

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
	case isList(key) || key == "server":
		var all []string
		for _, w := range strings.FieldsFunc(short, func(r rune) bool { return strings.ContainsRune(", ;\t", r) }) {
			all = append(all, word(strings.Trim(w, `"'`)))
		}
		return mending{"[" + strings.Join(all, ", ") + "]", "addresses and names need quotes, and stand in a list", "", false}
	case foreignFalse(short), foreignTrue(short):
		say = short + " is none of TOML's words"
	case noValue(short):
		return mending{"", short + " is none of TOML's words", "leave the key out", true}
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
