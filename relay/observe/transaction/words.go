package transaction

import (
	"strings"
	"unicode/utf8"

	"dhcp-relay/relay/text"
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

// fill writes s in lines that begin with an indent.
func fill(b *strings.Builder, s, indent string) {
	n := textWidth - len(indent)
	line := ""
	for word := range strings.FieldsSeq(text.Visible(s)) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > n {
			b.WriteString(indent + line + "\n")
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	if line != "" {
		b.WriteString(indent + line + "\n")
	}
}
