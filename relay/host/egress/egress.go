// Package egress looks which devices datagrams to a place leave by, and what the
// kernel says of them, over netlink and ethtool rather than sysfs, which shows the
// network namespace of its mount. It judges nothing: relay/offload does.
package egress

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"dhcp-relay/relay/offload"
)

// timeout is how long the kernel may take to answer, as it does while thousands of
// links are made.
const timeout = 10 * time.Second

// A Way is where datagrams are to be sent.
type Way struct {
	Dst  netip.Addr   // not valid: there is no such place now
	Srcs []netip.Addr // source addresses in use; one that is not valid, or none: the kernel's choice
	Link int          // index of the interface to send on, 0: the route decides
	VRF  int          // index of the VRF device that the sockets are bound to, 0: none
}

// mostSources bounds the sources for which a route is looked up: they matter only
// where rules go by them, and those rarely tell apart what is alike in so many.
const mostSources = 64

// From adds source addresses.
func (w *Way) From(srcs ...netip.Addr) {
	for _, src := range srcs {
		if len(w.Srcs) < mostSources && !slices.Contains(w.Srcs, src) {
			w.Srcs = append(w.Srcs, src)
		}
	}
}

// A Host asks the kernel about the network namespace in which it was opened. It is
// for one goroutine at a time; the zero value is not usable.
type Host struct {
	routes *netlink.Handle
	links  nl.SocketHandle
	tool   int // a socket for ethtool
	bit    int // number of the feature tx-udp-segmentation; -1: there is none; 0: not known yet
}

// Open opens a Host.
func Open() (*Host, error) {
	routes, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	h := &Host{routes: routes, tool: -1}
	if err := h.open(); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *Host) open() error {
	if err := h.routes.SetSocketTimeout(timeout); err != nil {
		return fmt.Errorf("set netlink timeout: %w", err)
	}
	s, err := nl.Subscribe(unix.NETLINK_ROUTE) // to nothing
	if err != nil {
		return fmt.Errorf("open netlink socket: %w", err)
	}
	h.links.Socket = s
	tv := unix.NsecToTimeval(timeout.Nanoseconds())
	if err := s.SetReceiveTimeout(&tv); err != nil {
		return fmt.Errorf("set netlink timeout: %w", err)
	}
	if h.tool, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return os.NewSyscallError("socket", err)
	}
	return nil
}

// Close closes the sockets.
func (h *Host) Close() error {
	h.routes.Close()
	if h.links.Socket != nil {
		h.links.Close()
	}
	if h.tool < 0 {
		return nil
	}
	return unix.Close(h.tool)
}

// A look is one look at the host: no device is asked for twice.
type look struct {
	*Host
	devices map[int]offload.Device
}

// Look judges each of the ways as it leads now.
func (h *Host) Look(ways []Way) []offload.Verdict {
	l := look{h, make(map[int]offload.Device)}
	verdicts := make([]offload.Verdict, len(ways))
	for i := range ways {
		verdicts[i] = l.judge(&ways[i])
	}
	return verdicts
}

func (l *look) judge(w *Way) offload.Verdict {
	if !w.Dst.IsValid() && w.Link == 0 {
		return offload.Verdict{Reason: offload.NoRoute}
	}
	via, err := l.via(w)
	if err == nil {
		err = l.learn(via)
	}
	switch {
	case leadsNowhere(err):
		return offload.Verdict{Reason: offload.NoRoute}
	case err != nil:
		return offload.Verdict{Reason: offload.Failed, Err: err.Error()}
	}
	return offload.Judge(l.devices, via)
}

// Routes returns by which links each of the ways leads now, nil where that cannot be
// told.
func (h *Host) Routes(ways []Way) [][]int {
	all := make([][]int, len(ways))
	for i := range ways {
		if !ways[i].Dst.IsValid() && ways[i].Link == 0 {
			all[i] = []int{}
			continue
		}
		via, err := h.via(&ways[i])
		switch {
		case leadsNowhere(err):
			all[i] = []int{}
		case err == nil:
			all[i] = via
		}
	}
	return all
}

// Path returns by which link the kernel sends to a way now, 0 if nowhere, and the
// source address that it chooses, not valid if none is to be told.
func (h *Host) Path(w *Way) (link int, src netip.Addr) {
	if !w.Dst.IsValid() {
		return w.Link, src
	}
	rs, err := h.routes.RouteGetWithOptions(w.Dst.AsSlice(), &netlink.RouteGetOptions{OifIndex: max(w.VRF, w.Link)})
	if err != nil || len(rs) == 0 {
		return w.Link, src
	}
	src, _ = netip.AddrFromSlice(rs[0].Src)
	return cmp.Or(w.Link, rs[0].LinkIndex), src.Unmap()
}

// leadsNowhere reports whether an error says that nothing can be sent: there is no
// route, the source is none of this host, an interface is gone.
func leadsNowhere(err error) bool {
	if _, gone := errors.AsType[netlink.LinkNotFoundError](err); gone {
		return true
	}
	return slices.ContainsFunc(
		[]error{unix.ENETUNREACH, unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL, unix.ENODEV, unix.ENETDOWN, unix.EADDRNOTAVAIL},
		func(e error) bool { return errors.Is(err, e) },
	)
}

// via returns the devices that a way may lead to, with all next hops.
func (h *Host) via(w *Way) ([]int, error) {
	if w.Link != 0 {
		return []int{w.Link}, nil
	}
	srcs := w.Srcs
	if len(srcs) == 0 {
		srcs = []netip.Addr{{}}
	}
	found := make(map[int]struct{})
	for _, src := range srcs {
		o := netlink.RouteGetOptions{OifIndex: w.VRF, FIBMatch: true}
		if src.IsValid() {
			o.SrcAddr = src.AsSlice()
		}
		rs, err := h.routes.RouteGetWithOptions(w.Dst.AsSlice(), &o)
		if err != nil {
			return nil, fmt.Errorf("look up the route to %s: %w", w.Dst, err)
		}
		for i := range rs {
			collect(found, &rs[i])
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// collect adds the devices of a route.
func collect(found map[int]struct{}, r *netlink.Route) {
	if r.LinkIndex != 0 {
		found[r.LinkIndex] = struct{}{}
	}
	for _, hop := range r.MultiPath {
		found[hop.LinkIndex] = struct{}{}
	}
}

// learn looks at devices and at those below.
func (l *look) learn(indexes []int) error {
	for _, index := range indexes {
		if _, known := l.devices[index]; known {
			continue
		}
		link, err := l.routes.LinkByIndex(index)
		if err != nil {
			return fmt.Errorf("look at interface %d: %w", index, err)
		}
		d, err := l.device(link)
		if err != nil {
			return fmt.Errorf("look at %s: %w", link.Attrs().Name, err)
		}
		l.devices[index] = d
		if err := l.learn(d.Below); err != nil {
			return err
		}
	}
	return nil
}

// device looks at what else there is to know of a link, as far as it matters.
func (h *Host) device(link netlink.Link) (d offload.Device, err error) {
	a := link.Attrs()
	d = offload.Device{Name: a.Name, Bus: a.ParentDevBus}
	if kind := link.Type(); kind != "device" { // the library's word for none
		d.Kind = kind
	}
	if d.Whole, err = h.whole(a.Name); err != nil {
		return d, err
	}
	switch {
	case d.Kind == "":
		d.Driver, d.Bus = h.driver(a.Name, d.Bus)
	case !d.Whole || !offload.Stacked(d.Kind):
	case d.Kind == "vlan":
		d.Abroad = a.NetNsID >= 0
		d.Below = []int{a.ParentIndex}
	default:
		d.Below, err = h.ports(a.Index)
	}
	return d, err
}

// skipStats is RTEXT_FILTER_SKIP_STATS: they are most of a link's message.
const skipStats = 1 << 3

// ports returns the devices that belong to a bridge, bond or team.
func (h *Host) ports(master int) (ports []int, err error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: &h.links}
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(master))))
	req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStats)))
	err = req.ExecuteIter(unix.NETLINK_ROUTE, unix.RTM_NEWLINK, func(msg []byte) bool {
		// A kernel that does not know the filter tells of all links.
		if l, err := netlink.LinkDeserialize(nil, msg); err == nil && l.Attrs().MasterIndex == master {
			ports = append(ports, l.Attrs().Index)
		}
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("list its ports: %w", err)
	}
	slices.Sort(ports)
	return ports, nil
}
