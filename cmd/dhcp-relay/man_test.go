package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dhcp-relay/relay/config"
)

// TestManPages holds the manual pages to the commands and the table of keys; go
// test -update writes them.
func TestManPages(t *testing.T) {
	for name, want := range manPages(t) {
		file := filepath.Join("..", "..", "deploy", "man", name)
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s differs, go test -update writes it (-want +got):\n%s", file, diff)
		}
	}
}

// manPages returns the pages by name of file.
func manPages(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"dhcp-relay.8": commandPage(newCommand(), strings.Replace(topics(t, "dhcp-relay.8"), "    {explain}\n", explained(t), 1)),
		"relay.toml.5": configPage(config.Keys(), topics(t, "relay.toml.5")),
	}
}

// topics returns what a page says beside commands and keys: sections that begin
// with "# ", and paragraphs; those that are indented stay as they are, and a line
// above indented ones names what they tell of.
func topics(t *testing.T, page string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "man", page+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A roff collects a manual page in the macros of man(7).
type roff struct{ strings.Builder }

func (r *roff) macro(name string, args ...string) {
	r.WriteString("." + name)
	for _, a := range args {
		r.WriteString(` "` + strings.ReplaceAll(escaped(a), `"`, `\(dq`) + `"`)
	}
	r.WriteString("\n")
}

// text writes one paragraph, or a line of one.
func (r *roff) text(s string) {
	for line := range strings.Lines(s) {
		line = escaped(strings.TrimRight(line, "\n"))
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			line = `\&` + line
		}
		r.WriteString(line + "\n")
	}
}

// prose writes paragraphs; those that are indented stay as they are.
func (r *roff) prose(s string) {
	for i, p := range strings.Split(strings.TrimRight(s, "\n"), "\n\n") {
		switch {
		case strings.HasPrefix(p, "  ") || strings.HasPrefix(p, "[["):
			r.example(p)
		case i > 0:
			r.macro("PP")
			fallthrough
		default:
			r.text(p)
		}
	}
}

// sections writes topics.
func (r *roff) sections(s string) {
	begun := false
	for _, p := range paragraphs(s) {
		head, rest, _ := strings.Cut(p, "\n")
		title, isTitle := strings.CutPrefix(head, "# ")
		switch {
		case isTitle:
			r.macro("SH", title)
		case strings.HasPrefix(p, "    "):
			r.example(p)
		case strings.HasPrefix(rest, "    "):
			r.macro("TP")
			r.marked(head)
			r.marked(strings.TrimSpace(rest))
		default:
			if begun {
				r.macro("PP")
			}
			r.marked(p)
		}
		begun = !isTitle
	}
}

// paragraphs splits at empty lines, but not in examples.
func paragraphs(s string) []string {
	var all []string
	for _, p := range strings.Split(strings.TrimRight(s, "\n"), "\n\n") {
		if n := len(all); n > 0 && strings.HasPrefix(p, "    ") && strings.HasPrefix(all[n-1], "    ") {
			all[n-1] += "\n\n" + p
			continue
		}
		all = append(all, p)
	}
	return all
}

// marked writes a paragraph in which what stands between backticks is bold.
func (r *roff) marked(s string) {
	line := code.ReplaceAllString(escaped(s), `\fB$1\fR`)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	r.WriteString(line + "\n")
}

func (r *roff) example(s string) {
	r.macro("PP")
	r.WriteString(".in +4n\n")
	r.macro("nf")
	indent := s[:len(s)-len(strings.TrimLeft(s, " "))]
	for line := range strings.Lines(s) {
		r.text(strings.TrimPrefix(line, indent))
	}
	r.macro("fi")
	r.macro("in")
}

func escaped(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
}

func commandPage(root *cobra.Command, more string) string {
	var r roff
	r.macro("TH", "DHCP-RELAY", "8", "", "dhcp-relay", "System Administration")
	r.macro("SH", "NAME")
	r.text("dhcp-relay - relay BOOTP, DHCP and DHCPv6 between client networks and servers")
	r.macro("SH", "SYNOPSIS")
	for _, c := range shown(root) {
		name := "dhcp-relay " + c.Name()
		r.macro("BR", name, strings.TrimPrefix(c.UseLine(), name))
		r.macro("br")
	}
	r.macro("SH", "DESCRIPTION")
	r.text("dhcp-relay run is the daemon: it hears clients on the interfaces that relay.toml(5) names, sends their messages to the servers, and brings the replies back.")
	r.text("The other commands check and explain a configuration, or ask the running daemon.")
	r.macro("SH", "COMMANDS")
	for _, c := range shown(root) {
		r.command(c)
	}
	r.sections(more)
	r.macro("SH", "SIGNALS")
	for _, s := range [][2]string{
		{"SIGHUP", "Read the configuration again; one that is wrong changes nothing."},
		{"SIGUSR2", "Replace the process by the program file as it is now, with its number and its sockets."},
		{"SIGUSR1", "Write the last messages into a capture file in /var/lib/dhcp-relay, where the last 20 stay."},
		{"SIGTERM, SIGINT", "End."},
	} {
		r.macro("TP")
		r.macro("B", s[0])
		r.text(s[1])
	}
	r.macro("SH", "FILES")
	for _, s := range [][2]string{
		{defaultConfig, "The configuration, see relay.toml(5)."},
		{"/run/dhcp-relay/control.sock", "Where the commands find the daemon."},
	} {
		r.macro("TP")
		r.macro("I", s[0])
		r.text(s[1])
	}
	r.macro("SH", "SEE ALSO")
	r.macro("BR", "relay.toml", "(5),", " systemctl", "(1)")
	return r.String()
}

// shown returns the commands that help lists.
func shown(root *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" && c.Name() != "completion" {
			all = append(all, c)
		}
	}
	return all
}

func (r *roff) command(c *cobra.Command) {
	r.macro("SS", c.UseLine())
	if c.Long != "" {
		r.prose(c.Long)
	} else {
		r.text(c.Short + ".")
	}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		kind, usage := pflag.UnquoteUsage(f)
		r.macro("TP")
		r.macro("B", strings.TrimRight(name+" "+strings.TrimSuffix(kind, "Array"), " "))
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" && !strings.Contains(usage, "default") {
			usage += " (default " + f.DefValue + ")"
		}
		r.text(strings.ToUpper(usage[:1]) + usage[1:] + ".")
	})
	if c.Example != "" {
		r.example(strings.TrimRight(c.Example, "\n"))
	}
}

func configPage(keys []config.Key, more string) string {
	var r roff
	r.macro("TH", "RELAY.TOML", "5", "", "dhcp-relay", "File Formats")
	r.macro("SH", "NAME")
	r.text("relay.toml - configuration of dhcp-relay")
	r.macro("SH", "DESCRIPTION")
	r.text("A file in TOML (https://toml.io). All that it needs is an interface and its servers:")
	r.example("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"2001:db8:9::2\"]")
	r.macro("PP")
	r.text("What stands in [defaults] holds for each [[interface]] that does not say otherwise; every key of [defaults] may stand in an [[interface]], and those of its tables in tables of the same name there.")
	r.text("dhcp-relay check prints what is wrong with a file, with its place and what to write instead.")
	table := "?"
	for _, k := range keys {
		if k.Table != table {
			table = k.Table
			r.macro("SH", heading(table))
		}
		r.macro("TP")
		def := k.Default
		if def == "" {
			def = "..."
		}
		r.macro("B", k.Name+" = "+def)
		r.text(k.Why)
		r.text("Write " + k.Want + ".")
	}
	r.sections(more)
	r.macro("SH", "FILES")
	r.macro("I", defaultConfig)
	r.macro("SH", "SEE ALSO")
	r.macro("BR", "dhcp-relay", "(8)")
	return r.String()
}

func heading(table string) string {
	switch table {
	case "":
		return "KEYS OF THE TOP LEVEL"
	case "server", "interface":
		return "[[" + table + "]]"
	}
	return "[" + table + "]"
}

// Each line is one that man(7) understands.
func TestManPagesHaveKnownMacros(t *testing.T) {
	t.Parallel()
	known := regexp.MustCompile(`^\.(TH|SH|SS|PP|TP|B|I|BR|br|nf|fi|in)( |$)`)
	for _, page := range manPages(t) {
		for n, line := range strings.Split(page, "\n") {
			if strings.HasPrefix(line, ".") && !known.MatchString(line) {
				t.Errorf("line %d: %s", n+1, fmt.Sprintf("%q", line))
			}
		}
	}
}
