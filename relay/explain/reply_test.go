package explain

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// TestDroppedReplies changes the usual reply to a client on vlan10 until the
// relay drops it.
func TestDroppedReplies(t *testing.T) {
	t.Parallel()
	const one = servers + "[[interface]]\nname = \"vlan10\"\n"
	const shared = servers + "dhcpv4.giaddr = \"10.9.1.1\"\n[[interface]]\nname = \"vlan*\"\n"
	set := func(at int, octets ...byte) func(*Message) {
		return func(m *Message) { copy(m.Data[at:], octets) }
	}
	circuit := func(m *Message) { m.Data = bytes.Replace(m.Data, []byte("vlan10"), []byte("vlan99"), 1) }
	from := func(a string) func(*Message) {
		return func(m *Message) { m.Src = netip.MustParseAddrPort(a) }
	}
	tests := []struct {
		name    string
		router  string
		toml    string
		v6      bool
		change  func(*Message)
		outcome agent.Reason
		last    string // setting and line
	}{
		{"unchanged", router, one, false, func(*Message) {}, agent.Relayed, "dhcpv4.broadcast = false 0"},
		{"R1542-25 giaddr", router, one, false, set(24, 10, 1, 1, 1), agent.BogusGiaddr, ""},
		{"R1542-36 hlen", router, one, false, set(2, 17), agent.BadHlen, ""},
		{"R4388-9 leasequery", router, one, false, set(242, 11), agent.Leasequery, ""},
		{"option cut off", router, one, false, func(m *Message) { m.Data = m.Data[:245] }, agent.OptionsMalformed, ""},
		{"R8213-2 source", router, "reply_sources = [\"10.9.0.0/24\"]\n" + one, false, from("10.9.5.5:67"), agent.ReplySource, `reply_sources = ["10.9.0.0/24"] 1`},
		{"R8213-2 from a client", router, one, false, func(m *Message) {
			m.Link = "vlan10"
			from("192.0.2.66:67")(m)
		}, agent.ReplyFromClient, `servers = ["10.9.0.2", "10.9.0.3", "2001:db8:9::2"] 2`},
		{"R3046-23 nothing tells which", router, shared, false, circuit, agent.AmbiguousReply, ""},
		{"R3046-11 another's option 82", router, servers + "dhcpv4.option82.mismatch = \"drop\"\n[[interface]]\nname = \"vlan10\"\n", false, circuit, agent.Option82Mismatch, `dhcpv4.option82.mismatch = "drop" 3`},
		{"R1542-26 down", strings.Replace(router, "name = \"vlan10\"", "name = \"vlan10\"\nup = false", 1), one, false, func(*Message) {}, agent.LinkDown, `name = "vlan10" 4`},
		{"DHCPv6 unchanged", router, one, true, func(*Message) {}, agent.Relayed, `name = "vlan10" 4`},
		{"R9915-27 link-address alone is known", router, one, true, circuit, agent.Relayed, `name = "vlan10" 4`},
		{"R9915-28 neither is known", router, one, true, func(m *Message) { circuit(m); set(2, 0x20, 2)(m) }, agent.UnknownLink, ""},
		{"R9915-32 cut off", router, one, true, func(m *Message) { m.Data = m.Data[:50] }, agent.OptionsMalformed, ""},
		{"R9915-31 no message inside", router, one, true, func(m *Message) { m.Data = m.Data[:44] }, agent.NoRelayMessage, ""},
		{"R9915-25 peer", router, one, true, set(18, make([]byte, 16)...), agent.PeerInvalid, `name = "vlan10" 4`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := relayOn(t, tt.router, tt.toml)
			explained(t, r, message(t, Client{V6: tt.v6, Interface: "vlan10"}))
			server := map[bool]string{false: "10.9.0.2", true: "2001:db8:9::2"}[tt.v6]
			m, err := r.Reply(netip.MustParseAddr(server), netip.Addr{})
			if err != nil {
				t.Fatal(err)
			}
			tt.change(&m)
			res, err := r.ExplainReply(m)
			if err != nil {
				t.Fatal(err)
			}
			checkChanges(t, m, &res)
			if res.Outcome != tt.outcome.String() || *res.Message.Direction != dhcp.Replies || res.Rules.String() == "" {
				t.Fatalf("want %s:\n%s", tt.outcome, res.String())
			}
			last := ""
			if n := len(res.Settings); n > 0 {
				last = fmt.Sprintf("%s %d", res.Settings[n-1].assignment(), res.Settings[n-1].Line)
			}
			if last != tt.last {
				t.Errorf("last setting %q, want %q", last, tt.last)
			}
		})
	}
}

// TestSends tells where requests go under other ways of choosing a server.
func TestSends(t *testing.T) {
	t.Parallel()
	const group = "[[server]]\naddress = \"ff05::1:3\"\ninterface = \"uplink\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"ff05::1:3\"]\n"
	tests := []struct {
		name, toml string
		v6         bool
		want       string
	}{
		{"R1542-22 hash", servers + "mode = \"hash\"\ndhcpv4.source = \"giaddr\"\n[[interface]]\nname = \"vlan10\"\n", false, "unicast to server 10.9.0.2:67, source 192.0.2.1 port 67"},
		{"R9915-7 multicast", group, true, "multicast to server [ff05::1:3]:547 on uplink, source as the route gives it, port 547"},
		{
			"no such interface", strings.Replace(group, "\"uplink\"", "\"eth9\"", 1), true,
			"multicast to server [ff05::1:3]:547 on eth9, source as the route gives it, port 547; CANNOT BE SENT: the interface eth9 does not exist now",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := explained(t, relayOf(t, tt.toml), message(t, Client{V6: tt.v6, Interface: "vlan10"}))
			if len(res.Copies) != 1 || len(res.Copies[0].Sends) != 1 {
				t.Fatalf("want one copy:\n%s", res.String())
			}
			if got := res.Copies[0].Sends[0].String(); got != tt.want {
				t.Errorf("sends\n%s, want\n%s", got, tt.want)
			}
		})
	}
}
