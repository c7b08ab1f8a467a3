package text

import (
	"strings"
	"unicode/utf8"
)

// Wrap writes s in lines of at most width characters, where words allow it. The first
// line begins with head, the others with as many spaces. Of no words it writes nothing.
func Wrap(b *strings.Builder, head, s string, width int) {
	indent := utf8.RuneCountInString(head)
	at := 0
	for word := range strings.FieldsSeq(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case at == 0:
			b.WriteString(head)
			at = indent
		case at+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	if at > 0 {
		b.WriteByte('\n')
	}
}
