package config

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
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
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") || strings.Contains(text[:min(len(text), 4)], "\x00") {
		return parsed{text: text, lost: true, flaws: []flaw{{say: "this is UTF-16", hint: "write it as UTF-8"}}}
	}
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
