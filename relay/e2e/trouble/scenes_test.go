package trouble

import (
	"errors"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/client"
	"dhcp-relay/cmd/lab/scene"
)

// The least configuration, and one with a line more.
const (
	plain = `[[interface]]
name = "clients-*"
servers = ["10.9.0.2", "10.9.0.3"]
`
	trusting = plain + "trusted = true\n"
)

// troubles4 are the scenes of DHCPv4.
func troubles4() []trouble {
	return append(append(troublesOfHost(), troublesOfRequests()...), troublesOfReplies()...)
}

// troublesOfHost lie in this host's interfaces, routes and firewall, and in
// servers that cannot be reached.
func troublesOfHost() []trouble {
	return []trouble{
		{
			name: "the interface has no IPv4 address",
			play: func(b *bed) {
				b.must(b.Node("relay").DelAddr("clients-a", "10.1.0.1/24"))
				b.unnumbered("clients-a")
				b.silence("a1", client.Config{}, 1)
			},
			counts: []string{"interface", "clients-a", "outcome", "no_giaddr"},
			words:  []string{"clients-a", "no address that may stand for its clients", "Give the interface an IPv4 address, or set dhcpv4.giaddr"},
		},
		{
			name:   "the interface is in no [[interface]]",
			plan:   scene.Plan{Config: "[[interface]]\nname = \"clients-b\"\nservers = [\"10.9.0.2\"]\n"},
			play:   func(b *bed) { b.silence("a1", client.Config{}, 1) },
			counts: []string{"outcome", "not_configured"},
			words:  []string{"clients-a", "an interface that no [[interface]] names", "Add an [[interface]] for it"},
		},
		{
			name: "the interface's name is misspelt",
			plan: scene.Plan{Config: "[[interface]]\nname = \"client-a\"\nservers = [\"10.9.0.2\"]\n" +
				"[[interface]]\nname = \"clients-b\"\nservers = [\"10.9.0.2\"]\n"},
			play:   func(b *bed) { b.silence("a1", client.Config{}, 1) },
			counts: []string{"outcome", "not_configured"},
			words:  []string{"clients-a", "an interface that no [[interface]] names", "Add an [[interface]] for it"},
			status: []string{"client-a", "no interface of this name", "correct the name"},
			page:   []string{"client-a", "no interface of this name", "correct the name"},
		},
		{
			name: "the servers are down",
			play: func(b *bed) {
				b.must(b.StopServers())
				b.silence("a1", client.Config{}, 4)
			},
			counts: []string{"interface", "clients-a", "outcome", "relayed"},
			spread: true,
			words:  []string{"10.9.0.2", "10.9.0.3"},
			status: []string{"Requests do not reach the server", "10.9.0.2 says that nothing listens on port 67", "Start the DHCP server there"},
			trace:  []string{"10.9.0.2 and 10.9.0.3 have not answered", "that the servers run", "a route back"},
			page:   []string{"Requests do not reach the server", "10.9.0.2 says that nothing listens on port 67", "Start the DHCP server there"},
		},
		{
			name:   "the server's address is wrong",
			plan:   scene.Plan{Config: "[[interface]]\nname = \"clients-*\"\nservers = [\"10.9.0.77\"]\n"},
			play:   func(b *bed) { b.silence("a1", client.Config{}, 4) },
			counts: []string{"interface", "clients-a", "outcome", "relayed"},
			words:  []string{"10.9.0.77"},
			status: []string{"Requests do not reach the server", "10.9.0.77 does not answer ARP on servers"},
			trace:  []string{"10.9.0.77 has not answered 4 requests", "that the address is right"},
			page:   []string{"Requests do not reach the server", "10.9.0.77 does not answer ARP on servers"},
		},
		{
			name:   "there is no route to the server",
			plan:   scene.Plan{Config: "[[interface]]\nname = \"clients-*\"\nservers = [\"192.0.2.9\"]\n"},
			play:   func(b *bed) { b.silence("a1", client.Config{}, 1) },
			counts: []string{"interface", "clients-a", "outcome", "send_failed"},
			spread: true,
			words:  []string{"192.0.2.9", "There is no route to the server", "Add a route"},
		},
		{
			name: "this host's firewall drops what goes to the server",
			play: func(b *bed) {
				b.run("relay", "nft", "add table inet t; add chain inet t out { type filter hook output priority 0; }; add rule inet t out udp dport 67 drop")
				b.silence("a1", client.Config{}, 1)
			},
			counts: []string{"interface", "clients-a", "outcome", "send_failed"},
			spread: true,
			words:  []string{"10.9.0.2", "firewall drops what the relay sends to the server", "Allow UDP"},
		},
		{
			name: "the server knows no subnet for one interface",
			play: func(b *bed) {
				r := b.Node("relay")
				b.must(r.Addr("clients-b", "10.55.0.1/24"), r.DelAddr("clients-b", "10.2.0.1/24"))
				b.until(1, "dhcp_relay_giaddr_info", "interface", "clients-b", "giaddr", "10.55.0.1")
				_, err := b.Login(b.ctx, "a1", false)
				b.must(err)
				b.silence("b1", client.Config{}, 4)
			},
			counts: []string{"interface", "clients-b", "direction", "request", "outcome", "relayed"},
			words:  []string{"clients-b", "10.9.0.2", "subnet", "giaddr 10.55.0.1", "route back to"},
		},
	}
}

// troublesOfRequests lie in what a client's network sends, and what the
// configuration makes of it.
func troublesOfRequests() []trouble {
	return []trouble{
		{
			name:   "a switch adds option 82, and its interface is not trusted",
			play:   func(b *bed) { b.silence("a1", client.Config{AgentInfo: []byte{1, 5, 'p', 'o', 'r', 't', '7'}}, 1) },
			counts: []string{"interface", "clients-a", "outcome", "untrusted_option82"},
			words:  []string{"clients-a", "already contains option 82", "set trusted = true on this interface"},
		},
		{
			name:   "another relay that adds option 82 is attached to an interface that is not trusted",
			plan:   scene.Plan{Config: plain, Chain: true},
			play:   func(b *bed) { b.silence("c1", client.Config{}, 1) },
			counts: []string{"interface", "clients-b", "outcome", "untrusted_option82"},
			words:  []string{"clients-b", "10.2.0.9", "already contains option 82", "or another relay adds it, set trusted = true on this interface"},
		},
		{
			name: "another relay is attached to an interface that is not trusted",
			play: func(b *bed) {
				b.discover("b1", func(m *dhcpv4.DHCPv4) { m.GatewayIPAddr, m.HopCount = netip.MustParseAddr("10.3.0.1").AsSlice(), 1 })
			},
			counts: []string{"interface", "clients-b", "outcome", "giaddr_untrusted"},
			words:  []string{"clients-b", "already relayed, and the interface is not trusted", "set trusted = true on this interface"},
		},
		{
			name: "a chain of relays is longer than hop_limit",
			plan: scene.Plan{Config: trusting + "dhcpv4.hop_limit = 2\n"},
			play: func(b *bed) {
				b.discover("b1", func(m *dhcpv4.DHCPv4) { m.HopCount = 3 })
			},
			counts: []string{"interface", "clients-b", "outcome", "hop_limit"},
			words:  []string{"clients-b", "passed more relays than hop_limit allows", "raise hop_limit"},
		},
		{
			name: "the message is too large for option 82",
			plan: scene.Plan{Config: plain + "dhcpv4.max_message_size = 576\ndhcpv4.oversize = \"drop\"\n"},
			play: func(b *bed) {
				b.discover("a1", func(m *dhcpv4.DHCPv4) {
					for code := range 4 { // site-specific options (RFC 3942)
						m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(224+code), make([]byte, 78)))
					}
				})
			},
			counts: []string{"interface", "clients-a", "outcome", "oversize"},
			words:  []string{"clients-a", "does not fit", "raise max_message_size", "without_option82"},
		},
		{
			name:   "the client has not tried for min_secs yet",
			plan:   scene.Plan{Config: plain + "dhcpv4.min_secs = 30\n"},
			play:   func(b *bed) { b.silence("a1", client.Config{}, 1) },
			counts: []string{"interface", "clients-a", "outcome", "secs_below"},
			words:  []string{"clients-a", "has not yet tried for min_secs seconds", "lower dhcpv4.min_secs"},
		},
		{
			name: "the interface has DHCPv6 servers only",
			plan: scene.Plan{Family: scene.Both, Config: `[[interface]]
name = "clients-a"
servers = ["2001:db8:9::2"]
[[interface]]
name = "clients-b"
servers = ["10.9.0.2"]
`},
			play:   func(b *bed) { b.silence("a1", client.Config{}, 1) },
			counts: []string{"interface", "clients-a", "outcome", "no_server"},
			words:  []string{"clients-a", "no server of this address family", "Add an address of this family to servers"},
		},
	}
}

// troublesOfReplies lie in what servers send, or do not.
func troublesOfReplies() []trouble {
	return []trouble{
		{
			name: "two interfaces share a giaddr, and the server echoes no option 82",
			plan: scene.Plan{Config: `[defaults]
servers = ["10.9.0.2"]
dhcpv4.giaddr = "10.1.0.1"
[[interface]]
name = "clients-a"
[[interface]]
name = "clients-b"
`},
			play: func(b *bed) {
				b.must(b.StopServers())
				b.answer("a1", "s1", "10.9.0.2", "10.1.0.1", dhcpv4.MessageTypeOffer)
			},
			counts: []string{"outcome", "ambiguous_reply"},
			words:  []string{"10.9.0.2", "share the reply's giaddr", "Have the server echo option 82"},
		},
		{
			name: "a rogue server is among the clients",
			play: func(b *bed) {
				b.must(b.StopServers())
				b.answer("a1", "a2", "10.1.0.66", "10.1.0.1", dhcpv4.MessageTypeOffer)
			},
			counts: []string{"interface", "clients-a", "outcome", "reply_from_client"},
			words:  []string{"clients-a", "10.1.0.66", "not from a configured server", "rogue DHCP server"},
		},
		{
			name: "the server answers from an address outside reply_sources",
			plan: scene.Plan{Config: "reply_sources = [\"10.9.0.9\"]\n[[interface]]\nname = \"clients-*\"\nservers = [\"10.9.0.9\"]\n"},
			play: func(b *bed) {
				b.must(b.Node("s1").Addr("eth0", "10.9.0.9/24"))
				b.silence("a1", client.Config{}, 1)
			},
			counts: []string{"outcome", "reply_source"},
			words:  []string{"10.9.0.2", "not in reply_sources", "Add the server's address to reply_sources or to servers"},
		},
		{
			name: "the reply's giaddr is no longer the relay's",
			play: func(b *bed) {
				b.must(b.StopServers())
				r := b.Node("relay")
				x := b.discover("a1")
				b.until(1, "dhcp_relay_messages_total", "interface", "clients-a", "outcome", "relayed")
				b.must(r.DelAddr("clients-a", "10.1.0.1/24"), r.Addr("clients-a", "10.1.0.5/24"), r.Addr("lo", "10.1.0.1/32"))
				b.until(1, "dhcp_relay_giaddr_info", "interface", "clients-a", "giaddr", "10.1.0.5")
				b.reply(x, "s1", "10.9.0.2", "10.1.0.1", dhcpv4.MessageTypeOffer)
			},
			counts: []string{"outcome", "bogus_giaddr"},
			words:  []string{"10.9.0.2", "a giaddr that this relay does not use now", "whether the interface has lost its address"},
		},
		{
			name: "the server refuses the address that the client had elsewhere",
			play: func(b *bed) {
				c, err := b.Client("a1", client.Config{Scale: 1, Tries: 1})
				b.must(err)
				_, err = c.Login(b.ctx)
				b.must(err, c.Unplug())
				r := b.Node("relay")
				b.must(r.DelAddr("clients-a", "10.1.0.1/24"), r.Addr("clients-a", "10.3.0.1/24"))
				b.until(1, "dhcp_relay_giaddr_info", "interface", "clients-a", "giaddr", "10.3.0.1")
				if _, err := c.Reboot(b.ctx); !errors.Is(err, client.ErrNak) {
					b.t.Fatalf("want a NAK, got %v", err)
				}
			},
			counts: []string{"interface", "clients-a", "type", "nak", "outcome", "relayed"},
			words:  []string{"clients-a", "NAK", "which subnet the server has for giaddr 10.3.0.1"},
		},
	}
}
