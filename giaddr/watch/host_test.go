package watch

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"dhcp-relay/giaddr"
)

var compare = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// A message is one that the kernel might send.
type message struct {
	msgType uint16
	data    []byte
}

const running = unix.IFF_UP | unix.IFF_LOWER_UP | unix.IFF_BROADCAST

// linkMessage makes a struct ifinfomsg with the name and more attributes.
func linkMessage(msgType uint16, index int, flags uint32, name string, more ...*nl.RtAttr) message {
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Type = unix.ARPHRD_ETHER
	m.Index = int32(index)
	m.Flags = flags
	data := m.Serialize()
	for _, a := range append([]*nl.RtAttr{nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name))}, more...) {
		data = append(data, a.Serialize()...)
	}
	return message{msgType, data}
}

func newLink(index int, name string, more ...*nl.RtAttr) message {
	return linkMessage(unix.RTM_NEWLINK, index, running, name, more...)
}

func delLink(index int, name string) message {
	return linkMessage(unix.RTM_DELLINK, index, 0, name)
}

func master(index int) *nl.RtAttr {
	return nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(index)))
}

func kind(name string, data ...*nl.RtAttr) *nl.RtAttr {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(unix.IFLA_INFO_KIND, nl.NonZeroTerminated(name))
	body := info.AddRtAttr(unix.IFLA_INFO_DATA, nil)
	for _, d := range data {
		body.AddChild(d)
	}
	return info
}

func lower(index int) *nl.RtAttr {
	return nl.NewRtAttr(unix.IFLA_LINK, nl.Uint32Attr(uint32(index)))
}

func macvlanMode(mode uint32) *nl.RtAttr {
	return nl.NewRtAttr(unix.IFLA_MACVLAN_MODE, nl.Uint32Attr(mode))
}

func altNamed(names ...string) *nl.RtAttr {
	list := nl.NewRtAttr(unix.IFLA_PROP_LIST|unix.NLA_F_NESTED, nil)
	for _, n := range names {
		list.AddRtAttr(unix.IFLA_ALT_IFNAME, nl.ZeroTerminated(n))
	}
	return list
}

// on is a link of a kind, on another one.
func on(l giaddr.Link, kind string, lower int) giaddr.Link {
	l.Kind, l.Lower = kind, lower
	return l
}

// bridged is a link whose clients the forwarding table of a bridge knows under a VLAN.
func bridged(l giaddr.Link, bridge int32, vlan uint16) giaddr.Link {
	l.FDB = giaddr.FDB{Bridge: bridge, VLAN: vlan}
	return l
}

// tagged is a VLAN interface, outer that of the one that it is on.
func tagged(l giaddr.Link, vlan, outer uint16) giaddr.Link {
	l.Kind, l.VLAN, l.OuterVLAN = "vlan", vlan, outer
	return l
}

// vlansOf is what a bridge says of VLANs of its own, or of a port.
func vlansOf(index, bridge int, infos ...nl.BridgeVlanInfo) message {
	if len(infos) == 0 {
		return linkMessage(unix.RTM_NEWLINK, index, running, "br", master(bridge)).withFamily(unix.AF_BRIDGE)
	}
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	for i := range infos {
		spec.AddRtAttr(nl.IFLA_BRIDGE_VLAN_INFO, infos[i].Serialize())
	}
	return linkMessage(unix.RTM_NEWLINK, index, running, "br", master(bridge), spec).withFamily(unix.AF_BRIDGE)
}

// filtering is a bridge that filters by VLAN.
func filtering(pvid uint16) *nl.RtAttr {
	return kind("bridge", nl.NewRtAttr(unix.IFLA_BR_VLAN_FILTERING, []byte{1}), nl.NewRtAttr(unix.IFLA_BR_VLAN_DEFAULT_PVID, nl.Uint16Attr(pvid)))
}

func vlanOf(id uint16) *nl.RtAttr {
	return kind("vlan", nl.NewRtAttr(unix.IFLA_VLAN_ID, nl.Uint16Attr(id)))
}

// called is a link with alternative names.
func called(l giaddr.Link, names ...string) giaddr.Link {
	l.AltNames = names
	return l
}

// withFamily changes the family of a message of either kind.
func (m message) withFamily(family byte) message {
	m.data = slices.Clone(m.data)
	m.data[0] = family
	return m
}

// addrMessage makes a struct ifaddrmsg. A peer of "" is none.
func addrMessage(msgType uint16, index int, address, peer string, flags uint32) message {
	p := netip.MustParsePrefix(address)
	m := nl.NewIfAddrmsg(unix.AF_INET)
	if p.Addr().Is6() {
		m = nl.NewIfAddrmsg(unix.AF_INET6)
	}
	m.Prefixlen = uint8(p.Bits())
	m.Flags = uint8(flags)
	m.Index = uint32(index)
	data := m.Serialize()
	attrs := []*nl.RtAttr{nl.NewRtAttr(unix.IFA_FLAGS, nl.Uint32Attr(flags))}
	switch {
	case peer != "":
		attrs = append(attrs, nl.NewRtAttr(unix.IFA_LOCAL, p.Addr().AsSlice()),
			nl.NewRtAttr(unix.IFA_ADDRESS, netip.MustParseAddr(peer).AsSlice()))
	case p.Addr().Is4():
		attrs = append(attrs, nl.NewRtAttr(unix.IFA_ADDRESS, p.Addr().AsSlice()),
			nl.NewRtAttr(unix.IFA_LOCAL, p.Addr().AsSlice()))
	default:
		attrs = append(attrs, nl.NewRtAttr(unix.IFA_ADDRESS, p.Addr().AsSlice()))
	}
	for _, a := range attrs {
		data = append(data, a.Serialize()...)
	}
	return message{msgType, data}
}

func newAddr(index int, address string, flags uint32) message {
	return addrMessage(unix.RTM_NEWADDR, index, address, "", flags)
}

func delAddr(index int, address string) message {
	return addrMessage(unix.RTM_DELADDR, index, address, "", 0)
}

func prefixes(list ...string) []giaddr.Addr {
	var all []giaddr.Addr
	for _, s := range list {
		all = append(all, giaddr.Addr{Prefix: netip.MustParsePrefix(s)})
	}
	return all
}

func plain(index int, name string, addrs ...giaddr.Addr) giaddr.Link {
	return giaddr.Link{Index: index, Name: name, Type: unix.ARPHRD_ETHER, Up: true, Broadcast: true, Addrs: addrs}
}

func mtu(n int) *nl.RtAttr { return nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(n))) }

func wide(l giaddr.Link, mtu int) giaddr.Link {
	l.MTU = mtu
	return l
}

// living is a link in another life than its first.
func living(l giaddr.Link, life uint64) giaddr.Link {
	l.Life = life
	return l
}

func TestPicture(t *testing.T) {
	t.Parallel()
	inVRF := func(l giaddr.Link, vrf int) giaddr.Link {
		l.VRF, l.IsVRF = vrf, vrf == l.Index
		if l.IsVRF {
			l.Kind = "vrf"
		}
		return l
	}
	of := func(l giaddr.Link, kind string) giaddr.Link { l.Kind = kind; return l }
	portOf := func(l giaddr.Link, master string) giaddr.Link { l.Master = master; return l }
	tests := []struct {
		name string
		msgs []message
		want []giaddr.Link
	}{
		{
			name: "every attribute",
			msgs: []message{newLink(7, "vlan10",
				nl.NewRtAttr(unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, 1}),
				nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(1496)),
				nl.NewRtAttr(unix.IFLA_IFALIAS, nl.ZeroTerminated("floor 3")),
				kind("vlan", nl.NewRtAttr(2, make([]byte, 8)), nl.NewRtAttr(unix.IFLA_VLAN_ID, nl.Uint16Attr(10))))},
			want: []giaddr.Link{{
				Index: 7, Name: "vlan10", Alias: "floor 3", MAC: []byte{2, 0, 0, 0, 0, 1},
				Type: unix.ARPHRD_ETHER, MTU: 1496, Up: true, Broadcast: true, VLAN: 10, Kind: "vlan",
			}},
		},
		{
			name: "links by index, addresses by address",
			msgs: []message{
				newLink(9, "b"), newLink(3, "a"),
				newAddr(9, "2001:db8::1/64", 0), newAddr(9, "192.0.2.10/24", 0), newAddr(9, "192.0.2.9/24", 0), newAddr(9, "192.0.2.9/16", 0),
			},
			want: []giaddr.Link{plain(3, "a"), plain(9, "b", prefixes("192.0.2.9/16", "192.0.2.9/24", "192.0.2.10/24", "2001:db8::1/64")...)},
		},
		{name: "rename", msgs: []message{newLink(3, "eth0"), newAddr(3, "192.0.2.1/24", 0), newLink(3, "up0")}, want: []giaddr.Link{plain(3, "up0", prefixes("192.0.2.1/24")...)}},
		{
			name: "deleted and made again with its name",
			msgs: []message{newLink(3, "eth0"), newAddr(3, "192.0.2.1/24", 0), delLink(3, "eth0"), newLink(4, "eth0")},
			want: []giaddr.Link{living(plain(4, "eth0"), 1)},
		},
		{
			name: "deleted and made again with its index",
			msgs: []message{newLink(3, "eth0"), newAddr(3, "192.0.2.1/24", 0), delLink(3, "eth0"), newLink(3, "eth0")},
			want: []giaddr.Link{living(plain(3, "eth0"), 1)},
		},
		{
			name: "an MTU that is too small for IPv6, and one that is not",
			msgs: []message{
				newLink(3, "eth0", mtu(1500)), newLink(3, "eth0", mtu(1279)), newLink(3, "eth0", mtu(1280)),
				newLink(4, "eth1", mtu(1500)), newLink(4, "eth1", mtu(1280)), newLink(4, "eth1", mtu(1500)),
			},
			want: []giaddr.Link{living(wide(plain(3, "eth0"), 1280), 1), living(wide(plain(4, "eth1"), 1500), 1)},
		},
		{name: "address before its link", msgs: []message{newAddr(3, "192.0.2.1/24", 0), newLink(3, "eth0")}, want: []giaddr.Link{plain(3, "eth0", prefixes("192.0.2.1/24")...)}},
		{
			name: "address removed",
			msgs: []message{newLink(3, "eth0"), newAddr(3, "192.0.2.1/24", 0), newAddr(3, "192.0.2.1/25", 0), delAddr(3, "192.0.2.1/24")},
			want: []giaddr.Link{plain(3, "eth0", prefixes("192.0.2.1/25")...)},
		},
		{name: "up without carrier", msgs: []message{linkMessage(unix.RTM_NEWLINK, 3, unix.IFF_UP, "eth0")}, want: []giaddr.Link{{Index: 3, Name: "eth0", Type: unix.ARPHRD_ETHER}}},
		{name: "carrier, but down", msgs: []message{linkMessage(unix.RTM_NEWLINK, 3, unix.IFF_LOWER_UP, "eth0")}, want: []giaddr.Link{{Index: 3, Name: "eth0", Type: unix.ARPHRD_ETHER}}},
		{
			name: "VRF: itself, a port, a bridge and its port, a stranger",
			msgs: []message{
				newLink(2, "red", kind("vrf")), newLink(3, "eth0", master(2)), newLink(4, "br0", master(2)),
				newLink(5, "eth1", master(4)), newLink(6, "br1"), newLink(7, "eth2", master(6)),
			},
			want: []giaddr.Link{
				inVRF(plain(2, "red"), 2), inVRF(plain(3, "eth0"), 2), inVRF(plain(4, "br0"), 2), portOf(inVRF(plain(5, "eth1"), 2), "br0"),
				plain(6, "br1"), portOf(plain(7, "eth2"), "br1"),
			},
		},
		{
			name: "VRF changed through the bridge",
			msgs: []message{
				newLink(2, "red", kind("vrf")), newLink(3, "blue", kind("vrf")), newLink(4, "br0", master(2)),
				newLink(5, "eth1", master(4)), newLink(4, "br0", master(3)),
			},
			want: []giaddr.Link{inVRF(plain(2, "red"), 2), inVRF(plain(3, "blue"), 3), inVRF(plain(4, "br0"), 3), portOf(inVRF(plain(5, "eth1"), 3), "br0")},
		},
		{name: "VRF left", msgs: []message{newLink(2, "red", kind("vrf")), newLink(3, "eth0", master(2)), newLink(3, "eth0")}, want: []giaddr.Link{inVRF(plain(2, "red"), 2), plain(3, "eth0")}},
		{name: "VRF that is not known", msgs: []message{newLink(3, "eth0", master(2))}, want: []giaddr.Link{plain(3, "eth0")}},
		{name: "masters in a circle", msgs: []message{newLink(2, "a", master(3)), newLink(3, "b", master(2))}, want: []giaddr.Link{portOf(plain(2, "a"), "b"), portOf(plain(3, "b"), "a")}},
		{
			name: "a port that leaves its bridge, one of a bond, and one that batman-adv uses",
			msgs: []message{
				newLink(2, "br0", kind("bridge")), newLink(3, "bond0", kind("bond")), newLink(4, "bat0", kind("batadv")),
				newLink(5, "eth0", master(2)), newLink(6, "eth1", master(3)), newLink(7, "eth2", master(4)), newLink(5, "eth0"),
			},
			want: []giaddr.Link{
				bridged(of(plain(2, "br0"), "bridge"), 2, 0), of(plain(3, "bond0"), "bond"), of(plain(4, "bat0"), "batadv"),
				plain(5, "eth0"), portOf(plain(6, "eth1"), "bond0"), plain(7, "eth2"),
			},
		},
		{
			name: "a VLAN on a VLAN, one on a card, and one over a card of another namespace",
			msgs: []message{
				newLink(2, "eth0"), newLink(3, "eth0.200", lower(2), vlanOf(200)), newLink(4, "eth0.200.30", lower(3), vlanOf(30)),
				newLink(5, "far", lower(3), nl.NewRtAttr(unix.IFLA_LINK_NETNSID, nl.Uint32Attr(0)), vlanOf(40)),
			},
			want: []giaddr.Link{
				plain(2, "eth0"), tagged(plain(3, "eth0.200"), 200, 0), tagged(plain(4, "eth0.200.30"), 30, 200), tagged(plain(5, "far"), 40, 0),
			},
		},
		{
			name: "a bridge that filters by VLAN, with VLANs on it and one on those, and macvlans on all",
			msgs: []message{
				newLink(2, "br0", kind("bridge", nl.NewRtAttr(unix.IFLA_BR_VLAN_FILTERING, []byte{1}), nl.NewRtAttr(unix.IFLA_BR_VLAN_DEFAULT_PVID, nl.Uint16Attr(7)))),
				newLink(3, "br0.10", lower(2), vlanOf(10)), newLink(4, "br0.10.30", lower(3), vlanOf(30)), newLink(5, "mv0", lower(2), kind("macvlan")),
				newLink(6, "br1", kind("bridge", nl.NewRtAttr(unix.IFLA_BR_VLAN_FILTERING, []byte{0}), nl.NewRtAttr(unix.IFLA_BR_VLAN_DEFAULT_PVID, nl.Uint16Attr(7)))),
				newLink(7, "br1.10", lower(6), vlanOf(10)), newLink(8, "eth0"), newLink(9, "eth0.10", lower(8), vlanOf(10)),
			},
			want: []giaddr.Link{
				bridged(of(plain(2, "br0"), "bridge"), 2, 7), bridged(tagged(plain(3, "br0.10"), 10, 0), 2, 10),
				bridged(tagged(plain(4, "br0.10.30"), 30, 10), 2, 10), bridged(on(plain(5, "mv0"), "macvlan", 2), 2, 7),
				bridged(of(plain(6, "br1"), "bridge"), 6, 0), bridged(tagged(plain(7, "br1.10"), 10, 0), 6, 0),
				plain(8, "eth0"), tagged(plain(9, "eth0.10"), 10, 0),
			},
		},
		{
			name: "bridges that filter by VLAN: in another VLAN than the default, in several, in none, that change the default, after one of the same index",
			msgs: []message{
				newLink(2, "br0", filtering(1)), vlansOf(2, 2, nl.BridgeVlanInfo{Vid: 10}, nl.BridgeVlanInfo{Vid: 30, Flags: nl.BRIDGE_VLAN_INFO_PVID | nl.BRIDGE_VLAN_INFO_UNTAGGED}),
				newLink(20, "swp1", master(2)), vlansOf(20, 2, nl.BridgeVlanInfo{Vid: 40, Flags: nl.BRIDGE_VLAN_INFO_PVID | nl.BRIDGE_VLAN_INFO_UNTAGGED}),
				newLink(2, "br0", filtering(1)), newLink(2, "br0", filtering(9)),
				newLink(3, "br1", filtering(1)), vlansOf(3, 3, nl.BridgeVlanInfo{Vid: 5, Flags: nl.BRIDGE_VLAN_INFO_UNTAGGED}, nl.BridgeVlanInfo{Vid: 6, Flags: nl.BRIDGE_VLAN_INFO_PVID | nl.BRIDGE_VLAN_INFO_UNTAGGED}),
				newLink(4, "br2", filtering(1)), vlansOf(4, 4, nl.BridgeVlanInfo{Vid: 7, Flags: nl.BRIDGE_VLAN_INFO_PVID}),
				newLink(5, "br3", filtering(1)), vlansOf(5, 5, nl.BridgeVlanInfo{Vid: 1, Flags: nl.BRIDGE_VLAN_INFO_PVID | nl.BRIDGE_VLAN_INFO_UNTAGGED}), newLink(5, "br3", filtering(8)),
				newLink(6, "br4", filtering(1)), vlansOf(6, 6, nl.BridgeVlanInfo{Vid: 30, Flags: nl.BRIDGE_VLAN_INFO_PVID | nl.BRIDGE_VLAN_INFO_UNTAGGED}), delLink(6, "br4"), newLink(6, "br5", filtering(1)),
				newLink(7, "br6", filtering(1)), vlansOf(7, 7),
				linkMessage(unix.RTM_NEWLINK, 2, running, "br", master(2), nl.NewRtAttr(unix.IFLA_AF_SPEC, nl.NewRtAttr(5, nil).Serialize())).withFamily(unix.AF_BRIDGE), // IFLA_BRIDGE_CFM
			},
			want: []giaddr.Link{
				bridged(of(plain(2, "br0"), "bridge"), 2, 30), bridged(of(plain(3, "br1"), "bridge"), 3, 6), bridged(of(plain(4, "br2"), "bridge"), 4, 0),
				bridged(of(plain(5, "br3"), "bridge"), 5, 8), bridged(living(of(plain(6, "br5"), "bridge"), 1), 6, 1),
				bridged(living(of(plain(7, "br6"), "bridge"), 1), 7, 0), portOf(plain(20, "swp1"), "br0"),
			},
		},
		{
			name: "macvlan and ipvlan: on a link, in passthru mode, over a link of another namespace; a veth",
			msgs: []message{
				newLink(2, "eth0"), newLink(3, "eth1"),
				newLink(4, "mv0", lower(2), kind("macvlan", macvlanMode(4))), newLink(5, "ipvl0", lower(2), kind("ipvlan")),
				newLink(6, "pt0", lower(3), kind("macvtap", macvlanMode(8))),
				newLink(7, "mv1", lower(2), nl.NewRtAttr(unix.IFLA_LINK_NETNSID, nl.Uint32Attr(0)), kind("macvlan", macvlanMode(4))),
				newLink(8, "veth0", lower(2), kind("veth")),
			},
			want: []giaddr.Link{
				plain(2, "eth0"), plain(3, "eth1"),
				on(plain(4, "mv0"), "macvlan", 2), on(plain(5, "ipvl0"), "ipvlan", 2), on(plain(6, "pt0"), "macvtap", 3),
				on(plain(7, "mv1"), "macvlan", 0), on(plain(8, "veth0"), "veth", 0),
			},
		},
		{
			name: "alternative names, and others for them",
			msgs: []message{
				newLink(2, "eth0", altNamed("lan", "a-name-of-more-than-fifteen-octets")), newLink(3, "eth1", altNamed("wan")),
				newLink(3, "eth1", altNamed("uplink")), newLink(4, "eth2", altNamed("gone")), newLink(4, "eth2"),
			},
			want: []giaddr.Link{
				called(plain(2, "eth0"), "lan", "a-name-of-more-than-fifteen-octets"), called(plain(3, "eth1"), "uplink"), plain(4, "eth2"),
			},
		},
		{
			name: "a bridge's word about its port",
			msgs: []message{newLink(3, "eth0", master(2)), newAddr(3, "192.0.2.1/24", 0), delLink(3, "eth0").withFamily(unix.AF_BRIDGE)},
			want: []giaddr.Link{plain(3, "eth0", prefixes("192.0.2.1/24")...)},
		},
		{
			name: "a wireless driver's word",
			msgs: []message{newLink(3, "wlan0", nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(1500))), newLink(3, "wlan0", nl.NewRtAttr(unix.IFLA_WIRELESS, make([]byte, 8)))},
			want: []giaddr.Link{{Index: 3, Name: "wlan0", Type: unix.ARPHRD_ETHER, Up: true, Broadcast: true, MTU: 1500}},
		},
		{
			name: "flags of addresses",
			msgs: []message{
				newLink(3, "eth0"),
				newAddr(3, "192.0.2.1/24", unix.IFA_F_SECONDARY|unix.IFA_F_DEPRECATED),
				newAddr(3, "2001:db8::1/64", unix.IFA_F_TEMPORARY),
				newAddr(3, "2001:db8::2/64", unix.IFA_F_DEPRECATED),
				newAddr(3, "2001:db8::3/64", unix.IFA_F_TENTATIVE),
				newAddr(3, "2001:db8::4/64", unix.IFA_F_DADFAILED|unix.IFA_F_PERMANENT),
				newAddr(3, "2001:db8::5/64", unix.IFA_F_DADFAILED|unix.IFA_F_TENTATIVE),
				newAddr(3, "2001:db8::6/64", unix.IFA_F_OPTIMISTIC|unix.IFA_F_TENTATIVE),
			},
			want: []giaddr.Link{plain(3, "eth0",
				giaddr.Addr{Prefix: netip.MustParsePrefix("192.0.2.1/24"), Secondary: true, Deprecated: true},
				giaddr.Addr{Prefix: netip.MustParsePrefix("2001:db8::1/64"), Temporary: true},
				giaddr.Addr{Prefix: netip.MustParsePrefix("2001:db8::2/64"), Deprecated: true},
				giaddr.Addr{Prefix: netip.MustParsePrefix("2001:db8::3/64"), Tentative: true},
				giaddr.Addr{Prefix: netip.MustParsePrefix("2001:db8::4/64"), Duplicate: true},
				giaddr.Addr{Prefix: netip.MustParsePrefix("2001:db8::5/64"), Duplicate: true},
				giaddr.Addr{Prefix: netip.MustParsePrefix("2001:db8::6/64"), Tentative: true},
			)},
		},
		{
			name: "flags that change",
			msgs: []message{
				newLink(3, "eth0"), newAddr(3, "2001:db8::1/64", unix.IFA_F_TENTATIVE), newAddr(3, "2001:db8::1/64", 0),
				newAddr(3, "192.0.2.2/24", unix.IFA_F_SECONDARY), newAddr(3, "192.0.2.2/24", 0),
			},
			want: []giaddr.Link{plain(3, "eth0", prefixes("192.0.2.2/24", "2001:db8::1/64")...)},
		},
		{
			name: "point to point: the length is the peer's",
			msgs: []message{
				newLink(3, "ppp0"),
				addrMessage(unix.RTM_NEWADDR, 3, "192.0.2.1/32", "198.51.100.1", 0),
				addrMessage(unix.RTM_NEWADDR, 3, "192.0.2.5/24", "203.0.113.0", 0),
				addrMessage(unix.RTM_NEWADDR, 3, "192.0.2.9/30", "192.0.2.10", 0),
				addrMessage(unix.RTM_NEWADDR, 3, "2001:db8::1/64", "2001:db8:1::1", 0),
			},
			want: []giaddr.Link{plain(3, "ppp0", prefixes("192.0.2.1/32", "192.0.2.5/32", "192.0.2.9/30", "2001:db8::1/128")...)},
		},
		{
			name: "IPv6 peer changed in place",
			msgs: []message{
				newLink(3, "ppp0"),
				addrMessage(unix.RTM_NEWADDR, 3, "2001:db8::1/64", "2001:db8::2", 0),
				addrMessage(unix.RTM_NEWADDR, 3, "2001:db8::1/64", "2001:db8::3", 0),
			},
			want: []giaddr.Link{plain(3, "ppp0", prefixes("2001:db8::1/64")...)},
		},
		{name: "nothing known is deleted", msgs: []message{delLink(3, "eth0"), delAddr(3, "192.0.2.1/24")}, want: []giaddr.Link{}},
		{
			name: "malformed",
			msgs: []message{
				{unix.RTM_NEWLINK, nil},
				{unix.RTM_NEWADDR, make([]byte, unix.SizeofIfAddrmsg-1)},
				newLink(3, ""),
				newLink(-1, "eth0"),
				addrMessage(unix.RTM_NEWADDR, 3, "192.0.2.1/24", "2001:db8::1", 0),
				newAddr(3, "192.0.2.1/24", 0).withFamily(unix.AF_INET6),
				{unix.RTM_NEWLINK, newLink(3, "eth0").data[:unix.SizeofIfInfomsg+6]},
				{unix.RTM_NEWROUTE, newLink(3, "eth0").data},
			},
			want: []giaddr.Link{},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHost()
			for _, m := range tt.msgs {
				h.apply(m.msgType, m.data)
			}
			if diff := cmp.Diff(tt.want, h.snapshot(), compare); diff != "" {
				t.Errorf("picture (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMAC(t *testing.T) {
	t.Parallel()
	for arphrd, want := range map[uint16]bool{
		unix.ARPHRD_ETHER: true, unix.ARPHRD_INFINIBAND: true, unix.ARPHRD_IEEE80211: true,
		unix.ARPHRD_LOOPBACK: false, unix.ARPHRD_IPGRE: false, unix.ARPHRD_NONE: false,
	} {
		m := newLink(3, "x0", nl.NewRtAttr(unix.IFLA_ADDRESS, []byte{192, 0, 2, 1}))
		binary.NativeEndian.PutUint16(m.data[2:], arphrd)
		h := newHost()
		h.apply(m.msgType, m.data)
		l := h.snapshot()[0]
		if got := l.MAC != nil; got != want || l.Type != arphrd {
			t.Errorf("type %d: address %x of type %d", arphrd, l.MAC, l.Type)
		}
	}
}

// What has been told once makes no difference, so that the refreshed lifetimes of
// router advertisements wake nobody.
func TestNoDifference(t *testing.T) {
	t.Parallel()
	h := newHost()
	for _, m := range []message{newLink(3, "eth0", master(2)), newAddr(3, "2001:db8::1/64", 0)} {
		if !h.apply(m.msgType, m.data) {
			t.Error("no difference at first")
		}
		if h.apply(m.msgType, m.data) {
			t.Error("a difference when told again")
		}
	}
	for _, m := range []message{delAddr(3, "2001:db8::1/64"), delLink(3, "eth0")} {
		if !h.apply(m.msgType, m.data) {
			t.Error("no difference when deleted")
		}
		if h.apply(m.msgType, m.data) {
			t.Error("a difference when deleted again")
		}
	}
	if len(h.links)+len(h.addrs) != 0 {
		t.Errorf("left: %v %v", h.links, h.addrs)
	}
}

// A picture is the caller's own.
func TestPictureShares(t *testing.T) {
	t.Parallel()
	h := newHost()
	for _, m := range []message{newLink(3, "eth0", nl.NewRtAttr(unix.IFLA_ADDRESS, []byte{2, 0, 0, 0, 0, 1})), newAddr(3, "192.0.2.1/24", 0)} {
		h.apply(m.msgType, m.data)
	}
	first, want := h.snapshot(), h.snapshot()
	first[0].Name, first[0].MAC[0], first[0].Addrs[0] = "x", 7, giaddr.Addr{}
	if diff := cmp.Diff(want, h.snapshot(), compare); diff != "" {
		t.Errorf("picture (-want +got):\n%s", diff)
	}
}

// The order of addresses of a picture does not depend on that of the messages.
func TestOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		msgs := []message{newLink(3, "eth0"), newLink(5, "eth1", master(4)), newLink(4, "red", kind("vrf"))}
		for _, a := range []string{"192.0.2.1/24", "192.0.2.1/16", "198.18.0.1/24", "2001:db8::1/64"} {
			msgs = append(msgs, newAddr(3, a, 0), newAddr(5, a, 0))
		}
		pictures := make([][]giaddr.Link, 2)
		for i := range pictures {
			h := newHost()
			for _, m := range rapid.Permutation(msgs).Draw(t, "messages") {
				h.apply(m.msgType, m.data)
			}
			pictures[i] = h.snapshot()
		}
		if diff := cmp.Diff(pictures[0], pictures[1], compare); diff != "" {
			t.Fatalf("pictures (-first +second):\n%s", diff)
		}
	})
}

func FuzzApply(f *testing.F) {
	for _, m := range []message{
		newLink(3, "vlan10", kind("vlan", nl.NewRtAttr(unix.IFLA_VLAN_ID, nl.Uint16Attr(10)))),
		newLink(4, "red", kind("vrf"), master(3)),
		newAddr(3, "192.0.2.1/24", 1),
		newAddr(3, "2001:db8::1/64", 0x40),
	} {
		f.Add(m.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h := newHost()
		made := h.apply(unix.RTM_NEWLINK, data)
		for _, l := range h.snapshot() {
			if !made || l.Name == "" || l.Index <= 0 {
				t.Errorf("link %+v", l)
			}
		}
		if made && !h.apply(unix.RTM_DELLINK, data) {
			t.Error("a link cannot be deleted by what made it")
		}
		made = h.apply(unix.RTM_NEWADDR, data)
		for _, all := range h.addrs {
			for _, a := range all {
				if !made || !a.Prefix.IsValid() {
					t.Errorf("address %+v", a)
				}
			}
		}
		if made && !h.apply(unix.RTM_DELADDR, data) {
			t.Error("an address cannot be deleted by what made it")
		}
	})
}
