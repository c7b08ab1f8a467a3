// Package config reads the configuration file: every key has a default, and all
// that is wrong is told at once, with its place and what to write instead. It
// reads only the file that it is given, and knows nothing of this host's links.
package config

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

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

	Names []string // DNS names of servers, sorted

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
	// Lookup returns the addresses of a DNS name, none if they are not known, and those that
	// it had a moment ago. Nil: names are not looked up.
	Lookup func(name string) (now, former []netip.Addr)
}

// Load reads and checks the file at path, with those of conf.d beside it. The error is
// Problems if they could be read.
func Load(path string, host Host) (*Config, error) {
	files, err := ReadFiles(path)
	if err != nil {
		return nil, err
	}
	return ParseFiles(files, host)
}

// Parse checks the configuration in data, which problems call by name. The
// error is Problems: all that is wrong.
func Parse(name string, data []byte, host Host) (*Config, error) {
	return ParseFiles([]File{{name, data}}, host)
}

// ParseFiles checks a configuration of several files, of which there is one at least.
// The error is Problems: all that is wrong.
func ParseFiles(files []File, host Host) (*Config, error) {
	r := &reader{formers: make(map[former][]string)}
	tree := r.gather(files)
	f := builtinFile()
	readTable(r, topKeys(), value{any: tree}, &f)
	r.tellFormer()
	c := r.config(&f, host)
	if len(r.problems) > 0 {
		return nil, Problems(tidy(r.problems, files))
	}
	c.Warnings = tidy(r.warnings, files)
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

// given returns the path at which an interface gets a key, which can be that of the preset
// that sets it.
func (s *source) given(table, key string) string {
	for _, t := range []string{table, "defaults"} {
		if path := t + "." + key; s.has(path) {
			return path
		}
		if preset := presetKey(key); preset != "" && s.has(t+"."+preset) {
			return t + "." + preset
		}
	}
	return table
}

// tidy sorts problems by position and drops what was found twice: a default is
// checked with each interface that has it.
func tidy(ps []Problem, files []File) []Problem {
	order := make(map[string]int, len(files))
	for i := range files {
		order[files[i].Name] = i
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(order[a.File], order[b.File]), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), strings.Compare(a.Text, b.Text))
	})
	return slices.Compact(ps)
}
