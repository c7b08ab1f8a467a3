package explain

import (
	"fmt"
	"slices"
	"testing"
)

// A preset is told of with the octets that it gives, and with the templates that it stands
// for.
func TestPreset(t *testing.T) {
	t.Parallel()
	r := relayOf(t, servers+"[[interface]]\nname = \"vlan20\"\ndhcpv4.option82.preset = \"cisco\"\ndhcpv6.preset = \"junos\"\n")
	for _, tt := range []struct {
		message Message
		want    []string
	}{
		{message(t, Client{Interface: "vlan20"}), []string{
			`dhcpv4.option82.preset = "cisco" 5`,
			`dhcpv4.option82.circuit_id = "{hex:0004}{vlan:raw}{hex:0000}" 5`,
			`dhcpv4.option82.remote_id = "{hex:00}{length}{mac:raw}" 5`,
		}},
		{message(t, Client{Interface: "vlan20", V6: true}), []string{
			`dhcpv6.preset = "junos" 6`, `dhcpv6.interface_id = "{interface}{:vlans}" 6`,
		}},
	} {
		var got []string
		for _, s := range explained(t, r, tt.message).Settings {
			got = append(got, fmt.Sprintf("%s = %s %d", s.Key, s.Value, s.Line))
		}
		for _, want := range tt.want {
			if !slices.Contains(got, want) {
				t.Errorf("no %s in %q", want, got)
			}
		}
	}
}
