package watch

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"dhcp-relay/giaddr"
)

// maxMasters bounds the walk from a link to its VRF: port, bond, bridge, VRF.
const maxMasters = 8

// minMTU is the least on which the kernel keeps IPv6 (RFC 8200, section 5).
const minMTU = 1280

// A host is what messages have told of links and addresses. It touches nothing.
type host struct {
	links map[int]link
	addrs map[int][]addr // by link
	own   map[int]uint16 // VLANs of untagged frames of bridges, where it was told
	ends  uint64         // of lives, see giaddr.Link.Life
}

// A link is a giaddr.Link as the kernel tells it, in a form that == can compare.
type link struct {
	name, alias, mac, kind  string
	altNames                string // with a zero octet between
	arphrd, vlan            uint16
	mtu, master             int
	below                   int // index of the link that this one is on, or its peer
	up, broadcast, loopback bool
	filters                 bool   // a bridge that filters by VLAN
	pvid                    uint16 // a bridge's default_pvid
	life                    uint64
}

// An addr is an address with what tells it from others of its link.
type addr struct {
	id addrID
	giaddr.Addr
}

// An addrID is an address as the kernel knows it apart: for IPv4 with the
// prefix length and the peer, for IPv6 by itself.
type addrID struct {
	local, peer netip.Addr
	bits        int
}

func newHost() host {
	return host{links: make(map[int]link), addrs: make(map[int][]addr), own: make(map[int]uint16)}
}

// apply changes h as a message of the given type says, and reports whether that
// made a difference. It ignores messages of other types, and malformed ones.
func (h *host) apply(msgType uint16, data []byte) bool {
	switch msgType {
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		if bridge, vlan, ok := decodeUntagged(data); ok && msgType == unix.RTM_NEWLINK {
			return h.setOwn(bridge, vlan)
		}
		index, l, ok := decodeLink(data)
		if !ok {
			return false
		}
		if msgType == unix.RTM_DELLINK {
			return h.deleteLink(index)
		}
		return h.setLink(index, l)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		index, a, ok := decodeAddr(data)
		if !ok {
			return false
		}
		if msgType == unix.RTM_DELADDR {
			return h.deleteAddr(index, a.id)
		}
		return h.setAddr(index, a)
	}
	return false
}

func (h *host) setLink(index int, l link) bool {
	old, known := h.links[index]
	switch {
	case known && (old.mtu >= minMTU || l.mtu < minMTU):
		l.life = old.life
	case known:
		h.ends++
		l.life = h.ends
	default:
		l.life = h.ends
	}
	h.links[index] = l
	// The kernel takes a bridge out of its former default VLAN, and tells of the default alone.
	if own, told := h.own[index]; told && known && own == old.pvid {
		h.own[index] = l.pvid
	}
	return !known || old != l
}

// bridges reports whether there is a bridge.
func (h *host) bridges() bool {
	for _, l := range h.links {
		if l.kind == "bridge" {
			return true
		}
	}
	return false
}

// setOwn notes in which VLAN untagged frames of a bridge are.
func (h *host) setOwn(bridge int, vlan uint16) bool {
	was := h.ownOf(bridge)
	h.own[bridge] = vlan
	return was != vlan
}

// ownOf returns in which VLAN untagged frames of a bridge are: the default one, if nothing
// else was told.
func (h *host) ownOf(bridge int) uint16 {
	if vlan, told := h.own[bridge]; told {
		return vlan
	}
	return h.links[bridge].pvid
}

func (h *host) deleteLink(index int) bool {
	_, known := h.links[index]
	if known {
		h.ends++
	}
	delete(h.links, index)
	delete(h.addrs, index)
	delete(h.own, index)
	return known
}

func (h *host) setAddr(index int, a addr) bool {
	all := h.addrs[index]
	i := slices.IndexFunc(all, func(have addr) bool { return have.id == a.id })
	if i < 0 {
		h.addrs[index] = append(all, a)
		return true
	}
	old := all[i]
	all[i] = a
	return old != a
}

func (h *host) deleteAddr(index int, id addrID) bool {
	all := h.addrs[index]
	left := slices.DeleteFunc(all, func(have addr) bool { return have.id == id })
	if len(left) == len(all) {
		return false
	}
	h.addrs[index] = left
	if len(left) == 0 {
		delete(h.addrs, index)
	}
	return true
}

// succeed makes h the picture that follows old, between which anything may have
// happened to the links.
func (h *host) succeed(old *host) {
	h.ends = old.ends + 1
	for index, l := range h.links {
		l.life = h.ends
		h.links[index] = l
	}
}

// snapshot returns the links with their addresses. They share no memory with h.
func (h *host) snapshot() []giaddr.Link {
	links := make([]giaddr.Link, 0, len(h.links))
	for _, index := range slices.Sorted(maps.Keys(h.links)) {
		l := h.links[index]
		master := ""
		if m, ok := h.links[l.master]; ok && m.hearsForPorts() {
			master = m.name
		}
		links = append(links, giaddr.Link{
			Index:     index,
			Name:      l.name,
			Alias:     l.alias,
			Kind:      l.kind,
			AltNames:  l.listAltNames(),
			MAC:       octets(l.mac),
			Type:      l.arphrd,
			MTU:       l.mtu,
			Up:        l.up,
			Broadcast: l.broadcast,
			Loopback:  l.loopback,
			VLAN:      l.vlan,
			FDB:       h.fdbOf(index),
			OuterVLAN: h.outerVLAN(&l),
			VRF:       h.vrfOf(index),
			IsVRF:     l.vrf(),
			Master:    master,
			Lower:     l.lower(),
			Addrs:     h.addrsOf(index),
			Life:      l.life,
		})
	}
	return links
}

// vrf reports whether the link is a VRF device.
func (l *link) vrf() bool { return l.kind == "vrf" }

// hearsForPorts reports whether packets of the links that have this one as their
// master are heard on it. A VRF device gives routes alone to what is in it, and
// batman-adv takes only frames of its own type.
func (l *link) hearsForPorts() bool { return !l.vrf() && l.kind != "batadv" }

// lower returns the link whose broadcasts a macvlan or ipvlan hears as well, in
// passthru mode too, 0 for links of other kinds.
func (l *link) lower() int {
	switch l.kind {
	case "macvlan", "macvtap", "ipvlan", "ipvtap":
		return l.below
	}
	return 0
}

// fdbOf returns where a bridge knows who is heard on a link. Frames of stacked VLANs are in
// the outermost.
func (h *host) fdbOf(index int) giaddr.FDB {
	var vlan uint16
	for range maxMasters {
		l := h.links[index]
		switch l.kind {
		case "bridge":
			switch {
			case !l.filters:
				vlan = 0
			case vlan == 0:
				vlan = h.ownOf(index)
			}
			return giaddr.FDB{Bridge: int32(index), VLAN: vlan}
		case "vlan":
			vlan = l.vlan
		case "macvlan", "macvtap", "ipvlan", "ipvtap":
		default:
			return giaddr.FDB{}
		}
		index = l.below
	}
	return giaddr.FDB{}
}

// outerVLAN returns the VLAN of the VLAN interface that another one is on, 0 for others.
func (h *host) outerVLAN(l *link) uint16 {
	if l.kind != "vlan" {
		return 0
	}
	below := h.links[l.below]
	return below.vlan
}

// listAltNames returns the alternative names, nil if there are none.
func (l *link) listAltNames() []string {
	if l.altNames == "" {
		return nil
	}
	return strings.Split(l.altNames, "\x00")
}

// octets returns the octets of s, nil if there are none.
func octets(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// vrfOf returns the index of the VRF device that the link is, or that it belongs
// to, be it through a bridge; 0 if there is none.
func (h *host) vrfOf(index int) int {
	for range maxMasters {
		l := h.links[index]
		if l.vrf() {
			return index
		}
		if l.master == 0 {
			return 0
		}
		index = l.master
	}
	return 0
}

// addrsOf returns the addresses of a link in one order, however they came.
func (h *host) addrsOf(index int) []giaddr.Addr {
	if len(h.addrs[index]) == 0 {
		return nil
	}
	all := make([]giaddr.Addr, 0, len(h.addrs[index]))
	for _, a := range h.addrs[index] {
		all = append(all, a.Addr)
	}
	slices.SortFunc(all, func(a, b giaddr.Addr) int {
		return cmp.Or(
			a.Prefix.Addr().Compare(b.Prefix.Addr()),
			cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()),
		)
	})
	return all
}
