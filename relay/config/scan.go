package config

import "strings"

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
