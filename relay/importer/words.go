package importer

import (
	"fmt"
	"iter"
	"strings"
)

// A word is one of a line.
type word struct {
	text string
	line int
}

// logical yields lines with their numbers, from 1; those that end in a backslash
// are joined with the next.
func logical(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		var b strings.Builder
		first, n := 0, 0
		for line := range strings.SplitSeq(text, "\n") {
			n++
			if b.Len() == 0 {
				first = n
			}
			if before, ok := strings.CutSuffix(line, `\`); ok {
				b.WriteString(before + " ")
				continue
			}
			b.WriteString(line)
			if !yield(first, b.String()) {
				return
			}
			b.Reset()
		}
		if b.Len() > 0 {
			yield(first, b.String())
		}
	}
}

// split splits a line into words as a shell does, without expanding anything. A
// comment ends it.
func split(s string, line int) ([]word, error) {
	var words []word
	var b strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != '\'' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
			in = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case c == '"' || c == '\'':
			in, quote = true, c
		case c == ' ' || c == '\t' || c == '\n':
			if in {
				words = append(words, word{b.String(), line})
			}
			in = false
			b.Reset()
		case c == '#' && !in:
			return words, nil
		default:
			in = true
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return nil, lineError{line, fmt.Sprintf("a quotation mark (%c) is not closed", quote)}
	}
	if in {
		words = append(words, word{b.String(), line})
	}
	return words, nil
}

// A variable is an assignment in a file for a shell, its value as words.
type variable struct {
	name  string
	line  int
	words []word
}

// assignments reads a file of variables such as those in /etc/default.
func assignments(text string) ([]variable, error) {
	var all []variable
	for n, line := range logical(text) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, _, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		words, err := split(line, n)
		if err != nil {
			return nil, err
		}
		if len(words) == 0 {
			continue
		}
		_, value, _ := strings.Cut(words[0].text, "=")
		inner, err := split(value, n)
		if err != nil {
			return nil, err
		}
		all = append(all, variable{strings.TrimSpace(name), n, append(inner, words[1:]...)})
	}
	return all, nil
}

// cutCommand finds a program in a line and returns what follows its name.
func cutCommand(line, program string) (args string, ok bool) {
	// A list of words, as in a Dockerfile, is a command line with commas.
	if strings.Contains(line, "[") && strings.Contains(line, `"`+program+`"`) {
		line = strings.NewReplacer("[", " ", "]", " ", ",", " ").Replace(line)
		line = strings.ReplaceAll(line, `"`+program+`"`, program)
	}
	for from := 0; ; {
		i := strings.Index(line[from:], program)
		if i < 0 {
			return "", false
		}
		i += from
		end := i + len(program)
		if (i == 0 || strings.ContainsRune(" \t/=", rune(line[i-1]))) && (end == len(line) || line[end] == ' ' || line[end] == '\t') {
			return line[end:], true
		}
		from = end
	}
}
