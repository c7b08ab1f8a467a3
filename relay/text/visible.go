// Package text is words for people. It knows nothing of DHCP.
package text

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Visible returns s with every character that a terminal or browser would obey
// rather than show as its number, such as \u001b or \u202e: interfaces, processes and
// servers are named by others. Line breaks and tabs stay. JSON means the same
// afterwards.
func Visible(s string) string {
	i := hidden(s)
	if i < 0 {
		return s
	}
	var b strings.Builder
	for i >= 0 {
		r, n := utf8.DecodeRuneInString(s[i:])
		b.WriteString(s[:i])
		writeHidden(&b, r, s[i])
		s = s[i+n:]
		i = hidden(s)
	}
	b.WriteString(s)
	return b.String()
}

// hidden returns where the first character is that is not to be seen, -1 if there is
// none.
func hidden(s string) int {
	for i, r := range s {
		switch {
		case ' ' <= r && r <= '~', r == '\n', r == '\t':
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"), !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r):
			return i
		}
	}
	return -1
}

func writeHidden(b *strings.Builder, r rune, octet byte) {
	switch {
	case r == utf8.RuneError:
		fmt.Fprintf(b, `\x%02x`, octet)
	case r > 0xffff:
		high, low := utf16.EncodeRune(r)
		fmt.Fprintf(b, `\u%04x\u%04x`, high, low)
	default:
		fmt.Fprintf(b, `\u%04x`, r)
	}
}

// A Writer writes what it is given as Visible has it. No character may be split
// between two writes.
type Writer struct{ W io.Writer }

// Write implements io.Writer.
func (w Writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.W, Visible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
