package transaction

import (
	"unicode/utf8"
)

// short makes a type fit on an arrow.
func short(kind string) string {
	if kind == "information_request" {
		return "info request"
	}
	kind = words(kind)
	return kind[:min(len(kind), labelMax)]
}

// wrapParts joins parts with commas into lines of at most n characters, the first
// of which begins with title.
func wrapParts(title string, parts []string, n int) []string {
	var lines []string
	line, sep := title, "  "
	for _, s := range parts {
		switch {
		case line == "":
			line = s
		case utf8.RuneCountInString(line)+len(sep)+utf8.RuneCountInString(s) <= n:
			line += sep + s
		case sep == ", ":
			lines, line = append(lines, line+","), s
		default:
			lines, line = append(lines, line), s
		}
		sep = ", "
	}
	return append(lines, line)
}
