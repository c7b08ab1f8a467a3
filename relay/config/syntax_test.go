package config

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

const syntaxFile = "testdata/syntax.txt"

// Files that are no TOML, or in the words of other products, with all that is said of
// each. RELAY_UPDATE=1 writes what is said anew.
func TestOwnWords(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(syntaxFile)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for block := range strings.SplitSeq(strings.TrimPrefix(string(data), "== "), "\n== ") {
		name, rest, _ := strings.Cut(block, "\n")
		text, want, ok := strings.Cut(rest, "\n=>")
		if !ok {
			t.Fatalf("%s: no => line", name)
		}
		_, err := Parse("f", []byte(text), Host{})
		var ps Problems
		if !errors.As(err, &ps) {
			t.Fatalf("%s: want Problems, got %v", name, err)
		}
		b.WriteString("== " + name + "\n" + text + "\n=>\n" + ps.Error() + "\n")
		if diff := cmp.Diff(strings.Trim(want, "\n"), ps.Error()); diff != "" && os.Getenv("RELAY_UPDATE") == "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if os.Getenv("RELAY_UPDATE") != "" {
		if err := os.WriteFile(syntaxFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// However much is wrong, the reading ends, and soon.
func TestRecoveryIsBounded(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x = yes!\n", 100_000)
	_, err := Parse("f", []byte(text), Host{})
	var ps Problems
	if !errors.As(err, &ps) || len(ps) > 2*maxFlaws {
		t.Errorf("want few problems, got %d", len(ps))
	}
}

// What is TOML has no flaws; what is none has some, each in a line of the file.
func FuzzRecovery(f *testing.F) {
	data, err := os.ReadFile(syntaxFile)
	if err != nil {
		f.Fatal(err)
	}
	for block := range strings.SplitSeq(string(data), "\n== ") {
		_, rest, _ := strings.Cut(block, "\n")
		text, _, _ := strings.Cut(rest, "\n=>")
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		p := parseTOML(text)
		var m map[string]any
		_, err := toml.Decode(text, &m)
		if err != nil && len(p.flaws) == 0 {
			t.Fatalf("no flaw in %q: %v", text, err)
		}
		for _, f := range p.flaws {
			if f.line > strings.Count(text, "\n")+1 || f.say == "" {
				t.Errorf("flaw %+v in %q", f, text)
			}
		}
		_, _ = Parse("f", []byte(text), Host{})
	})
}

// The reader of JSON takes what the library of the language takes, if each key is given
// once, and finds where each stands.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a": [1, {"b": null}], "c": {"d": "e"}}`, `{"a": 1, "a": 2}`, `{"a": 1.5e3,}`, `{"interface": [{"name": "vlan10", "servers": ["10.9.0.2"]}]}`,
		`{"a": [[[[1]]]]}`, `[`, `{"a"`, `{"a":`, `"x"`, `{} {}`, `{"` + "\xff" + `": 1}`, `{"a": tru}`, `{'a': 1}`, `{"a": None}`, " {\n\"a\"\n:\n1}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := parseJSON(text)
		var m map[string]any
		err := json.Unmarshal([]byte(text), &m)
		if err != nil && len(p.flaws) == 0 {
			t.Fatalf("no flaw in %q: %v", text, err)
		}
		for _, f := range p.flaws {
			if f.line > strings.Count(text, "\n")+1 || f.say == "" {
				t.Errorf("flaw %+v in %q", f, text)
			}
		}
		for path := range flatten(p.tree) {
			if m, ok := p.marks[path]; !ok || m.value >= len(text) {
				t.Errorf("no position of %q in %q", path, text)
			}
		}
		_, _ = Parse("f.json", []byte(text), Host{})
	})
}
