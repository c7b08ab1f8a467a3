package config

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
)

// addresses returns so many IPv4 addresses as a TOML list has them.
func addresses(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = strconv.Quote("10.9.1." + strconv.Itoa(i+1))
	}
	return strings.Join(all, ", ")
}

func TestParseWarnings(t *testing.T) {
	t.Parallel()
	tests := []parsing{
		{
			name: "no interface, by choice",
			text: "interfaces = \"none\"\n",
		},
		{
			name: "R3046-26 every suboption, just fitting",
			text: `[defaults]
dhcpv4.source_port = 6700
[defaults.dhcpv4.option82]
circuit_id = "{ifalias}"
remote_id = "{hostname}"
subscriber_id = "sub {mac}"
link_selection = "subnet"
flags = true
server_id_override = true
relay_id = "0123456789abcdef"
vendor = [{ enterprise = 9, data = "x" }]
vss = "0123456789"
` + one + `[[interface]]
name = "vlan20"
servers = ["10.9.0.2"]
`,
			want: []string{
				`f:4:1: defaults.dhcpv4.option82.circuit_id: "{ifalias}" is empty on interfaces that do not have it, and is left out there; add text or a placeholder that all have, such as {interface}`,
			},
		},
		{
			name: "two servers at one address",
			text: `[[interface]]
name = "x"
servers = ["10.9.0.2", "10.9.0.3", "10.9.0.2:1067"]`,
			want: []string{
				"f:3:1: interface[0].servers: 10.9.0.2:67 and 10.9.0.2:1067 have one address: replies that come from neither port are counted for one of them; have each answer from the port that it listens on, or give one an address of its own",
			},
		},
		{
			name: "as many servers as can be",
			text: "[[interface]]\nname = \"x\"\nservers = [" + addresses(agent.MaxServers) + ", \"2001:db8:9::2\"]\n",
		},
		{
			name: "server that nobody uses",
			text: one + `[[server]]
address = "10.9.0.3"`,
			want: []string{
				"f:4:1: server[0]: no interface lists the server 10.9.0.3:67; add it to the servers of one, or remove this table",
			},
		},
		{
			name: "a range of numbers in a pattern",
			text: `[[interface]]
name = "vlan[10-20]"
servers = ["10.9.0.2"]`,
			want: []string{
				"f:2:1: interface[0].name: [10-20] stands for one character, not for a number; write an [[interface]] or a pattern for each range of digits, such as vlan1[0-9] and vlan20 for 10 to 20",
			},
		},
		{
			name: "hash over one server",
			text: one + `mode = "hash"`,
			want: []string{
				`f:4:1: interface[0].mode: "hash" chooses among servers of one family, and there is one; add servers, or write mode = "all"`,
			},
		},
		{
			name: "relayed requests without trust",
			text: one + `dhcpv4.relayed_requests = "drop"`,
			want: []string{
				"f:4:8: interface[0].dhcpv4.relayed_requests: this has no effect: an interface that is not trusted drops relayed requests; write trusted = true beside it, or remove it",
			},
		},
		{
			name: "R5107-4 override without flags",
			text: one + "dhcpv4.option82.server_id_override = true",
			want: []string{
				"f:4:17: interface[0].dhcpv4.option82.server_id_override: servers cannot tell renewals that come through this relay from broadcasts; write flags = true beside it (RFC 5107, section 4)",
			},
		},
		{
			name: "option 82 with nothing in it",
			text: one + `dhcpv4.option82.circuit_id = ""`,
			want: []string{
				"f:4:8: interface[0].dhcpv4.option82: all suboptions are switched off, so option 82 is not sent; write option82 = false, or switch one on",
			},
		},
		{
			name: "subscriber-id of some interfaces only",
			text: one + `dhcpv4.option82.subscriber_id = "{ifalias}"`,
			want: []string{
				`f:4:17: interface[0].dhcpv4.option82.subscriber_id: "{ifalias}" is empty on interfaces that do not have it, and is left out there; add text or a placeholder that all have, such as {interface}`,
			},
		},
		{
			name: "vss switched off with option 82",
			text: `defaults.dhcpv4.option82.vss = "red"
` + one + "dhcpv4.option82 = false",
			want: []string{
				"f:5:8: interface[0].dhcpv4.option82: with option 82 the vss of [defaults] is switched off too, so servers cannot tell this interface's VPN; switch the other suboptions off, each for itself",
			},
		},
		{
			name: "remote-id of the few interfaces without MAC is no matter",
			text: one + "dhcpv4.option82.remote_id = true",
		},
		{
			name: "relayed requests without trust in the defaults",
			text: `defaults.dhcpv4.relayed_requests = "drop"
` + one,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := Parse("f", []byte(tt.text), testHost())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, w := range c.Warnings {
				got = append(got, w.Error())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
