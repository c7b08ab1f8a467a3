package main

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
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

var update = flag.Bool("update", false, "write what the tests want into the pages and the scripts")

// code is what stands between backticks.
var code = regexp.MustCompile("`([^`]+)`")

// root is the top of the repository.
var root = filepath.Join("..", "..")

func readPage(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pages returns what people read, by name from the top of the repository: every
// page of Markdown, and what the manual says beside commands and keys.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "bin" || name != "." && strings.HasPrefix(name, ".")):
			return fs.SkipDir
		case strings.HasSuffix(name, ".md") || strings.HasSuffix(filepath.Dir(name), filepath.Join("testdata", "man")):
			all[name] = readPage(t, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 9 {
		t.Fatalf("%d pages: %v", len(all), slices.Sorted(maps.Keys(all)))
	}
	return all
}

// TestReadmeIsShort: reference belongs on other pages.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	if n := len(readPage(t, "README.md")); n > 8<<10 {
		t.Errorf("README.md has %d octets, want at most %d", n, 8<<10)
	}
}

// TestReadmeFigures: each figure of the README is one of the benchmark's page.
func TestReadmeFigures(t *testing.T) {
	t.Parallel()
	_, rest, _ := strings.Cut(readPage(t, "README.md"), "| against the best of the other relays |")
	table, _, _ := strings.Cut(rest, "\n\n")
	rows := strings.Split(table, "\n")[2:]
	if len(rows) < 3 {
		t.Fatalf("%d figures in README.md", len(rows))
	}
	bench := readPage(t, filepath.Join("cmd", "dhcp-bench", "README.md"))
	for _, row := range rows {
		if !strings.Contains(bench, "\n"+row+"\n") {
			t.Errorf("the page of the benchmark lacks %s", row)
		}
	}
}

// TestPageLinks follows each link between the pages, and to the rest of the repository.
func TestPageLinks(t *testing.T) {
	t.Parallel()
	links := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for name, text := range pages(t) {
		for _, m := range links.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if file != "" {
				target = filepath.Join(filepath.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s: %s leads nowhere", name, m[0])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(readPage(t, target)), anchor) {
				t.Errorf("%s: %s has no heading for %s", name, target, m[0])
			}
		}
	}
}

// anchors returns what links to the headings of a page are called.
func anchors(text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		plain := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(plain, " ", "-"))
	}
	return all
}

// TestPagesNameTargets looks up each `make X`.
func TestPagesNameTargets(t *testing.T) {
	t.Parallel()
	makefile := readPage(t, "Makefile")
	targets := regexp.MustCompile("(?m)(?:^ {4}|`)make ([a-z-]+)")
	for name, text := range pages(t) {
		for _, m := range targets.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s: Makefile has no target %s", name, m[1])
			}
		}
	}
}

// TestPagesHaveNoPrivateIdentifiers: those of requirements say nothing to users.
func TestPagesHaveNoPrivateIdentifiers(t *testing.T) {
	t.Parallel()
	private := regexp.MustCompile(`\b(R[0-9]{3,4}-[0-9A-Z]+|T[0-9]{2}|[ADHVX][0-9]{1,2})\b`)
	for name, text := range pages(t) {
		for _, found := range private.FindAllString(text, -1) {
			t.Errorf("%s: %s", name, found)
		}
	}
}

func TestPageTables(t *testing.T) {
	readme := filepath.Join("metrics", "README.md")
	text := readPage(t, readme)
	for name, want := range map[string]string{"reasons": reasonsTable(), "metrics": metricsTable()} {
		begin := "<!-- " + name + ": kept equal to the code by a test -->\n"
		head, rest, ok := strings.Cut(text, begin)
		table, tail, ended := strings.Cut(rest, "<!-- end of "+name+" -->")
		if !ok || !ended {
			t.Fatalf("%s lacks the markers of the table of %s", readme, name)
		}
		if *update {
			text = head + begin + want + "<!-- end of " + name + " -->" + tail
			continue
		}
		if diff := cmp.Diff(want, table); diff != "" {
			t.Errorf("%s in %s differ, go test -update writes them (-want +got):\n%s", name, readme, diff)
		}
	}
	if *update {
		if err := os.WriteFile(filepath.Join(root, readme), []byte(text), 0o644); err != nil {
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

func TestPageConfigurationsAreGood(t *testing.T) {
	t.Parallel()
	toml, tried := regexp.MustCompile("(?s)```toml\n(.*?)```"), 0
	for name, text := range pages(t) {
		for _, b := range toml.FindAllStringSubmatch(text, -1) {
			tried++
			c, err := config.Parse(name, []byte(b[1]), config.Host{Hostname: "router"})
			if err != nil {
				t.Errorf("%s\n%v", b[1], err)
				continue
			}
			for _, w := range c.Warnings {
				t.Errorf("%s\n%v", b[1], w)
			}
		}
	}
	if tried < 2 {
		t.Fatalf("%d configurations in all pages", tried)
	}
}

// TestPageKeysExist tries each key that the text assigns in passing, such as
// `dhcpv4.hop_limit = 10`, where it may stand.
func TestPageKeysExist(t *testing.T) {
	t.Parallel()
	assignments, tried := regexp.MustCompile("`((?:[a-z0-9_]+\\.)*)([a-z0-9_]+) = ([^`]+)`"), 0
	for name, text := range pages(t) {
		for _, a := range assignments.FindAllStringSubmatch(text, -1) {
			tried++
			below, key, val := strings.TrimSuffix(a[1], "."), a[2], a[3]
			if val == "[...]" {
				val = `["10.9.0.2"]`
			}
			var tables []string
			for _, k := range config.Keys() {
				if k.Name == key && within(k.Table, below) {
					tables = append(tables, k.Table)
				}
			}
			if !slices.ContainsFunc(tables, func(table string) bool { return good(table, key, val) }) {
				t.Errorf("%s says %s, which is no good in %q", name, a[0], tables)
			}
		}
	}
	if tried < 20 {
		t.Fatalf("%d keys in all pages", tried)
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
	assigned := regexp.MustCompile(`((?:[a-z0-9_]+\.)*)([a-z0-9_]+) = ("[^"]+"|true|false)`)
	named := regexp.MustCompile(`[a-z0-9]+(_[a-z0-9]+)+`)
	for r := range agent.NumReasons {
		d := agent.Reason(r).Doc()
		for _, a := range assigned.FindAllStringSubmatch(d.What+" "+d.Remedy, -1) {
			below := strings.TrimSuffix(a[1], ".")
			if !slices.ContainsFunc(config.Keys(), func(k config.Key) bool {
				return k.Name == a[2] && within(k.Table, below) && good(k.Table, a[2], a[3])
			}) {
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

// within reports whether a text that names a table below [defaults] or at the top, or
// none, can mean this one.
func within(table, named string) bool {
	return named == "" || table == named || table == "defaults."+named
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
	_, err := config.Parse("relay.toml", []byte(text), config.Host{Hostname: "router"})
	return err == nil
}

// TestPageCommandsExist looks up each command that a page shows, with its flags.
func TestPageCommandsExist(t *testing.T) {
	t.Parallel()
	shown, tried := regexp.MustCompile("(?m)(?:^ {4}|`|\\| )dhcp-relay ([a-z-]+)([^`\n|#]*)"), 0
	flags := regexp.MustCompile(`(?:^| )--([a-z-]+)`)
	for name, text := range pages(t) {
		for _, m := range shown.FindAllStringSubmatch(text, -1) {
			c, _, err := newCommand().Find(m[1:2])
			if err != nil {
				t.Errorf("%s says %q: %v", name, m[0], err)
				continue
			}
			for _, f := range flags.FindAllStringSubmatch(m[2], -1) {
				tried++
				if c.Flags().Lookup(f[1]) == nil {
					t.Errorf("%s says %q: there is no --%s", name, m[0], f[1])
				}
			}
		}
	}
	if tried < 10 {
		t.Fatalf("%d flags in all pages", tried)
	}
}

// TestPagesTell holds the notes on the host to what an RFC wants operators to be told.
func TestPagesTell(t *testing.T) {
	text := strings.Join(strings.Fields(readPage(t, filepath.Join("deploy", "README.md"))), " ")
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
					t.Errorf("deploy/README.md does not say %q", w)
				}
			}
		})
	}
}

// TestChangelogForm holds the changelog to the form of Keep a Changelog.
func TestChangelogForm(t *testing.T) {
	t.Parallel()
	releases := regexp.MustCompile(`(?m)^## .*$`)
	text := readPage(t, "CHANGELOG.md")
	starts := releases.FindAllStringIndex(text, -1)
	if len(starts) == 0 {
		t.Fatal("CHANGELOG.md has no release")
	}
	if !strings.HasPrefix(text[starts[0][0]:], "## [Unreleased]\n") {
		t.Errorf("CHANGELOG.md begins with %s", text[starts[0][0]:starts[0][1]])
	}
	kinds := []string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
	for _, release := range releases.Split(text, -1)[1:] {
		sections := strings.Split(release, "\n### ")
		if strings.TrimSpace(sections[0]) != "" {
			t.Errorf("above the first heading, of %q, stands %s", kinds, sections[0])
		}
		for _, s := range sections[1:] {
			if kind, _, _ := strings.Cut(s, "\n"); !slices.Contains(kinds, kind) {
				t.Errorf("%q is none of %q", kind, kinds)
			}
		}
	}
}

// TestContributingNamesWhatExists looks up the files, folders and tests that
// CONTRIBUTING.md names.
func TestContributingNamesWhatExists(t *testing.T) {
	t.Parallel()
	path := regexp.MustCompile(`^\.?[a-z][a-z0-9_.-]*(/[a-z0-9_.-]+)*$`)
	top, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	tests, tried := testNames(t), 0
	for _, m := range code.FindAllStringSubmatch(readPage(t, "CONTRIBUTING.md"), -1) {
		name := m[1]
		first, _, _ := strings.Cut(name, "/")
		switch {
		case strings.HasPrefix(name, "Test"):
			if !tests[name] {
				t.Errorf("there is no test %s", name)
			}
		case path.MatchString(name) && slices.ContainsFunc(top, func(e fs.DirEntry) bool { return e.Name() == first }):
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Error(err)
			}
		default:
			continue
		}
		tried++
	}
	if tried < 40 {
		t.Errorf("%d files and tests in CONTRIBUTING.md", tried)
	}
}

// testNames returns the names of all test functions of the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	decl := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range decl.FindAllSubmatch(b, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
