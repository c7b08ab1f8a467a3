package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

func TestPositions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       map[string]string // path: "line:col of the key, line:col of the value"
	}{
		{
			"pairs", "a = 1\n  b=\t\"x\" # c = 2\n",
			map[string]string{"a": "1:1 1:5", "b": "2:3 2:6"},
		},
		{
			"table and dotted keys", "[log] # x\nlevel = 1\nx.y . z = 2",
			map[string]string{
				"log": "1:1 1:1", "log.level": "2:1 2:9",
				"log.x": "3:1 3:1", "log.x.y": "3:3 3:3", "log.x.y.z": "3:7 3:11",
			},
		},
		{
			"array of tables with tables inside",
			"[[i]]\nn = 1\n[i.o]\nc = 2\n[[ i ]]\nn = 3\n[[i.v]]\ne = 4\n[[i.v]]\ne = 5\n",
			map[string]string{
				"i": "1:1 1:1", "i[0]": "1:1 1:1", "i[0].n": "2:1 2:5", "i[0].o": "3:1 3:1", "i[0].o.c": "4:1 4:5",
				"i[1]": "5:1 5:1", "i[1].n": "6:1 6:5", "i[1].v": "7:1 7:1", "i[1].v[0]": "7:1 7:1", "i[1].v[0].e": "8:1 8:5",
				"i[1].v[1]": "9:1 9:1", "i[1].v[1].e": "10:1 10:5",
			},
		},
		{
			"inline tables in an array over several lines",
			"v = [ # ]\n  {e=9, d=\"}]\"}, # {\n  { e.f = 'x' } ,\n]\nw = 1",
			map[string]string{
				"v": "1:1 1:5", "v[0]": "2:3 2:3", "v[0].e": "2:4 2:6", "v[0].d": "2:9 2:11",
				"v[1]": "3:3 3:3", "v[1].e": "3:5 3:5", "v[1].e.f": "3:7 3:11", "w": "5:1 5:5",
			},
		},
		{
			"nested and empty arrays", "a = [[1, 2], [], [\"x\"]]\nb = []\nc = {}\n",
			map[string]string{
				"a": "1:1 1:5", "a[0]": "1:6 1:6", "a[0][0]": "1:7 1:7", "a[0][1]": "1:10 1:10", "a[1]": "1:14 1:14",
				"a[2]": "1:18 1:18", "a[2][0]": "1:19 1:19", "b": "2:1 2:5", "c": "3:1 3:5",
			},
		},
		{
			"strings that look like keys",
			"a = \"\"\"\n[x]\\\"\"\"\nb = 1\"\"\"\"\"\nc = '''\nd = 1''''\ne = \"\\\"#\"\nf = '\\'\ng = \"\"\n",
			map[string]string{"a": "1:1 1:5", "c": "4:1 4:5", "e": "6:1 6:5", "f": "7:1 7:5", "g": "8:1 8:5"},
		},
		{
			"quoted keys", "\"a b\" = 1\n'c.d'.\"\\u0065\" = 2\n[\"x]\"]\n\"\" = 3\n",
			map[string]string{
				`"a b"`: "1:1 1:9", `"c.d"`: "2:1 2:1", `"c.d".e`: "2:7 2:18", `"x]"`: "3:1 3:1", `"x]".""`: "4:1 4:6",
			},
		},
		{
			"columns are characters, lines may end with CR LF", "a = [\"ü\", 2]\r\nb = 1\r\n",
			map[string]string{"a": "1:1 1:5", "a[0]": "1:6 1:6", "a[1]": "1:11 1:11", "b": "2:1 2:5"},
		},
		{
			"values of every type", "a = 1979-05-27 07:32:00Z\nb = -inf # x\nc = 0xf\nd = true\ne = 1.5e3",
			map[string]string{"a": "1:1 1:5", "b": "2:1 2:5", "c": "3:1 3:5", "d": "4:1 4:5", "e": "5:1 5:5"},
		},
		{"nothing", " # nothing", map[string]string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := sourceOf(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for path := range s.marks {
				_, l, c := s.position(path, true)
				_, vl, vc := s.position(path, false)
				got[path] = fmt.Sprintf("%d:%d %d:%d", l, c, vl, vc)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// sourceOf finds the keys of a configuration of one file.
func sourceOf(text string) (source, error) {
	marks, err := markTOML(text)
	return source{parts: []part{{file: "f", text: text}}, marks: marks}, err
}

func TestPositionOfWhatIsMissing(t *testing.T) {
	t.Parallel()
	s, err := sourceOf("\n[[i]]\nn = [1]\n")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		path      string
		line, col int
	}{
		{"i[0].servers", 2, 1},
		{"i[0].n[7]", 3, 5},
		{"i[0].o.c", 2, 1},
		{"x.y", 0, 0},
		{"", 0, 0},
	}
	for _, tt := range tests {
		if _, line, col := s.position(tt.path, false); line != tt.line || col != tt.col {
			t.Errorf("%q: want %d:%d, got %d:%d", tt.path, tt.line, tt.col, line, col)
		}
	}
}

// Each key that the TOML library finds is found where it stands.
func FuzzPositions(f *testing.F) {
	for _, s := range []string{
		"a = 1", "[a.b]\nc.d = {e = [1, {f = 2}]}", "[[a]]\n[[a.b]]\n[a.b.c]\nd = 1", "a = \"\"\"x\"\"\"\"\"\nb = 1", "\"a\\\"b\" = 1",
		"a = [", "a = {", "[", "[[", "=", "a", "\"", "'''", "a = \"\\", ".", ",", "]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, bad := sourceOf(text)
		var m map[string]any
		if _, err := toml.Decode(text, &m); err != nil || strings.HasPrefix(text, "\ufeff") || strings.HasPrefix(text, "\xfe") || strings.HasPrefix(text, "\xff") {
			return
		}
		if bad != nil {
			t.Fatalf("%q: %v", text, bad)
		}
		for path := range flatten(m) {
			if !s.has(path) {
				t.Errorf("no position of %q in %q", path, text)
			}
		}
	})
}

// flatten returns the paths of all keys and elements.
func flatten(v any) map[string]any {
	all := map[string]any{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		if path != "" {
			all[path] = v
		}
		switch v := v.(type) {
		case map[string]any:
			for k, v := range v {
				walk(join(path, k), v)
			}
		case []map[string]any:
			for i, v := range v {
				walk(element(path, i), v)
			}
		case []any:
			for i, v := range v {
				walk(element(path, i), v)
			}
		}
	}
	walk("", v)
	return all
}
