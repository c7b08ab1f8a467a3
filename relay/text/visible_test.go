package text

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestVisible(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"plain", "vlan10\tup\n", "vlan10\tup\n"},
		{"other scripts and drawings", "Küche ─▶┃ → 日本", "Küche ─▶┃ → 日本"},
		{"spaces that do not break", "1\u202f204\u00a0ms", "1\u202f204\u00a0ms"},
		{"an escape", "x\x1b[31m", `x\u001b[31m`},
		{"a carriage return", "good\rbad", `good\u000dbad`},
		{"CSI of eight bits", "x\u009b2J", `x\u009b2J`},
		{"CSI, no UTF-8", "x\x9b2J", `x\x9b2J`},
		{"right to left", "a\u202etxt", `a\u202etxt`},
		{"beyond the first plane", "a\U000e0041b", `a\udb40\udc41b`},
		{"a replacement that is meant", "a\uFFFDb", "a\uFFFDb"},
		{"nothing else", "\x00", `\u0000`},
	} {
		if got := Visible(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// JSON says the same with and without.
func FuzzVisibleJSON(f *testing.F) {
	f.Add("x\u009b\u202e\U000e0041\x9b\"\\")
	f.Fuzz(func(t *testing.T, s string) {
		var b strings.Builder
		if err := json.NewEncoder(Writer{&b}).Encode(s); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(strings.TrimSuffix(b.String(), "\n"), func(r rune) bool { return !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) }); i >= 0 {
			t.Errorf("%q is not to be seen whole", b.String())
		}
		var got string
		if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(s, "\uFFFD"); strings.ToValidUTF8(got, "\uFFFD") != want && !strings.Contains(s, "\uFFFD") && want == s {
			t.Errorf("%q became %q", s, got)
		}
	})
}
