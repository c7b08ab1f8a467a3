package config

import (
	"strings"
	"testing"
)

func TestParseOption82Problems(t *testing.T) {
	t.Parallel()
	tests := []parsing{
		{
			name: "option82 of another type",
			text: one + `dhcpv4.option82 = "on"`,
			want: []string{
				`f:4:19: interface[0].dhcpv4.option82: "on" is a string; write true, false or a table [defaults.dhcpv4.option82] or [interface.dhcpv4.option82]`,
			},
		},
		{
			name: "templates",
			text: one + `dhcpv4.option82 = { circuit_id = "{prot}", remote_id = "{mac", subscriber_id = "{vlan:raw" }`,
			want: []string{
				"f:4:34: interface[0].dhcpv4.option82.circuit_id: at offset 0: no placeholder {prot}; there are {interface}, {ifalias}, {hostname}, {vlan}, {svlan}, {cvlan}, {vlan1}, {vlan2}, {:vlan}, {:vlans}, {mac}, {giaddr}, {port}, {port_alias}, {port_slot}, {port_number}, {client_mac}, {vlan:raw}, {svlan:raw}, {cvlan:raw}, {vlan1:raw}, {vlan2:raw}, {vlan1:4}, {vlan2:4}, {mac:raw}, {mac:plain}, {giaddr:raw}, {port_slot:raw}, {port_number:raw}, {client_mac:raw}, {length}, {hex:...}",
				`f:4:56: interface[0].dhcpv4.option82.remote_id: at offset 0: a "{" that is not closed; a brace itself is written "{{"`,
				`f:4:80: interface[0].dhcpv4.option82.subscriber_id: at offset 0: a "{" that is not closed; a brace itself is written "{{"`,
			},
		},
		{
			name: "templates of another type",
			text: one + "dhcpv4.option82 = { circuit_id = 1, remote_id = [], subscriber_id = 2, relay_id = 3 }",
			want: []string{
				`f:4:34: interface[0].dhcpv4.option82.circuit_id: 1 is a number; write false, true for "{interface}", or text with placeholders such as "{hostname}:{interface}"`,
				`f:4:49: interface[0].dhcpv4.option82.remote_id: this is a list; write false, true for "{mac}", or text with placeholders such as "{hostname}:{interface}"`,
				"f:4:69: interface[0].dhcpv4.option82.subscriber_id: 2 is a number; write false, or printable ASCII with the placeholders of circuit_id in text form",
				`f:4:83: interface[0].dhcpv4.option82.relay_id: 3 is a number; write false, text, or octets such as "hex:0002a1"`,
			},
		},
		{
			name: "R3993-2 subscriber-id empty",
			text: one + `dhcpv4.option82.subscriber_id = ""`,
			want: []string{
				"f:4:33: interface[0].dhcpv4.option82.subscriber_id: a subscriber-id has at least one octet (RFC 3993, section 3.1); write false to send none",
			},
		},
		{
			name: "R3993-2 subscriber-id not ASCII",
			text: one + `dhcpv4.option82.subscriber_id = "Büro-{vlan}"`,
			want: []string{
				`f:4:33: interface[0].dhcpv4.option82.subscriber_id: "Büro-{vlan}" can give more than the NVT ASCII of a subscriber-id (RFC 3993, section 3.1); leave out octets beyond printable ASCII and the raw placeholders`,
			},
		},
		{
			name: "R3993-2 subscriber-id raw",
			text: one + `dhcpv4.option82.subscriber_id = "{mac:raw}"`,
			want: []string{
				`f:4:33: interface[0].dhcpv4.option82.subscriber_id: "{mac:raw}" can give more than the NVT ASCII of a subscriber-id (RFC 3993, section 3.1); leave out octets beyond printable ASCII and the raw placeholders`,
			},
		},
		{
			name: "subscriber-id true",
			text: one + "dhcpv4.option82.subscriber_id = true",
			want: []string{
				"f:4:33: interface[0].dhcpv4.option82.subscriber_id: true says not what; write false, or printable ASCII with the placeholders of circuit_id in text form",
			},
		},
		{
			name: "link_selection",
			text: one + `dhcpv4.option82.link_selection = "192.0.2.1/24"`,
			want: []string{
				`f:4:34: interface[0].dhcpv4.option82.link_selection: "192.0.2.1/24" has bits beyond its length; write "192.0.2.0/24"`,
			},
		},
		{
			name: "link_selection IPv6",
			text: one + `dhcpv4.option82.link_selection = "2001:db8::/64"`,
			want: []string{
				`f:4:34: interface[0].dhcpv4.option82.link_selection: "2001:db8::/64" is no IPv4 subnet; write false, "subnet", "address" or a prefix such as "192.0.2.0/24"`,
			},
		},
		{
			name: "link_selection of no form",
			text: one + `dhcpv4.option82.link_selection = "net"`,
			want: []string{
				`f:4:34: interface[0].dhcpv4.option82.link_selection: "net" is no prefix; write false, "subnet", "address" or a prefix such as "192.0.2.0/24"`,
			},
		},
		{
			name: "link_selection true",
			text: one + "dhcpv4.option82.link_selection = true",
			want: []string{
				`f:4:34: interface[0].dhcpv4.option82.link_selection: true says not what; write false, "subnet", "address" or a prefix such as "192.0.2.0/24"`,
			},
		},
		{
			name: "server_id_override",
			text: one + `dhcpv4.option82.server_id_override = "224.0.0.1"`,
			want: []string{
				`f:4:38: interface[0].dhcpv4.option82.server_id_override: "224.0.0.1" is no IPv4 address that a host can have; write false, true for the interface's address, or an address such as "192.0.2.1"`,
			},
		},
		{
			name: "R6925-1 relay-id empty",
			text: one + `dhcpv4.option82.relay_id = ""`,
			want: []string{
				"f:4:28: interface[0].dhcpv4.option82.relay_id: a relay-id has at least one octet (RFC 6925, section 4); write false to send none",
			},
		},
		{
			name: "relay-id octets",
			text: one + `dhcpv4.option82.relay_id = "hex:0"`,
			want: []string{
				`f:4:28: interface[0].dhcpv4.option82.relay_id: "hex:0" holds no octets; write two hexadecimal digits for each octet, such as "hex:0002a1"`,
			},
		},
		{
			name: "relay-id too long",
			text: one + `dhcpv4.option82.relay_id = "` + strings.Repeat("x", 256) + `"`,
			want: []string{
				"f:4:28: interface[0].dhcpv4.option82.relay_id: this is 256 octets long, and there is room for 255; shorten it",
			},
		},
		{
			name: "vendor",
			text: one + `dhcpv4.option82.vendor = [{ enterprise = 4294967296, data = "x" }, { enterprise = 9 }, { enterprise = 9, data = "hex:x", text = "x" }, 9]`,
			want: []string{
				"f:4:42: interface[0].dhcpv4.option82.vendor[0].enterprise: 4294967296 is out of range; write a number that IANA has registered, from 0 to 4294967295",
				`f:4:68: interface[0].dhcpv4.option82.vendor[1]: there is no data; write data, which is text, or octets such as "hex:00ff"`,
				`f:4:113: interface[0].dhcpv4.option82.vendor[2].data: "hex:x" holds no octets; write two hexadecimal digits for each octet, such as "hex:0002a1"`,
				"f:4:122: interface[0].dhcpv4.option82.vendor[2].text: there is no such key; there are enterprise, data",
				`f:4:136: interface[0].dhcpv4.option82.vendor[3]: 9 is a number; write a table such as { enterprise = 9, data = "text" }`,
			},
		},
		{
			name: "vendor data too long",
			text: one + `dhcpv4.option82.vendor = [{ enterprise = 9, data = "` + strings.Repeat("x", 251) + `" }]`,
			want: []string{
				"f:4:52: interface[0].dhcpv4.option82.vendor[0].data: this is 251 octets long, and there is room for 250; shorten it",
			},
		},
		{
			name: "vendors together too long",
			text: one + `dhcpv4.option82.vendor = [{ enterprise = 9, data = "` + strings.Repeat("x", 125) + `" }, { enterprise = 9, data = "` + strings.Repeat("x", 125) + `" }]`,
			want: []string{
				"f:4:26: interface[0].dhcpv4.option82.vendor: all vendors together take 260 octets, and a suboption has room for 255; shorten it",
			},
		},
		{
			name: "vss",
			text: one + `dhcpv4.option82.vss = ""`,
			want: []string{
				`f:4:23: interface[0].dhcpv4.option82.vss: "" is no name of 1 to 254 octets of printable ASCII (RFC 6607, section 3.5); write false, the name of the VPN as the servers know it, "vpn:00aabb:00000001" for a VPN-ID (RFC 2685), or "global"`,
			},
		},
		{
			name: "vss not ASCII",
			text: one + `dhcpv4.option82.vss = "röd"`,
			want: []string{
				`f:4:23: interface[0].dhcpv4.option82.vss: "röd" is no name of 1 to 254 octets of printable ASCII (RFC 6607, section 3.5); write false, the name of the VPN as the servers know it, "vpn:00aabb:00000001" for a VPN-ID (RFC 2685), or "global"`,
			},
		},
		{
			name: "R6607-3 vss VPN-ID",
			text: one + `dhcpv4.option82.vss = "vpn:00aabb:0001"`,
			want: []string{
				`f:4:23: interface[0].dhcpv4.option82.vss: "vpn:00aabb:0001" holds no VPN-ID of 7 octets (RFC 2685); write six and eight hexadecimal digits, such as "vpn:00aabb:00000001"`,
			},
		},
		{
			name: "R6607-3 vss VPN-ID with an OUI of two octets",
			text: one + `dhcpv4.option82.vss = "vpn:00aa:bb00000001"`,
			want: []string{
				`f:4:23: interface[0].dhcpv4.option82.vss: "vpn:00aa:bb00000001" holds no VPN-ID of 7 octets (RFC 2685); write six and eight hexadecimal digits, such as "vpn:00aabb:00000001"`,
			},
		},
		{
			name: "R6607-3 vss VPN-ID with an OUI of four octets",
			text: one + `dhcpv4.option82.vss = "vpn:00aabb00:000001"`,
			want: []string{
				`f:4:23: interface[0].dhcpv4.option82.vss: "vpn:00aabb00:000001" holds no VPN-ID of 7 octets (RFC 2685); write six and eight hexadecimal digits, such as "vpn:00aabb:00000001"`,
			},
		},
		{
			name: "R6607-3 vss VPN-ID with an OUI of half an octet less",
			text: one + `dhcpv4.option82.vss = "vpn:00aab:b00000001"`,
			want: []string{
				`f:4:23: interface[0].dhcpv4.option82.vss: "vpn:00aab:b00000001" holds no VPN-ID of 7 octets (RFC 2685); write six and eight hexadecimal digits, such as "vpn:00aabb:00000001"`,
			},
		},
		{
			name: "R6607-3 vss VPN-ID with no OUI",
			text: one + `dhcpv4.option82.vss = "vpn:00aabb00000001"`,
			want: []string{
				`f:4:23: interface[0].dhcpv4.option82.vss: "vpn:00aabb00000001" holds no VPN-ID of 7 octets (RFC 2685); write six and eight hexadecimal digits, such as "vpn:00aabb:00000001"`,
			},
		},
		{
			name: "R6607-3 vss VPN-ID with an index of three octets",
			text: one + `dhcpv4.option82.vss = "vpn:00aabb:000001"`,
			want: []string{
				`f:4:23: interface[0].dhcpv4.option82.vss: "vpn:00aabb:000001" holds no VPN-ID of 7 octets (RFC 2685); write six and eight hexadecimal digits, such as "vpn:00aabb:00000001"`,
			},
		},
		{
			name: "R6607-3 vss VPN-ID with an index of five octets",
			text: one + `dhcpv4.option82.vss = "vpn:00aabb:0000000001"`,
			want: []string{
				`f:4:23: interface[0].dhcpv4.option82.vss: "vpn:00aabb:0000000001" holds no VPN-ID of 7 octets (RFC 2685); write six and eight hexadecimal digits, such as "vpn:00aabb:00000001"`,
			},
		},
		{
			name: "R6607-3 vss VPN-ID with an OUI that is no number",
			text: one + `dhcpv4.option82.vss = "vpn:00aabx:00000001"`,
			want: []string{
				`f:4:23: interface[0].dhcpv4.option82.vss: "vpn:00aabx:00000001" holds no VPN-ID of 7 octets (RFC 2685); write six and eight hexadecimal digits, such as "vpn:00aabb:00000001"`,
			},
		},
		{
			name: "vss true",
			text: one + "dhcpv4.option82.vss = true",
			want: []string{
				`f:4:23: interface[0].dhcpv4.option82.vss: true says not what; write false, the name of the VPN as the servers know it, "vpn:00aabb:00000001" for a VPN-ID (RFC 2685), or "global"`,
			},
		},
		{
			name: "R6607-7 vss that no server understands",
			text: one + `dhcpv4.option82.vss = "red"
[[server]]
address = "10.9.0.2"
vss = false`,
			want: []string{
				"f:4:17: interface[0].dhcpv4.option82.vss: no IPv4 server of this interface understands VSS, so none learns the clients' VPN; write vss = true in the [[server]], or vss = false here",
			},
		},
		{
			name: "R3046-26 circuit-id of 256 octets",
			text: one + `dhcpv4.option82.circuit_id = "` + strings.Repeat("x", 256) + `"`,
			want: []string{
				"f:4:30: interface[0].dhcpv4.option82.circuit_id: this can be 256 octets long, and a suboption has room for 255; shorten it",
			},
		},
		{
			name: "R3046-26 200 and 100 octets",
			text: one + `dhcpv4.option82.circuit_id = "` + strings.Repeat("x", 200) + `"
dhcpv4.option82.remote_id = "` + strings.Repeat("y", 100) + `"`,
			want: []string{
				"f:4:8: interface[0].dhcpv4.option82: option 82 can take 304 octets, and has room for 255; shorten it: circuit_id 202, remote_id 102",
			},
		},
		{
			name: "R3046-26 every suboption, one octet too long, told once",
			text: `[defaults]
dhcpv4.source_port = 6700
[defaults.dhcpv4.option82]
circuit_id = "{ifalias}-"
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
				"f:3:1: defaults.dhcpv4.option82: option 82 can take 256 octets, and has room for 255; shorten it: circuit_id 67, remote_id 66, link_selection 6, subscriber_id 65, vendor 8, flags 3, server_id_override 6, relay_id 18, source_port 2, vss 15",
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
