package firewall

import (
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"dhcp-relay/relay/wire/dhcp"
)

// A Way is an interface in one family, with what the relay is to hear for it.
type Way struct {
	Interface string
	Family    dhcp.Family
	Address   netip.Addr       // giaddr or link-address; may be invalid
	Servers   []netip.AddrPort // of the default VRF
}

// A Lost is what the firewall keeps from the relay of a Way.
type Lost struct {
	Interface string
	Family    dhcp.Family
	Direction dhcp.Direction
	Why       string
}

// A Router tells by which interface an address is reached, and from which address.
type Router func(netip.Addr) (link string, src netip.Addr, err error)

// Lost returns what the ruleset drops of the requests of clients, and of the replies of
// servers. A DHCPv4 server replies to giaddr (RFC 2131, section 4.1), a DHCPv6 server
// to where the request came from (RFC 9915, section 19.3).
func (r *Ruleset) Lost(ways []Way, route Router) (all []Lost) {
	for i := range ways {
		w := &ways[i]
		if why, drops := r.Drop(request(w)); drops {
			all = append(all, Lost{w.Interface, w.Family, dhcp.Requests, why})
		}
		for _, s := range w.Servers {
			if p, ok := replyOf(w, s, route); ok {
				if why, drops := r.Drop(p); drops {
					all = append(all, Lost{w.Interface, w.Family, dhcp.Replies, why})
					break
				}
			}
		}
	}
	return all
}

// request is the packet of a client that looks for servers.
func request(w *Way) Packet {
	p := Packet{Interface: w.Interface, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67")}
	if w.Family == dhcp.V6 {
		p.Src, p.Dst = netip.MustParseAddrPort("[fe80::1]:546"), netip.MustParseAddrPort("[ff02::1:2]:547")
	}
	return p
}

// replyOf is the packet of a server that replies.
func replyOf(w *Way, s netip.AddrPort, route Router) (Packet, bool) {
	if s.Addr().IsMulticast() || s.Addr().Zone() != "" {
		return Packet{}, false
	}
	link, src, err := route(s.Addr())
	to := w.Address
	if w.Family == dhcp.V6 {
		to = src
	}
	if err != nil || !to.IsValid() {
		return Packet{}, false
	}
	return Packet{Interface: link, Src: s, Dst: netip.AddrPortFrom(to, w.Family.Port()), Answers: to == src}, true
}

// Route is the Router of this host, for the default VRF.
func Route(to netip.Addr) (link string, src netip.Addr, err error) {
	rs, err := netlink.RouteGet(to.AsSlice())
	if err != nil || len(rs) == 0 {
		return "", src, err
	}
	l, err := netlink.LinkByIndex(rs[0].LinkIndex)
	if err != nil {
		return "", src, err
	}
	src, _ = netip.AddrFromSlice(rs[0].Src)
	return l.Attrs().Name, src.Unmap(), nil
}

// Here returns those of some ways that are of this host, as far as it can be seen: a
// daemon may have another network namespace than who asks it. In a VRF packets come in
// by two interfaces, and nothing is said of them.
func Here(ways []Way) []Way {
	var own []netip.Addr
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own = append(own, p.Addr().WithZone(""))
		}
	}
	return slices.DeleteFunc(ways, func(w Way) bool {
		l, err := netlink.LinkByName(w.Interface)
		if err != nil || w.Address.IsValid() && w.Family == dhcp.V4 && !slices.Contains(own, w.Address) {
			return true
		}
		master, err := netlink.LinkByIndex(l.Attrs().MasterIndex)
		return l.Attrs().MasterIndex != 0 && (err != nil || master.Type() == "vrf")
	})
}
