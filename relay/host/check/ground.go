package check

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// A ground is what of the host is the relay's in one family.
type ground struct {
	family  dhcp.Family
	clients map[int]string          // client-facing interfaces by index
	holds   map[netip.Addr]string   // addresses of the host, and on which interface
	giaddrs map[netip.Addr]bool     // to which servers reply
	names   map[int]string          // of all interfaces
	vrfs    map[int]bool            // VRF devices in which the relay has sockets
	uplinks map[int]bool            // interfaces that lead to servers
	packets map[int]map[uint32]bool // inodes of packet sockets that hear IP, by interface; 0 is all
	joined  []string                // DHCPv6: client-facing interfaces on which others hear multicasts; nil if that is not known
	known   bool                    // joined is
}

// survey looks at the host. joined says that this daemon is
// at work, in this process or another, and a member of the group.
func survey(s *agent.Snapshot, host []giaddr.Link, f dhcp.Family, joined bool) *ground {
	g := &ground{
		family: f, clients: make(map[int]string), holds: make(map[netip.Addr]string), names: make(map[int]string), vrfs: make(map[int]bool),
		giaddrs: make(map[netip.Addr]bool),
	}
	for _, l := range s.Links {
		if len(l.Side[f].Servers) == 0 {
			continue
		}
		if l.Side[f].State != agent.Member {
			g.clients[l.Host.Index] = l.Host.Name
		}
		for i := range l.Side[dhcp.V4].Choices {
			g.giaddrs[l.Side[dhcp.V4].Choices[i].Addr] = true
		}
		if l.Host.VRF != 0 {
			g.vrfs[l.Host.VRF] = true
		}
	}
	for i := range host {
		h := &host[i]
		g.names[h.Index] = h.Name
		for _, a := range h.Addrs {
			g.holds[a.Prefix.Addr()] = h.Name
		}
		if t := s.Twin(h.Index); t != nil && len(t.Side[f].Servers) > 0 {
			g.clients[h.Index] = h.Name
		}
		if h.IsVRF && slices.ContainsFunc(s.Policy.Servers, func(v agent.Server) bool { return v.VRF == h.Name }) {
			g.vrfs[h.Index] = true
		}
	}
	g.uplinks = uplinksOf(s, f)
	g.packets = packetSockets("/proc/net/packet")
	if f == dhcp.V6 {
		g.joined, g.known = g.members("/proc/net/igmp6", joined)
	}
	return g
}

// maxRoutes bounds how many servers' routes are looked up.
const maxRoutes = 64

// uplinksOf returns the interfaces that lead to the servers of a family.
func uplinksOf(s *agent.Snapshot, f dhcp.Family) map[int]bool {
	links := make(map[int]bool)
	asked := 0
	for i := range s.Policy.Servers {
		v := &s.Policy.Servers[i]
		if dhcp.FamilyOf(v.Addr.Addr()) != f {
			continue
		}
		if link, ok := s.Out(i); ok && link != 0 {
			links[link] = true
			continue
		}
		if asked++; asked > maxRoutes || v.Addr.Addr().IsMulticast() {
			continue
		}
		rs, err := netlink.RouteGetWithOptions(v.Addr.Addr().AsSlice(), &netlink.RouteGetOptions{VrfName: v.VRF})
		for j := range rs {
			if err == nil {
				links[rs[j].LinkIndex] = true
			}
		}
	}
	return links
}

// harm says what there is to expect of a socket, and on which interfaces it hears
// clients, none if it may be all.
func (g *ground) harm(h *udp.Holder) (Harm, []string) {
	a := h.Addr.Addr()
	switch {
	case h.Link != 0 && !g.vrfs[h.Link]:
		if name, ok := g.clients[h.Link]; ok {
			return Doubles, []string{name}
		}
		if g.uplinks[h.Link] {
			return Steals, nil // a socket that is bound to the device fits better than a wildcard
		}
		return None, nil
	case a.IsLoopback(), a.IsMulticast() && g.family == dhcp.V4:
		return None, nil
	case a.IsLinkLocalUnicast():
		return None, nil
	case !a.IsUnspecified() && !a.IsMulticast():
		return g.bound(a)
	case g.family == dhcp.V6:
		if g.known && len(g.joined) == 0 {
			return Steals, nil
		}
		return Doubles, g.joined
	}
	if on := g.hearsFrames(h.PID); on != nil {
		on = slices.DeleteFunc(on, func(name string) bool { return !g.isClient(name) })
		if len(on) == 0 {
			return Steals, nil
		}
		return Doubles, on
	}
	return Doubles, nil
}

func (g *ground) isClient(name string) bool {
	for _, c := range g.clients {
		if c == name {
			return true
		}
	}
	return false
}

// bound says what to expect of a socket that is bound to an address.
func (g *ground) bound(a netip.Addr) (Harm, []string) {
	name, ok := g.holds[a]
	switch {
	case !ok:
		return None, nil
	case g.isClient(name):
		return Doubles, []string{name}
	case g.family == dhcp.V4 && !g.giaddrs[a]:
		return None, nil
	}
	return Steals, nil // DHCPv6 servers reply to the source that the kernel chooses
}

// hearsFrames returns the interfaces on which a process has packet sockets, as ISC
// dhcpd, dhcrelay and Kea do beside a UDP socket of which they read nothing; nil if
// that is not known, or it has none.
func (g *ground) hearsFrames(pid int) (on []string) {
	if pid == 0 {
		return nil
	}
	inodes := udp.SocketsOf(pid)
	for link, socks := range g.packets {
		for inode := range socks {
			if slices.Contains(inodes, inode) && link != 0 && g.names[link] != "" {
				on = append(on, g.names[link])
				break
			}
		}
	}
	slices.Sort(on)
	return on
}

// packetSockets reads which packet sockets hear IP packets on which interface.
func packetSockets(file string) map[int]map[uint32]bool {
	all := make(map[int]map[uint32]bool)
	b, err := os.ReadFile(file)
	if err != nil {
		return all // a kernel without packet sockets
	}
	// sk, RefCnt, Type, Proto, Iface, R, Rmem, User, Inode
	for line := range strings.Lines(string(b)) {
		w := strings.Fields(line)
		if len(w) < 9 || w[3] != "0003" && w[3] != "0800" { // ETH_P_ALL, ETH_P_IP
			continue
		}
		link, err1 := strconv.Atoi(w[4])
		inode, err2 := strconv.ParseUint(w[8], 10, 32)
		if err1 != nil || err2 != nil {
			continue
		}
		if all[link] == nil {
			all[link] = make(map[uint32]bool)
		}
		all[link][uint32(inode)] = true
	}
	return all
}

// allAgents is ff02::1:2 (RFC 9915, section 7.1) as the kernel prints it.
const allAgents = "ff020000000000000000000000010002"

// members returns the client-facing interfaces on which others than this daemon are
// members of the group of all relays and servers; not ok if that cannot be read.
func (g *ground) members(file string, joined bool) (on []string, ok bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	mine := 0
	if joined {
		mine = 1
	}
	// index, device, address, users, flags, timer
	for line := range strings.Lines(string(b)) {
		w := strings.Fields(line)
		if len(w) < 4 || w[2] != allAgents {
			continue
		}
		link, err1 := strconv.Atoi(w[0])
		users, err2 := strconv.Atoi(w[3])
		name, client := g.clients[link]
		if err1 != nil || err2 != nil || !client {
			continue
		}
		if users > mine {
			on = append(on, name)
		}
	}
	slices.Sort(on)
	return on, true
}
