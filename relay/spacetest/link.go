package spacetest

import (
	"errors"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Attrs is the name of a link to be made, and nothing else that the kernel would
// not choose itself.
func Attrs(name string) netlink.LinkAttrs {
	a := netlink.NewLinkAttrs()
	a.Name = name
	return a
}

// Add makes a link, which is down. If the kernel has no such links the test is
// skipped.
func (s *Space) Add(l netlink.Link) {
	s.T.Helper()
	err := s.NL.LinkAdd(l)
	if errors.Is(err, unix.EOPNOTSUPP) {
		Need(s.T, "a kernel with "+l.Type()+" devices", err)
	}
	s.Must(err)
}

// Veth joins two namespaces, or one with itself, by a cable. Its ends are a in s
// and b in to; both are up and running.
func (s *Space) Veth(a string, to *Space, b string) {
	s.T.Helper()
	s.Add(&netlink.Veth{LinkAttrs: Attrs(a), PeerName: b, PeerNamespace: netlink.NsFd(to.NS)})
	s.Up(a)
	to.Up(b)
	s.Running(a)
	to.Running(b)
}

// Link returns a link as it is now.
func (s *Space) Link(name string) netlink.Link {
	s.T.Helper()
	l, err := s.NL.LinkByName(name)
	s.Must(err)
	return l
}

// Index returns a link's interface index.
func (s *Space) Index(name string) int {
	s.T.Helper()
	return s.Link(name).Attrs().Index
}

// Up sets a link up and returns its interface index. It does not wait for
// anything: see Running.
func (s *Space) Up(name string) int {
	s.T.Helper()
	l := s.Link(name)
	s.Must(s.NL.LinkSetUp(l))
	return l.Attrs().Index
}

// Running waits until a link that is up transmits: the kernel starts its queue a
// moment after the other end has come up, and drops what is sent before. Links
// without another end, such as the loopback, have no state to wait for.
func (s *Space) Running(name string) {
	s.T.Helper()
	s.await("carrier of "+name, func() bool { return s.Link(name).Attrs().OperState == netlink.OperUp })
}

// carrier reports whether a link is up and not cut off.
func carrier(l netlink.Link) bool {
	const all = unix.IFF_UP | unix.IFF_RUNNING | unix.IFF_LOWER_UP
	return l.Attrs().RawFlags&all == all
}

// Addr gives a link addresses, written as "192.0.2.1/24". Those of IPv6 are used
// without a look for duplicates; if the link has a carrier, they work.
func (s *Space) Addr(link string, prefixes ...string) {
	s.T.Helper()
	for _, p := range prefixes {
		l, a := s.Link(link), s.parse(p)
		if a.IP.To4() != nil {
			s.Must(s.NL.AddrAdd(l, a))
			continue
		}
		a.Flags = unix.IFA_F_NODAD
		s.Must(s.NL.AddrAdd(l, a))
		if carrier(l) {
			s.Local(a.IP)
		}
	}
}

// Local waits until the namespace takes what comes for an IPv6 address: it answers
// its neighbours a moment before.
func (s *Space) Local(ip net.IP) {
	s.T.Helper()
	kind := &netlink.Route{Type: unix.RTN_LOCAL} // in the table of any VRF
	s.await("a route that takes "+ip.String(), func() bool {
		rs, err := s.NL.RouteListFiltered(netlink.FAMILY_V6, kind, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE)
		if !errors.Is(err, netlink.ErrDumpInterrupted) { // by another change
			s.Must(err)
		}
		return slices.ContainsFunc(rs, func(r netlink.Route) bool { return r.Dst.IP.Equal(ip) })
	})
}

// LinkLocal waits until a link that has a carrier has an IPv6 link-local address that
// is ready for use: the kernel makes it a moment after IPv6 is on.
func (s *Space) LinkLocal(link string) {
	s.T.Helper()
	l := s.Link(link)
	if !carrier(l) {
		return
	}
	kind := &netlink.Route{Type: unix.RTN_LOCAL, LinkIndex: l.Attrs().Index} // in the table of any VRF
	s.await("a link-local address of "+link, func() bool {
		rs, err := s.NL.RouteListFiltered(netlink.FAMILY_V6, kind, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE|netlink.RT_FILTER_OIF)
		if !errors.Is(err, netlink.ErrDumpInterrupted) { // by another change
			s.Must(err)
		}
		return slices.ContainsFunc(rs, func(r netlink.Route) bool { return r.Dst.IP.IsLinkLocalUnicast() })
	})
}

// DelAddr takes an address, written as "192.0.2.1/24", from a link.
func (s *Space) DelAddr(link, prefix string) {
	s.T.Helper()
	s.Must(s.NL.AddrDel(s.Link(link), s.parse(prefix)))
}

func (s *Space) parse(prefix string) *netlink.Addr {
	s.T.Helper()
	a, err := netlink.ParseAddr(prefix)
	s.Must(err)
	return a
}

// Route sends a prefix, such as "10.0.0.0/8", by a next hop.
func (s *Space) Route(prefix, via string) {
	s.T.Helper()
	dst, err := netlink.ParseIPNet(prefix)
	s.Must(err)
	s.Must(s.NL.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(via)}))
}
