package netns

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Space is a namespace without a name that belongs to a test. It ends with its last
// handle: with the test, or with the last program that was started in it. Make it with
// NewSpace; the zero value is invalid. Its methods fail the test if they cannot do what
// they are asked for.
type Space struct {
	T  testing.TB
	NL *netlink.Handle // its sockets are of the namespace

	ns *NS
}

// NewSpace makes an empty namespace whose loopback is up. Without the right to, the
// test is skipped.
func NewSpace(t testing.TB) *Space {
	t.Helper()
	n, err := unnamed()
	Need(t, "root, for network namespaces", err)
	s := &Space{T: t, NL: n.nl, ns: n}
	t.Cleanup(func() { s.Must(n.Close()) })
	s.Up("lo")
	return s
}

// In runs f within the namespace and returns its error. Sockets that f opens stay
// there, goroutines that it starts do not. The thread ends with f, which may thus
// change what else belongs to a thread, such as its capabilities.
func (s *Space) In(f func() error) error { return s.ns.run(f, false) }

// Do is In for what must not fail.
func (s *Space) Do(f func() error) {
	s.T.Helper()
	s.Must(s.In(f))
}

// Must fails the test on an error.
func (s *Space) Must(err error) {
	s.T.Helper()
	if err != nil {
		s.T.Fatal(err)
	}
}

// NS is the namespace, for what runs programs in one.
func (s *Space) NS() *NS { return s.ns }

// FD is a descriptor of the namespace.
func (s *Space) FD() int { return int(s.ns.fd) }

// Sysctl writes a setting; the path is below /proc/sys/net, such as
// "ipv4/ip_forward".
func (s *Space) Sysctl(path, value string) {
	s.T.Helper()
	s.Must(s.ns.Sysctl("net/"+path, value))
}

// ListenUDP opens a plain socket of the namespace, which may send broadcasts, and
// closes it after the test. The network is "udp4" or "udp6".
func (s *Space) ListenUDP(network, addr string) *net.UDPConn {
	s.T.Helper()
	var pc net.PacketConn
	s.Do(func() (err error) {
		pc, err = (&net.ListenConfig{}).ListenPacket(context.Background(), network, addr)
		return err
	})
	s.T.Cleanup(func() { _ = pc.Close() })
	return pc.(*net.UDPConn)
}

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
	err := s.ns.add(l)
	if errors.Is(err, unix.EOPNOTSUPP) {
		Need(s.T, "a kernel with "+l.Type()+" devices", err)
	}
	s.Must(err)
}

// Veth joins two namespaces, or one with itself, by a cable as the kernel makes it,
// with every offload. Its ends are a in s and b in to; both are up and running.
func (s *Space) Veth(a string, to *Space, b string) {
	s.T.Helper()
	s.Add(&netlink.Veth{LinkAttrs: Attrs(a), PeerName: b, PeerNamespace: netlink.NsFd(to.FD())})
	s.Must(errors.Join(s.ns.Up(a), to.ns.Up(b), s.ns.Running(a), to.ns.Running(b)))
}

// Link returns a link as it is now.
func (s *Space) Link(name string) netlink.Link {
	s.T.Helper()
	l, err := s.ns.link(name)
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
	s.Must(s.ns.Up(name))
	return s.Index(name)
}

// Running waits until a link that is up transmits.
func (s *Space) Running(name string) {
	s.T.Helper()
	s.Must(s.ns.Running(name))
}

// Addr gives a link addresses, written as "192.0.2.1/24". Those of IPv6 are used
// without a look for duplicates; if the link has a carrier, they work.
func (s *Space) Addr(link string, prefixes ...string) {
	s.T.Helper()
	for _, p := range prefixes {
		s.Must(s.ns.addr(link, p, unix.IFA_F_NODAD))
	}
}

// Local waits until the namespace takes what comes on a link for an IPv6 address: it
// answers its neighbours a moment before.
func (s *Space) Local(link string, ip net.IP) {
	s.T.Helper()
	s.Must(s.ns.settled(s.Link(link), ip))
}

// LinkLocal waits until a link that has a carrier has an IPv6 link-local address that
// is ready for use: the kernel makes it a moment after IPv6 is on.
func (s *Space) LinkLocal(link string) {
	s.T.Helper()
	if carrier(s.Link(link)) {
		_, err := s.ns.LinkLocal(link)
		s.Must(err)
	}
}

// DelAddr takes an address, written as "192.0.2.1/24", from a link.
func (s *Space) DelAddr(link, prefix string) {
	s.T.Helper()
	s.Must(s.ns.DelAddr(link, prefix))
}

// Route sends a prefix, such as "10.0.0.0/8", by a next hop.
func (s *Space) Route(prefix, via string) {
	s.T.Helper()
	s.Must(s.ns.Route(prefix, via))
}
