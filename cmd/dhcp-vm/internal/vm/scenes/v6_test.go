package scenes

import (
	"errors"
	"fmt"
	"testing"

	"dhcp-relay/cmd/lab/netns"
)

// TestV6: DHCPv6 on VLANs, in VRFs and by uplinks of its own.
func TestV6(t *testing.T) {
	for _, s := range []scene{
		{"clients of two VLANs on one trunk", vlans6},
		{"a sub-interface comes, goes and comes again while relaying", comesAndGoes6},
		{"clients and server in the same VRF", sameVRF6},
		{"clients in red, server in the default VRF", defaultVRF6},
		{"the router has IPv6 only", only6},
		{"uplink over IPv6 only for DHCPv6, over IPv4 for DHCPv4", split},
		{"the route to the server moves to another uplink", routeMoves6},
		{"uplink with an MTU of 1280", smallMTU6},
	} {
		t.Run(s.name, s.play)
	}
}

const onTrunk6 = `
[[interface]]
name = "trunk.*"
servers = ["2001:db8:9::2"]
`

// sub6 makes a sub-interface of the router's trunk.
func (b *bed) sub6(id uint16) {
	b.t.Helper()
	must(b.t, b.router.Addr(b.vlan(b.router, "trunk", id), fmt.Sprintf("2001:db8:%d::1/64", id)))
}

// tagged6 returns a client whose frames bear a tag.
func (b *bed) tagged6(n *netns.NS, id uint16) *host6 {
	b.t.Helper()
	return b.client6(n, b.vlan(n, "eth0", id))
}

func vlanSite6(id uint16) site6 {
	return site6{
		dev: fmt.Sprintf("trunk.%d", id), link: fmt.Sprintf("2001:db8:%d::1", id), subnet: fmt.Sprintf("2001:db8:%d::/64", id),
	}
}

// trunk6 cables a trunk to a new namespace, and a server for the VLANs 10 and 20.
func (b *bed) trunk6() (*netns.NS, *dhcpd6) {
	b.t.Helper()
	return b.cable("trunk"), b.server6("up", "", "2001:db8:10::1/64", "2001:db8:20::1/64")
}

func vlans6(t *testing.T) {
	b := newBed6(t)
	n, d := b.trunk6()
	b.sub6(10)
	b.sub6(20)
	ten, twenty := b.tagged6(n, 10), b.tagged6(n, 20)
	b.start(onTrunk6)
	b.login6(ten, vlanSite6(10), d)
	b.login6(twenty, vlanSite6(20), d)
}

func comesAndGoes6(t *testing.T) {
	b := newBed6(t)
	n, d := b.trunk6()
	h := b.tagged6(n, 10)
	b.start(onTrunk6)
	for range 2 {
		b.sub6(10)
		b.relays("trunk.10")
		b.login6(h, vlanSite6(10), d)
		must(t, b.router.Delete("trunk.10"), h.Unplug())
	}
}

// relays waits until the daemon shows that it relays DHCPv6 on an interface.
func (b *bed) relays(dev string) {
	b.t.Helper()
	b.daemon.await(dev+" relays", func() bool {
		families, err := b.daemon.scrape()
		must(b.t, err)
		for _, m := range families["dhcp_relay_link_address_info"].GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "interface" && l.GetValue() == dev {
					return true
				}
			}
		}
		return false
	})
}

const inRed6 = onLAN6 + `
[[server]]
address = "2001:db8:9::2"
vrf = "red"
`

func sameVRF6(t *testing.T) { fromRed6(t, "red", inRed6) }

func defaultVRF6(t *testing.T) { fromRed6(t, "", onLAN6) }

// fromRed6 has a client in red log in at a server in a VRF.
func fromRed6(t *testing.T, vrf, config string) {
	t.Helper()
	b := newBed6(t)
	b.vrf("red", red)
	h := b.network6("lan", "red", "2001:db8:1::1/64")
	d := b.server6("up", vrf, "2001:db8:1::1/64")
	b.start(config)
	b.login6(h, lan6(), d)
}

// plain6 is plain for DHCPv6.
func plain6(t *testing.T) (*bed, *host6, *dhcpd6) {
	t.Helper()
	b := newBed6(t)
	h := b.network6("lan", "", "2001:db8:1::1/64")
	d := b.server6("up", "", "2001:db8:1::1/64")
	return b, h, d
}

func only6(t *testing.T) {
	b, h, d := plain6(t)
	b.start(onLAN6)
	b.login6(h, lan6(), d)
	before := h.Lease().Addr
	again, err := h.Rebind(within(t, patience))
	must(t, err)
	if again.Addr != before {
		t.Errorf("rebound %s, want %s", again.Addr, before)
	}
	b.count("lan", "request rebind", "reply reply")
	b.balance()
}

// split has one daemon serve both families, each by an uplink of its own.
func split(t *testing.T) {
	b := newBed6(t)
	must(t, b.router.Forward())
	h := b.network("lan", "", "10.1.0.1/24")
	must(t, b.router.Addr("lan", "2001:db8:1::1/64"))
	h6 := b.client6(h.ns, "eth0")
	d := b.server("up4", "", "10.9.0.1/24", "10.9.0.2", "10.1.0.1/24")
	d6 := b.server6("up6", "", "2001:db8:1::1/64")
	b.start(`
[[interface]]
name = "lan"
servers = ["10.9.0.2", "2001:db8:9::2"]
`)
	b.login(h, lan(), d)
	b.login6(h6, lan6(), d6)
	b.renew(h, lan(), d)
}

func routeMoves6(t *testing.T) {
	b := newBed6(t)
	h := b.network6("lan", "", "2001:db8:1::1/64")
	n := b.cable("up1")
	must(t, netns.Veth(b.router, "up2", n, "eth1"), n.Forward6(), n.Addr("lo", "2001:db8:9::2/128"))
	for i, dev := range []string{"up1", "up2"} {
		must(t, b.router.Addr(dev, fmt.Sprintf("2001:db8:80%d::1/64", i+1)), n.Addr(fmt.Sprintf("eth%d", i), fmt.Sprintf("2001:db8:80%d::2/64", i+1)))
	}
	must(t, b.router.Route("2001:db8:9::2/128", "2001:db8:801::2"))
	by := []*dhcpd6{b.serve6(n, "eth0", "2001:db8:1::1/64"), b.serve6(n, "eth1", "2001:db8:1::1/64")}
	b.start(onLAN6)
	for _, i := range []int{0, 1, 0} {
		must(t, b.router.Route("2001:db8:9::2/128", fmt.Sprintf("2001:db8:80%d::2", i+1)),
			n.Route("default", fmt.Sprintf("2001:db8:80%d::1", i+1)))
		b.login6(h, lan6(), by[i])
		must(t, h.Unplug())
	}
}

func smallMTU6(t *testing.T) {
	b, h, d := plain6(t)
	must(t, errors.Join(b.router.MTU("up", 1280), d.ns.MTU("eth0", 1280)))
	b.start(onLAN6)
	b.login6(h, lan6(), d)
}
