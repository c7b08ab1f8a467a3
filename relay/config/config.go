// Package config reads the configuration file: every key has a default, and all
// that is wrong is told at once, with its place and what to write instead. It
// reads only the file that it is given, and knows nothing of this host's links.
package config

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"dhcp-relay/relay/agent"
)

// A Config is a checked configuration with every default filled in.
type Config struct {
	Policy   agent.Policy
	Metrics  Metrics
	Control  Control
	Recorder Recorder
	Log      log
	Warnings []Problem // what is doubtful, in the order of the file

	Unconfined bool // the process keeps what it was started with

	src     source
	servers map[netip.AddrPort]server // what each [[server]] says
}

// NeedsDUID reports whether an interface sends the DUID of this relay and the
// file gives none, so that Policy.DUID is to be filled in.
func (c *Config) NeedsDUID() bool {
	return len(c.Policy.DUID) == 0 &&
		slices.ContainsFunc(c.Policy.Interfaces, func(i agent.Interface) bool { return i.V6.RelayID })
}

// A Host is what a configuration needs to know of the host that it is for.
type Host struct {
	Hostname string // stands in for hostname if that is not given
}

// Load reads and checks the file at path. The error is Problems if the file
// could be read.
func Load(path string, host Host) (*Config, error) {
	data, err := Read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, host)
}

// Parse checks the configuration in data, which problems call by name. The
// error is Problems: all that is wrong.
func Parse(name string, data []byte, host Host) (*Config, error) {
	text := strings.TrimPrefix(string(data), "\ufeff")
	var m map[string]any
	if _, err := toml.Decode(text, &m); err != nil {
		return nil, Problems{syntaxProblem(name, err)}
	}
	src, err := newSource(name, text)
	if err != nil {
		return nil, Problems{syntaxProblem(name, err)}
	}
	r := &reader{src: src, formers: make(map[former][]string)}
	f := builtinFile()
	readTable(r, topKeys(), value{any: m}, &f)
	r.tellFormer()
	c := r.config(&f, host)
	if len(r.problems) > 0 {
		return nil, Problems(tidy(r.problems))
	}
	c.Warnings = tidy(r.warnings)
	return c, nil
}

// At describes a problem with a key of Policy.Interfaces[i], such as "giaddr" or
// "option82.vss", where it is given: at the interface, in the defaults, or
// nowhere, which is the interface itself.
func (c *Config) At(i int, key, text, hint string) Problem {
	return c.src.problem(c.src.given(element("interface", i), key), true, text, hint)
}

// Wrong describes a problem with the value of a key such as "metrics.listen".
func (c *Config) Wrong(key, text, hint string) Problem { return c.src.problem(key, false, text, hint) }

// given returns the path at which an interface gets a key.
func (s *source) given(table, key string) string {
	for _, t := range []string{table, "defaults"} {
		if path := t + "." + key; s.has(path) {
			return path
		}
	}
	return table
}

func syntaxProblem(name string, err error) Problem {
	p := Problem{File: name, Text: err.Error()}
	var e toml.ParseError
	if errors.As(err, &e) {
		p.Line, p.Col = e.Position.Line, e.Position.Col
		p.Key, p.Text = e.LastKey, e.Message
	}
	return p
}

// tidy sorts problems by position and drops what was found twice: a default is
// checked with each interface that has it.
func tidy(ps []Problem) []Problem {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), strings.Compare(a.Text, b.Text))
	})
	return slices.Compact(ps)
}
