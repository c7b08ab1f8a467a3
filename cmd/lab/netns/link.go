package netns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Veth joins two namespaces by a pair of veth devices, both up and running. Checksum
// offload is off on both, so that a tap sees what a wire would carry: complete
// checksums, and no frames that are still to be segmented. a and b may be the
// same namespace.
func Veth(a *NS, aName string, b *NS, bName string) error {
	v := netlink.NewVeth(netlink.LinkAttrs{Name: aName, MTU: 1500, TxQLen: 1000})
	v.PeerName, v.PeerNamespace = bName, netlink.NsFd(int(b.fd))
	if err := a.nl.LinkAdd(v); err != nil {
		return fmt.Errorf("veth %s:%s to %s:%s: %w", a.Name, aName, b.Name, bName, err)
	}
	return errors.Join(
		a.Offload(aName, false), b.Offload(bName, false),
		a.Up(aName), b.Up(bName),
		a.Running(aName), b.Running(bName),
	)
}

// Bridge makes a bridge, without spanning tree, and puts the ports into it; all
// of them are set up. Its own checksum offload is off, as with Veth.
func (n *NS) Bridge(name string, ports ...string) error {
	if err := n.add(&netlink.Bridge{LinkAttrs: Attrs(name)}); err != nil {
		return err
	}
	for _, p := range ports {
		if err := errors.Join(n.Master(p, name), n.Up(p)); err != nil {
			return err
		}
	}
	if err := errors.Join(n.Offload(name, false), n.Up(name)); err != nil || len(ports) == 0 {
		return err
	}
	return n.Running(name)
}

// patience is for a machine that is busy: what is waited for takes a few
// milliseconds.
const patience = 20 * time.Second

// Running waits until a device that is up transmits: the kernel starts its queue a
// moment after it has a carrier, and drops what is sent before. The error wraps
// context.DeadlineExceeded.
func (n *NS) Running(dev string) error {
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		l, err := n.link(dev)
		if err != nil {
			return err
		}
		// Cables tell; devices without another end, such as tunnels, have no state.
		if state := l.Attrs().OperState; carrier(l) && (state == netlink.OperUp || state == netlink.OperUnknown && l.Type() != "veth") {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("carrier of %s in %s: %w", dev, n.Name, context.DeadlineExceeded)
		}
	}
}

// carrier reports whether a link is up and not cut off.
func carrier(l netlink.Link) bool {
	const all = unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_LOWER_UP
	return l.Attrs().RawFlags&all == all
}

// VLAN makes an 802.1Q device on a parent and sets it up. Kernels without such
// devices return an error that wraps unix.EOPNOTSUPP.
func (n *NS) VLAN(parent, name string, id uint16) error {
	p, err := n.link(parent)
	if err != nil {
		return err
	}
	a := Attrs(name)
	a.ParentIndex = p.Attrs().Index
	return errors.Join(n.add(&netlink.Vlan{LinkAttrs: a, VlanId: int(id), VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}), n.Up(name))
}

// Macvlan makes a macvlan device in bridge mode on a parent and sets it up.
func (n *NS) Macvlan(parent, name string) error {
	p, err := n.link(parent)
	if err != nil {
		return err
	}
	a := Attrs(name)
	a.ParentIndex = p.Attrs().Index
	return errors.Join(n.add(&netlink.Macvlan{LinkAttrs: a, Mode: netlink.MACVLAN_MODE_BRIDGE}), n.Up(name))
}

// VRF makes a VRF device with a routing table of its own and sets it up.
// Kernels without VRFs return an error that wraps unix.EOPNOTSUPP.
func (n *NS) VRF(name string, table uint32) error {
	if err := n.add(&netlink.Vrf{LinkAttrs: Attrs(name), Table: table}); err != nil {
		return err
	}
	return n.Up(name)
}

// Master puts a device into a bridge or VRF, or takes it out if master is "".
func (n *NS) Master(dev, master string) error {
	index := 0
	if master != "" {
		m, err := n.link(master)
		if err != nil {
			return err
		}
		index = m.Attrs().Index
	}
	return n.on(dev, "master "+master, func(l netlink.Link) error { return n.nl.LinkSetMasterByIndex(l, index) })
}

// Up sets a device up.
func (n *NS) Up(dev string) error { return n.on(dev, "set up", n.nl.LinkSetUp) }

// Down sets a device down.
func (n *NS) Down(dev string) error { return n.on(dev, "set down", n.nl.LinkSetDown) }

// Delete deletes a device; of a veth pair, both ends.
func (n *NS) Delete(dev string) error { return n.on(dev, "delete", n.nl.LinkDel) }

// Rename gives a device another name.
func (n *NS) Rename(dev, name string) error {
	return n.on(dev, "rename to "+name, func(l netlink.Link) error { return n.nl.LinkSetName(l, name) })
}

// MTU sets a device's MTU, in octets.
func (n *NS) MTU(dev string, mtu int) error {
	return n.on(dev, "mtu", func(l netlink.Link) error { return n.nl.LinkSetMTU(l, mtu) })
}

// SetMAC sets a device's link-layer address.
func (n *NS) SetMAC(dev string, mac net.HardwareAddr) error {
	return n.on(dev, "address", func(l netlink.Link) error { return n.nl.LinkSetHardwareAddr(l, mac) })
}

// MAC returns a device's link-layer address.
func (n *NS) MAC(dev string) (net.HardwareAddr, error) {
	l, err := n.link(dev)
	if err != nil {
		return nil, err
	}
	return l.Attrs().HardwareAddr, nil
}

// Index returns a device's interface index.
func (n *NS) Index(dev string) (int, error) {
	l, err := n.link(dev)
	if err != nil {
		return 0, err
	}
	return l.Attrs().Index, nil
}

// Addr gives a device an address, written as "10.0.0.1/24". The broadcast
// address is set as `ip addr add ... brd +` does. An IPv6 address is ready for
// use then, if the device is.
func (n *NS) Addr(dev, cidr string) error { return n.addr(dev, cidr, 0) }

// addr is Addr with flags for those of IPv6.
func (n *NS) addr(dev, cidr string, flags6 int) error {
	a, err := netlink.ParseAddr(cidr)
	if err != nil {
		return fmt.Errorf("address %q: %w", cidr, err)
	}
	return n.on(dev, "address "+cidr, func(l netlink.Link) error {
		if a.IP.To4() != nil {
			return n.nl.AddrReplace(l, a)
		}
		a.Flags = flags6
		if err := n.nl.AddrReplace(l, a); err != nil || !carrier(l) {
			return err
		}
		return n.settled(l, a.IP)
	})
}

// settled waits until the namespace takes what comes on a device for an IPv6 address.
func (n *NS) settled(l netlink.Link, a net.IP) error {
	ip, _ := netip.AddrFromSlice(a)
	_, err := n.taken(l, func(to netip.Addr) bool { return to == ip })
	return err
}

// LinkLocal waits until a device has an IPv6 link-local address that is ready for
// use, and returns it: the kernel makes it a moment after the device has come up.
func (n *NS) LinkLocal(dev string) (a netip.Addr, err error) {
	err = n.on(dev, "link-local address", func(l netlink.Link) error {
		a, err = n.taken(l, netip.Addr.IsLinkLocalUnicast)
		return err
	})
	return a, err
}

// taken waits until the namespace takes what comes on a device for an IPv6
// address that is wanted: without duplicate address detection, too, the kernel is
// a moment late with that. It answers its neighbours before, and shows the address
// while no socket can be bound to it.
func (n *NS) taken(l netlink.Link, want func(netip.Addr) bool) (netip.Addr, error) {
	kind := &netlink.Route{Type: unix.RTN_LOCAL, LinkIndex: l.Attrs().Index} // in the table of any VRF
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		list, err := n.nl.RouteListFiltered(netlink.FAMILY_V6, kind, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE|netlink.RT_FILTER_OIF)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // by another change
			return netip.Addr{}, err
		}
		for _, r := range list {
			if a, _ := netip.AddrFromSlice(r.Dst.IP); want(a) {
				return a, nil
			}
		}
		if time.Now().After(end) {
			return netip.Addr{}, fmt.Errorf("no route takes it: %w", context.DeadlineExceeded)
		}
	}
}

// DelAddr takes an address, written as "10.0.0.1/24", from a device.
func (n *NS) DelAddr(dev, cidr string) error {
	a, err := netlink.ParseAddr(cidr)
	if err != nil {
		return fmt.Errorf("address %q: %w", cidr, err)
	}
	return n.on(dev, "delete address "+cidr, func(l netlink.Link) error { return n.nl.AddrDel(l, a) })
}

// Addrs returns the IPv4 addresses of a device with their prefix lengths.
func (n *NS) Addrs(dev string) ([]netip.Prefix, error) { return n.addrs(dev, netlink.FAMILY_V4) }

// Addrs6 returns the IPv6 addresses of a device with their prefix lengths, those
// of the link included.
func (n *NS) Addrs6(dev string) ([]netip.Prefix, error) { return n.addrs(dev, netlink.FAMILY_V6) }

func (n *NS) addrs(dev string, family int) ([]netip.Prefix, error) {
	l, err := n.link(dev)
	if err != nil {
		return nil, err
	}
	list, err := n.nl.AddrList(l, family)
	if err != nil {
		return nil, fmt.Errorf("addresses of %s in %s: %w", dev, n.Name, err)
	}
	var out []netip.Prefix
	for _, a := range list {
		raw := a.IP.To16()
		if family == netlink.FAMILY_V4 {
			raw = a.IP.To4()
		}
		ip, _ := netip.AddrFromSlice(raw)
		ones, _ := a.Mask.Size()
		out = append(out, netip.PrefixFrom(ip, ones))
	}
	return out, nil
}

// Route adds or replaces the route to dst, such as "10.1.0.0/24" or "default",
// by the next hop via.
func (n *NS) Route(dst, via string) error {
	gw, err := netip.ParseAddr(via)
	if err != nil {
		return fmt.Errorf("next hop: %w", err)
	}
	r := &netlink.Route{Gw: gw.AsSlice()}
	if dst == "default" && gw.Is6() {
		r.Dst = &net.IPNet{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}
	}
	if dst != "default" {
		p, err := netip.ParsePrefix(dst)
		if err != nil {
			return fmt.Errorf("route: %w", err)
		}
		r.Dst = &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
	}
	if err := n.nl.RouteReplace(r); err != nil {
		return fmt.Errorf("route %s via %s in %s: %w", dst, via, n.Name, err)
	}
	return nil
}

// Sysctl writes a kernel setting of the namespace; the key is a path below
// /proc/sys, such as "net/ipv4/ip_forward".
func (n *NS) Sysctl(key, value string) error {
	err := n.Do(func() error {
		return os.WriteFile("/proc/sys/"+key, []byte(value), 0o644)
	})
	if err != nil {
		return fmt.Errorf("sysctl %s=%s in %s: %w", key, value, n.Name, err)
	}
	return nil
}

// Forward switches IPv4 forwarding on: the namespace is a router.
func (n *NS) Forward() error { return n.Sysctl("net/ipv4/ip_forward", "1") }

// Forward6 switches IPv6 forwarding on.
func (n *NS) Forward6() error { return n.Sysctl("net/ipv6/conf/all/forwarding", "1") }

func (n *NS) add(l netlink.Link) error {
	if err := n.nl.LinkAdd(l); err != nil {
		return fmt.Errorf("add %s %s in %s: %w", l.Type(), l.Attrs().Name, n.Name, err)
	}
	return nil
}

func (n *NS) link(dev string) (netlink.Link, error) {
	l, err := n.nl.LinkByName(dev)
	if err != nil {
		return nil, fmt.Errorf("link %s in %s: %w", dev, n.Name, err)
	}
	return l, nil
}

func (n *NS) on(dev, what string, f func(netlink.Link) error) error {
	l, err := n.link(dev)
	if err != nil {
		return err
	}
	if err := f(l); err != nil {
		return fmt.Errorf("%s in %s: %s: %w", dev, n.Name, what, err)
	}
	return nil
}
