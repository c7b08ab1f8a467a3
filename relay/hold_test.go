package relay_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/relay/wire/dhcp6"
)

// TestR9915_15_RequestsWaitForTheAddress has a client ask a moment before its link
// gets an address, which is tentative then, and asks where none comes.
func TestR9915_15_RequestsWaitForTheAddress(t *testing.T) {
	t.Parallel()
	const own = "2001:db8:1::1"
	b := newBed(t)
	b.relay.ipv6("up", "2001:db8:9::1/64")
	b.servers.ipv6("s", "2001:db8:9::2/64")
	b.network("vlan10")
	b.relay.ipv6("vlan10", "fe80::1/64")
	b.relay.Sysctl("ipv6/conf/vlan10/accept_dad", "1")
	b.clients.ipv6("cvlan10", "")
	server := b.servers.ListenUDP("udp6", "[::]:547")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"2001:db8:9::2\"]\n")
	c := b.solicits(d, "cvlan10")
	c.heard("without an address")
	d.await("drops of all that the client has sent", func() bool {
		dropped := func() int { return d.scrape().outcome("no_link_address") }
		before := dropped()
		time.Sleep(400 * time.Millisecond) // more than any message waits
		return before > 0 && dropped() == before
	})

	vlan := b.relay.Link("vlan10")
	a, err := netlink.ParseAddr(own + "/64")
	b.relay.Must(err)
	for range 20 {
		before := d.scrape().outcome("no_link_address")
		began := time.Now()
		c.ask()
		b.relay.Must(b.relay.NL.AddrAdd(vlan, a))
		took := time.Since(began)
		d.await("an outcome", func() bool {
			s := d.scrape()
			return s.outcome("relayed")+s.outcome("no_link_address") > before
		})
		if d.scrape().outcome("relayed") > 0 {
			d.balanced()
			linkAddress(t, server, own)
			return
		}
		t.Logf("the address came %v after the message, which was dropped", took) // by a busy machine
		b.relay.Must(b.relay.NL.AddrDel(vlan, a))
		d.await("no address", func() bool { return d.scrape().sum("dhcp_relay_link_address_info") == 0 })
	}
	t.Error("no message has waited for the address")
}

// linkAddress fails unless a server hears a Relay-forward with the link-address.
func linkAddress(t *testing.T, server *net.UDPConn, want string) {
	t.Helper()
	if err := server.SetReadDeadline(time.Now().Add(patient)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1500)
	n, _, err := server.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	if m := dhcp6.Message(buf[:n]); m.Type() != dhcp6.RelayForward || m.LinkAddress() != netip.MustParseAddr(want) {
		t.Errorf("heard a %v with link-address %v, want %s", m.Type(), m.LinkAddress(), want)
	}
}
