package trouble

import (
	"dhcp-relay/cmd/lab/scene"
)

// plain6 is the least configuration.
const plain6 = `[[interface]]
name = "clients-*"
servers = ["2001:db8:9::2", "2001:db8:9::3"]
`

// troubles6 are the scenes of DHCPv6.
func troubles6() []trouble {
	return []trouble{
		{
			name:   "DHCPv6: the servers are down",
			plan:   scene.Plan{Family: scene.IPv6, Config: plain6},
			counts: []string{"interface", "clients-a", "outcome", "relayed"},
			play: func(b *bed) {
				b.must(b.StopServers())
				b.silence6("a1", 4)
			},
			spread: true,
			words:  []string{"2001:db8:9::2", "2001:db8:9::3"},
			status: []string{"Requests do not reach the server", "2001:db8:9::2 says that nothing listens on port 547"},
			trace:  []string{"2001:db8:9::2 and 2001:db8:9::3 have not answered", "that the servers run", "a subnet for"},
			page:   []string{"Requests do not reach the server", "2001:db8:9::2 says that nothing listens on port 547"},
		},
		{
			name:   "DHCPv6: another relay is attached to an interface that is not trusted",
			plan:   scene.Plan{Family: scene.IPv6, Config: plain6},
			play:   func(b *bed) { b.solicit6("b1", 1) },
			counts: []string{"interface", "clients-b", "outcome", "relay_forward_untrusted"},
			words:  []string{"clients-b", "A Relay-forward was heard on an interface that is not trusted", "set trusted = true on this interface"},
		},
		{
			name: "DHCPv6: the interface has no IPv6 address",
			plan: scene.Plan{Family: scene.IPv6, Config: plain6 + "[interface.dhcpv6]\nlink_address = \"2001:db8:66::/48\"\n"},
			play: func(b *bed) {
				b.silence6("a1", 1)
			},
			counts: []string{"interface", "clients-a", "outcome", "no_link_address"},
			words:  []string{"clients-a", "no address that may stand for its clients", "Give the interface a global IPv6 address"},
		},
		{
			name: "DHCPv6: the server knows no subnet for one interface",
			plan: scene.Plan{Family: scene.IPv6, Config: plain6},
			play: func(b *bed) {
				r := b.Node("relay")
				b.must(r.Addr("clients-b", "2001:db8:55::1/64"), r.DelAddr("clients-b", "2001:db8:2::1/64"))
				b.until(1, "dhcp_relay_link_address_info", "interface", "clients-b", "link_address", "2001:db8:55::1")
				_, _, err := b.Login6(b.ctx, "a1", false)
				b.must(err)
				b.silence6("b1", 4)
			},
			counts: []string{"interface", "clients-b", "direction", "request", "outcome", "relayed"},
			words:  []string{"clients-b", "2001:db8:9::2", "link-address 2001:db8:55::1"},
			status: []string{"The servers answer the requests of other interfaces", "add a subnet that holds the link-address 2001:db8:55::1"},
			trace:  []string{"a subnet for link-address 2001:db8:55::1"},
			page:   []string{"The servers answer the requests of other interfaces", "add a subnet that holds the link-address 2001:db8:55::1"},
		},
	}
}
