package udp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// need skips a test for want of something. With RELAY_TEST_NOSKIP=1 only what
// the kernel lacks may be missing, with RELAY_TEST_NOSKIP=all nothing.
func need(t testing.TB, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if noSkip := os.Getenv("RELAY_TEST_NOSKIP"); noSkip == "all" || noSkip != "" && !errors.Is(err, unix.EOPNOTSUPP) {
		t.Fatalf("needs %s: %v", what, err)
	}
	t.Skipf("needs %s: %v", what, err)
}

// A space is a network namespace without a name: it ends with its last handle.
type space struct {
	t  testing.TB
	ns netns.NsHandle
	nl *netlink.Handle
}

// newSpace returns an empty namespace whose loopback is up.
func newSpace(t testing.TB) *space {
	t.Helper()
	s := &space{t: t}
	var err error
	onThread(func() { s.ns, err = netns.New() })
	need(t, "root, for network namespaces", err)
	t.Cleanup(func() { _ = s.ns.Close() })
	s.nl, err = netlink.NewHandleAt(s.ns)
	s.must(err)
	t.Cleanup(s.nl.Close)
	s.up("lo")
	return s
}

// onThread runs f on a thread that ends with it, so that its namespace cannot
// leak to others.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}

// do runs f within the namespace.
func (s *space) do(f func() error) {
	s.t.Helper()
	var err error
	onThread(func() {
		if err = netns.Set(s.ns); err == nil {
			err = f()
		}
	})
	s.must(err)
}

func (s *space) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *space) up(name string) netlink.Link {
	s.t.Helper()
	l, err := s.nl.LinkByName(name)
	s.must(err)
	s.must(s.nl.LinkSetUp(l))
	return l
}

func (s *space) index(name string) int {
	s.t.Helper()
	l, err := s.nl.LinkByName(name)
	s.must(err)
	return l.Attrs().Index
}

// veth joins two namespaces by a cable.
func veth(a *space, an string, b *space, bn string, mtu int) {
	a.t.Helper()
	la := netlink.NewLinkAttrs()
	la.Name, la.MTU = an, mtu
	a.must(a.nl.LinkAdd(&netlink.Veth{LinkAttrs: la, PeerName: bn, PeerNamespace: netlink.NsFd(b.ns)}))
	a.up(an)
	b.up(bn)
	a.running(an)
	b.running(bn)
}

// running waits until a link transmits: the kernel starts its queue a moment
// after the other end has come up, and drops what is sent before.
func (s *space) running(name string) {
	s.t.Helper()
	for deadline := time.Now().Add(patient); ; runtime.Gosched() {
		l, err := s.nl.LinkByName(name)
		s.must(err)
		if l.Attrs().OperState == netlink.OperUp {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("link %s is %v", name, l.Attrs().OperState)
		}
	}
}

// addr gives a link an address that works at once.
func (s *space) addr(name, prefix string) {
	s.t.Helper()
	l, err := s.nl.LinkByName(name)
	s.must(err)
	a, err := netlink.ParseAddr(prefix)
	s.must(err)
	if a.IP.To4() == nil {
		a.Flags = unix.IFA_F_NODAD
	}
	s.must(s.nl.AddrAdd(l, a))
	if a.IP.To4() == nil {
		s.local(a.IP)
	}
}

// local waits until the namespace takes what comes for an IPv6 address: it answers
// its neighbours a moment before.
func (s *space) local(ip net.IP) {
	s.t.Helper()
	kind := &netlink.Route{Type: unix.RTN_LOCAL} // in the table of any VRF
	for deadline := time.Now().Add(patient); ; runtime.Gosched() {
		rs, err := s.nl.RouteListFiltered(netlink.FAMILY_V6, kind, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE)
		if !errors.Is(err, netlink.ErrDumpInterrupted) { // by another change
			s.must(err)
		}
		if slices.ContainsFunc(rs, func(r netlink.Route) bool { return r.Dst.IP.Equal(ip) }) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no route takes %v: %v", ip, rs)
		}
	}
}

func (s *space) sysctl(path, value string) {
	s.t.Helper()
	s.do(func() error { return os.WriteFile("/proc/sys/net/"+path, []byte(value), 0o644) })
}

// listen opens a pair within the namespace, and closes it after the test.
func (s *space) listen(c Config) *Pair {
	s.t.Helper()
	var p *Pair
	s.do(func() (err error) {
		p, err = Listen(c)
		return err
	})
	s.t.Cleanup(func() { _ = p.Close() })
	return p
}

// dial returns a plain socket of the namespace that may send broadcasts.
func (s *space) dial(network, laddr string) *net.UDPConn {
	s.t.Helper()
	var pc net.PacketConn
	s.do(func() (err error) {
		pc, err = net.ListenPacket(network, laddr)
		return err
	})
	s.t.Cleanup(func() { _ = pc.Close() })
	return pc.(*net.UDPConn)
}

// A heard is what a test wants to know of a datagram.
type heard struct {
	Payload string
	Link    int
	Src     netip.AddrPort
	Dst     netip.Addr
}

// hear reads n datagrams, or fewer if nothing comes for a while.
func hear(t testing.TB, c *Conn, n int, wait time.Duration) []heard {
	t.Helper()
	var hs []heard
	ds := NewBatch(64)
	for len(hs) < n {
		if err := c.pc.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		got, err := c.Read(ds)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range ds[:got] {
			hs = append(hs, heard{string(d.Store[Headroom : Headroom+d.N]), d.Link, d.Src, d.Dst})
		}
	}
	return hs
}

// silent fails the test if there is something to read.
func silent(t testing.TB, c *Conn, name string) {
	t.Helper()
	if hs := hear(t, c, 1, 20*time.Millisecond); len(hs) != 0 {
		t.Errorf("%s heard %v", name, hs)
	}
}

const patient = 5 * time.Second
