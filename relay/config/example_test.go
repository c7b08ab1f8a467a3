package config

import (
	"fmt"
	"maps"
	"os"
	"path"
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

// example returns a configuration with every key at its default, each with what
// may be written and why. It serves one interface.
func example() string {
	var b strings.Builder
	b.WriteString(exampleHead)
	for _, s := range sections() {
		switch {
		case within(s.table):
			continue
		case s.why != "":
			b.WriteString("\n")
			writeComment(&b, s.why)
		}
		switch s.table {
		case "":
		case "server", "server_group", "class", "interface":
			fmt.Fprintf(&b, "[[%s]]\n", s.table)
		default:
			fmt.Fprintf(&b, "[%s]\n", s.table)
		}
		for _, k := range s.keys {
			writeExample(&b, k)
		}
	}
	b.WriteString(exampleTail)
	return b.String()
}

// within reports whether the keys of a table only stand in values of another.
func within(table string) bool {
	return slices.Contains([]string{".vendor", ".remote_id", ".rsoo"}, path.Ext(table))
}

func writeExample(b *strings.Builder, k Key) {
	if k.Table == "defaults" && strings.HasPrefix(k.Name, "dhcpv") || k.Name == "option82" {
		return // as a table it stands below
	}
	init := k.Default
	switch k.Table + "." + k.Name {
	case "interface.name":
		init = `"vlan10"`
	case "server.address":
		init = `"10.9.0.2"`
	case "class.name":
		init = `"voip"`
	case "server_group.name":
		init = `"campus"`
	case "server_group.servers":
		init = `["10.9.0.2"]`
	}
	b.WriteString("\n")
	writeComment(b, k.Why)
	line := fmt.Sprintf("%s = %s", k.Name, init)
	if short := line + " # " + k.Want; len(short) <= exampleWidth {
		line = short
	} else {
		writeComment(b, "Write "+k.Want+".")
	}
	b.WriteString(line + "\n")
}

const exampleWidth = 80

// writeComment writes a comment of as many lines as it takes.
func writeComment(b *strings.Builder, text string) {
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > exampleWidth {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}

const exampleHead = `# The configuration of dhcp-relay, with every key at its default. All that a
# configuration needs is an interface and its servers:
#
#   [[interface]]
#   name = "vlan10"
#   servers = ["10.9.0.2"]
`

const exampleTail = `
# The servers of this interface. Every other key of [defaults] can stand here
# too, and [interface.dhcpv4] with [interface.dhcpv4.option82] and
# [interface.dhcpv6] below; what does not is as [defaults] says.
servers = ["campus"]
`

// RELAY_UPDATE=1 writes the file anew from the table of keys.
func TestExampleFile(t *testing.T) {
	t.Parallel()
	if os.Getenv("RELAY_UPDATE") != "" {
		if err := os.WriteFile(exampleFile, []byte(example()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(example(), string(readExample(t))); diff != "" {
		t.Errorf("relay.toml.example differs from the table of keys (-table +file):\n%s", diff)
	}
}

// All keys at their written defaults mean the same as none.
func TestExampleHasTheDefaults(t *testing.T) {
	t.Parallel()
	want, err := Parse("relay.toml", []byte("[[server_group]]\nname = \"campus\"\nservers = [\"10.9.0.2\"]\n[[class]]\nname = \"voip\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"campus\"]"), testHost())
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
		} else if !strings.Contains(example(), k.Name+" = ") {
			t.Errorf("the example does not tell of %s", path)
		}
	}
	elements := regexp.MustCompile(`\[[0-9]+\]`)
	tables := []string{"metrics", "control", "recorder", "log", "relay", "defaults", "server", "server_group", "class", "interface"}
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
