package scenes

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
)

// The UDP ends of a client without an address.
var (
	client68   = netip.AddrPortFrom(netip.IPv4Unspecified(), 68)
	everyone67 = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 67)
)

func filteringBridge(t *testing.T) {
	b := newBed(t)
	n := b.cable("port1")
	d := b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.10.0.1/24", "10.20.0.1/24")
	need(t, "bridges that filter VLANs", b.router.Do(func() error {
		on := true
		a := netlink.NewLinkAttrs()
		a.Name = "br0"
		if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: a, VlanFiltering: &on}); err != nil {
			return err
		}
		br, err := netlink.LinkByName("br0")
		if err != nil {
			return err
		}
		port, err := netlink.LinkByName("port1")
		if err != nil {
			return err
		}
		return errors.Join(netlink.LinkSetMaster(port, br), netlink.LinkSetUp(br),
			netlink.BridgeVlanAdd(port, 10, false, false, false, true), netlink.BridgeVlanAdd(port, 20, true, true, false, true),
			netlink.BridgeVlanAdd(br, 10, false, false, true, false), netlink.BridgeVlanAdd(br, 20, false, false, true, false))
	}))
	for id, name := range map[uint16]string{10: "svi10", 20: "svi20"} {
		must(t, b.router.VLAN("br0", name, id), b.router.Addr(name, vlanSite(id).giaddr+"/24"))
	}
	tagged, untagged, stranger := b.tagged(n, 10), b.client(n, "eth0"), b.tagged(n, 30)
	b.start(`
[[interface]]
name = "svi*"
servers = ["10.9.0.2"]
`)
	for id, h := range map[uint16]*host{10: tagged, 20: untagged} {
		s := vlanSite(id)
		s.dev = map[uint16]string{10: "svi10", 20: "svi20"}[id]
		b.login(h, s, d)
	}
	b.ignored(stranger, d)
}

func macvlan(t *testing.T) {
	b := newBed(t)
	n := b.cable("parent")
	must(t, b.router.Macvlan("parent", "mv0"), b.router.Addr("mv0", "10.10.0.1/24"))
	d := b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.10.0.1/24")
	h := b.client(n, "eth0")
	b.start(`
[[interface]]
name = "mv0"
servers = ["10.9.0.2"]
`)
	// The parent hears every broadcast too.
	b.want["other request discover same_network"]++
	b.want["other request request same_network"]++
	s := vlanSite(10)
	s.dev = "mv0"
	b.login(h, s, d)
}

func bond(t *testing.T) {
	b := newBed(t)
	n := netns.Test(t, "c", netns.WithoutIPv6())
	must(t, netns.Veth(b.router, "m0", n, "p0"), netns.Veth(b.router, "m1", n, "p1"))
	// The switch: both members end in one bridge, where the client is.
	must(t, n.Bridge("sw", "p0", "p1"))
	need(t, "bonds", b.bond("bond0", "m0", "m1"))
	must(t, b.router.Addr("bond0", "10.10.0.1/24"))
	d := b.server("up", "", "10.9.0.1/24", "10.9.0.2", "10.10.0.1/24")
	h := b.client(n, "sw")
	b.start(`
[[interface]]
name = "bond0"
servers = ["10.9.0.2"]
`)
	s := vlanSite(10)
	s.dev = "bond0"
	b.login(h, s, d)
	for _, fails := range []string{"p0", "p1"} {
		must(t, n.Down(fails))
		b.follows(h, fails+" has failed")
		b.login(h, s, d)
		must(t, n.Up(fails), n.Running(fails))
	}
}

// bond makes an active-backup bond that looks at its members' carrier.
func (b *bed) bond(name string, members ...string) error {
	return b.router.Do(func() error {
		a := netlink.NewLinkAttrs()
		a.Name = name
		bond := netlink.NewLinkBond(a)
		bond.Mode, bond.Miimon = netlink.BOND_MODE_ACTIVE_BACKUP, 20
		if err := netlink.LinkAdd(bond); err != nil {
			return err
		}
		for _, m := range members {
			l, err := netlink.LinkByName(m)
			if err != nil {
				return err
			}
			if err := errors.Join(netlink.LinkSetDown(l), netlink.LinkSetMaster(l, bond), netlink.LinkSetUp(l)); err != nil {
				return err
			}
		}
		return netlink.LinkSetUp(bond)
	})
}
