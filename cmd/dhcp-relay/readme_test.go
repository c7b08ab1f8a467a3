package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/metrics"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
)

var update = flag.Bool("update", false, "write what the tests want into README.md and the scripts")

var readme = filepath.Join("..", "..", "README.md")

func readReadme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReadmeTables(t *testing.T) {
	text := readReadme(t)
	for name, want := range map[string]string{"reasons": reasonsTable(), "metrics": metricsTable()} {
		begin := "<!-- " + name + ": kept equal to the code by a test -->\n"
		head, rest, ok := strings.Cut(text, begin)
		table, tail, ended := strings.Cut(rest, "<!-- end of "+name+" -->")
		if !ok || !ended {
			t.Fatalf("README.md lacks the markers of the table of %s", name)
		}
		if *update {
			text = head + begin + want + "<!-- end of " + name + " -->" + tail
			continue
		}
		if diff := cmp.Diff(want, table); diff != "" {
			t.Errorf("%s in README.md differ, go test -update writes them (-want +got):\n%s", name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(readme, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func reasonsTable() string {
	var b strings.Builder
	b.WriteString("| outcome | what happened | what to do |\n|---|---|---|\n")
	for r := range agent.NumReasons {
		d := agent.Reason(r).Doc()
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.Name, d.What, d.Remedy)
	}
	return b.String()
}

func metricsTable() string {
	var b strings.Builder
	b.WriteString("| metric | labels | meaning |\n|---|---|---|\n")
	for _, d := range metrics.Docs() {
		labels := make([]string, len(d.Labels))
		for i, l := range d.Labels {
			labels[i] = "`" + l + "`"
		}
		fmt.Fprintf(&b, "| `%s` (%s) | %s | %s |\n", d.Name, d.Type, strings.Join(labels, ", "), d.Help)
	}
	return b.String()
}

func TestReadmeConfigurationsAreGood(t *testing.T) {
	t.Parallel()
	blocks := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(readReadme(t), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d configurations in README.md", len(blocks))
	}
	for _, b := range blocks {
		c, err := config.Parse("README.md", []byte(b[1]), config.Host{Hostname: "router"})
		if err != nil {
			t.Errorf("%s\n%v", b[1], err)
			continue
		}
		for _, w := range c.Warnings {
			t.Errorf("%s\n%v", b[1], w)
		}
	}
}

// TestReadmeKeysExist tries each key that the text assigns in passing, such as
// `hop_limit = 10`, where it may stand.
func TestReadmeKeysExist(t *testing.T) {
	t.Parallel()
	assignments := regexp.MustCompile("`([a-z0-9_]+) = ([^`]+)`").FindAllStringSubmatch(readReadme(t), -1)
	if len(assignments) < 10 {
		t.Fatalf("%d keys in README.md", len(assignments))
	}
	for _, a := range assignments {
		key, val := a[1], a[2]
		if val == "[...]" {
			val = `["10.9.0.2"]`
		}
		var tables []string
		for _, k := range config.Keys() {
			if k.Name == key {
				tables = append(tables, k.Table)
			}
		}
		if !slices.ContainsFunc(tables, func(table string) bool { return good(table, key, val) }) {
			t.Errorf("README.md says %s, which is no good in %q", a[0], tables)
		}
	}
}

// TestRemediesNameWhatExists tries what the documentation of drop reasons tells
// operators to write, and looks up the names that it mentions.
func TestRemediesNameWhatExists(t *testing.T) {
	t.Parallel()
	known := make(map[string]bool)
	for _, k := range config.Keys() {
		known[k.Name] = true
	}
	for _, d := range metrics.Docs() {
		known[d.Name] = true
	}
	assigned := regexp.MustCompile(`([a-z0-9_]+) = ("[^"]+"|true|false)`)
	named := regexp.MustCompile(`[a-z0-9]+(_[a-z0-9]+)+`)
	for r := range agent.NumReasons {
		d := agent.Reason(r).Doc()
		for _, a := range assigned.FindAllStringSubmatch(d.What+" "+d.Remedy, -1) {
			if !slices.ContainsFunc(config.Keys(), func(k config.Key) bool { return k.Name == a[1] && good(k.Table, a[1], a[2]) }) {
				t.Errorf("%s: %q can be written nowhere", d.Name, a[0])
			}
		}
		for _, name := range named.FindAllString(strings.ReplaceAll(d.What+" "+d.Remedy, `"without_option82"`, ""), -1) {
			if !known[name] {
				t.Errorf("%s: there is neither a key nor a metric %q", d.Name, name)
			}
		}
	}
}

// good reports whether a configuration with one key in a table can be read.
func good(table, key, val string) bool {
	text := key + " = " + val + "\n"
	switch table {
	case "":
	case "interface":
		return parses("[[interface]]\nservers = [\"10.9.0.2\"]\n" + map[bool]string{true: "", false: "name = \"vlan10\"\n"}[key == "name"] + text)
	case "server":
		return parses("[[server]]\n" + map[bool]string{true: "", false: "address = \"10.9.0.2\"\n"}[key == "address"] + text)
	default:
		text = "[" + table + "]\n" + text
	}
	if table == "" && key == "interfaces" {
		return parses(text)
	}
	return parses("interfaces = \"none\"\n" + text)
}

func parses(text string) bool {
	_, err := config.Parse("README.md", []byte(text), config.Host{Hostname: "router"})
	return err == nil
}

func TestReadmeCommandsExist(t *testing.T) {
	t.Parallel()
	for _, m := range regexp.MustCompile(`dhcp-relay ([a-z]+) --config`).FindAllStringSubmatch(readReadme(t), -1) {
		if c, _, err := newCommand().Find(m[1:2]); err != nil || c.Flags().Lookup("config") == nil {
			t.Errorf("README.md says %q: %v", m[0], err)
		}
	}
}

// TestReadmeTells holds the README to what an RFC wants operators to be told.
func TestReadmeTells(t *testing.T) {
	text := strings.Join(strings.Fields(readReadme(t)), " ")
	for name, want := range map[string][]string{
		"R9915-S1 R8213-3 IPsec protects relay and server": {
			"ESP in transport mode, with encryption", "Have the keys from IKE: those set by hand give no protection against replay",
		},
		"R5107-7 a dead relay makes renewals through it fail": {
			"`server_id_override = true`", "while it is down, renewals fail (RFC 5107, section 4), and clients wait until they rebind by broadcast",
		},
		"R8357-4 firewalls match the server's port": {"must match the servers' port alone"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("README.md does not say %q", w)
				}
			}
		})
	}
}
