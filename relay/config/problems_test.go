package config

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// one is an interface, to which tests add keys from line 4 on.
const one = `[[interface]]
name = "vlan10"
servers = ["10.9.0.2"]
`

// A parsing is a configuration and the problems, or warnings, that it gives.
type parsing struct {
	name, text string
	want       []string
}

func (p *parsing) check(t *testing.T) {
	t.Helper()
	c, err := Parse("f", []byte(p.text), testHost())
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatalf("want Problems, got %+v, %v", c, err)
	}
	if diff := cmp.Diff(p.want, strings.Split(ps.Error(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseProblems(t *testing.T) {
	t.Parallel()
	tests := []parsing{
		{
			name: "syntax",
			text: "hostname = \n",
			want: []string{
				`f:1:1: there is no value; write one, or leave the key out`,
			},
		},
		{
			name: "answers_from of another family",
			text: "[[interface]]\nname = \"a\"\nservers = [\"10.9.0.2\"]\n[[server]]\naddress = \"10.9.0.2\"\nanswers_from = [\"10.9.0.9\", \"2001:db8::9\"]\n",
			want: []string{
				`f:6:16: server[0].answers_from: 2001:db8::9/128 is not of the family of 10.9.0.2; write addresses of the server's own family`,
			},
		},
		{
			name: "source of another family",
			text: "[[interface]]\nname = \"a\"\nservers = [\"10.9.0.2\"]\n[[server]]\naddress = \"10.9.0.2\"\nsource = \"2001:db8::9\"\n",
			want: []string{
				`f:6:10: server[0].source: 2001:db8::9 is not of the family of 10.9.0.2; write an address of the server's own family`,
			},
		},
		{
			name: "source that no host has",
			text: "[[interface]]\nname = \"a\"\nservers = [\"10.9.0.2\"]\n[[server]]\naddress = \"10.9.0.2\"\nsource = \"uplink\"\n",
			want: []string{
				`f:6:10: server[0].source: "uplink" is no address that a host can have; write an address of this host, of the server's family, or "" for the source of the interface`,
			},
		},
		{
			name: "source that no IPv6 host shows to others",
			text: "[[interface]]\nname = \"a\"\nservers = [\"2001:db8::2\"]\n[[server]]\naddress = \"2001:db8::2\"\nsource = \"fe80::1\"\n",
			want: []string{
				`f:6:10: server[0].source: "fe80::1" is no global or unique-local IPv6 address that a host can have; write an address of this host, of the server's family, or "" for the source of the interface`,
			},
		},
		{
			name: "UTF-16, the greater octet first",
			text: "\xfe\xff",
			want: []string{
				"f: this is UTF-16; write it as UTF-8",
			},
		},
		{
			name: "UTF-16, the lesser octet first",
			text: "\xff\xfe[\x00",
			want: []string{
				"f: this is UTF-16; write it as UTF-8",
			},
		},
		{
			name: "UTF-16 without a mark",
			text: "[\x00[\x00",
			want: []string{
				"f: this is UTF-16; write it as UTF-8",
			},
		},
		{
			name: "key given twice",
			text: `hostname = "a"
hostname = "b"
`,
			want: []string{
				"f:2:1: hostname: this is already in line 1; remove one",
			},
		},
		{
			name: "unknown key, near miss",
			text: one + "hop_limits = 4",
			want: []string{
				"f:4:1: interface[0].hop_limits: there is no such key; did you mean hop_limit? It belongs in [defaults.dhcpv4] or [interface.dhcpv4] or in [defaults.dhcpv6] or [interface.dhcpv6]",
			},
		},
		{
			name: "unknown key, dash",
			text: one + "hop-limit = 4",
			want: []string{
				"f:4:1: interface[0].hop-limit: there is no such key; hop_limit belongs in [defaults.dhcpv4] or [interface.dhcpv4] or in [defaults.dhcpv6] or [interface.dhcpv6]",
			},
		},
		{
			name: "unknown key, upper case",
			text: one + "Hop_Limit = 4",
			want: []string{
				"f:4:1: interface[0].Hop_Limit: there is no such key; hop_limit belongs in [defaults.dhcpv4] or [interface.dhcpv4] or in [defaults.dhcpv6] or [interface.dhcpv6]",
			},
		},
		{
			name: "dash and upper case in the right table",
			text: one + "dhcpv4.hop-limit = 4\ndhcpv6.Hop_Limit = 8",
			want: []string{
				"f:4:8: interface[0].dhcpv4.hop-limit: there is no such key; keys are in lower case with underscores: write hop_limit",
				"f:5:8: interface[0].dhcpv6.Hop_Limit: there is no such key; keys are in lower case with underscores: write hop_limit",
			},
		},
		{
			name: "unknown key of another table",
			text: one + `circuit_id = "x"`,
			want: []string{
				"f:4:1: interface[0].circuit_id: there is no such key; circuit_id belongs in [defaults.dhcpv4.option82] or [interface.dhcpv4.option82]",
			},
		},
		{
			name: "unknown key of the top",
			text: one + "reply_sources = []",
			want: []string{
				"f:4:1: interface[0].reply_sources: there is no such key; reply_sources belongs at the top of the file, before the first table",
			},
		},
		{
			name: "unknown key of two tables",
			text: one + `vss = "red"`,
			want: []string{
				"f:4:1: interface[0].vss: there is no such key; vss belongs in [defaults.dhcpv4.option82] or [interface.dhcpv4.option82] or in [defaults.dhcpv6] or [interface.dhcpv6] or in [[server]]",
			},
		},
		{
			name: "unknown key of nowhere",
			text: "log.colour = true",
			want: []string{
				"f:1:5: log.colour: there is no such key; there are level, format",
			},
		},
		{
			name: "unknown table",
			text: `[[interfaces]]
name = "x"
`,
			want: []string{
				"f:1:1: interfaces: this is a list of tables; write [[interface]] for each, and below it name = \"vlan10\" and servers = [\"10.9.0.2\"]",
			},
		},
		{
			name: "interfaces as a list",
			text: `interfaces = ["vlan10"]`,
			want: []string{
				"f:1:14: interfaces: this is a list; write [[interface]], and below it name = \"vlan10\" and servers = [\"10.9.0.2\"]",
			},
		},
		{
			name: "empty",
			want: []string{noInterface},
		},
		{
			name: "comments only",
			text: "# written by a script\n\n",
			want: []string{noInterface},
		},
		{
			name: "cut short",
			text: "[defaults]\nservers = [\"10.9.0.2\"]\n",
			want: []string{noInterface},
		},
		{
			name: "none, and one",
			text: "interfaces = \"none\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n",
			want: []string{
				`f:1:1: interfaces: "none" is written, and there is an [[interface]]; remove one or the other`,
			},
		},
		{
			name: "quoted key",
			text: `"" = 1`,
			want: []string{
				`f:1:1: "": there is no such key; there are hostname, duid, reply_sources, interfaces, metrics, control, recorder, log, relay, defaults, server, server_group, class, interface`,
			},
		},
		{
			name: "table for an array of tables",
			text: `[interface]
name = "x"`,
			want: []string{
				"f:1:1: interface: this is a table, and there may be many; write [[interface]]",
			},
		},
		{
			name: "array of numbers for tables",
			text: "interface = [1]",
			want: []string{
				"f:1:14: interface[0]: 1 is a number; write a table",
			},
		},
		{
			name: "value for a table",
			text: `metrics = ":9867"`,
			want: []string{
				`f:1:11: metrics: ":9867" is a string; write a table [metrics]`,
			},
		},
		{
			name: "string for a list",
			text: `reply_sources = "10.0.0.1"`,
			want: []string{
				`f:1:17: reply_sources: "10.0.0.1" is a string; write a list of addresses and prefixes, such as ["10.9.1.7", "10.9.2.0/24"]`,
			},
		},
		{
			name: "hostname too long",
			text: `hostname = "` + strings.Repeat("x", 65) + `"`,
			want: []string{
				`f:1:12: hostname: this name has 65 octets; write a name of at most 64 octets, or "" for the host's own`,
			},
		},
		{
			name: "hostname of another type",
			text: "hostname = 5",
			want: []string{
				`f:1:12: hostname: 5 is a number; write a name of at most 64 octets, or "" for the host's own`,
			},
		},
		{
			name: "reply_sources",
			text: `reply_sources = ["10.0.0.1/24", "x", 7, "::ffff:10.0.0.0/104", "fe80::1%eth0"]`,
			want: []string{
				`f:1:18: reply_sources[0]: "10.0.0.1/24" has bits beyond its length; write "10.0.0.0/24"`,
				`f:1:33: reply_sources[1]: "x" is neither address nor prefix; write an address such as "10.9.1.7", or a prefix such as "10.9.2.0/24"`,
				`f:1:38: reply_sources[2]: 7 is a number; write an address such as "10.9.1.7", or a prefix such as "10.9.2.0/24"`,
				`f:1:41: reply_sources[3]: "::ffff:10.0.0.0/104" is neither address nor prefix; write an address such as "10.9.1.7", or a prefix such as "10.9.2.0/24"`,
				`f:1:64: reply_sources[4]: "fe80::1%eth0" is neither address nor prefix; write an address such as "10.9.1.7", or a prefix such as "10.9.2.0/24"`,
			},
		},
		{
			name: "metrics.listen",
			text: `metrics.listen = "localhost:9867"`,
			want: []string{
				`f:1:18: metrics.listen: "localhost:9867" is no address with a port; write an address and a port, such as "127.0.0.1:9867" or ":9867" for every address, or "" for none`,
			},
		},
		{
			name: "metrics.listen port 0",
			text: `metrics.listen = "127.0.0.1:0"`,
			want: []string{
				`f:1:18: metrics.listen: "127.0.0.1:0" is no address with a port; write an address and a port, such as "127.0.0.1:9867" or ":9867" for every address, or "" for none`,
			},
		},
		{
			name: "control",
			text: "[control]\nsocket = \"run/r.sock\"\nmode = \"rw\"",
			want: []string{
				`f:2:10: control.socket: "run/r.sock" is no absolute path; write the absolute path of a Unix socket, or "" for none`,
				`f:3:8: control.mode: "rw" is no octal number up to 0777; write permissions as an octal number, such as "0660"`,
			},
		},
		{
			name: "control.socket too long",
			text: "control.socket = \"/" + strings.Repeat("x", 107) + "\"",
			want: []string{
				`f:1:18: control.socket: this path has 108 octets, and a socket's has at most 107; write the absolute path of a Unix socket, or "" for none`,
			},
		},
		{
			name: "segmentation",
			text: "[relay]\nsegmentation = \"on\"",
			want: []string{
				`f:2:16: relay.segmentation: there is no "on"; write "auto" or "off"`,
			},
		},
		{
			name: "recorder",
			text: "[recorder]\nmessages = 100001",
			want: []string{
				`f:2:12: recorder.messages: 100001 is out of range; write a number from 0 to 100000`,
			},
		},
		{
			name: "log",
			text: `[log]
level = "trace"
format = "xml"`,
			want: []string{
				`f:2:9: log.level: there is no "trace"; write "debug", "info", "warn" or "error"`,
				`f:3:10: log.format: there is no "xml"; write "text" or "json"`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.check(t)
		})
	}
}

func TestParseNamelessHost(t *testing.T) {
	t.Parallel()
	_, err := Parse("f", []byte("defaults.dhcpv4.option82.remote_id = \"{hostname}\"\n"+one), Host{})
	const want = `f:1:26: defaults.dhcpv4.option82.remote_id: {hostname} is empty, since this host has no name; write hostname = "..." at the top of the file`
	if err == nil || err.Error() != want {
		t.Errorf("want %q, got %v", want, err)
	}
}

// Whoever mends a file sees all that is wrong with it, in its order.
func TestParseTellsAllAtOnce(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/wrong.toml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/wrong.golden")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Parse("wrong.toml", data, testHost())
	var ps Problems
	if !errors.As(err, &ps) {
		t.Fatalf("want Problems, got %v", err)
	}
	if diff := cmp.Diff(string(want), ps.Error()+"\n"); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var first Problem
	if !errors.As(err, &first) || first != ps[0] {
		t.Errorf("errors.As: want %v, got %v", ps[0], first)
	}
}

const noInterface = `f: there is no [[interface]], so no client would be served; ` +
	`write one with a name and servers, or interfaces = "none" at the top of the file if nothing is to be relayed`
