package importer

import (
	"slices"
	"strings"
)

// A statement is a leaf of a configuration with braces, with all words that lead to
// it, or a set command.
type statement struct {
	line  int
	words []string
}

// after returns the words behind a sequence of words, ok if it is there.
func (s statement) after(seq ...string) ([]string, bool) {
	for i := 0; i+len(seq) <= len(s.words); i++ {
		match := true
		for j, w := range seq {
			match = match && s.words[i+j] == w
		}
		if match {
			return s.words[i+len(seq):], true
		}
	}
	return nil, false
}

// under returns the words behind those at the beginning.
func (s statement) under(seq ...string) ([]string, bool) {
	if len(s.words) < len(seq) {
		return nil, false
	}
	for i, w := range seq {
		if s.words[i] != w {
			return nil, false
		}
	}
	return s.words[len(seq):], true
}

// statements reads a configuration with braces, as set commands, or both.
func statements(text string) ([]statement, error) {
	var all []statement
	var path []string
	var depths []int // how many words each open brace has added
	begin := 0
	n := 0
	comment := false
	for raw := range strings.SplitSeq(text, "\n") {
		n++
		line := strings.TrimSpace(raw)
		if comment || strings.HasPrefix(line, "/*") {
			comment = !strings.Contains(line, "*/")
			continue
		}
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, "deactivate ") {
			continue
		}
		tokens, err := tokens(line, n)
		if err != nil {
			return nil, err
		}
		if len(tokens) > 1 && tokens[0] == "set" && len(path) == 0 {
			all = append(all, statement{n, tokens[1:]})
			continue
		}
		var words []string
		end := func() {
			if len(words) > 0 && !slices.Contains(words, "inactive:") && !slices.Contains(path, "inactive:") {
				all = append(all, statement{n, append(append([]string(nil), path...), words...)})
			}
			words = nil
		}
		for _, t := range tokens {
			switch t {
			case "{":
				if len(depths) > deepest {
					return nil, lineError{n, "the braces are too deep"}
				}
				path = append(path, words...)
				depths = append(depths, len(words))
				begin = n
				words = words[:0:0]
			case "}":
				end()
				if len(depths) == 0 {
					return nil, lineError{n, `there is a "}" too many`}
				}
				path = path[:len(path)-depths[len(depths)-1]]
				depths = depths[:len(depths)-1]
			case ";":
				end()
			case "protect:", "replace:": // marks that change nothing
			default:
				words = append(words, t)
			}
		}
		end()
	}
	if len(depths) > 0 {
		return nil, lineError{begin, `a "{" is not closed`}
	}
	return all, nil
}

// tokens splits a line: words, quoted ones, braces and semicolons. Lists in
// brackets are several words; what follows ## is a comment.
func tokens(line string, n int) ([]string, error) {
	var all []string
	for i := 0; i < len(line); {
		switch c := line[i]; {
		case c == ' ' || c == '\t':
			i++
		case strings.HasPrefix(line[i:], "##"):
			return all, nil
		case c == '{' || c == '}' || c == ';':
			all = append(all, string(c))
			i++
		case c == '[' || c == ']':
			i++
		case c == '"' || c == '\'':
			end := strings.IndexByte(line[i+1:], c)
			if end < 0 {
				return nil, lineError{n, "a quotation mark is not closed"}
			}
			all = append(all, line[i+1:i+1+end])
			i += end + 2
		default:
			end := strings.IndexAny(line[i:], " \t{};[]")
			if end <= 0 {
				end = len(line) - i
			}
			all = append(all, line[i:i+end])
			i += end
		}
	}
	return all, nil
}
