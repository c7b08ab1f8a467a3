package relay_test

import (
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
)

// patient is how long a test waits for what must come.
const patient = 30 * time.Second

// A space is a namespace in which programs run.
type space struct{ *netns.Space }

// newSpace returns an empty namespace. It has no IPv6, which would only add noise.
func newSpace(t testing.TB) *space {
	t.Helper()
	s := &space{netns.NewSpace(t)}
	s.Sysctl("ipv6/conf/default/disable_ipv6", "1")
	return s
}

// newWAN makes the place of the servers: on a bridge to which several routers have a cable.
func newWAN(t testing.TB) *space {
	t.Helper()
	s := newSpace(t)
	s.Add(&netlink.Bridge{LinkAttrs: netns.Attrs("wan")})
	s.Up("wan")
	s.ipv6("wan", "2001:db8:9::2/64")
	s.Addr("wan", "10.9.0.2/24")
	return s
}

// dropped returns how many frames the cable at a link's end has lost: the queue
// behind it is shared with all else on the machine.
func (s *space) dropped(link string) int {
	s.T.Helper()
	return int(s.Link(link).Attrs().Statistics.TxDropped)
}

// start starts a program in the namespace. It dies with the test.
func (s *space) start(cmd *exec.Cmd) {
	s.T.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	// A child takes the namespace of the thread that forks it.
	s.Do(cmd.Start)
	s.T.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
}

// neighbour tells the namespace for good who has an address on a link.
func (s *space) neighbour(on, addr string, mac net.HardwareAddr) {
	s.T.Helper()
	s.Must(s.NL.NeighSet(&netlink.Neigh{
		LinkIndex: s.Index(on), State: netlink.NUD_PERMANENT,
		IP: net.ParseIP(addr), HardwareAddr: mac,
	}))
}
