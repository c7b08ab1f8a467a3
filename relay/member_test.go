package relay_test

import (
	"testing"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/bootp"
)

// is reports whether an interface is in a state in DHCPv4 now.
func (d *daemon) is(link, state string) bool {
	s := d.scrape()
	return s[`dhcp_relay_interface_state{family="ipv4",interface="`+link+`",state="`+state+`"}`] == 1
}

// A port of a bridge is served when it leaves that, and no more when it is put in.
func TestPortsOfABridge(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.relay.Add(&netlink.Bridge{LinkAttrs: netns.Attrs("br0")})
	b.relay.Up("br0")
	b.relay.Addr("br0", "10.1.0.1/24")
	n := b.network("port0", "10.2.0.1/24")
	b.relay.Must(b.relay.NL.LinkSetMaster(b.relay.Link("port0"), b.relay.Link("br0")))
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"*\"\nservers = [\"10.9.0.2\"]\n")
	if d.is("port0", "member") || d.is("lo", "no_address") {
		t.Error("a pattern for all matches a port or lo")
	}
	n.broadcast(discover(1).request())
	if h := v.want(); h.Giaddr().String() != "10.1.0.1" {
		t.Errorf("giaddr %v", h.Giaddr())
	}
	d.reload("[[interface]]\nname = \"port0\"\nservers = [\"10.9.0.2\"]\n", "configuration reloaded")
	d.await("member", func() bool { return d.is("port0", "member") })
	b.relay.Must(b.relay.NL.LinkSetNoMaster(b.relay.Link("port0")))
	d.await("relaying", func() bool { return d.is("port0", "relaying") })
	n.broadcast(discover(2).request())
	if h := v.want(); h.Giaddr().String() != "10.2.0.1" {
		t.Errorf("out of the bridge: giaddr %v", h.Giaddr())
	}
	b.relay.Must(b.relay.NL.LinkSetMaster(b.relay.Link("port0"), b.relay.Link("br0")))
	d.await("member again", func() bool { return d.is("port0", "member") })
	d.balanced()
}

// VRRP with a virtual MAC has a macvlan on the clients' link, which hears each
// broadcast as well.
func TestVirtualRouterOnAMacvlan(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vl10", "10.1.0.2/24")
	attrs := netns.Attrs("vrrp.51")
	attrs.ParentIndex = b.relay.Index("vl10")
	attrs.HardwareAddr = []byte{0, 0, 0x5e, 0, 1, 0x33}
	b.relay.Add(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PRIVATE})
	b.relay.Up("vrrp.51")
	b.relay.Addr("vrrp.51", "10.1.0.1/32")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vl10\"\nservers = [\"10.9.0.2\"]\n")
	n.broadcast(discover(1).request())
	h := v.want()
	if h.Giaddr().String() != "10.1.0.2" {
		t.Errorf("giaddr %v", h.Giaddr())
	}
	v.reply(h, bootp.Offer, "10.1.0.77")
	n.want()
	d.awaitOutcome("relayed", 2)
	d.awaitOutcome("same_network", 1)
	d.balanced()
}

// In passthru mode a macvlan takes the unicasts of the link below, which hears each
// broadcast as well: either may be served.
func TestMacvlanInPassthruMode(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vl10", "10.1.0.2/24")
	attrs := netns.Attrs("pt0")
	attrs.ParentIndex = b.relay.Index("vl10")
	b.relay.Add(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_PASSTHRU})
	b.relay.Up("pt0")
	b.relay.Addr("pt0", "10.2.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vl10\"\nservers = [\"10.9.0.2\"]\n")
	for i, name := range []string{"vl10", "pt0"} {
		if i > 0 {
			d.reload("[[interface]]\nname = \""+name+"\"\nservers = [\"10.9.0.2\"]\n", "configuration reloaded")
		}
		n.broadcast(discover(uint32(i + 1)).request())
		h := v.want()
		if want := []string{"10.1.0.2", "10.2.0.1"}[i]; h.Giaddr().String() != want {
			t.Errorf("%s: giaddr %v, want %s", name, h.Giaddr(), want)
		}
		v.reply(h, bootp.Offer, h.Giaddr().Next().Next().String())
		n.want()
		d.awaitOutcome("relayed", 2*(i+1))
		d.awaitOutcome("same_network", i+1)
	}
	d.balanced()
}

// What an interface is called beside its name is followed as it changes.
func TestAlternativeNamesAreFollowed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	link := b.relay.Link("vlan10")
	b.relay.Must(b.relay.NL.LinkAddAltName(link, "customers-ten"))
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"customers-*\"\nservers = [\"10.9.0.2\"]\n")
	d.await("relaying", func() bool { return d.is("vlan10", "relaying") })
	n.broadcast(discover(1).request())
	v.want()
	b.relay.Must(b.relay.NL.LinkDelAltName(link, "customers-ten"))
	d.await("missing", func() bool { return d.is("customers-*", "missing") && !d.is("vlan10", "relaying") })
	b.relay.Must(b.relay.NL.LinkAddAltName(link, "customers-eleven"))
	d.await("relaying again", func() bool { return d.is("vlan10", "relaying") })
	n.broadcast(discover(2).request())
	v.want()
}
