package relay_test

import (
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/cmd/lab/netns"
)

// ipv6 switches IPv6 on for a link, with an address that can be used at once.
func (s *space) ipv6(link, prefix string) {
	s.T.Helper()
	s.Sysctl("ipv6/conf/"+link+"/accept_dad", "0")
	s.Sysctl("ipv6/conf/"+link+"/disable_ipv6", "0")
	if prefix != "" {
		s.Addr(link, prefix)
	}
	s.LinkLocal(link)
}

// A soliciting is a DHCPv6 client that asks again and again.
type soliciting struct {
	d    *daemon
	conn *net.UDPConn
	to   *net.UDPAddr
	xid  byte
}

// solicits makes a client of DHCPv6 on a link of the clients' side.
func (b *bed) solicits(d *daemon, link string) *soliciting {
	b.t.Helper()
	s := &soliciting{d: d, to: &net.UDPAddr{IP: net.ParseIP("ff02::1:2"), Port: 547, Zone: link}}
	b.clients.neighbour(link, "ff02::1:2", net.HardwareAddr{0x33, 0x33, 0, 1, 0, 2})
	s.conn = b.clients.ListenUDP("udp6", "[::]:0")
	return s
}

// ask sends one message.
func (s *soliciting) ask() {
	s.d.t.Helper()
	s.xid++
	if _, err := s.conn.WriteTo([]byte{1, 0, 0, s.xid, 0, 8, 0, 2, 0, 0}, s.to); err != nil {
		s.d.t.Fatal(err)
	}
}

// heard waits until the daemon hears the client, which must not take longer than
// a second.
func (s *soliciting) heard(what string) {
	t := s.d.t
	t.Helper()
	received := func() int { return s.d.scrape().sum("dhcp_relay_received_total", "ipv6") }
	before, began := received(), time.Now()
	for time.Since(began) < patient {
		s.ask()
		time.Sleep(10 * time.Millisecond)
		if received() > before {
			if took := time.Since(began); took > load.Bound(time.Second) {
				t.Errorf("%s: heard after %v, want within 1s", what, took)
			}
			return
		}
	}
	t.Fatalf("%s: not heard", what)
}

// A membership of a multicast group ends without a word where an interface loses
// its IPv6 or goes, be it for so short a time that it looks the same after.
func TestMulticastsAreHeardAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.network("vlan10")
	b.relay.ipv6("vlan10", "2001:db8:1::1/64")
	b.clients.ipv6("cvlan10", "")
	d := b.start("[[interface]]\nname = \"vlan*\"\nservers = [\"2001:db8:9::2\"]\n")
	c := b.solicits(d, "cvlan10")
	c.heard("at the start")

	vlan := b.relay.Link("vlan10")
	b.relay.Must(b.relay.NL.LinkSetDown(vlan))
	b.relay.Must(b.relay.NL.LinkSetUp(vlan))
	c.heard("down and up")

	b.relay.Must(b.relay.NL.LinkSetMTU(vlan, 1000)) // less than IPv6 needs
	b.relay.Must(b.relay.NL.LinkSetMTU(vlan, 1500))
	b.relay.ipv6("vlan10", "")
	c.heard("after a small MTU")

	other := newSpace(t)
	b.relay.Must(b.relay.NL.LinkSetNsFd(vlan, other.FD()))
	other.Must(other.NL.LinkSetNsFd(vlan, b.relay.FD()))
	if now := b.relay.Index("vlan10"); now != vlan.Attrs().Index {
		t.Fatalf("index %d, want %d as before", now, vlan.Attrs().Index)
	}
	b.relay.Must(b.relay.NL.LinkSetUp(vlan))
	b.relay.ipv6("vlan10", "")
	c.heard("away and back under the same index")
}

// What cannot be heard now is told once, not each second.
func TestLinksWithoutIPv6MakeFewLines(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for _, name := range []string{"vlan10", "vlan20", "vlan30"} {
		b.network(name, "10.1."+name[4:]+".1/24")
		b.relay.Must(b.relay.NL.LinkSetMTU(b.relay.Link(name), 1000))
	}
	b.network("vlan40")
	b.relay.ipv6("vlan40", "2001:db8:1::1/64")
	b.clients.ipv6("cvlan40", "")
	d := b.start("[[interface]]\nname = \"vlan*\"\nservers = [\"2001:db8:9::2\"]\n")
	b.solicits(d, "cvlan40").heard("one that has IPv6")
	began := time.Now()
	for range 20 { // each change is an occasion
		b.relay.Add(&netlink.Bridge{LinkAttrs: netns.Attrs("vlan50")})
		time.Sleep(60 * time.Millisecond)
		b.relay.Must(b.relay.NL.LinkDel(b.relay.Link("vlan50")))
		time.Sleep(60 * time.Millisecond)
	}
	if n := d.log.count("not all sockets work"); n > 0 {
		t.Errorf("%d lines about sockets within %v:\n%s", n, time.Since(began), d.log)
	}
}
