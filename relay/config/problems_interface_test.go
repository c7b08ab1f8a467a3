package config

import "testing"

func TestParseInterfaceProblems(t *testing.T) {
	t.Parallel()
	tests := []parsing{
		{
			name: "a port behind an IPv6 address without brackets",
			text: `[[interface]]
name = "vlan10"
servers = ["2001:db8:9::2:547", "[2001:db8:9::3]:547", "2001:db8:9::547"]`,
			want: []string{
				`f:3:12: interface[0].servers[0]: the last part of 2001:db8:9::2:547 is a part of the address, not a port; write "2001:db8:9::2", or "[2001:db8:9::2:547]:547" if it is one`,
			},
		},
		{
			name: "interface without name and servers",
			text: `[[interface]]
dhcpv4.min_secs = 1`,
			want: []string{
				`f:1:1: interface[0]: this interface has no name; write name = "vlan10", or a pattern such as name = "vlan*"`,
				`f:1:1: interface[0]: this interface has no servers; write servers = ["10.9.0.2"] here or in [defaults], or relay = false to leave the interface alone`,
			},
		},
		{
			name: "interface with no servers left",
			text: `[defaults]
servers = ["10.9.0.2"]
[[interface]]
name = "x"
servers = []`,
			want: []string{
				`f:5:1: interface[0].servers: this interface has no servers; write servers = ["10.9.0.2"] here or in [defaults], or relay = false to leave the interface alone`,
			},
		},
		{
			name: "name empty",
			text: `defaults.servers = ["10.9.0.2"]
[[interface]]
name = ""`,
			want: []string{
				`f:3:8: interface[0].name: "" is no name that an interface can have; write the name of an interface, or a pattern with * ? [ ] such as "vlan*"`,
			},
		},
		{
			name: "names with white space and labels",
			text: `defaults.servers = ["10.9.0.2"]
[[interface]]
name = "vlan10 "
[[interface]]
name = "vlan10 vlan20"
[[interface]]
name = "eth0:1"
[[interface]]
name = "vlan* "`,
			want: []string{
				`f:3:8: interface[0].name: "vlan10 " is no name that an interface can have; write "vlan10"`,
				`f:5:8: interface[1].name: "vlan10 vlan20" is no name that an interface can have; write an [[interface]] for each name`,
				`f:7:8: interface[2].name: "eth0:1" is no name that an interface can have; write "eth0": what follows the colon is a label of one of its addresses`,
				`f:9:8: interface[3].name: "vlan* " matches no name that an interface can have; write "vlan*"`,
			},
		},
		{
			name: "name too long",
			text: `defaults.servers = ["10.9.0.2"]
[[interface]]
name = "a1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"`,
			want: []string{
				`f:3:8: interface[0].name: "a1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" is no name that an interface can have; write the name of an interface, or a pattern with * ? [ ] such as "vlan*"`,
			},
		},
		{
			name: "pattern",
			text: `defaults.servers = ["10.9.0.2"]
[[interface]]
name = "vlan[0-9"`,
			want: []string{
				`f:3:8: interface[0].name: "vlan[0-9" is no pattern; close each "[" with a "]", and write \\ only before a character that it escapes`,
			},
		},
		{
			name: "name twice",
			text: one + `[[interface]]
name = "vlan10"
servers = ["10.9.0.2"]`,
			want: []string{
				`f:5:1: interface[1].name: "vlan10" is already interface[0]; make one of both`,
			},
		},
		{
			name: "pattern behind a pattern",
			text: `defaults.servers = ["10.9.0.2"]
[[interface]]
name = "vlan*"
[[interface]]
name = "vlan1*"
[[interface]]
name = "*"
[[interface]]
name = "eth?"`,
			want: []string{
				`f:5:1: interface[1].name: interface[0] "vlan*" comes before and holds for all that "vlan1*" means; move this interface before that one`,
				`f:9:1: interface[3].name: interface[2] "*" comes before and holds for all that "eth?" means; move this interface before that one`,
			},
		},
		{
			name: "servers",
			text: `[[interface]]
name = "x"
servers = [
  "dhcp-example-net", "10.9.0", "0.0.0.0", "255.255.255.255", "224.0.0.1", "10.9.0.2:0",
  "::ffff:10.9.0.2", "2001:db8:9::2%eth0", "::", "2001:db8::2:547x", "127.0.0.1", "::1", 7,
]`,
			want: []string{
				`f:4:3: interface[0].servers[0]: there is no server with the name "dhcp-example-net"; write an address, or a [[server]] or [[server_group]] with this name`,
				`f:4:23: interface[0].servers[1]: "10.9.0" is no address; write an address such as "10.9.0.2" or "2001:db8:9::2", or one with a port such as "10.9.0.2:1067" or "[2001:db8:9::2]:1547"`,
				`f:4:33: interface[0].servers[2]: 0.0.0.0 is no address that a server can have; write an address such as "10.9.0.2" or "2001:db8:9::2", or one with a port such as "10.9.0.2:1067" or "[2001:db8:9::2]:1547"`,
				`f:4:44: interface[0].servers[3]: 255.255.255.255 is no address that a server can have; write an address such as "10.9.0.2" or "2001:db8:9::2", or one with a port such as "10.9.0.2:1067" or "[2001:db8:9::2]:1547"`,
				`f:4:63: interface[0].servers[4]: 224.0.0.1 is no address that a server can have; write an address such as "10.9.0.2" or "2001:db8:9::2", or one with a port such as "10.9.0.2:1067" or "[2001:db8:9::2]:1547"`,
				"f:4:76: interface[0].servers[5]: nothing listens on port 0; leave the port away, or write the server's",
				`f:5:3: interface[0].servers[6]: ::ffff:10.9.0.2 is an IPv4 address in IPv6 form; write "10.9.0.2"`,
				`f:5:22: interface[0].servers[7]: 2001:db8:9::2%eth0 contains the name of an interface, and the route leads to a global address; leave out %eth0: write "2001:db8:9::2"`,
				`f:5:44: interface[0].servers[8]: :: is no address that a server can have; write an address such as "10.9.0.2" or "2001:db8:9::2", or one with a port such as "10.9.0.2:1067" or "[2001:db8:9::2]:1547"`,
				`f:5:50: interface[0].servers[9]: "2001:db8::2:547x" is no address; write an address such as "10.9.0.2" or "2001:db8:9::2", or one with a port such as "10.9.0.2:1067" or "[2001:db8:9::2]:1547"`,
				`f:5:70: interface[0].servers[10]: 127.0.0.1:67 is this relay itself; write the port on which the server listens, such as "127.0.0.1:1067"`,
				`f:5:83: interface[0].servers[11]: [::1]:547 is this relay itself; write the port on which the server listens, such as "[::1]:1547"`,
				`f:5:90: interface[0].servers[12]: 7 is a number; write an address such as "10.9.0.2" or "2001:db8:9::2", or one with a port such as "10.9.0.2:1067" or "[2001:db8:9::2]:1547"`,
			},
		},
		{
			name: "more servers than an interface can have",
			text: "[[interface]]\nname = \"x\"\nservers = [" + addresses(17) + "]\n",
			want: []string{
				"f:3:1: interface[0].servers: 17 servers of one family, and an interface can have 16; leave some out, or name relays that pass requests on to several",
			},
		},
		{
			name: "server twice",
			text: one + `[[interface]]
name = "x"
servers = ["10.9.0.2", "10.9.0.2:67"]`,
			want: []string{
				"f:6:24: interface[1].servers[1]: 10.9.0.2:67 is already interface[1].servers[0]; remove one",
			},
		},
		{
			name: "a bad server is no missing server",
			text: `defaults.servers = ["x"]
[[interface]]
name = "x"`,
			want: []string{
				`f:1:21: defaults.servers[0]: there is no server with the name "x"; write an address, or a [[server]] or [[server_group]] with this name`,
			},
		},
		{
			name: "[[server]]",
			text: one + `[[server]]
vrf = "a/b"
[[server]]
address = "10.9.0.2"
[[server]]
address = "10.9.0.2:67"
vss = 1`,
			want: []string{
				`f:4:1: server[0]: this server has no address; write address = "10.9.0.2", as interfaces list it`,
				`f:5:7: server[0].vrf: "a/b" is no name that a device can have; write the name of a VRF device, or "" for the default VRF`,
				"f:9:1: server[2].address: 10.9.0.2:67 is already server[1]; make one of both",
				"f:10:7: server[2].vss: 1 is a number; write true or false",
			},
		},
		{
			name: "numbers",
			text: one + `dhcpv4.hop_limit = 17
dhcpv4.min_secs = 65536
dhcpv4.smart_relay_after = -1
dhcpv4.source_port = 0
dhcpv4.max_message_size = 575`,
			want: []string{
				"f:4:20: interface[0].dhcpv4.hop_limit: 17 is out of range; write a number from 1 to 16",
				"f:5:19: interface[0].dhcpv4.min_secs: 65536 is out of range; write a number of seconds from 0 to 65535",
				"f:6:28: interface[0].dhcpv4.smart_relay_after: -1 is out of range; write a number from 0 (never) to 100",
				"f:7:22: interface[0].dhcpv4.source_port: 0 is out of range; write a port from 1 to 65535",
				"f:8:27: interface[0].dhcpv4.max_message_size: 575 is less than every client and server must accept (RFC 2131, section 2); write 0 for the MTU, or a number of octets from 576 to 65507",
			},
		},
		{
			name: "hop_limit 0",
			text: one + "dhcpv4.hop_limit = 0",
			want: []string{
				"f:4:20: interface[0].dhcpv4.hop_limit: 0 is out of range; write a number from 1 to 16",
			},
		},
		{
			name: "numbers of other types",
			text: one + `dhcpv4.hop_limit = "4"
dhcpv4.min_secs = 1.5
dhcpv4.smart_relay_after = true
dhcpv4.source_port = 2026-01-01
dhcpv4.max_message_size = [1]`,
			want: []string{
				`f:4:20: interface[0].dhcpv4.hop_limit: "4" is a string; write a number from 1 to 16`,
				"f:5:19: interface[0].dhcpv4.min_secs: this is a number with a fraction; write a number of seconds from 0 to 65535",
				"f:6:28: interface[0].dhcpv4.smart_relay_after: true is a boolean; write a number from 0 (never) to 100",
				"f:7:22: interface[0].dhcpv4.source_port: this is a date or time; write a port from 1 to 65535",
				"f:8:27: interface[0].dhcpv4.max_message_size: this is a list; write 0 for the MTU, or a number of octets from 576 to 65507",
			},
		},
		{
			name: "choices",
			text: one + `mode = "fallback"
dhcpv4.relayed_requests = "discard"
dhcpv4.oversize = true
dhcpv4.source = "eth0"`,
			want: []string{
				`f:4:8: interface[0].mode: there is no "fallback"; write "all", "failover", "hash" or "balance"`,
				`f:5:27: interface[0].dhcpv4.relayed_requests: there is no "discard"; write "forward", "append", "replace" or "drop"`,
				`f:6:19: interface[0].dhcpv4.oversize: true is a boolean; write "without_option82" or "drop"`,
				`f:7:17: interface[0].dhcpv4.source: "eth0" is no IPv4 address that a host can have; write "route", "giaddr" or an IPv4 address of this host`,
			},
		},
		{
			name: "booleans",
			text: one + `trusted = "yes"
dhcpv4.bootp = 1`,
			want: []string{
				`f:4:11: interface[0].trusted: "yes" is a string; write true or false`,
				"f:5:16: interface[0].dhcpv4.bootp: 1 is a number; write true or false",
			},
		},
		{
			name: "R1542-16 giaddr",
			text: one + `dhcpv4.giaddr = "192.0.2.255/24"`,
			want: []string{
				`f:4:17: interface[0].dhcpv4.giaddr: 192.0.2.255/24 has bits beyond its length; write "192.0.2.0/24" for the prefix or "192.0.2.255" for the address`,
			},
		},
		{
			name: "giaddr broadcast",
			text: one + `dhcpv4.giaddr = "255.255.255.255"`,
			want: []string{
				"f:4:17: interface[0].dhcpv4.giaddr: 255.255.255.255 is no address that a host can have, and giaddr must be one (RFC 1542, section 4.1.1)",
			},
		},
		{
			name: "giaddr IPv6",
			text: one + `dhcpv4.giaddr = "2001:db8::/32"`,
			want: []string{
				"f:4:17: interface[0].dhcpv4.giaddr: 2001:db8::/32 is no IPv4 prefix, and giaddr holds an IPv4 address",
			},
		},
		{
			name: "giaddr of itself",
			text: one + `dhcpv4.giaddr = "vlan10"`,
			want: []string{
				`f:4:8: interface[0].dhcpv4.giaddr: "vlan10" borrows from itself; write giaddr = "primary"`,
			},
		},
		{
			name: "smart relay with one address",
			text: one + `dhcpv4.giaddr = "192.0.2.1"
dhcpv4.smart_relay_after = 3`,
			want: []string{
				`f:5:8: interface[0].dhcpv4.smart_relay_after: giaddr is the one address 192.0.2.1, so there is no next one to try; write smart_relay_after = 0, or giaddr = "primary"`,
			},
		},
		{
			name: "source IPv6",
			text: one + `dhcpv4.source = "2001:db8::1"`,
			want: []string{
				`f:4:17: interface[0].dhcpv4.source: "2001:db8::1" is no IPv4 address that a host can have; write "route", "giaddr" or an IPv4 address of this host`,
			},
		},
		{
			name: "R8357-1 source port without option 82",
			text: one + `dhcpv4.source_port = 6700
dhcpv4.option82 = false`,
			want: []string{
				`f:4:8: interface[0].dhcpv4.source_port: servers answer to port 6700 only if option 82 says so (RFC 8357, section 5.1), and "vlan10" has it switched off; write source_port = 67, or leave option82 switched on`,
			},
		},
		{
			name: "R3046-28 append without option 82",
			text: one + `trusted = true
dhcpv4.relayed_requests = "append"
dhcpv4.option82 = false`,
			want: []string{
				`f:5:8: interface[0].dhcpv4.relayed_requests: "vlan10" has option 82 switched off, so there is none to put in; write relayed_requests = "forward", or leave option82 switched on`,
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
