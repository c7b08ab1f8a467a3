package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSaid(t *testing.T) {
	t.Parallel()
	const text = `reply_sources = [
  "10.9.1.7", # the old one
  "10.9.2.0/24",
]
[defaults]
servers = ["10.9.0.2", '10.9.0.3:1067']
dhcpv4.hop_limit = 8
dhcpv4.option82 = { circuit_id = "a b", remote_id = true }
[[server]]
address = '10.9.0.3:1067'
vss = false
[[interface]]
name = "vlan10"
dhcpv4.hop_limit = 9
[interface.dhcpv4.option82]
circuit_id = "{vlan}"
[[interface]]
name = "vlan20"
dhcpv4.option82 = false
`
	c, err := Parse("relay.toml", []byte(text), Host{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(line int, key, value string) Setting { return Setting{key, value, "relay.toml", line} }
	tests := []struct {
		name      string
		got, want Setting
	}{
		{"at the interface", c.Setting(0, "dhcpv4.hop_limit"), at(14, "dhcpv4.hop_limit", "9")},
		{"in the defaults", c.Setting(1, "dhcpv4.hop_limit"), at(7, "dhcpv4.hop_limit", "8")},
		{"list in the defaults", c.Setting(0, "servers"), at(6, "servers", `["10.9.0.2", '10.9.0.3:1067']`)},
		{"nowhere", c.Setting(0, "dhcpv4.min_secs"), Setting{Key: "dhcpv4.min_secs", Value: "0"}},
		{"table of the interface", c.Setting(0, "dhcpv4.option82.circuit_id"), at(16, "dhcpv4.option82.circuit_id", `"{vlan}"`)},
		{"inline table of the defaults", c.Setting(0, "dhcpv4.option82.remote_id"), at(8, "dhcpv4.option82.remote_id", "true")},
		{"nowhere in a table", c.Setting(0, "dhcpv4.option82.flags"), Setting{Key: "dhcpv4.option82.flags", Value: "false"}},
		{"a table as a whole", c.Setting(0, "dhcpv4.option82"), at(15, "dhcpv4.option82", "true")},
		{"a boolean where a table may be", c.Setting(1, "dhcpv4.option82"), at(19, "dhcpv4.option82", "false")},
		{"DHCPv6 nowhere", c.Setting(0, "dhcpv6.hop_limit"), Setting{Key: "dhcpv6.hop_limit", Value: "8"}},
		{"top, over several lines", c.TopSetting("reply_sources"), at(1, "reply_sources", `[ "10.9.1.7", # the old one "10.9.2.0/24", ]`)},
		{"top, nowhere", c.TopSetting("duid"), Setting{Key: "duid", Value: `""`}},
		{"server", c.ServerSetting(1, "vss"), at(11, "vss", "false")},
		{"server without the key", c.ServerSetting(1, "vrf"), Setting{Key: "vrf", Value: `""`}},
		{"server without a table, and a table of the key's name", c.ServerSetting(0, "interface"), Setting{Key: "interface", Value: `""`}},
		{"server without a table", c.ServerSetting(0, "vss"), Setting{Key: "vss", Value: "true"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Errorf("said (-want +got):\n%s", diff)
			}
		})
	}
}
