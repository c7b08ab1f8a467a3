package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"dhcp-relay/relay/config"
	"dhcp-relay/relay/daemon"
)

const checkLong = `Check a configuration against the rules and against this host, or with --host
against another one, of which it knows the interfaces alone. What is wrong goes to
standard error and makes the exit status 1. What is legal but unlikely is a warning
and does not, unless --strict is given. What the host lacks now, such as an interface
or a route, is a warning all the same: it may come later, and the relay follows.

FILE is the configuration, with what stands in conf.d beside it; - is standard input.
With --name it is judged as if it was called so: with conf.d beside that name, or in
place of that file if it is one of conf.d.`

const checkExample = `  dhcp-relay check
  dhcp-relay check --strict --name /etc/dhcp-relay/relay.toml new.toml
  ssh router ip -j -d address > router.json; dhcp-relay check --strict --host router.json relay.toml`

// checkFlags are what the command check is told.
type checkFlags struct {
	name, host   string
	strict, json bool
}

func newCheckCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:     "check [FILE]",
		Short:   "Check a configuration; exit with 0 if it is good, 1 if it is not",
		Long:    checkLong,
		Example: checkExample,
		Args:    cobra.MaximumNArgs(1),
	}
	file := addConfigFlag(c)
	fs := c.Flags()
	fs.BoolVar(&f.strict, "strict", false, "take warnings as errors, but for those of what this host lacks now and may get")
	fs.BoolVar(&f.json, "json", false, "print one JSON object of all that was found, and nothing else")
	fs.StringVar(&f.host, "host", "", "file of interfaces and addresses in place of this host's, as explain takes it")
	fs.StringVar(&f.name, "name", "", "judge the file as if it was called so")
	c.RunE = func(c *cobra.Command, args []string) error {
		path := *file
		if len(args) > 0 {
			path = args[0]
		}
		if path == "-" && f.host == "-" {
			return errors.New("FILE and --host cannot both be standard input; write one to a file")
		}
		return f.run(c, path)
	}
	return c
}

// checked is what check says in JSON.
type checked struct {
	File     string    `json:"file"`
	OK       bool      `json:"ok"`
	Problems []problem `json:"problems"`
	Does     []string  `json:"does"` // what the daemon would do that depends on the host
}

type problem struct {
	Severity string `json:"severity"` // "error" or "warning"
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Col      int    `json:"column,omitempty"`
	Key      string `json:"key,omitempty"`
	Text     string `json:"text"`
	Hint     string `json:"hint,omitempty"`
}

func (f *checkFlags) run(c *cobra.Command, path string) error {
	files, err := f.read(path, c.InOrStdin())
	if err != nil {
		return err
	}
	var other *daemon.Another
	if f.host != "" {
		hostname, h, err := hostLinks(f.host, c.InOrStdin())
		if err != nil {
			return err
		}
		other = &daemon.Another{Hostname: hostname, Links: h.Links}
	}
	report, err := daemon.Check(files, other)
	err = nameForeign(files, err)
	name := files[0].Name
	if f.name != "" {
		name = f.name
	}
	if f.json {
		return f.printJSON(c.OutOrStdout(), name, report, err)
	}
	return f.print(c, name, report, err)
}

// read returns the files to judge.
func (f *checkFlags) read(path string, stdin io.Reader) ([]config.File, error) {
	if path != "-" && f.name == "" {
		return config.ReadFiles(path)
	}
	if path == "-" {
		return config.ReadAs(f.name, stdin)
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, plain(err)
	}
	defer in.Close() //nolint:errcheck // nothing was written
	return config.ReadAs(f.name, in)
}

// nameForeign puts before the problems which files are those of other relays.
func nameForeign(files []config.File, err error) error {
	var ps config.Problems
	if !errors.As(err, &ps) {
		return err
	}
	for _, f := range files {
		if kind := foreign(f.Data); kind != "" {
			ps = slices.Insert(ps, 0, config.Problem{File: f.Name, Text: "this looks like a configuration of " + kind, Hint: "dhcp-relay import " + f.Name + " writes relay.toml from it"})
		}
	}
	return ps
}

// severity says how bad a finding is.
func (f *checkFlags) severity(d *daemon.Finding) string {
	if d.Fatal || f.strict && !d.Passing {
		return "error"
	}
	return "warning"
}

func (f *checkFlags) print(c *cobra.Command, name string, r *daemon.Report, err error) error {
	bad := false
	if r != nil {
		for i := range r.Findings {
			how := f.severity(&r.Findings[i])
			bad = bad || how == "error"
			fmt.Fprintln(c.ErrOrStderr(), how+":", r.Findings[i].String())
		}
	}
	switch {
	case err != nil:
		return err
	case bad:
		return errReported
	}
	for _, line := range r.Does {
		fmt.Fprintln(c.OutOrStdout(), line)
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "%s: good\n", name)
	return err
}

func (f *checkFlags) printJSON(w io.Writer, name string, r *daemon.Report, err error) error {
	out := checked{File: name, OK: err == nil, Problems: []problem{}, Does: []string{}}
	add := func(severity string, p config.Problem) {
		out.OK = out.OK && severity != "error"
		out.Problems = append(out.Problems, problem{severity, p.File, p.Line, p.Col, p.Key, p.Text, p.Hint})
	}
	var ps config.Problems
	switch {
	case errors.As(err, &ps):
		for _, p := range ps {
			add("error", p)
		}
	case err != nil:
		add("error", config.Problem{Text: err.Error()})
	}
	if r != nil {
		out.Does = append(out.Does, r.Does...)
		for i := range r.Findings {
			add(f.severity(&r.Findings[i]), r.Findings[i].Problem)
		}
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return err
	}
	if !out.OK {
		return errReported
	}
	return nil
}
