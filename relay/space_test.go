package relay_test

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// patient is how long a test waits for what must come.
const patient = 10 * time.Second

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

// newSpace returns an empty namespace whose loopback is up. It has no IPv6,
// which would only add noise.
func newSpace(t testing.TB) *space {
	t.Helper()
	s := &space{t: t}
	need(t, "root, for network namespaces", onThread(func() (err error) {
		s.ns, err = netns.New()
		return err
	}))
	t.Cleanup(func() { _ = s.ns.Close() })
	var err error
	s.nl, err = netlink.NewHandleAt(s.ns)
	s.must(err)
	t.Cleanup(s.nl.Close)
	s.sysctl("ipv6/conf/default/disable_ipv6", "1")
	s.must(s.nl.LinkSetUp(s.link("lo")))
	return s
}

// onThread runs f on a thread that ends with it, so that its namespace cannot
// leak to others.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- f()
	}()
	return <-done
}

// in runs f within the namespace. Sockets that it opens stay there.
func (s *space) in(f func() error) error {
	return onThread(func() error {
		if err := netns.Set(s.ns); err != nil {
			return err
		}
		return f()
	})
}

func (s *space) do(f func() error) {
	s.t.Helper()
	s.must(s.in(f))
}

func (s *space) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *space) sysctl(path, value string) {
	s.t.Helper()
	s.do(func() error { return os.WriteFile("/proc/sys/net/"+path, []byte(value), 0o644) })
}

func (s *space) link(name string) netlink.Link {
	s.t.Helper()
	l, err := s.nl.LinkByName(name)
	s.must(err)
	return l
}

func (s *space) index(name string) int { s.t.Helper(); return s.link(name).Attrs().Index }

// up sets a link up and waits for its carrier.
func (s *space) up(name string) {
	s.t.Helper()
	s.must(s.nl.LinkSetUp(s.link(name)))
	for end := time.Now().Add(patient); s.link(name).Attrs().OperState != netlink.OperUp; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("link %s has no carrier", name)
		}
	}
}

func (s *space) addr(link string, prefixes ...string) {
	s.t.Helper()
	for _, p := range prefixes {
		a, err := netlink.ParseAddr(p)
		s.must(err)
		l := s.link(link)
		s.must(s.nl.AddrAdd(l, a))
		if a.IP.To4() == nil && l.Attrs().OperState == netlink.OperUp {
			s.local(a.IP)
		}
	}
}

// local waits until the namespace takes what comes for an IPv6 address: it answers
// its neighbours a moment before.
func (s *space) local(ip net.IP) {
	s.t.Helper()
	kind := &netlink.Route{Type: unix.RTN_LOCAL} // in the table of any VRF
	for end := time.Now().Add(patient); ; time.Sleep(time.Millisecond) {
		rs, err := s.nl.RouteListFiltered(netlink.FAMILY_V6, kind, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE)
		if !errors.Is(err, netlink.ErrDumpInterrupted) { // by another change
			s.must(err)
		}
		if slices.ContainsFunc(rs, func(r netlink.Route) bool { return r.Dst.IP.Equal(ip) }) {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("no route takes %v: %v", ip, rs)
		}
	}
}

func (s *space) delAddr(link, prefix string) {
	s.t.Helper()
	a, err := netlink.ParseAddr(prefix)
	s.must(err)
	s.must(s.nl.AddrDel(s.link(link), a))
}

// route sends a prefix by a next hop.
func (s *space) route(prefix, via string) {
	s.t.Helper()
	dst, err := netlink.ParseIPNet(prefix)
	s.must(err)
	s.must(s.nl.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(via)}))
}

// veth joins two namespaces by a cable.
func veth(a *space, an string, b *space, bn string) {
	a.t.Helper()
	la := netlink.NewLinkAttrs()
	la.Name = an
	a.must(a.nl.LinkAdd(&netlink.Veth{LinkAttrs: la, PeerName: bn, PeerNamespace: netlink.NsFd(b.ns)}))
	a.must(a.nl.LinkSetUp(a.link(an)))
	b.up(bn)
	a.up(an)
}

// dropped returns how many frames the cable at a link's end has lost: the queue
// behind it is shared with all else on the machine.
func (s *space) dropped(link string) int {
	s.t.Helper()
	return int(s.link(link).Attrs().Statistics.TxDropped)
}

// start starts a program in the namespace. It dies with the test.
func (s *space) start(cmd *exec.Cmd) {
	s.t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	// A child takes the namespace of the thread that forks it.
	s.do(cmd.Start)
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
}

// udp opens a plain socket in the namespace.
func (s *space) udp(addr string) *net.UDPConn {
	s.t.Helper()
	var pc net.PacketConn
	s.do(func() (err error) {
		pc, err = net.ListenPacket("udp4", addr)
		return err
	})
	s.t.Cleanup(func() { _ = pc.Close() })
	return pc.(*net.UDPConn)
}

// neighbour tells the namespace for good which link has an address.
func (s *space) neighbour(on, addr string, has netlink.Link) {
	s.t.Helper()
	s.must(s.nl.NeighSet(&netlink.Neigh{
		LinkIndex: s.index(on), State: netlink.NUD_PERMANENT,
		IP: net.ParseIP(addr), HardwareAddr: has.Attrs().HardwareAddr,
	}))
}
