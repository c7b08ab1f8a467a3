package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A key of DHCPv4 at its former place means what it means at its new one, and is
// told of with that.
func TestFormerPlaces(t *testing.T) {
	t.Parallel()
	const old = `[defaults]
servers = ["10.9.0.2"]
hop_limit = 9
min_secs = 3
[defaults.option82]
circuit_id = "{vlan}x"
[[interface]]
name = "a"
giaddr = "192.0.2.0/24"
option82.remote_id = true
[interface.dhcpv4]
refuse_types = []
[[interface]]
name = "b"
option82 = false
giaddr = "192.0.2.1"
`
	const now = `[defaults]
servers = ["10.9.0.2"]
[defaults.dhcpv4]
hop_limit = 9
min_secs = 3
[defaults.dhcpv4.option82]
circuit_id = "{vlan}x"
[[interface]]
name = "a"
[interface.dhcpv4]
giaddr = "192.0.2.0/24"
option82.remote_id = true
refuse_types = []
[[interface]]
name = "b"
[interface.dhcpv4]
option82 = false
giaddr = "192.0.2.1"
`
	want, err := Parse("f", []byte(now), testHost())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("f", []byte(old), testHost())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Policy, got.Policy, compare()); diff != "" {
		t.Errorf("policy (-new places +former places):\n%s", diff)
	}
	const why = ": this holds for DHCPv4 alone, which has a table of its own"
	told := []string{
		"f:3:1: defaults.hop_limit" + why + "; write hop_limit = 9 below [defaults.dhcpv4]",
		"f:4:1: defaults.min_secs" + why + "; write min_secs = 3 below [defaults.dhcpv4]",
		"f:5:1: defaults.option82" + why + "; write [defaults.dhcpv4.option82]",
		"f:9:1: interface[0].giaddr" + why + ` (here and 1 more); write giaddr = "192.0.2.0/24" below [interface.dhcpv4]`,
		"f:10:1: interface[0].option82" + why + " (here and 1 more); write [interface.dhcpv4.option82]",
	}
	if diff := cmp.Diff(told, strings.Split(Problems(got.Warnings).Error(), "\n")); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Setting{"dhcpv4.giaddr", `"192.0.2.1"`, "f", 16}, got.Setting(1, "dhcpv4.giaddr")); diff != "" {
		t.Errorf("said at the former place (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Setting{"dhcpv4.option82.circuit_id", `"{vlan}x"`, "f", 6}, got.Setting(0, "dhcpv4.option82.circuit_id")); diff != "" {
		t.Errorf("said in a former table (-want +got):\n%s", diff)
	}
}

func TestFormerPlacesProblems(t *testing.T) {
	t.Parallel()
	tests := []parsing{
		{
			name: "both places",
			text: one + "giaddr = \"192.0.2.1\"\n[interface.option82]\nflags = true\n[interface.dhcpv4]\ngiaddr = \"192.0.2.2\"\noption82 = false",
			want: []string{
				"f:4:1: interface[0].giaddr: [interface.dhcpv4] has it too; remove it here",
				"f:5:1: interface[0].option82: [interface.dhcpv4] has it too; remove it here",
			},
		},
		{
			name: "wrong value at the former place",
			text: one + "hop_limit = 17\noption82.circuit_id = 1",
			want: []string{
				"f:4:13: interface[0].dhcpv4.hop_limit: 17 is out of range; write a number from 1 to 16",
				`f:5:23: interface[0].dhcpv4.option82.circuit_id: 1 is a number; write false, true for "{interface}", or text with placeholders such as "{hostname}:{interface}"`,
			},
		},
		{
			name: "never stood there",
			text: one + "refuse_types = []",
			want: []string{
				"f:4:1: interface[0].refuse_types: there is no such key; refuse_types belongs in [defaults.dhcpv4] or [interface.dhcpv4] or in [defaults.dhcpv6] or [interface.dhcpv6]",
			},
		},
		{
			name: "no table",
			text: one + "giaddr = \"lo\"\ndhcpv4 = 1",
			want: []string{
				"f:4:1: interface[0].giaddr: there is no such key; giaddr belongs in [defaults.dhcpv4] or [interface.dhcpv4]",
				"f:5:10: interface[0].dhcpv4: 1 is a number; write a table [defaults.dhcpv4] or [interface.dhcpv4]",
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

// Thousands of interfaces at a former place make one line a key.
func TestFormerPlacesAreToldOnce(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for n := range 4000 {
		fmt.Fprintf(&b, "[[interface]]\nname = \"v%d\"\nservers = [\"10.9.0.2\"]\ngiaddr = \"lo\"\n[interface.option82]\nflags = true\n", n)
	}
	c, err := Parse("f", []byte(b.String()), testHost())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`f:4:1: interface[0].giaddr: this holds for DHCPv4 alone, which has a table of its own (here and 3999 more); write giaddr = "lo" below [interface.dhcpv4]`,
		"f:5:1: interface[0].option82: this holds for DHCPv4 alone, which has a table of its own (here and 3999 more); write [interface.dhcpv4.option82]",
	}
	if diff := cmp.Diff(want, strings.Split(Problems(c.Warnings).Error(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
