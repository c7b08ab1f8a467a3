package config

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
)

// one6 is an interface with servers of both families, to which tests add keys
// from line 5 on.
const one6 = `[[interface]]
name = "vlan10"
servers = ["10.9.0.2", "2001:db8:9::2"]
[interface.dhcpv6]
`

func TestParseDHCPv6(t *testing.T) {
	t.Parallel()
	type v6 = agent.Interface6
	tests := []struct {
		name, top, text string
		want            func(t *testing.T, c *Config, i *v6)
	}{
		{name: "the defaults", want: func(*testing.T, *Config, *v6) {}},
		{
			name: "R7283-1 R6977-2 R6422-2 R9915-5 R8357-5 each scalar",
			text: `link_address = "2001:db8:1::/64"
				hop_limit = 32
				source = "2001:db8:f::1"
				source_port = 5470
				accept_unicast = true
				refuse_types = ["reconfigure_request", 200]
				refuse_rsoo = true
				interface_id = "{hostname}:{interface}"
				subscriber_id = "sub-{vlan}"
				relay_id = true
				client_mac = false
				echo_request = [37, 38]
				vss = "vpn:00aabb:00000001"`,
			want: func(t *testing.T, _ *Config, i *v6) {
				*i = v6{
					Common: agent.Common{
						Address:  giaddr.Rule{Kind: giaddr.InPrefix, Prefix: netip.MustParsePrefix("2001:db8:1::/64")},
						HopLimit: 32, Source: agent.SourceGiven, SourceAddr: netip.MustParseAddr("2001:db8:f::1"), SourcePort: 5470,
						RefuseTypes: []uint8{18, 200},
					},
					AcceptUnicast: true, RefuseRSOO: true,
					InterfaceID: template(t, "{hostname}:{interface}"), SubscriberID: template(t, "sub-{vlan}"),
					RelayID: true, EchoRequest: []uint16{37, 38},
					VSS: agent.VSS{On: true, Type: 1, Name: []byte{0x00, 0xaa, 0xbb, 0, 0, 0, 1}},
				}
			},
		},
		{
			name: "R4649-1 remote-id", text: `remote_id = { enterprise = 4294967295, id = "{mac:raw}x" }`,
			want: func(t *testing.T, _ *Config, i *v6) {
				i.RemoteID = agent.RemoteID{Enterprise: 0xffffffff, ID: template(t, "{mac:raw}x")}
			},
		},
		{
			name: "R6422-1 RSOO with the ERP domain", text: `rsoo = [{ code = 65, data = "hex:0365727000" }]`,
			want: func(_ *testing.T, _ *Config, i *v6) {
				i.RSOO = []byte{0, 65, 0, 5, 3, 'e', 'r', 'p', 0}
			},
		},
		{
			name: "source by link-address, borrowed", text: "source = \"link_address\"\nlink_address = \"lo\"",
			want: func(_ *testing.T, _ *Config, i *v6) {
				i.Source, i.Address = agent.SourceGiaddr, giaddr.Rule{Kind: giaddr.Borrowed, Link: "lo"}
			},
		},
		{
			name: "R5460-1 DUID", top: `duid = "00:03:00:01:02:00:00:00:00:01"`,
			want: func(_ *testing.T, c *Config, _ *v6) {
				c.Policy.DUID = []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 1}
			},
		},
		{
			name: "off what the defaults switch on",
			top:  "[defaults.dhcpv6]\nremote_id = { enterprise = 9, id = \"x\" }\nsubscriber_id = \"s\"\nvss = \"red\"\nrsoo = [{ code = 65, data = \"x\" }]\necho_request = [37]\nhop_limit = 4\ninterface_id = \"i\"\n",
			text: "remote_id = false\nsubscriber_id = false\nvss = false\nrsoo = []\necho_request = []\nrefuse_types = []\ninterface_id = true",
			want: func(_ *testing.T, _ *Config, i *v6) { i.HopLimit, i.RefuseTypes = 4, nil },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := leastConfig(t)
			tt.want(t, want, &want.Policy.Interfaces[0].V6)
			got, err := Parse("relay.toml", []byte(tt.top+"\n"+one6+tt.text), testHost())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, compare()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.NeedsDUID() != want.Policy.Interfaces[0].V6.RelayID {
				t.Errorf("NeedsDUID() = %v", got.NeedsDUID())
			}
		})
	}
}

// TestLinkLocalServers writes a server that is reached on one link in each way that
// there is.
func TestLinkLocalServers(t *testing.T) {
	t.Parallel()
	about := func(text string) string { return "[[interface]]\nname = \"vlan10\"\n" + text }
	for _, tt := range []struct {
		name, text string
		want       agent.Server
	}{
		{"R9915-6 with its interface", about(`servers = ["fe80::2%u0"]`), agent.Server{VSS: true}},
		{"R9915-6 with a [[server]]", about("servers = [\"fe80::2\"]\n[[server]]\naddress = \"fe80::2\"\ninterface = \"u0\"\nvrf = \"red\""), agent.Server{VSS: true, VRF: "red"}},
		{"with both", about("servers = [\"fe80::2%u0\"]\n[[server]]\naddress = \"fe80::2\"\ninterface = \"u0\"\nvss = false"), agent.Server{}},
		{"[[server]] with its interface", about("servers = [\"fe80::2\"]\n[[server]]\naddress = \"fe80::2%u0\"\nvss = false"), agent.Server{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := Parse("f", []byte(tt.text), Host{Hostname: "r"})
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Addr, tt.want.Link = netip.MustParseAddrPort("[fe80::2%u0]:547"), "u0"
			if len(c.Policy.Servers) != 1 || c.Policy.Servers[0] != tt.want {
				t.Errorf("servers %+v, want %+v", c.Policy.Servers, tt.want)
			}
			if len(c.Warnings) > 0 {
				t.Errorf("warnings: %v", c.Warnings)
			}
			if want := fmt.Sprint(tt.want.VSS); c.ServerSetting(0, "vss").Value != want {
				t.Errorf("vss of the server is said to be %q, want %s", c.ServerSetting(0, "vss").Value, want)
			}
		})
	}
}

func TestParseDHCPv6Problems(t *testing.T) {
	t.Parallel()
	tests := []parsing{
		{
			name: "no table", text: one + "dhcpv6 = false",
			want: []string{"f:4:10: interface[0].dhcpv6: false is a boolean; write a table [defaults.dhcpv6] or [interface.dhcpv6]"},
		},
		{
			name: "unknown key", text: one6 + "circuit_id = true",
			want: []string{"f:5:1: interface[0].dhcpv6.circuit_id: there is no such key; circuit_id belongs in [defaults.dhcpv4.option82] or [interface.dhcpv4.option82]"},
		},
		{
			name: "link-address", text: one6 + `link_address = "fe80::1"`,
			want: []string{`f:5:16: interface[0].dhcpv6.link_address: fe80::1 is no global or unique-local address, and link-address must be one (RFC 9915, section 19.1.1)`},
		},
		{
			name: "link-address from itself", text: one6 + `link_address = "vlan10"`,
			want: []string{`f:5:1: interface[0].dhcpv6.link_address: "vlan10" borrows from itself; write link_address = "primary"`},
		},
		{
			name: "R9915-8 source", text: one6 + `source = "fe80::1"`,
			want: []string{`f:5:10: interface[0].dhcpv6.source: "fe80::1" is no global or unique-local IPv6 address that a host can have; write "route", "link_address" or an IPv6 address of this host`},
		},
		{
			name: "source is an interface", text: one6 + `source = "lo"`,
			want: []string{`f:5:10: interface[0].dhcpv6.source: "lo" is no global or unique-local IPv6 address that a host can have; write "route", "link_address" or an IPv6 address of this host`},
		},
		{
			name: "R9915-21 hop limit", text: one6 + "hop_limit = 33",
			want: []string{"f:5:13: interface[0].dhcpv6.hop_limit: 33 is out of range; write a number from 1 to 32"},
		},
		{
			name: "R7283-1 types", text: one6 + "refuse_types = [12, 256, 1, 1]",
			want: []string{
				"f:5:16: interface[0].dhcpv6.refuse_types: 12 is no message of a client; remove it; trusted says whether other relays are attached",
				"f:5:21: interface[0].dhcpv6.refuse_types[1]: 256 is out of range; write a message type from 1 to 255, or the name of one",
				"f:5:29: interface[0].dhcpv6.refuse_types[3]: 1 is on the list already; remove one",
			},
		},
		{
			name: "R9915-17 no Interface-Id", text: one6 + "interface_id = false",
			want: []string{`f:5:16: interface[0].dhcpv6.interface_id: replies need it to find their way; write true for "{interface}", or text with the placeholders of circuit_id but {giaddr}`},
		},
		{
			name: "R9915-17 Interface-Id that can be empty", text: one6 + `interface_id = "{ifalias}"`,
			want: []string{`f:5:16: interface[0].dhcpv6.interface_id: "{ifalias}" can be empty; add text or a placeholder that all interfaces have, such as {interface}`},
		},
		{
			name: "R9915-18 Interface-Id of an address", text: one6 + `interface_id = "x{giaddr}"`,
			want: []string{`f:5:16: interface[0].dhcpv6.interface_id: "x{giaddr}": there is no giaddr in DHCPv6; write true for "{interface}", or text with the placeholders of circuit_id but {giaddr}`},
		},
		{
			name: "R4649-1 remote-id without identifier", text: one6 + "remote_id = { enterprise = 9 }",
			want: []string{`f:5:1: interface[0].dhcpv6.remote_id: there is no id; write id, which is text with the placeholders of circuit_id but {giaddr}`},
		},
		{
			name: "R4649-1 remote-id that can be empty", text: one6 + `remote_id = { enterprise = 9, id = "" }`,
			want: []string{`f:5:36: interface[0].dhcpv6.remote_id.id: "" can be empty; add text or a placeholder that all interfaces have, such as {interface}`},
		},
		{
			name: "remote-id without enterprise", text: one6 + "remote_id = true",
			want: []string{`f:5:13: interface[0].dhcpv6.remote_id: true says not what; write false, or a table such as { enterprise = 9, id = "{mac}" }`},
		},
		{
			name: "R4994-2 echo of what the relay acts upon", text: one6 + "echo_request = [18, 37]",
			want: []string{"f:5:16: interface[0].dhcpv6.echo_request: the relay acts upon option 18, which servers send back without being asked (RFC 4994, section 4); remove it"},
		},
		{
			name: "R6422-1 RSOO with DNS servers", text: one6 + `rsoo = [{ code = 23, data = "x" }]`,
			want: []string{"f:5:18: interface[0].dhcpv6.rsoo[0].code: relays must not supply option 23 (RFC 6422, section 5); write 65, which is the ERP local domain name"},
		},
		{
			name: "RSOO without data", text: one6 + "rsoo = [{ code = 65 }]",
			want: []string{`f:5:9: interface[0].dhcpv6.rsoo[0]: there is no data; write data, which is text, or octets such as "hex:0365727000"`},
		},
		{
			name: "too much", text: one6 + `rsoo = [{ code = 65, data = "` + strings.Repeat("x", 950) + `" }]`,
			want: []string{"f:4:1: interface[0].dhcpv6: the options can take 1047 octets with their header, and there is room for 1024; shorten rsoo, or the identifiers"},
		},
		{
			name: "R6607-v6-1 VPN that no server learns", text: one6 + "vss = \"red\"\n[[server]]\naddress = \"2001:db8:9::2\"\nvss = false",
			want: []string{"f:5:1: interface[0].dhcpv6.vss: no IPv6 server of this interface understands VSS, so none learns the clients' VPN; write vss = true in the [[server]], or vss = false here"},
		},
		{
			name: "R5460-1 DUID", text: "duid = \"xyz\"\n" + one,
			want: []string{`f:1:8: duid: DUID "xyz": encoding/hex: invalid byte: U+0078 'x'; write octets as 00:04:5e`},
		},
		{
			name: "R5460-1 DUID of 2 octets", text: "duid = \"00:03\"\n" + one,
			want: []string{`f:1:8: duid: DUID "00:03" has 2 octets, not 3 to 130 with its type`},
		},
		{
			name: "R9915-6 multicast group on no interface", text: "[[interface]]\nname = \"vlan10\"\nservers = [\"ff05::1:3\"]",
			want: []string{`f:3:1: interface[0].servers: ff05::1:3 is a multicast group, and nothing says on which interface it is; write a [[server]] with address = "ff05::1:3" and interface = "..."`},
		},
		{
			name: "R9915-6 link-local server on no interface", text: "[[interface]]\nname = \"vlan10\"\nservers = [\"fe80::2\"]",
			want: []string{`f:3:1: interface[0].servers: fe80::2 is link-local, and nothing says on which interface it is; write "fe80::2%uplink" with the interface's name, or a [[server]] with address = "fe80::2" and interface = "uplink"`},
		},
		{
			name: "link-local server on several interfaces",
			text: "[[interface]]\nname = \"vlan10\"\nservers = [\"fe80::2\"]\n[[server]]\naddress = \"fe80::2%u0\"\n[[server]]\naddress = \"fe80::2\"\ninterface = \"u1\"",
			want: []string{`f:3:1: interface[0].servers: fe80::2 is on several interfaces; write which: "fe80::2%u0"`},
		},
		{
			name: "link-local server twice", text: "[[interface]]\nname = \"vlan10\"\nservers = [\"fe80::2\", \"fe80::2%u0\"]\n[[server]]\naddress = \"fe80::2\"\ninterface = \"u0\"",
			want: []string{"f:3:1: interface[0].servers: fe80::2%u0 is on the list twice; remove one"},
		},
		{
			name: "link-local server on two interfaces at once", text: one + "[[server]]\naddress = \"fe80::2%u0\"\ninterface = \"u1\"",
			want: []string{"f:6:1: server[0].interface: fe80::2%u0 is on u0, not on u1; remove it, or %u0"},
		},
		{
			name: "link-local [[server]] on no interface", text: one + "[[server]]\naddress = \"fe80::2\"",
			want: []string{`f:5:1: server[0].address: fe80::2 is link-local, and nothing says on which interface it is; write interface = "..." beside it`},
		},
		{
			name: "multicast group with an interface", text: "[[interface]]\nname = \"vlan10\"\nservers = [\"ff05::1:3%u0\"]",
			want: []string{`f:3:12: interface[0].servers[0]: ff05::1:3%u0 contains the name of an interface; write "ff05::1:3" and a [[server]] with interface = "u0"`},
		},
		{
			name: "global address with interface and port", text: "[[interface]]\nname = \"vlan10\"\nservers = [\"[2001:db8:9::2%u0]:1547\"]",
			want: []string{`f:3:12: interface[0].servers[0]: 2001:db8:9::2%u0 contains the name of an interface, and the route leads to a global address; leave out %u0: write "[2001:db8:9::2]:1547"`},
		},
		{
			name: "interface of a server that is routed", text: one + "[[server]]\naddress = \"10.9.0.2\"\ninterface = \"u0\"",
			want: []string{"f:6:1: server[0].interface: the route leads to 10.9.0.2; remove it; it is for link-local addresses and multicast groups"},
		},
		{
			name: "interface with a name that none has", text: one + "[[server]]\naddress = \"10.9.0.2\"\ninterface = \"a/b\"",
			want: []string{`f:6:13: server[0].interface: "a/b" is no name that a device can have; write the name of an interface, or "" where the route decides`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.check(t)
		})
	}
	t.Run("host without a name", func(t *testing.T) {
		t.Parallel()
		_, err := Parse("f", []byte(one6+`subscriber_id = "{hostname}"`), Host{})
		want := `f:5:1: interface[0].dhcpv6.subscriber_id: {hostname} is empty, since this host has no name; write hostname = "..." at the top of the file`
		if err == nil || err.Error() != want {
			t.Errorf("want %q, got %v", want, err)
		}
	})
}
