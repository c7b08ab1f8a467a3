package trouble

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"dhcp-relay/cmd/lab/wire"
)

// discover broadcasts a Discover of a node's own, changed in some way. The client
// of the lab does not wait for an answer.
func (b *bed) discover(node string, change ...func(*dhcpv4.DHCPv4)) *dhcpv4.DHCPv4 {
	b.t.Helper()
	mac, err := b.Node(node).MAC("eth0")
	b.must(err)
	m, err := dhcpv4.NewDiscovery(mac)
	b.must(err)
	for _, f := range change {
		f(m)
	}
	b.send(node, &wire.Packet{
		EtherSrc: mac, Src: netip.AddrPortFrom(netip.IPv4Unspecified(), 68),
		Dst: netip.MustParseAddrPort("255.255.255.255:67"), Payload: m.ToBytes(),
	})
	return m
}

// reply answers a request from a node by unicast to the giaddr, without any
// option 82.
func (b *bed) reply(request *dhcpv4.DHCPv4, node, from, giaddr string, t dhcpv4.MessageType) {
	b.t.Helper()
	m, err := dhcpv4.NewReplyFromRequest(request, dhcpv4.WithMessageType(t),
		dhcpv4.WithServerIP(netip.MustParseAddr(from).AsSlice()),
		dhcpv4.WithYourIP(netip.MustParseAddr("10.1.0.140").AsSlice()),
		dhcpv4.WithGatewayIP(netip.MustParseAddr(giaddr).AsSlice()),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(netip.MustParseAddr(from).AsSlice())))
	b.must(err)
	src, err := b.Node(node).MAC("eth0")
	b.must(err)
	dst, err := b.Node("relay").MAC(network(node))
	b.must(err)
	b.send(node, &wire.Packet{
		EtherSrc: src, EtherDst: dst, Src: netip.AddrPortFrom(netip.MustParseAddr(from), 67),
		Dst: netip.AddrPortFrom(netip.MustParseAddr(giaddr), 67), Payload: m.ToBytes(),
	})
}

// answer lets a client's Discover reach the servers, and be answered from a node.
func (b *bed) answer(client, node, from, giaddr string, t dhcpv4.MessageType) {
	b.t.Helper()
	m := b.discover(client)
	b.until(1, "dhcp_relay_messages_total", "interface", network(client), "direction", "request", "outcome", "relayed")
	b.reply(m, node, from, giaddr, t)
}

// send puts a frame onto a node's link.
func (b *bed) send(node string, p *wire.Packet) {
	b.t.Helper()
	tap, err := wire.Open(b.Node(node), "eth0")
	b.must(err)
	b.must(tap.Send(p.Frame()), tap.Close())
}

// network returns the relay's interface that a node is attached to.
func network(node string) string {
	if node[0] == 's' {
		return "servers"
	}
	return "clients-" + node[:1]
}

// solicit6 sends a Solicit of a client, in Relay-forwards of as many relays.
func (b *bed) solicit6(node string, relays int) {
	b.t.Helper()
	mac, err := b.Node(node).MAC("eth0")
	b.must(err)
	m, err := dhcpv6.NewSolicit(mac, dhcpv6.WithClientID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: mac}))
	b.must(err)
	var d dhcpv6.DHCPv6 = m
	port := uint16(546)
	for range relays {
		port = 547
		d, err = dhcpv6.EncapsulateRelay(d, dhcpv6.MessageTypeRelayForward,
			netip.MustParseAddr("2001:db8:77::1").AsSlice(), netip.MustParseAddr("fe80::c1").AsSlice())
		b.must(err)
	}
	b.send(node, &wire.Packet{
		EtherSrc: mac, Src: netip.AddrPortFrom(netip.MustParseAddr("fe80::"+node), port),
		Dst: netip.MustParseAddrPort("[ff02::1:2]:547"), Payload: d.ToBytes(),
	})
}
