package explain

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
)

// oneLink is a host with the link d0.
func oneLink(addrs []giaddr.Addr) (host []giaddr.Link) {
	l := giaddr.Link{Index: 2, Name: "d0", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 2}, Addrs: addrs}
	return append(host, l)
}

// TestTroublesWithAddresses tells of the clients' interface what the reason of a
// drop, or a message that is relayed, does not show.
func TestTroublesWithAddresses(t *testing.T) {
	t.Parallel()
	const toml = "[[interface]]\nname = \"d0\"\nservers = [\"2001:db8:9::2\"]\n"
	at := func(s string, duplicate bool) giaddr.Addr {
		return giaddr.Addr{Prefix: netip.MustParsePrefix(s), Duplicate: duplicate}
	}
	for _, tt := range []struct {
		name, toml, want string
		addrs            []giaddr.Addr
	}{
		{"R9915-15 a duplicate", toml, "d0: no usable address: 2001:db8:20::1 is a duplicate on the link.", []giaddr.Addr{at("fe80::1/64", false), at("2001:db8:20::1/64", true)}},
		{"R9915-16 only link-local", toml, "d0: no usable address: only the link-local fe80::1, by which servers would declare leases void.", []giaddr.Addr{at("fe80::1/64", false)}},
		{"R4291-1 no link-local", toml, "d0: it has no IPv6 link-local address, without which IPv6 does not work on it (RFC 4291, section 2.8).", []giaddr.Addr{at("2001:db8:20::1/64", false)}},
		{
			"R9915-16 by setting", toml + "[interface.dhcpv6]\nlink_address = \"link-local\"",
			"d0: link_address is \"link-local\", by which servers that do not go by the Interface-Id declare leases void.",
			[]giaddr.Addr{at("fe80::1/64", false)},
		},
		{"all is well", toml, "", []giaddr.Addr{at("fe80::1/64", false), at("2001:db8:20::1/64", false)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := config.Parse("relay.toml", []byte(tt.toml), config.Host{Hostname: "r"})
			if err != nil {
				t.Fatal(err)
			}
			r := New(cfg, oneLink(tt.addrs))
			res := explained(t, r, message(t, Client{V6: true, Interface: "d0"}))
			if got := strings.Join(res.Notes, " "); got != tt.want {
				t.Errorf("notes %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOutcomesAndSettings(t *testing.T) {
	t.Parallel()
	const one = servers + "[[interface]]\nname = \"vlan10\"\n"
	six := func(c Client) Client { c.V6 = true; return c }
	on10 := func(c Client) Client { c.Interface = "vlan10"; return c }
	tests := []struct {
		name    string
		toml    string
		client  Client
		outcome agent.Reason
		setting string // the last one
		line    int
	}{
		{"R1542-13 relayed", one, on10(Client{}), agent.Relayed, `dhcpv4.option82.circuit_id = "{interface}"`, 0},
		{"R1542-12 hops", one + "dhcpv4.hop_limit = 2", on10(Client{Hops: 3}), agent.HopLimit, "dhcpv4.hop_limit = 2", 5},
		{"R1542-10 secs", one + "dhcpv4.min_secs = 10", on10(Client{Secs: 9}), agent.SecsBelow, "dhcpv4.min_secs = 10", 5},
		{"BOOTP", one + "dhcpv4.bootp = false", on10(Client{Type: "bootp"}), agent.BootpRefused, "dhcpv4.bootp = false", 5},
		{"R3046-5 option 82", one, on10(Client{Options: []string{"82=hex:010161"}}), agent.UntrustedOption82, "trusted = false", 0},
		{"R3046-20 option 82", one + "trusted = true", on10(Client{Options: []string{"82=hex:010261"}}), agent.Option82Malformed, `name = "vlan10"`, 4},
		{"R3046-18 giaddr", one, on10(Client{Giaddr: "10.1.1.1"}), agent.GiaddrUntrusted, "trusted = false", 0},
		{"R3046-16 own giaddr", one, on10(Client{Giaddr: "203.0.113.1", From: "10.1.1.1"}), agent.GiaddrSpoof, `name = "vlan10"`, 4},
		{"R3046-19 giaddr", one, on10(Client{Giaddr: "127.0.0.1", From: "10.1.1.1"}), agent.GiaddrInvalid, `name = "vlan10"`, 4},
		{"relayed requests", one + "trusted = true\ndhcpv4.relayed_requests = \"drop\"", on10(Client{Giaddr: "10.1.1.1"}), agent.GiaddrRefused, `dhcpv4.relayed_requests = "drop"`, 6},
		{"own message", one, on10(Client{From: "192.0.2.1"}), agent.OwnMessage, `name = "vlan10"`, 4},
		{"R1542-9 not configured", one, Client{Interface: "vlan20"}, agent.NotConfigured, "", 0},
		{"no server", "[[interface]]\nname = \"vlan10\"\nservers = [\"2001:db8:9::2\"]\n[[interface]]\nname = \"vlan20\"\nservers = [\"10.9.0.2\"]", on10(Client{}), agent.NoServer, `servers = ["2001:db8:9::2"]`, 3},
		{"no giaddr", servers + "[[interface]]\nname = \"bare\"\n", Client{Interface: "bare"}, agent.NoGiaddr, `dhcpv4.giaddr = "primary"`, 0},
		{"oversize", one + "dhcpv4.max_message_size = 576\ndhcpv4.oversize = \"drop\"", on10(Client{Options: []string{"60=" + strings.Repeat("x", 255), "77=" + strings.Repeat("x", 80)}}), agent.Oversize, `dhcpv4.oversize = "drop"`, 6},
		{"no VRF", one + "[[server]]\naddress = \"10.9.0.2\"\nvrf = \"blue\"\n[[server]]\naddress = \"10.9.0.3\"\nvrf = \"blue\"", on10(Client{}), agent.SendFailed, `server.vrf = "blue"`, 10},
		{"DHCPv6 relayed", one, six(on10(Client{})), agent.Relayed, "dhcpv6.client_mac = true", 0},
		{"R9915-11 Advertise", one, six(on10(Client{Type: "advertise"})), agent.ServerMessage, `name = "vlan10"`, 4},
		{"R9915-5 unicast", one, six(on10(Client{To: "2001:db8:1::1"})), agent.UnicastClient, "dhcpv6.accept_unicast = false", 0},
		{"R4388-10 Leasequery", one, on10(Client{Type: "10"}), agent.TypeRefused, "dhcpv4.refuse_types = [10, 11, 12, 13]", 0},
		{"R5007-2 Leasequery", one, six(on10(Client{Type: "14"})), agent.TypeRefused, "dhcpv6.refuse_types = [14]", 0},
		{"R9915-35 Relay-forward", one, six(on10(Client{Type: "relay-forward"})), agent.RelayForwardUntrusted, "trusted = false", 0},
		{"R9915-21 hop-count", one + "trusted = true", six(on10(Client{Type: "relay-forward", Hops: 8})), agent.HopLimit, "dhcpv6.hop_limit = 8", 0},
		{"R9915-13 peer", one, six(on10(Client{From: "::"})), agent.PeerInvalid, `name = "vlan10"`, 4},
		{"no link-address", servers + "[[interface]]\nname = \"bare\"\n", six(Client{Interface: "bare"}), agent.NoLinkAddress, `dhcpv6.link_address = "primary"`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := message(t, tt.client)
			res := explained(t, relayOf(t, tt.toml), m)
			checkChanges(t, m, &res)
			if res.Outcome != tt.outcome.String() {
				t.Fatalf("outcome %s, want %s", res.Outcome, tt.outcome)
			}
			if res.What != tt.outcome.Doc().What || res.Remedy != tt.outcome.Doc().Remedy || res.Rules.String() == "" {
				t.Errorf("what %q, remedy %q, rules %v", res.What, res.Remedy, res.Rules)
			}
			if res.Dropped() == (tt.outcome == agent.Relayed) {
				t.Errorf("Dropped says %v", res.Dropped())
			}
			var last Setting
			if n := len(res.Settings); n > 0 {
				last = res.Settings[n-1]
			}
			want := Setting{}
			if key, value, ok := strings.Cut(tt.setting, " = "); ok {
				want = Setting{Key: key, Value: value, Line: tt.line}
			}
			if diff := cmp.Diff(want, last, cmpopts.IgnoreFields(Setting{}, "File")); diff != "" {
				t.Errorf("last setting (-want +got):\n%s", diff)
			}
			if (last.File == "relay.toml") != (last.Line > 0) {
				t.Errorf("setting %+v is in file %q", last, last.File)
			}
		})
	}
}

func TestNotHeard(t *testing.T) {
	t.Parallel()
	const four = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n"
	captured := func(c Client) Message {
		c.Interface = "vlan10"
		m := message(t, c)
		m.Frame = 1
		return m
	}
	sent := captured(Client{})
	sent.Outgoing = true
	tests := []struct {
		name string
		toml string
		m    Message
		what string // "": it is heard
	}{
		{"R1542-1 limited broadcast", four, captured(Client{}), ""},
		{"R1542-1 broadcast of the subnet", four, captured(Client{To: "192.0.2.255"}), ""},
		{"R1542-1 unicast to the host", four, captured(Client{To: "192.0.2.1"}), ""},
		{"R1542-2 transit", four, captured(Client{To: "10.9.0.2"}), "no address of this host"},
		{"R1542-5 port 68", four, captured(Client{To: "255.255.255.255:68"}), "UDP port 68"},
		{"outgoing", four, sent, "sent it itself"},
		{"from the host", four, captured(Client{From: "192.0.2.1", To: "10.9.0.2:67"}), "sent it itself"},
		{"no servers", four, captured(Client{V6: true}), "does not listen"},
		{"R9915-2 group of servers", servers + "[[interface]]\nname = \"vlan10\"\n", captured(Client{V6: true, To: "ff05::1:3"}), "do not join"},
		{"R9915-2 no clients there", servers + "[[interface]]\nname = \"vlan20\"\n", captured(Client{V6: true}), "all DHCPv6 relays"},
		{"R9915-2 all relays", servers + "[[interface]]\nname = \"vlan10\"\n", captured(Client{V6: true}), ""},
		{"a port of its own", servers + "dhcpv4.source_port = 6767\n[[interface]]\nname = \"vlan10\"\n", captured(Client{To: "192.0.2.1:6767"}), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := explained(t, relayOf(t, tt.toml), tt.m)
			if heard := res.Outcome != notHeard; heard != (tt.what == "") || !strings.Contains(res.What, tt.what) {
				t.Errorf("%s: %s", res.Outcome, res.What)
			}
			if res.Outcome == notHeard && (res.Dropped() || res.Remedy == "" || res.Rules.String() == "") {
				t.Errorf("%+v", res)
			}
		})
	}
}

// A link whose MTU is below that of IPv6 has none, so the daemon does not join the
// group there.
func TestNotHeardWithoutIPv6(t *testing.T) {
	t.Parallel()
	cfg, err := config.Parse("relay.toml", []byte("[[interface]]\nname = \"d0\"\nservers = [\"2001:db8:9::2\"]\n"), config.Host{Hostname: "r"})
	if err != nil {
		t.Fatal(err)
	}
	host := oneLink([]giaddr.Addr{{Prefix: netip.MustParsePrefix("2001:db8:20::1/64")}})
	host[0].MTU = 1279
	res := explained(t, New(cfg, host), message(t, Client{V6: true, Interface: "d0"}))
	if res.Outcome != notHeard || res.What != "d0 has no IPv6, as its MTU is 1279." {
		t.Errorf("%s: %s", res.Outcome, res.What)
	}
}

// What is too large for a route is dropped where that is set, and told.
func TestTooLargeForTheRoute(t *testing.T) {
	t.Parallel()
	big := Client{Interface: "vlan10", Options: []string{"60=" + strings.Repeat("x", 255), "77=" + strings.Repeat("x", 255), "43=" + strings.Repeat("x", 255), "125=" + strings.Repeat("x", 255), "124=" + strings.Repeat("x", 255)}}
	for _, tt := range []struct{ toml, want string }{
		{"", "option 82 is left out"},
		{"dhcpv4.oversize = \"drop\"", "they are not sent."},
		{"dhcpv4.option82 = false", "they go out in fragments."},
	} {
		res := explained(t, relayOf(t, servers+"[[interface]]\nname = \"vlan10\"\n"+tt.toml), message(t, big))
		if len(res.Notes) != 1 || !strings.Contains(res.Notes[0], tt.want) {
			t.Errorf("%s: notes %q", tt.toml, res.Notes)
		}
	}
}

func TestUnknownInterface(t *testing.T) {
	t.Parallel()
	_, err := relayOf(t, "interfaces = \"none\"\n"+servers).Explain(message(t, Client{Interface: "vlan99"}))
	if want := `there is no interface "vlan99" on the host; there are bare, red, red1, tun0, uplink, vlan10, vlan20`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestOption82InFile(t *testing.T) {
	t.Parallel()
	r := relayOf(t, servers+"[[interface]]\nname = \"vlan10\"\n")
	for _, tt := range []struct {
		name   string
		client Client
		notes  int
	}{
		{"R3046-5 in the options field", Client{Interface: "vlan10", Options: []string{"82=hex:010161"}}, 0},
		{"R3046-6 in file", Client{Interface: "vlan10", Options: []string{"52=hex:01"}}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := message(t, tt.client)
			copy(m.Data[108:], []byte{82, 3, 1, 1, 'x'})
			res := explained(t, r, m)
			if res.Outcome != "untrusted_option82" || len(res.Notes) != tt.notes {
				t.Errorf("%s, notes %q, want %d", res.Outcome, res.Notes, tt.notes)
			}
		})
	}
}

func TestSourcePort(t *testing.T) {
	t.Parallel()
	r := relayOf(t, servers+"dhcpv4.source_port = 6700\n[[interface]]\nname = \"vlan10\"\n")
	for _, tt := range []struct {
		typ   string
		port  uint16
		notes int
	}{{"discover", 6700, 0}, {"bootp", 67, 1}} {
		t.Run("R8357-1 "+tt.typ, func(t *testing.T) {
			res := explained(t, r, message(t, Client{Interface: "vlan10", Type: tt.typ}))
			if len(res.Copies) == 0 || res.Copies[0].Sends[0].SourcePort != tt.port || len(res.Notes) != tt.notes {
				t.Fatalf("%s", res.String())
			}
			m, err := r.Reply(netip.MustParseAddr("10.9.0.2"), netip.Addr{})
			if err != nil || m.Dst.Port() != tt.port {
				t.Errorf("the reply goes to %v, %v, want port %d", m.Dst, err, tt.port)
			}
		})
	}
}

// TestPassingBy tells of unicasts that cross the router in the words of their
// family.
func TestPassingBy(t *testing.T) {
	t.Parallel()
	r := relayOf(t, servers+"[[interface]]\nname = \"vlan10\"\n")
	for _, tt := range []struct {
		client     Client
		rule, says string
		never      []string
	}{
		{Client{Interface: "vlan10", To: "10.9.0.2"}, "RFC 1542, section 4.1", "server_id_override", []string{"multicast", "RFC 9915"}},
		{Client{V6: true, Interface: "vlan10", To: "2001:db8:77::2"}, "RFC 9915, sections 16 and 19", "Server Unicast", []string{"server_id_override", "RFC 1542", "giaddr"}},
	} {
		m := message(t, tt.client)
		m.Frame = 1
		res := explained(t, r, m)
		text := res.String()
		if res.Outcome != notHeard || res.Rules.RFC != tt.rule || !strings.Contains(text, tt.says) {
			t.Errorf("want %q by %s:\n%s", tt.says, tt.rule, text)
		}
		for _, w := range tt.never {
			if strings.Contains(text, w) {
				t.Errorf("%q belongs to the other family:\n%s", w, text)
			}
		}
	}
	six := relayOf(t, "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	if res := explained(t, six, message(t, Client{V6: true, Interface: "vlan10"})); res.Rules.RFC != "RFC 9915, section 19" {
		t.Errorf("%s", res.String())
	}
}
