package watch

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// decodeLink decodes a struct ifinfomsg and its attributes:
//
//	 0      1      2             4             8             12            16
//	+------+------+-------------+-------------+-------------+-------------+
//	|family|  0   |   ARPHRD    |    index    |    flags    |   change    |
//	+------+------+-------------+-------------+-------------+-------------+
//
// It refuses messages that tell only a part: those of a bridge about its ports
// (of family AF_BRIDGE, which end with the membership, not the link), and those
// of wireless drivers.
func decodeLink(b []byte) (index int, l link, ok bool) {
	if len(b) < unix.SizeofIfInfomsg || b[0] != unix.AF_UNSPEC {
		return 0, link{}, false
	}
	l.arphrd = binary.NativeEndian.Uint16(b[2:])
	index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	flags := binary.NativeEndian.Uint32(b[8:])
	// Not operstate: a tun device never knows its own, and a link that waits for
	// 802.1X passes frames all the same.
	l.up = flags&unix.IFF_UP != 0 && flags&unix.IFF_LOWER_UP != 0
	l.broadcast = flags&unix.IFF_BROADCAST != 0
	l.loopback = flags&unix.IFF_LOOPBACK != 0
	foreign := false
	for attr, v := range attrs(b[unix.SizeofIfInfomsg:]) {
		switch attr {
		case unix.IFLA_IFNAME:
			l.name = text(v)
		case unix.IFLA_IFALIAS:
			l.alias = text(v)
		case unix.IFLA_ADDRESS:
			l.mac = string(v)
		case unix.IFLA_MTU:
			l.mtu = int(number(v))
		case unix.IFLA_MASTER:
			l.master = int(number(v))
		case unix.IFLA_LINKINFO:
			l.decodeInfo(v)
		case unix.IFLA_LINK:
			l.below = int(number(v))
		case unix.IFLA_LINK_NETNSID:
			foreign = true
		case unix.IFLA_PROP_LIST:
			l.altNames = altNames(v)
		case unix.IFLA_WIRELESS:
			return 0, link{}, false
		}
	}
	if !addressed(l.arphrd) {
		l.mac = ""
	}
	if foreign { // the index is that of another network namespace
		l.below = 0
	}
	return index, l, index > 0 && l.name != ""
}

// decodeInfo decodes IFLA_LINKINFO for the kinds of link that matter here.
func (l *link) decodeInfo(b []byte) {
	var data []byte
	for attr, v := range attrs(b) {
		switch attr {
		case unix.IFLA_INFO_KIND:
			l.kind = text(v)
		case unix.IFLA_INFO_DATA:
			data = v
		}
	}
	for attr, v := range attrs(data) {
		if l.kind == "vlan" && attr == unix.IFLA_VLAN_ID && len(v) == 2 {
			l.vlan = binary.NativeEndian.Uint16(v)
		}
		if l.kind == "bridge" {
			switch {
			case attr == unix.IFLA_BR_VLAN_FILTERING:
				l.filters = len(v) == 1 && v[0] != 0
			case attr == unix.IFLA_BR_VLAN_DEFAULT_PVID && len(v) == 2:
				l.pvid = binary.NativeEndian.Uint16(v)
			}
		}
	}
}

// decodeUntagged decodes what a bridge says of its own VLANs: index of the bridge, and the
// VLAN whose frames it hands up without a tag, 0 if there is none. If there are several it
// is that in which the bridge sends. What is of a port it refuses.
func decodeUntagged(b []byte) (bridge int, vlan uint16, ok bool) {
	if len(b) < unix.SizeofIfInfomsg || b[0] != unix.AF_BRIDGE {
		return 0, 0, false
	}
	bridge = int(int32(binary.NativeEndian.Uint32(b[4:])))
	master, told := 0, true // without IFLA_AF_SPEC the bridge is in no VLAN
	for attr, v := range attrs(b[unix.SizeofIfInfomsg:]) {
		switch attr {
		case unix.IFLA_MASTER:
			master = int(number(v))
		case unix.IFLA_AF_SPEC:
			vlan, told = untagged(v)
		}
	}
	return bridge, vlan, told && bridge > 0 && master == bridge
}

// untagged decodes IFLA_AF_SPEC of a bridge, with a struct bridge_vlan_info for each VLAN,
// or for the ends of a range. Without any the bridge tells of something else.
func untagged(b []byte) (vlan uint16, told bool) {
	for attr, v := range attrs(b) {
		if attr != nl.IFLA_BRIDGE_VLAN_INFO || len(v) != nl.SizeofBridgeVlanInfo {
			continue
		}
		told = true
		flags, id := binary.NativeEndian.Uint16(v), binary.NativeEndian.Uint16(v[2:])
		if flags&nl.BRIDGE_VLAN_INFO_UNTAGGED == 0 {
			continue
		}
		if flags&nl.BRIDGE_VLAN_INFO_PVID != 0 {
			return id, true
		}
		if vlan == 0 {
			vlan = id
		}
	}
	return vlan, told
}

// altNames decodes IFLA_PROP_LIST: alternative names, with a zero octet between.
func altNames(b []byte) string {
	var all []string
	for attr, v := range attrs(b) {
		if attr == unix.IFLA_ALT_IFNAME {
			all = append(all, text(v))
		}
	}
	return strings.Join(all, "\x00")
}

// addressed reports whether the address of links of this type is a link-layer
// one. A loopback's is zero, and a tunnel's is its outer IP address.
func addressed(arphrd uint16) bool {
	switch arphrd {
	case unix.ARPHRD_LOOPBACK, unix.ARPHRD_TUNNEL, unix.ARPHRD_TUNNEL6, unix.ARPHRD_SIT,
		unix.ARPHRD_IPGRE, unix.ARPHRD_IP6GRE, unix.ARPHRD_PIMREG, unix.ARPHRD_NONE, unix.ARPHRD_VOID:
		return false
	}
	return true
}

// decodeAddr decodes a struct ifaddrmsg and its attributes:
//
//	 0      1       2      3      4             8
//	+------+-------+------+------+-------------+
//	|family|length | flags| scope|    index    |
//	+------+-------+------+------+-------------+
func decodeAddr(b []byte) (index int, a addr, ok bool) {
	if len(b) < unix.SizeofIfAddrmsg {
		return 0, addr{}, false
	}
	family, bits, flags := b[0], int(b[1]), uint32(b[2])
	index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	var local, peer netip.Addr
	for attr, v := range attrs(b[unix.SizeofIfAddrmsg:]) {
		switch attr {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(v)
		case unix.IFA_ADDRESS:
			peer, _ = netip.AddrFromSlice(v)
		case unix.IFA_FLAGS: // all 32 of them
			flags = number(v)
		}
	}
	if !local.IsValid() { // IPv6 without a peer
		local = peer
	}
	if !peer.IsValid() {
		peer = local
	}
	switch {
	case index <= 0, !local.IsValid(), peer.BitLen() != local.BitLen(), bits > local.BitLen():
		return 0, addr{}, false
	case family == unix.AF_INET && local.Is4():
		a.id = addrID{local, peer, bits}
		a.Secondary = flags&unix.IFA_F_SECONDARY != 0
		a.Deprecated = flags&unix.IFA_F_DEPRECATED != 0
	case family == unix.AF_INET6 && local.Is6():
		a.id = addrID{local: local}
		a.Duplicate = flags&unix.IFA_F_DADFAILED != 0
		a.Tentative = flags&unix.IFA_F_TENTATIVE != 0 && !a.Duplicate
		a.Deprecated = flags&unix.IFA_F_DEPRECATED != 0
		a.Temporary = flags&unix.IFA_F_TEMPORARY != 0
	default:
		return 0, addr{}, false
	}
	a.Prefix = subnet(local, peer, bits)
	return index, a, true
}

// subnet returns the address with its prefix length. On a point-to-point link
// the length is that of the peer's subnet, which need not contain the address.
func subnet(local, peer netip.Addr, bits int) netip.Prefix {
	if !netip.PrefixFrom(peer, bits).Contains(local) {
		bits = local.BitLen()
	}
	return netip.PrefixFrom(local, bits)
}

// attrs ranges over the types and values of attributes: length and type, 16 bits
// each, then the value, padded to 4 octets. It ends before a malformed one.
func attrs(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			length := int(binary.NativeEndian.Uint16(b))
			if length < unix.SizeofRtAttr || length > len(b) {
				return
			}
			attr := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if !yield(attr, b[unix.SizeofRtAttr:length]) {
				return
			}
			b = b[min((length+3)&^3, len(b)):]
		}
	}
}

func text(v []byte) string { return strings.TrimSuffix(string(v), "\x00") }

// number decodes an attribute of 32 bits; another length is 0.
func number(v []byte) uint32 {
	if len(v) != 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(v)
}
