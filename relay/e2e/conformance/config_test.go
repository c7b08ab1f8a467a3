package conformance

import (
	"errors"
	"strings"
	"testing"

	"dhcp-relay/relay/config"
)

// TestConfigRefuses shows what no configuration can bring about.
func TestConfigRefuses(t *testing.T) {
	iface := func(s string) string { return least + s + "\n" }
	option82 := func(s string) string { return least + "[interface.dhcpv4.option82]\n" + s + "\n" }
	for _, tc := range []struct{ name, toml, key string }{
		{"R1542-16 R951-6 giaddr is the limited broadcast address", iface(`dhcpv4.giaddr = "255.255.255.255"`), "giaddr"},
		{"R1542-16 giaddr is a multicast address", iface(`dhcpv4.giaddr = "224.0.0.1"`), "giaddr"},
		{"R3046-19 giaddr is a loopback address", iface(`dhcpv4.giaddr = "127.0.0.1"`), "giaddr"},
		{"R1542-12 R1542-11 hop limit above 16", iface(`dhcpv4.hop_limit = 17`), "hop_limit"},
		{"R1542-12 hop limit 0", iface(`dhcpv4.hop_limit = 0`), "hop_limit"},
		{"R1542-21 broadcast as server", "[[interface]]\nname = \"d*\"\nservers = [\"255.255.255.255\"]\n", "servers"},
		{"R8213-3 multicast as server", "[[interface]]\nname = \"d*\"\nservers = [\"239.1.1.1\"]\n", "servers"},
		{"R1542-9 interface without a name", "[[interface]]\nservers = [\"198.51.100.10\"]\n", "interface"},
		{"R3046-26 R3396-3 more than 255 octets of suboptions", option82(`circuit_id = "` + strings.Repeat("c", 200) + "\"\nremote_id = \"" + strings.Repeat("r", 100) + `"`), "option82"},
		{"R3046-26 suboption of more than 255 octets", option82(`circuit_id = "` + strings.Repeat("c", 256) + `"`), "circuit_id"},
		{"R3993-2 empty subscriber-id", option82(`subscriber_id = ""`), "subscriber_id"},
		{"R3993-2 subscriber-id with NUL", option82(`subscriber_id = "{hex:00}"`), "subscriber_id"},
		{"R3993-2 subscriber-id beyond ASCII", option82(`subscriber_id = "é"`), "subscriber_id"},
		{"R6925-1 empty relay-id", option82(`relay_id = ""`), "relay_id"},
		{"R6925-1 relay-id of no octets", option82(`relay_id = "hex:"`), "relay_id"},
		{"R4243-1 vendor without data", option82(`vendor = [{ enterprise = 9 }]`), "vendor"},
		{"R6607-1 R6607-7 VSS alone", least + "vss = \"red\"\n", "vss"},
		{"R6607-3 VPN-ID of six octets", option82(`vss = "vpn:00aabb:000001"`), "vss"},
		{"R6607-3 empty VPN name", option82(`vss = ""`), "vss"},
		{"R8357-1 source port without option 82", iface("dhcpv4.source_port = 6700\ndhcpv4.option82 = false"), "source_port"},
		{"R3046-8 R2132-1 limit below 576", iface(`dhcpv4.max_message_size = 300`), "max_message_size"},
		{"R1542-20 no forwarding of other UDP services", iface(`helper_ports = [69]`), "helper_ports"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := config.Parse("relay.toml", []byte(tc.toml), config.Host{Hostname: "router"})
			var ps config.Problems
			if !errors.As(err, &ps) {
				t.Fatalf("got error %v, want problems", err)
			}
			if len(ps) != 1 || !strings.Contains(ps[0].Key+" "+ps[0].Text, tc.key) {
				t.Errorf("got %v, want one problem with %s", err, tc.key)
			}
		})
	}
}

// TestDefaults shows what a configuration need not say.
func TestDefaults(t *testing.T) {
	c, err := config.Parse("relay.toml", []byte(least), config.Host{Hostname: "router"})
	if err != nil {
		t.Fatal(err)
	}
	in := c.Policy.Interfaces[0]
	t.Run("R1542-12 hop limit 4", func(t *testing.T) {
		if in.V4.HopLimit != 4 {
			t.Errorf("got %d", in.V4.HopLimit)
		}
	})
	t.Run("R8357-2 source port 67", func(t *testing.T) {
		if in.V4.SourcePort != 67 {
			t.Errorf("got %d", in.V4.SourcePort)
		}
	})
	t.Run("R1542-9 nothing is relayed without an interface", func(t *testing.T) {
		if _, err := config.Parse("relay.toml", nil, config.Host{}); err == nil {
			t.Error("an empty file is taken")
		}
		c, err := config.Parse("relay.toml", []byte(`interfaces = "none"`), config.Host{})
		if err != nil || len(c.Policy.Interfaces) > 0 {
			t.Errorf("none: %v, %v", c, err)
		}
	})
}
