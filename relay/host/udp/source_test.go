package udp

import (
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// uplink6 joins a relay's u0, which is 2001:db8:9::1, to a server's s0, which is
// 2001:db8:9::2.
func uplink6(t *testing.T) (relay, server *netns.Space) {
	t.Helper()
	return join(t, "u0", "2001:db8:9::1/64", "s0", "2001:db8:9::2/64")
}

// TestSourceFollowsTheHost sends while the addresses of the host change. What is
// heard comes from where the kernel would have sent it from.
func TestSourceFollowsTheHost(t *testing.T) {
	relay, server := uplink6(t)
	p := listen(relay, Config{Family: dhcp.V6, Port: 547})
	at := listen(server, Config{Family: dhcp.V6, Port: 547})
	dst := netip.MustParseAddrPort("[2001:db8:9::2]:547")
	q, seg := NewQueue(p.Requests), together()

	send := func(what, want string) {
		t.Helper()
		for i := range 3 {
			q.Add(i, []byte{12, byte(i)}, dst, netip.Addr{}, 0, seg)
		}
		for tag, errno := range outcomes(t, q) {
			if errno != 0 {
				t.Errorf("%s: datagram %d: %v", what, tag, errno)
			}
		}
		var got []string
		for _, h := range hear(t, at.Requests, 3, patient) {
			got = append(got, h.Src.Addr().String())
		}
		if diff := cmp.Diff([]string{want, want, want}, got); diff != "" {
			t.Errorf("%s: sources (-want +got):\n%s", what, diff)
		}
	}
	chosen := func(want string) {
		t.Helper()
		if len(q.sources) != 1 || q.sources[0].addr != netip.MustParseAddr(want) {
			t.Errorf("the queue has chosen %v, want %s", q.sources, want)
		}
	}

	send("at first", "2001:db8:9::1")
	chosen("2001:db8:9::1")

	// The choice is not valid any more, and the kernel says so at once.
	relay.Addr("u0", "2001:db8:9::8/64")
	relay.DelAddr("u0", "2001:db8:9::1/64")
	send("another address", "2001:db8:9::8")
	q.age()
	send("some time later", "2001:db8:9::8")
	chosen("2001:db8:9::8")

	// The choice stays valid, but is no longer the right one. Until it is due,
	// either is good.
	relay.Addr("u0", "2001:db8:9::9/64")
	via(relay, "2001:db8:9::/64", "u0", "2001:db8:9::9")
	q.age()
	send("another route", "2001:db8:9::9")
	chosen("2001:db8:9::9")
}

// TestR5014_1_NoTemporarySource sends from an uplink that prefers temporary
// addresses (RFC 8981), by either way of choosing a source.
func TestR5014_1_NoTemporarySource(t *testing.T) {
	const fixed = "2001:db8:9::1"
	relay, server := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("u0", server, "s0")
	server.Addr("s0", "2001:db8:9::2/64")
	relay.Must(relay.In(func() error {
		return os.WriteFile("/proc/sys/net/ipv6/conf/u0/use_tempaddr", []byte("2"), 0)
	}))
	a, err := netlink.ParseAddr(fixed + "/64")
	relay.Must(err)
	a.Flags = unix.IFA_F_NODAD | unix.IFA_F_MANAGETEMPADDR
	a.ValidLft, a.PreferedLft = 86400, 86400
	u0 := relay.Link("u0")
	relay.Must(relay.NL.AddrAdd(u0, a))
	temporary := func() (found bool) {
		as, err := relay.NL.AddrList(u0, netlink.FAMILY_V6)
		relay.Must(err)
		for _, a := range as {
			found = found || a.Flags&unix.IFA_F_TEMPORARY != 0 && a.Flags&unix.IFA_F_TENTATIVE == 0
		}
		return found
	}
	for end := time.Now().Add(patient); !temporary(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the kernel has made no temporary address")
		}
	}
	p := listen(relay, Config{Family: dhcp.V6, Port: 547})
	at := listen(server, Config{Family: dhcp.V6, Port: 547})
	dst := netip.MustParseAddrPort("[2001:db8:9::2]:547")
	if got := p.Requests.probe.ask(dst, 0); got != netip.MustParseAddr(fixed) {
		t.Errorf("asked beforehand: %v, want %s", got, fixed)
	}
	for _, c := range []*Conn{p.Requests, p.Replies} {
		c.probe.rc = nil // so that each send is left to the kernel
		q := NewQueue(c)
		q.Add(0, []byte{12, 0}, dst, netip.Addr{}, 0, nil)
		if errno := outcomes(t, q)[0]; errno != 0 {
			t.Fatal(errno)
		}
		for _, h := range hear(t, at.Requests, 1, patient) {
			if h.Src.Addr() != netip.MustParseAddr(fixed) {
				t.Errorf("sent from %v, want %s", h.Src.Addr(), fixed)
			}
		}
	}
}

// TestSourcesAreBounded sends to more places than a queue keeps choices for.
func TestSourcesAreBounded(t *testing.T) {
	relay, server := uplink6(t)
	q, seg := NewQueue(listen(relay, Config{Family: dhcp.V6, Port: 547}).Requests), together()
	at := listen(server, Config{Family: dhcp.V6, Port: 547})
	for i := range 2 * maxSources {
		a := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 5: 9, 14: 1, 15: byte(i)})
		server.Addr("s0", netip.PrefixFrom(a, 64).String())
		q.Add(i, []byte{12, byte(i)}, netip.AddrPortFrom(a, 547), netip.Addr{}, 0, seg)
	}
	for tag, errno := range outcomes(t, q) {
		if errno != 0 {
			t.Errorf("datagram %d: %v", tag, errno)
		}
	}
	if got := len(hear(t, at.Requests, 2*maxSources, patient)); got != 2*maxSources {
		t.Errorf("%d of %d datagrams came", got, 2*maxSources)
	}
	if len(q.sources) != maxSources {
		t.Errorf("%d choices are kept, want %d", len(q.sources), maxSources)
	}
}

// A counting counts how often the kernel is asked.
type counting struct {
	syscall.RawConn
	n int
}

func (c *counting) Control(f func(fd uintptr)) error {
	c.n++
	return c.RawConn.Control(f)
}

// TestSourcesThatFindNoRoomAreNotAskedFor: to ask costs more than a send.
func TestSourcesThatFindNoRoomAreNotAskedFor(t *testing.T) {
	relay := netns.NewSpace(t)
	relay.Up("lo")
	p := listen(relay, Config{Family: dhcp.V6, Port: 547})
	asked := &counting{RawConn: p.Requests.probe.rc}
	p.Requests.probe.rc = asked
	q := NewQueue(p.Requests)
	q.now = time.Now()
	for range 2 {
		for i := range 2 * maxSources {
			q.source(&flow{dst: netip.AddrPortFrom(netip.AddrFrom16([16]byte{0x20, 1, 15: byte(i)}), 547)})
		}
	}
	if asked.n != maxSources {
		t.Errorf("the kernel was asked %d times, want %d", asked.n, maxSources)
	}
}

// TestSourcesAskedForAtOnce has the queues of two loops choose for places that are
// reached from different addresses.
func TestSourcesAskedForAtOnce(t *testing.T) {
	relay, server := netns.NewSpace(t), netns.NewSpace(t)
	want := make(map[netip.AddrPort]netip.Addr)
	for _, n := range []string{"1", "2"} {
		relay.Veth("u"+n, server, "s"+n)
		relay.Addr("u"+n, "2001:db8:"+n+"::1/64")
		want[netip.MustParseAddrPort("[2001:db8:"+n+"::2]:547")] = netip.MustParseAddr("2001:db8:" + n + "::1")
	}
	p := listen(relay, Config{Family: dhcp.V6, Port: 547})
	var wg sync.WaitGroup
	for dst, src := range want {
		wg.Go(func() {
			for range 20_000 {
				if got := p.Requests.probe.ask(dst, 0); got != src {
					t.Errorf("to %v from %v, want %v", dst, got, src)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestFlushTriesWithoutTheSourceWhatWasSplit has the chosen address go between the
// attempt of a group and that of its datagrams.
func TestFlushTriesWithoutTheSourceWhatWasSplit(t *testing.T) {
	relay, server := uplink6(t)
	p := listen(relay, Config{Family: dhcp.V6, Port: 547})
	at := listen(server, Config{Family: dhcp.V6, Port: 547})
	q, seg := NewQueue(p.Requests), together()
	attempt := q.tx.try
	q.tx.try = func(fd uintptr) {
		h := &q.tx.msgs[q.tx.next].Header
		switch {
		case h.Iovlen > 1:
			q.tx.n, q.tx.errno = 0, unix.EIO
		case h.Controllen > 0: // a source is given
			q.tx.n, q.tx.errno = 0, unix.EINVAL
		default:
			attempt(fd)
		}
	}
	const n = 3
	want := make(map[int]syscall.Errno)
	for i := range n {
		want[i] = 0
		q.Add(i, []byte{12, byte(i)}, netip.MustParseAddrPort("[2001:db8:9::2]:547"), netip.Addr{}, 0, seg)
	}
	if diff := cmp.Diff(want, outcomes(t, q)); diff != "" {
		t.Errorf("outcomes (-want +got)\n%s", diff)
	}
	if got := len(hear(t, at.Requests, n, patient)); got != n {
		t.Errorf("%d of %d datagrams came", got, n)
	}
}

// age makes all choices due.
func (q *Queue) age() {
	for i := range q.sources {
		q.sources[i].at = q.sources[i].at.Add(-time.Hour)
	}
}

// via makes a route on a link prefer a source.
func via(s *netns.Space, dst, name, src string) {
	s.T.Helper()
	p, err := netlink.ParseIPNet(dst)
	s.Must(err)
	s.Must(s.NL.RouteReplace(&netlink.Route{
		Dst: p, LinkIndex: s.Index(name), Src: netip.MustParseAddr(src).AsSlice(), Priority: 1,
	}))
}
