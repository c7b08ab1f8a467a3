package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseDHCPv4(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       []uint8
	}{
		{"R4388-10 the default", "", []uint8{10, 11, 12, 13}},
		{"none", "refuse_types = []", nil},
		{"numbers and names", `refuse_types = [255, "Inform", "leasequery"]`, []uint8{255, 8, 10}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := Parse("f", []byte("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n[interface.dhcpv4]\n"+tt.text), Host{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, c.Policy.Interfaces[0].V4.RefuseTypes); diff != "" {
				t.Errorf("refuse_types (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("the list of an interface takes the place of the defaults", func(t *testing.T) {
		t.Parallel()
		c, err := Parse("f", []byte("[defaults]\nservers = [\"10.9.0.2\"]\n[defaults.dhcpv4]\nrefuse_types = [8]\n"+
			"[[interface]]\nname = \"a\"\n[[interface]]\nname = \"b\"\n[interface.dhcpv4]\nrefuse_types = [4]"), Host{})
		if err != nil {
			t.Fatal(err)
		}
		got := [][]uint8{c.Policy.Interfaces[0].V4.RefuseTypes, c.Policy.Interfaces[1].V4.RefuseTypes}
		if diff := cmp.Diff([][]uint8{{8}, {4}}, got); diff != "" {
			t.Errorf("refuse_types (-want +got):\n%s", diff)
		}
		if said := c.Setting(1, "dhcpv4.refuse_types"); said.Value != "[4]" || said.Line != 10 {
			t.Errorf("Said: %+v", said)
		}
	})
}

func TestProblemsDHCPv4(t *testing.T) {
	t.Parallel()
	const head = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n[interface.dhcpv4]\n"
	const want = "write a message type from 1 to 255, or the name of one"
	tests := []struct {
		name, text string
		want       []string
	}{
		{"numbers", "refuse_types = [0, 256, 1, 1]", []string{
			"f:5:17: interface[0].dhcpv4.refuse_types[0]: 0 is out of range; " + want,
			"f:5:20: interface[0].dhcpv4.refuse_types[1]: 256 is out of range; " + want,
			"f:5:28: interface[0].dhcpv4.refuse_types[3]: 1 is on the list already; remove one",
		}},
		{"names", `refuse_types = ["unknown", "bootp", "leasequery", 10]`, []string{
			`f:5:17: interface[0].dhcpv4.refuse_types[0]: there is no message type "unknown"; ` + want,
			`f:5:28: interface[0].dhcpv4.refuse_types[1]: there is no message type "bootp"; ` + want,
			"f:5:51: interface[0].dhcpv4.refuse_types[3]: 10 is on the list already; remove one",
		}},
		{"no list", "refuse_types = 10", []string{
			`f:5:16: interface[0].dhcpv4.refuse_types: 10 is a number; write a list of message types, by number or name, such as [10, "inform"]`,
		}},
		{"elsewhere", "link_address = \"primary\"", []string{
			"f:5:1: interface[0].dhcpv4.link_address: there is no such key; link_address belongs in [defaults.dhcpv6] or [interface.dhcpv6]",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("f", []byte(head+tt.text), Host{})
			var got []string
			if ps, ok := err.(Problems); ok { //nolint:errorlint // Parse says that it is Problems
				for _, p := range ps {
					got = append(got, p.Error())
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}
