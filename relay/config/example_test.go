package config

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

const exampleFile = "../../relay.toml.example"

func readExample(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// RELAY_UPDATE=1 writes the file anew from the table of keys.
func TestExampleFile(t *testing.T) {
	t.Parallel()
	if os.Getenv("RELAY_UPDATE") != "" {
		if err := os.WriteFile(exampleFile, []byte(Example()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(Example(), string(readExample(t))); diff != "" {
		t.Errorf("relay.toml.example differs from the table of keys (-table +file):\n%s", diff)
	}
}

// All keys at their written defaults mean the same as none.
func TestExampleHasTheDefaults(t *testing.T) {
	t.Parallel()
	want, err := Parse("relay.toml", []byte("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]"), testHost())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("relay.toml.example", readExample(t), testHost())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, compare()); diff != "" {
		t.Errorf("(-no keys +every key):\n%s", diff)
	}
}

func TestExampleHasEveryKey(t *testing.T) {
	t.Parallel()
	var m map[string]any
	if _, err := toml.Decode(string(readExample(t)), &m); err != nil {
		t.Fatal(err)
	}
	known := []string{"interface.servers"} // stands in defaults too
	for _, k := range Keys() {
		if path := strings.TrimPrefix(k.Table+"."+k.Name, "."); !within(k.Table) {
			known = append(known, path)
		} else if !strings.Contains(Example(), k.Name+" = ") {
			t.Errorf("the example does not tell of %s", path)
		}
	}
	elements := regexp.MustCompile(`\[[0-9]+\]`)
	tables := []string{"metrics", "control", "recorder", "log", "relay", "defaults", "server", "interface"}
	var written []string
	for path := range maps.Keys(flatten(m)) {
		path = elements.ReplaceAllString(path, "")
		if !slices.Contains(tables, path) && !slices.Contains(written, path) {
			written = append(written, path)
		}
	}
	slices.Sort(known)
	slices.Sort(written)
	if diff := cmp.Diff(known, written); diff != "" {
		t.Errorf("(-known to the reader +written in the example):\n%s", diff)
	}
}

func TestKeysAreDocumented(t *testing.T) {
	t.Parallel()
	for _, k := range Keys() {
		if k.Want == "" || !strings.HasSuffix(k.Why, ".") || k.Name != strings.ToLower(k.Name) {
			t.Errorf("want a lower-case name, what may be written and a sentence, got %+v", k)
		}
	}
}
