package relay_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"dhcp-relay/relay/wire/dhcp6"
)

// A Relay-reply that holds a Relay-reply goes to a relay on a trusted link that has
// asked, at the port that it asked from, and to nobody else: the relay is no proxy for
// UDP.
func TestR8357_NoProxy(t *testing.T) {
	b := newBed(t)
	v := b.uplink6()
	b.network("vlan10", "10.1.0.1/24")
	b.relay.ipv6("vlan10", "2001:db8:10::1/64")
	b.clients.ipv6("cvlan10", "2001:db8:10::a1/64")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"2001:db8:9::2\"]\ntrusted = true\n")
	below := b.clients.ListenUDP("udp6", "[2001:db8:10::a1]:1000")
	silent := b.clients.ListenUDP("udp6", "[2001:db8:10::a1]:1001")
	c := client6Of(5)
	forward := func(link, peer netip.Addr, typ dhcp6.Type, inner []byte) []byte {
		h := append([]byte{byte(typ), 0}, link.AsSlice()...)
		return dhcp6.AppendOption(append(h, peer.AsSlice()...), dhcp6.OptionRelayMsg, inner)
	}
	none, peer := netip.IPv6Unspecified(), netip.MustParseAddr("fe80::5")
	outer := func(to netip.Addr, port uint16, inner []byte) []byte {
		m := append([]byte{byte(dhcp6.RelayReply), 0}, netip.MustParseAddr("2001:db8:10::1").AsSlice()...)
		m = append(m, to.AsSlice()...)
		m = dhcp6.AppendRelayPort(m, port)
		m = dhcp6.AppendOption(m, dhcp6.OptionInterfaceID, []byte("vlan10"))
		return dhcp6.AppendOption(m, dhcp6.OptionRelayMsg, inner)
	}
	relay := addrPort("[2001:db8:9::1]:547")
	answer := forward(none, peer, dhcp6.RelayReply, c.message(dhcp6.Advertise, 0))
	at := netip.MustParseAddr("2001:db8:10::a1")
	refused := 0
	refuse := func(what string, m []byte) {
		t.Helper()
		if _, err := v.WriteToUDPAddrPort(m, relay); err != nil {
			t.Fatal(err)
		}
		refused++
		d.awaitCount(what, refused, func() int { return d.scrape().outcome("relay_reply_refused") })
	}
	refuse("before it has asked", outer(at, 1000, answer))

	_, err := below.WriteToUDPAddrPort(forward(none, peer, dhcp6.RelayForward, c.message(dhcp6.Solicit, 0)), addrPort("[2001:db8:10::1]:547"))
	b.clients.Must(err)
	d.awaitOutcome("relayed", 1)
	refuse("at another port", outer(at, 1001, answer))
	refuse("at an address beyond the link", outer(netip.MustParseAddr("2001:db8:9::2"), 1000, answer))
	refuse("at another address of the link", outer(netip.MustParseAddr("2001:db8:10::a2"), 1000, answer))
	if _, err := v.WriteToUDPAddrPort(outer(at, 1000, answer), relay); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2000)
	b.clients.Must(below.SetReadDeadline(time.Now().Add(patient)))
	n, from, err := below.ReadFromUDPAddrPort(buf)
	if err != nil || !bytes.Equal(buf[:n], answer) {
		t.Errorf("the relay has got %x from %v, %v; want %x", buf[:n], from, err, answer)
	}
	b.clients.Must(silent.SetReadDeadline(time.Now()))
	if n, _, err := silent.ReadFromUDPAddrPort(buf); err == nil {
		t.Errorf("another port has got %x", buf[:n])
	}
}
