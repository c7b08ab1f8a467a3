package text

import (
	"strings"
	"testing"
)

func TestLists(t *testing.T) {
	t.Parallel()
	cases := []struct{ got, want string }{
		{Some(nil, 2), ""},
		{Some([]string{"a", "b"}, 2), "a, b"},
		{Some([]string{"a", "b", "c", "d"}, 2), "a, b and 2 more"},
		{All(nil), ""},
		{All([]string{"a"}), "a"},
		{All([]string{"a", "b"}), "a and b"},
		{All([]string{"a", "b", "c"}), "a, b and c"},
		{Octets(nil), ""},
		{Octets([]byte{0, 0xab, 5}), "00:ab:05"},
		{Loosen("eth0.10"), "set net.ipv4.conf.eth0/10.rp_filter = 2 and net.ipv4.conf.all.rp_filter = 0 or 2"},
	}
	for _, c := range cases {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, head, text string
		width            int
		want             string
	}{
		{"no words", "→ ", " \n", 20, ""},
		{"one line", "→ ", "one  two\nthree", 20, "→ one two three\n"},
		{"exactly full", "→ ", "four four", 11, "→ four four\n"},
		{"one too many", "→ ", "four four", 10, "→ four\n  four\n"},
		{"a word that is too long", "  ", "a verylongword b", 6, "  a\n  verylongword\n  b\n"},
		{"characters count, octets do not", "", "ÄÄ ÖÖ", 5, "ÄÄ ÖÖ\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			Wrap(&b, c.head, c.text, c.width)
			if b.String() != c.want {
				t.Errorf("got %q, want %q", b.String(), c.want)
			}
		})
	}
}
