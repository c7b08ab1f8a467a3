// Package spacetest makes network namespaces for tests, joins them by cables and
// opens sockets in them. It is for tests only, imports nothing of the project and
// never changes the namespace that the tests run in.
package spacetest

import (
	"errors"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// patience is for a machine that is busy: what is waited for takes a few
// milliseconds.
const patience = 10 * time.Second

// errGone is that of a function that has not returned.
var errGone = errors.New("the function has ended its goroutine, as t.FailNow does")

// A Space is a network namespace without a name. It ends with its last handle:
// with the test, or with the last program that was started in it. Make it with
// New; the zero value is invalid. Its methods fail the test if they cannot do
// what they are asked for.
type Space struct {
	T  testing.TB
	NS netns.NsHandle
	NL *netlink.Handle // its sockets are of the namespace
}

// New makes an empty namespace whose loopback is up. Without the right to, the
// test is skipped.
func New(t testing.TB) *Space {
	t.Helper()
	s := &Space{T: t}
	Need(t, "root, for network namespaces", onThread(func() (err error) {
		s.NS, err = netns.New()
		return err
	}))
	t.Cleanup(func() { _ = s.NS.Close() })
	var err error
	s.NL, err = netlink.NewHandleAt(s.NS)
	s.Must(err)
	t.Cleanup(s.NL.Close)
	s.Up("lo")
	return s
}

// onThread runs f on a thread that ends with it, so that what f changes of the
// thread cannot leak to others.
func onThread(f func() error) error {
	done, err := make(chan struct{}), errGone
	go func() {
		defer close(done)
		runtime.LockOSThread()
		err = f()
	}()
	<-done
	return err
}

// In runs f within the namespace and returns its error. Sockets that f opens stay
// there, goroutines that it starts do not. The thread ends with f, which may thus
// change what else belongs to a thread, such as its capabilities.
func (s *Space) In(f func() error) error {
	return onThread(func() error {
		if err := netns.Set(s.NS); err != nil {
			return err
		}
		return f()
	})
}

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

// Sysctl writes a setting; the path is below /proc/sys/net, such as
// "ipv4/ip_forward".
func (s *Space) Sysctl(path, value string) {
	s.T.Helper()
	s.Do(func() error { return os.WriteFile("/proc/sys/net/"+path, []byte(value), 0o600) })
}

// ListenUDP opens a plain socket of the namespace, which may send broadcasts, and
// closes it after the test. The network is "udp4" or "udp6".
func (s *Space) ListenUDP(network, addr string) *net.UDPConn {
	s.T.Helper()
	var pc net.PacketConn
	s.Do(func() (err error) {
		pc, err = (&net.ListenConfig{}).ListenPacket(s.T.Context(), network, addr)
		return err
	})
	s.T.Cleanup(func() { _ = pc.Close() })
	return pc.(*net.UDPConn)
}

// await polls until f holds.
func (s *Space) await(what string, f func() bool) {
	s.T.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.T.Fatalf("not in time: %s", what)
		}
	}
}
