package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
)

// The octets of each preset are those of the vendor's own examples, where it gives one.
func TestPresetOctets(t *testing.T) {
	t.Parallel()
	mac := []byte{0x6a, 0xfe, 0x87, 0x0b, 0x00, 0x00}
	single := &agent.Facts{Interface: "vlan10", Hostname: "edge1", VLAN: 266, MAC: mac}
	for _, tt := range []struct {
		preset, name, circuit, remote, interfaceID string
		facts                                      *agent.Facts
	}{
		{"none", "what holds without", "vlan10", "", "vlan10", single},
		{
			"tr101", "TR-101, R-124", "Access-Node-Identifier eth 3/12", "", "Access-Node-Identifier eth 3/12",
			&agent.Facts{Interface: "3/12", Hostname: "Access-Node-Identifier"},
		},
		{"tr101", "with a VLAN", "edge1 eth vlan10:266", "", "edge1 eth vlan10:266", single},
		{
			"cisco", "type, length, VLAN, module, port; type, length, MAC",
			"\x00\x04\x01\x0a\x00\x00", "\x00\x06\x6a\xfe\x87\x0b\x00\x00", "", single,
		},
		{
			"comware", "type, length, VLAN, interface number; type, length, MAC",
			"\x00\x04\x01\x0a\xff\xff", "\x00\x06\x6a\xfe\x87\x0b\x00\x00", "", single,
		},
		{
			"huawei", "the example of dhcpv6 interface-id format",
			"vlanif100:11.22 HUAWEI/0/0/0/0/0", "\x6a\xfe\x87\x0b\x00\x00", "0011.0022.6afe870b0000:vlanif100",
			&agent.Facts{Interface: "vlanif100", Hostname: "HUAWEI", VLAN: 22, Outer: 11, MAC: mac},
		},
		{"huawei", "one VLAN is the outer one", "vlan10:266.0 edge1/0/0/0/0/0", "\x6a\xfe\x87\x0b\x00\x00", "0266.0000.6afe870b0000:vlan10", single},
		{
			"junos", "the example of a stacked VLAN", "ge-4/1/1:122-500", "", "ge-4/1/1:122-500",
			&agent.Facts{Interface: "ge-4/1/1", VLAN: 500, Outer: 122},
		},
		{"junos", "of a VLAN", "ge-1/0/1.0:43", "", "ge-1/0/1.0:43", &agent.Facts{Interface: "ge-1/0/1.0", VLAN: 43}},
		{"junos", "without VLANs", "ge-4/1/1", "", "ge-4/1/1", &agent.Facts{Interface: "ge-4/1/1"}},
		{"arista", "the name", "Ethernet3/17/1", "", "", &agent.Facts{Interface: "Ethernet3/17/1"}},
		{"sonic", "hostname, alias of no port, interface", "edge1::vlan10", "6a:fe:87:0b:00:00", "", single},
	} {
		text := "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"2001:db8:9::2\"]\ndhcpv4.option82.preset = \"" + tt.preset + "\"\n"
		if tt.interfaceID != "" {
			text += "dhcpv6.preset = \"" + tt.preset + "\"\n"
		}
		c, err := Parse("f", []byte(text), testHost())
		if err != nil {
			t.Fatal(err)
		}
		in := &c.Policy.Interfaces[0]
		got := []string{string(in.V4.Option82.CircuitID.Append(nil, tt.facts)), string(in.V4.Option82.RemoteID.Append(nil, tt.facts)), ""}
		if tt.interfaceID != "" {
			got[2] = string(in.V6.InterfaceID.Append(nil, tt.facts))
		}
		if diff := cmp.Diff([]string{tt.circuit, tt.remote, tt.interfaceID}, got); diff != "" {
			t.Errorf("%s, %s: circuit-id, remote-id, Interface-Id (-want +got):\n%s", tt.preset, tt.name, diff)
		}
	}
}

// What is nearer holds, and what stands beside a preset before it; each value says where it
// comes from.
func TestPresetPrecedence(t *testing.T) {
	t.Parallel()
	const servers = "servers = [\"10.9.0.2\", \"2001:db8:9::2\"]\n"
	for _, tt := range []struct {
		name, text string
		want       []string // key, value and line
	}{
		{
			"of the defaults", "[defaults.dhcpv4.option82]\npreset = \"cisco\"\n[[interface]]\nname = \"vlan10\"\n" + servers,
			[]string{`circuit_id "{hex:0004}{vlan:raw}{hex:0000}" 2`, `remote_id "{hex:00}{length}{mac:raw}" 2`},
		},
		{
			"with one beside it", "[defaults.dhcpv4.option82]\nremote_id = \"me\"\npreset = \"cisco\"\n[[interface]]\nname = \"vlan10\"\n" + servers,
			[]string{`circuit_id "{hex:0004}{vlan:raw}{hex:0000}" 3`, `remote_id "me" 2`},
		},
		{
			"a nearer preset", "[defaults.dhcpv4.option82]\nremote_id = \"me\"\ncircuit_id = \"x\"\n[[interface]]\nname = \"vlan10\"\n" + servers + "dhcpv4.option82.preset = \"sonic\"",
			[]string{`circuit_id "{hostname}::{interface}" 7`, `remote_id "{mac}" 7`},
		},
		{
			"a nearer key", "[defaults.dhcpv4.option82]\npreset = \"sonic\"\n[[interface]]\nname = \"vlan10\"\n" + servers + "dhcpv4.option82.remote_id = false",
			[]string{`circuit_id "{hostname}::{interface}" 2`, `remote_id false 6`},
		},
		{
			"none again", "[defaults.dhcpv4.option82]\npreset = \"sonic\"\n[[interface]]\nname = \"vlan10\"\n" + servers + "dhcpv4.option82.preset = \"none\"",
			[]string{`circuit_id "{interface}" 6`, `remote_id false 6`},
		},
	} {
		c, err := Parse("f", []byte(tt.text), testHost())
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		var got []string
		for _, key := range []string{"circuit_id", "remote_id"} {
			s := c.Setting(0, "dhcpv4.option82."+key)
			got = append(got, key+" "+s.Value+" "+string(rune('0'+s.Line)))
			holds := &c.Policy.Interfaces[0].V4.Option82.CircuitID
			if key == "remote_id" {
				holds = &c.Policy.Interfaces[0].V4.Option82.RemoteID
			}
			if said := strings.Trim(s.Value, `"`); said != holds.String() && (said != "false" || !holds.Empty()) {
				t.Errorf("%s: %s is said to be %s and is %q", tt.name, key, s.Value, holds)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// config show tells that a value is a preset's.
func TestPresetHeld(t *testing.T) {
	t.Parallel()
	c, err := Parse("f", []byte("[defaults.dhcpv6]\npreset = \"junos\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"2001:db8:9::2\"]\n"), testHost())
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]Held)
	for _, h := range c.Held(0) {
		got[h.Key] = h
	}
	want := Held{"dhcpv6.interface_id", "{interface}{:vlans}", "f:2 [defaults] preset"}
	if diff := cmp.Diff(want, got["dhcpv6.interface_id"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if key := c.PresetOf(0, "dhcpv6.interface_id"); key != "dhcpv6.preset" {
		t.Errorf("the preset of interface_id is %q", key)
	}
	if key := c.PresetOf(0, "dhcpv4.option82.circuit_id"); key != "" {
		t.Errorf("the preset of circuit_id is %q", key)
	}
}

// What a preset cannot say is told once for all interfaces, and not of an interface that
// says it itself.
func TestPresetUnknown(t *testing.T) {
	t.Parallel()
	c, err := Parse("f", []byte(`[defaults]
servers = ["10.9.0.2", "2001:db8:9::2"]
dhcpv4.option82.preset = "cisco"
[[interface]]
name = "vlan10"
[[interface]]
name = "vlan20"
dhcpv6.preset = "tr101"
[[interface]]
name = "vlan30"
dhcpv4.option82.circuit_id = "x"
[[interface]]
name = "vlan40"
dhcpv4.option82.preset = "junos"
[[interface]]
name = "vlan50"
dhcpv4.option82 = false
`), testHost())
	if err != nil {
		t.Fatal(err)
	}
	want := []Unknown{
		{"cisco", "module and port are not known here: both are 0", "circuit_id", "{hex:0004}{vlan:raw}{port_slot:raw}{port_number:raw}", []string{"vlan10", "vlan20"}},
		{"tr101", "slot and port are not known here: the interface's name stands for them", "interface_id", "{hostname} eth {port_slot}/{port_number}{:vlan}", []string{"vlan20"}},
	}
	if diff := cmp.Diff(want, c.Unknowns()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is advised for the ports of a bridge can be written beside the preset.
func TestPresetPorts(t *testing.T) {
	t.Parallel()
	for _, p := range presets() {
		if (p.port == "") != (p.unknown == "") {
			t.Errorf("%s: what is not known is %q, and what says it %q", p.name, p.unknown, p.port)
		}
		if p.port == "" {
			continue
		}
		text := "[[interface]]\nname = \"br0\"\nservers = [\"10.9.0.2\"]\n[interface.dhcpv4.option82]\npreset = \"" + p.name + "\"\ncircuit_id = \"" + p.port + "\"\n"
		c, err := Parse("f", []byte(text), testHost())
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
			continue
		}
		if got := c.Policy.Interfaces[0].V4.Option82.CircuitID; got.String() != p.port || !got.TellsPort() {
			t.Errorf("%s: circuit-id %q", p.name, got)
		}
		if u := c.Unknowns(); u != nil {
			t.Errorf("%s: told though it is written beside it: %v", p.name, u)
		}
	}
}

func TestPresetProblems(t *testing.T) {
	t.Parallel()
	const one = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"2001:db8:9::2\"]\n"
	for _, tt := range []struct{ text, want string }{
		{
			"dhcpv4.option82.preset = \"ios\"",
			`f:4:26: interface[0].dhcpv4.option82.preset: there is no "ios"; write "none", "tr101", "cisco", "comware", "huawei", "junos", "arista" or "sonic"`,
		},
		{
			"dhcpv6.preset = \"cisco\"",
			`f:4:17: interface[0].dhcpv6.preset: there is no "cisco"; write "none", "tr101", "huawei" or "junos"`,
		},
	} {
		_, err := Parse("f", []byte(one+tt.text), testHost())
		if err == nil || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
	_, err := Parse("f", []byte(one+"dhcpv4.option82.preset = \"sonic\""), Host{})
	if want := `f:4:17: interface[0].dhcpv4.option82.preset: {hostname} is empty, since this host has no name; write hostname = "..." at the top of the file`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
