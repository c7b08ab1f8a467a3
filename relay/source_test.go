package relay_test

import (
	"net/netip"
	"testing"
	"time"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A server with a source of its own gets requests from there, whatever the interface
// says, and the others as before. Its replies are relayed and count for it.
func TestSourceOfAServer(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	own, other := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67")
	b.relay.Addr("lo", "10.7.0.1/32", "10.7.0.2/32")
	const (
		config = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"10.9.0.3\"]\n"
		server = "[[server]]\naddress = \"10.9.0.2\"\nsource = \"10.7.0.1\"\n"
	)
	d := b.start("interfaces = \"none\"\n")
	for i, tc := range []struct{ name, config, own, other string }{
		{"none", config, "10.9.0.1:67", "10.9.0.1:67"},
		{"of the server", config + server, "10.7.0.1:67", "10.9.0.1:67"},
		{"of the interface and the server", config + "dhcpv4.source = \"10.7.0.2\"\n" + server, "10.7.0.1:67", "10.7.0.2:67"},
		{"none again", config, "10.9.0.1:67", "10.9.0.1:67"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d.reload(tc.config, "configuration reloaded")
			before := d.scrape().sum("dhcp_relay_server_replies_total", `server="10.9.0.2:67"`)
			n.broadcast(discover(uint32(i) + 1).request())
			h := own.want()
			if h.from.String() != tc.own {
				t.Errorf("from %v, want %s", h.from, tc.own)
			}
			if from := other.want().from; from.String() != tc.other {
				t.Errorf("to the other server from %v, want %s", from, tc.other)
			}
			own.reply(h, bootp.Offer, "10.1.0.77")
			n.want()
			d.await("the credit of the reply", func() bool {
				return d.scrape().sum("dhcp_relay_server_replies_total", `server="10.9.0.2:67"`) > before
			})
		})
	}
}

// In DHCPv6 the server replies to that source (RFC 9915, section 19.3).
func TestSourceOfAServer6(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	v := b.uplink6()
	n := b.network6("vlan10", "2001:db8:10::1/64")
	const source = "2001:db8:7::1"
	b.relay.ipv6("up", source+"/128")
	b.servers.Route("2001:db8:7::/64", "2001:db8:9::1")
	d := b.start(relaying6 + "[[server]]\naddress = \"2001:db8:9::2\"\nsource = \"" + source + "\"\n")
	c := client6Of(1)
	n.send(c.frame(c.message(dhcp6.Solicit, 0)))
	buf := make([]byte, 1<<16)
	b.servers.Must(v.SetReadDeadline(time.Now().Add(patient)))
	k, from, err := v.ReadFromUDPAddrPort(buf)
	b.servers.Must(err)
	if want := netip.MustParseAddr(source); from.Addr() != want || from.Port() != 547 {
		t.Errorf("from %v, want %v port 547", from, want)
	}
	_, err = v.WriteToUDPAddrPort(answer6(buf[:k], c.message(dhcp6.Advertise, 0)), from)
	b.servers.Must(err)
	n.await(c.addr)
	d.await("the credit of the reply", func() bool {
		return d.scrape().sum("dhcp_relay_server_replies_total", `server="[2001:db8:9::2]:547"`) == 1
	})
}
