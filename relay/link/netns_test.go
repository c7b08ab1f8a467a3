package link

import (
	"errors"
	"os"
	"runtime"
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

// A cable joins a relay's interface d0 to a client's c0.
type cable struct {
	relay, client *space
	d0, c0        netlink.Link
}

func newCable(t testing.TB) *cable {
	t.Helper()
	w := &cable{relay: newSpace(t), client: newSpace(t)}
	la := netlink.NewLinkAttrs()
	la.Name = "d0"
	w.relay.must(w.relay.nl.LinkAdd(&netlink.Veth{LinkAttrs: la, PeerName: "c0", PeerNamespace: netlink.NsFd(w.client.ns)}))
	var err error
	w.d0, err = w.relay.nl.LinkByName("d0")
	w.relay.must(err)
	w.c0, err = w.client.nl.LinkByName("c0")
	w.client.must(err)
	w.relay.must(w.relay.nl.LinkSetUp(w.d0))
	w.client.must(w.client.nl.LinkSetUp(w.c0))
	w.relay.running("d0")
	w.client.running("c0")
	return w
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

// open opens a Conn on d0.
func (w *cable) open() *Conn {
	w.relay.t.Helper()
	var c *Conn
	w.relay.do(func() (err error) {
		c, err = Open(w.d0.Attrs().Index, w.d0.Attrs().HardwareAddr)
		return err
	})
	w.relay.t.Cleanup(func() { _ = c.Close() })
	return c
}
