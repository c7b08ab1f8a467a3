package scenes

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
)

// ppp joins two programs of Debian's by a pair of sockets, as a modem would.
func ppp(t *testing.T) {
	_, err := os.Stat("/dev/ppp")
	need(t, "PPP devices", err)
	path, err := exec.LookPath("pppd")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/pppd")
	}
	need(t, "pppd", err)
	tunnelled(t, "PPP", func(b *bed, far *netns.NS) error {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		for i, n := range []*netns.NS{b.router, far} {
			line := os.NewFile(uintptr(fds[i]), "line")
			err := b.dial(n, path, line, fmt.Sprintf("10.9.0.%d:10.9.0.%d", 1+i, 2-i))
			if err := errors.Join(err, line.Close()); err != nil {
				return err
			}
		}
		for _, n := range []*netns.NS{b.router, far} {
			for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
				as, err := n.Addrs("t0")
				if err == nil && len(as) > 0 {
					break
				}
				if time.Now().After(end) {
					return fmt.Errorf("no link comes up: %w", err)
				}
			}
		}
		return nil
	})
}

// dial starts pppd at one end of a line.
func (b *bed) dial(n *netns.NS, path string, line *os.File, addresses string) error {
	said := &journal{}
	cmd := exec.Command(path, "notty", "nodetach", "noauth", "local", "nodefaultroute", "noccp", "novj", "logfd", "2", "ifname", "t0", addresses)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = line, line, said
	_, err := n.StartCmd(cmd)
	t := b.t
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("pppd says:\n%s", said)
		}
	})
	return err
}

// ecmp has a route with two next hops, which the server's side has too. Each flow
// keeps to one of them while it works.
func ecmp(t *testing.T) {
	b := newBed(t)
	h := b.network("lan", "", "10.1.0.1/24")
	n := b.cable("up1")
	must(t, netns.Veth(b.router, "up2", n, "eth1"), n.Addr("lo", "10.9.0.2/32"),
		b.router.Addr("up1", "10.8.1.1/24"), n.Addr("eth0", "10.8.1.2/24"),
		b.router.Addr("up2", "10.8.2.1/24"), n.Addr("eth1", "10.8.2.2/24"),
		multipath(b.router, "10.9.0.2/32", "10.8.1.2", "10.8.2.2"), multipath(n, "0.0.0.0/0", "10.8.1.1", "10.8.2.1"))
	for _, end := range []*netns.NS{b.router, n} {
		must(t, end.Sysctl("net/ipv4/conf/all/ignore_routes_with_linkdown", "1"))
	}
	d := &dhcpd{Server: b.program(n, "", "10.9.0.2", "10.1.0.1/24"), ns: n}
	taps := []*ear{b.tap(n, "eth0"), b.tap(n, "eth1")}
	b.start(onLAN)
	// heardBy logs in and returns which uplink the requests came by.
	heardBy := func(all []*ear) int {
		t.Helper()
		for _, tap := range all {
			_, err := tap.Drain()
			must(t, err)
		}
		lease, err := h.Login(within(t, patience))
		must(t, err)
		b.judgeLease(h, lan(), d, lease.Addr.Addr())
		b.count("lan", "request discover", "request request", "reply offer", "reply ack")
		b.balance()
		by, total := -1, 0
		for i, tap := range all {
			if got := b.heard(tap, false, 2); len(got) > 0 {
				by, total = i, total+len(got)
			}
		}
		if total != 2 {
			t.Errorf("the server has heard %d messages by all uplinks, want 2", total)
		}
		return by
	}
	first := heardBy(taps)
	must(t, h.Unplug(), b.router.Down(fmt.Sprintf("up%d", first+1)))
	left, err := n.Index(fmt.Sprintf("eth%d", 1-first))
	must(t, err)
	b.daemon.await("the server's side sees that an uplink has failed", func() bool { return leaves(n, "10.1.0.1") == left })
	if second := heardBy(taps); second == first {
		t.Errorf("requests still come by up%d, which is down", first+1)
	}
}

// leaves returns the index of the link by which a packet to an address leaves, 0
// if there is none.
func leaves(n *netns.NS, to string) (link int) {
	_ = n.Do(func() error { // no route is no link
		rs, err := netlink.RouteGet(net.ParseIP(to))
		if err == nil && len(rs) > 0 {
			link = rs[0].LinkIndex
		}
		return err
	})
	return link
}

// multipath makes a route with several next hops.
func multipath(n *netns.NS, dst string, hops ...string) error {
	return n.Do(func() error {
		to, err := netlink.ParseIPNet(dst)
		if err != nil {
			return err
		}
		r := &netlink.Route{Dst: to}
		for _, hop := range hops {
			r.MultiPath = append(r.MultiPath, &netlink.NexthopInfo{Gw: net.ParseIP(hop)})
		}
		return netlink.RouteReplace(r)
	})
}
