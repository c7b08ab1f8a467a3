package relay_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A router relays while it has the virtual address, and hears and counts without it.
// Nothing has to be told or restarted.
func TestStandbyFollowsTheAddress(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.2.0.2/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nactive = \"10.2.0.1\"\ndhcpv4.giaddr = \"10.2.0.1\"\nservers = [\"10.9.0.2\"]\n")
	if !d.is("vlan10", "standby") {
		t.Fatal("it is not on standby")
	}
	for round := range uint32(3) {
		n.broadcast(discover(10 * round).request())
		d.await("it is counted", func() bool { return d.scrape().outcome("standby") == int(round)+1 })
		b.relay.Addr("vlan10", "10.2.0.1/32")
		d.await("relaying", func() bool { return d.is("vlan10", "relaying") })
		n.broadcast(discover(10*round + 1).request())
		if h := v.want(); h.Giaddr().String() != "10.2.0.1" || h.Xid() != 10*round+1 {
			t.Errorf("giaddr %v, xid %d", h.Giaddr(), h.Xid())
		}
		b.relay.DelAddr("vlan10", "10.2.0.1/32")
		d.await("standby", func() bool { return d.is("vlan10", "standby") })
	}
	if d.logged("interface cannot relay", nil) || d.logged("configuration and host disagree", nil) {
		t.Errorf("standby is told as trouble:\n%s", d.log)
	}
}

// The same by a file that a script writes.
func TestStandbyFollowsAFile(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.2.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	file := filepath.Join(t.TempDir(), "active")
	d := b.start("[[interface]]\nname = \"vlan10\"\nactive = \"" + file + "\"\nservers = [\"10.9.0.2\"]\n")
	if !d.is("vlan10", "standby") {
		t.Fatal("it is not on standby")
	}
	say := func(text string) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range []string{"", "active\n", "MASTER"} {
		say(text)
		d.await("relaying", func() bool { return d.is("vlan10", "relaying") })
		n.broadcast(discover(uint32(i)).request())
		if h := v.want(); h.Xid() != uint32(i) {
			t.Errorf("xid %d", h.Xid())
		}
		say("BACKUP\n")
		d.await("standby", func() bool { return d.is("vlan10", "standby") })
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	n.broadcast(discover(99).request())
	d.await("it is counted", func() bool { return d.scrape().outcome("standby") == 1 })
}

// FRR's VRRP keeps the virtual addresses on macvlans with virtual MACs, and in the state
// backup takes nothing but the carrier from them.
func TestStandbyFollowsTheCarrierOfMacvlans(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.2/16")
	b.relay.ipv6("vlan10", "2001:db8:1::2/64")
	n6 := attach6(b.clients, "cvlan10")
	v, v6 := listenAt(b.servers, "10.9.0.2:67"), b.uplink6()
	serve6(t, v6)
	for name, device := range map[string]struct {
		id   byte
		addr string
	}{"vrrp4-10-51": {1, "10.1.0.1/16"}, "vrrp6-10-51": {2, "fe80::5:1/64"}} {
		attrs := netns.Attrs(name)
		attrs.ParentIndex = b.relay.Index("vlan10")
		attrs.HardwareAddr = []byte{0, 0, 0x5e, 0, device.id, 51}
		b.relay.Add(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE})
		b.relay.carrier(name, false)
		b.relay.Sysctl("ipv6/conf/"+name+"/disable_ipv6", "0")
		b.relay.Sysctl("ipv6/conf/"+name+"/accept_dad", "0")
		b.relay.Up(name)
		b.relay.Addr(name, device.addr)
	}
	d := b.start("[[interface]]\nname = \"vlan10\"\nactive = [\"10.1.0.1\", \"fe80::5:1\"]\ndhcpv4.giaddr = \"10.1.0.1\"\nservers = [\"10.9.0.2\", \"2001:db8:9::2\"]\n")
	state := func(state string) {
		t.Helper()
		d.await(state, func() bool {
			s := d.scrape()
			return s[`dhcp_relay_interface_state{family="ipv4",interface="vlan10",state="`+state+`"}`] == 1 &&
				s[`dhcp_relay_interface_state{family="ipv6",interface="vlan10",state="`+state+`"}`] == 1
		})
	}
	for round := range uint32(3) {
		state("standby")
		n.broadcast(discover(10 * round).request())
		c := client6Of(10 * round)
		n6.send(c.frame(c.message(dhcp6.Solicit, 0)))
		d.await("both are counted", func() bool { return d.scrape().outcome("standby") == 2*int(round+1) })
		b.relay.carrier("vrrp4-10-51", true)
		b.relay.carrier("vrrp6-10-51", true)
		state("relaying")
		n.broadcast(discover(10*round + 1).request())
		h := v.want()
		if h.Giaddr().String() != "10.1.0.1" || h.Xid() != 10*round+1 {
			t.Errorf("giaddr %v, xid %d", h.Giaddr(), h.Xid())
		}
		v.reply(h, bootp.Offer, "10.1.0.77")
		n.want()
		c = client6Of(10*round + 1)
		n6.send(c.frame(c.message(dhcp6.Solicit, 0)))
		n6.await(c.addr)
		b.relay.carrier("vrrp4-10-51", false)
		b.relay.carrier("vrrp6-10-51", false)
	}
	state("standby")
	if n := d.balanced().outcome("same_network"); n == 0 {
		t.Error("the macvlans, which hear each request too, are not known as the same network")
	}
	if d.logged("interface cannot relay", nil) || d.logged("configuration and host disagree", nil) {
		t.Errorf("standby is told as trouble:\n%s", d.log)
	}
}

// carrier gives a macvlan its carrier or takes it, as FRR does.
func (s *space) carrier(link string, on bool) {
	s.T.Helper()
	protodown := map[bool]string{true: "off", false: "on"}[on]
	out, err := s.NS().Run(context.Background(), "ip", "link", "set", "dev", link, "protodown", protodown)
	if err != nil {
		s.T.Fatalf("protodown %s of %s: %v\n%s", protodown, link, err, out)
	}
}
