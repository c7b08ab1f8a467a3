package config

import (
	"fmt"
	"slices"
	"strings"
)

// A section is one table of the documentation.
type section struct {
	table string
	why   string
	keys  []Key
}

func sections() []section {
	top := topKeys()
	all := []section{describe("", "", top)}
	for _, k := range top {
		switch k.name {
		case "metrics":
			all = append(all, describe(k.name, k.why, metricsKeys()))
		case "control":
			all = append(all, describe(k.name, k.why, controlKeys()))
		case "recorder":
			all = append(all, describe(k.name, k.why, recorderKeys()))
		case "log":
			all = append(all, describe(k.name, k.why, logKeys()))
		case "relay":
			all = append(all, describe(k.name, k.why, relayKeys()))
		case "defaults":
			all = append(all, describe(k.name, k.why, interfaceKeys()))
		case "server":
			all = append(all, describe(k.name, k.why, serverKeys()))
		case "interface":
			all = append(all, describe(k.name, k.why, []key[settings]{nameKey()}))
		}
	}
	i := slices.IndexFunc(all, func(s section) bool { return s.table == "defaults" }) + 1
	return slices.Insert(all, i,
		describe("defaults.option82", option82Why, option82Keys()),
		describe("defaults.option82.vendor", "", vendorKeys()),
		describe("defaults.dhcpv4", dhcpv4Why, dhcpv4Keys()),
		describe("defaults.dhcpv6", dhcpv6Why, dhcpv6Keys()),
		describe("defaults.dhcpv6.remote_id", "", remoteIDKeys()),
		describe("defaults.dhcpv6.rsoo", "", rsooKeys()))
}

func describe[T any](table, why string, keys []key[T]) section {
	s := section{table: table, why: why}
	for _, k := range keys {
		if k.init == "" && table == "" {
			continue // a table, which has a section of its own
		}
		s.keys = append(s.keys, Key{Table: table, Name: k.name, Default: k.init, Want: k.want, Why: k.why})
	}
	return s
}

// Keys returns all keys in the order of the example.
func Keys() []Key {
	var keys []Key
	for _, s := range sections() {
		keys = append(keys, s.keys...)
	}
	return keys
}

// Example returns a configuration with every key at its default, each with what
// may be written and why. It serves one interface.
func Example() string {
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
		case "server", "interface":
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
func within(table string) bool { return strings.Count(table, ".") > 1 }

func writeExample(b *strings.Builder, k Key) {
	if k.Table == "defaults" && (k.Name == "option82" || k.Name == "dhcpv4" || k.Name == "dhcpv6") {
		return // as a table it stands below
	}
	init := k.Default
	switch k.Table + "." + k.Name {
	case "interface.name":
		init = `"vlan10"`
	case "server.address":
		init = `"10.9.0.2"`
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
# too, and [interface.option82], [interface.dhcpv4] and [interface.dhcpv6] below;
# what does not is as [defaults] says.
servers = ["10.9.0.2"]
`
