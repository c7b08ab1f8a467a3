package effective_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/config/effective"
)

const before = `[defaults]
servers = ["10.9.0.2"]
[[interface]]
name = "vlan*"
description = "floor"
dhcpv4.hop_limit = 5
[[interface]]
name = "vlan99"
relay = false
`

func view(t *testing.T, text string) *effective.View {
	t.Helper()
	c, err := config.Parse("relay.toml", []byte(text), config.Host{Hostname: "edge1"})
	if err != nil {
		t.Fatal(err)
	}
	return effective.Of(c, []giaddr.Link{{Index: 1, Name: "lo", Loopback: true}, {Index: 2, Name: "vlan10"}, {Index: 3, Name: "vlan20"}, {Index: 4, Name: "vlan99"}})
}

// Each value comes with its place.
func TestWhatHolds(t *testing.T) {
	t.Parallel()
	v := view(t, before)
	if diff := cmp.Diff([]string{"vlan10", "vlan20"}, v.Interfaces[0].Links); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	got := make(map[string]string)
	for _, h := range v.Interfaces[0].Settings {
		got[h.Key] = h.From
	}
	for key, want := range map[string]string{
		"servers": "relay.toml:2 [defaults]", "description": "relay.toml:5", "dhcpv4.hop_limit": "relay.toml:6", "trusted": config.BuiltIn,
	} {
		if got[key] != want {
			t.Errorf("%s is from %q, want %q", key, got[key], want)
		}
	}
	if n := len(v.Interfaces[1].Settings); n != 3 {
		t.Errorf("an interface that is left alone has %d settings", n)
	}
	for _, want := range []string{"interface vlan*: holds for vlan10, vlan20\n", "interface vlan99\n", "for all\n"} {
		if !strings.Contains(v.String(), want) {
			t.Errorf("no %q in\n%s", want, v)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, next, want string }{
		{"nothing", strings.ReplaceAll(before, `"10.9.0.2"`, `'10.9.0.2'`) + "# a comment\n", "nothing changes on this host\n"},
		{
			"an exception, a value and a restart", strings.ReplaceAll(before, "hop_limit = 5", "hop_limit = 6") + "[[interface]]\nname = \"vlan20\"\nrelay = false\n[metrics]\nlisten = \"\"\n",
			`vlan10: dhcpv4.hop_limit changes from 5 to 6 (relay.toml:6)
vlan20: is no longer relayed
metrics.listen changes from "127.0.0.1:9867" to "" (relay.toml:14)
a restart is needed for metrics.listen; a reload brings the rest into effect
`,
		},
		{
			"served from now on, and a server", strings.ReplaceAll(before, "relay = false", "trusted = true") + "[[server]]\naddress = \"10.9.0.2\"\nvss = false\n",
			`vlan99: is relayed from now on, to ["10.9.0.2"]
server 10.9.0.2: address is "10.9.0.2" (relay.toml:11)
server 10.9.0.2: vss is false (relay.toml:12)
a reload brings it into effect
`,
		},
	} {
		if diff := cmp.Diff(tt.want, effective.Diff(view(t, before), view(t, tt.next)).String()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
