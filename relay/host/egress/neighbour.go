package egress

import (
	"cmp"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// NextHop returns the neighbour to which datagrams go on a way, by its first source,
// and the index of the device that leads there.
func (h *Host) NextHop(w *Way) (hop netip.Addr, link int, err error) {
	o := netlink.RouteGetOptions{OifIndex: cmp.Or(w.Link, w.VRF)}
	if len(w.Srcs) > 0 && w.Srcs[0].IsValid() {
		o.SrcAddr = w.Srcs[0].AsSlice()
	}
	rs, err := h.routes.RouteGetWithOptions(w.Dst.AsSlice(), &o)
	if err != nil {
		return hop, 0, fmt.Errorf("look up the route to %s: %w", w.Dst, err)
	}
	if len(rs) == 0 {
		return hop, 0, fmt.Errorf("look up the route to %s: %w", w.Dst, unix.ENETUNREACH)
	}
	hop = w.Dst
	if gw, ok := netip.AddrFromSlice(rs[0].Gw); ok {
		hop = gw.Unmap()
	} else if via, ok := rs[0].Via.(*netlink.Via); ok { // IPv4 by a router's IPv6 address
		if gw, ok := netip.AddrFromSlice(via.Addr); ok {
			hop = gw
		}
	}
	return hop, rs[0].LinkIndex, nil
}

// A Neighbour is how the kernel stands with one.
type Neighbour uint8

// The states.
const (
	Unknown Neighbour = iota // it answers, need not be asked, or nobody knows
	Asked                    // for its link-layer address, and has not answered yet
	GivenUp                  // it has not answered
)

// Neighbour looks whether a neighbour answers.
func (h *Host) Neighbour(hop netip.Addr, link int) Neighbour {
	family := unix.AF_INET
	if hop.Is6() {
		family = unix.AF_INET6
	}
	req := nl.NewNetlinkRequest(unix.RTM_GETNEIGH, 0)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: &h.links}
	req.AddData(&netlink.Ndmsg{Family: uint8(family), Index: uint32(link)})
	req.AddData(nl.NewRtAttr(unix.NDA_DST, hop.AsSlice()))
	msgs, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWNEIGH)
	if err != nil || len(msgs) == 0 {
		return Unknown
	}
	n, err := netlink.NeighDeserialize(msgs[0])
	switch {
	case err != nil:
		return Unknown
	case n.State&netlink.NUD_FAILED != 0:
		return GivenUp
	case n.State&netlink.NUD_INCOMPLETE != 0:
		return Asked
	}
	return Unknown
}
