package udp

import (
	"errors"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

func TestCollide(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		a, b string
		want bool
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "127.0.0.2", false},
		{"0.0.0.0", "127.0.0.1", true},
		{"0.0.0.0", "0.0.0.0", true},
		{"::", "::1", true},
		{"::", "127.0.0.1", true},
		{"::", "0.0.0.0", true},
		{"0.0.0.0", "::1", false},
		{"::1", "127.0.0.1", false},
		{"::1", "::2", false},
		{"::ffff:127.0.0.1", "127.0.0.1", true},
		{"::ffff:0.0.0.0", "127.0.0.1", true},
		{"::ffff:0.0.0.0", "::1", false},
	} {
		a, b := netip.MustParseAddr(tc.a), netip.MustParseAddr(tc.b)
		if collide(a, b) != tc.want || collide(b, a) != tc.want {
			t.Errorf("%s and %s: %v and %v, want %v", a, b, collide(a, b), collide(b, a), tc.want)
		}
	}
}

// Only sockets that listen hold a port, and only where both cannot be.
func TestTCPHolders(t *testing.T) {
	s := netns.NewSpace(t)
	open := func(addr string) (l net.Listener) {
		s.Do(func() (err error) { l, err = net.Listen("tcp", addr); return err })
		t.Cleanup(func() { _ = l.Close() })
		return l
	}
	l := open("127.0.0.1:9867")
	open("127.0.0.2:9867")
	open("127.0.0.1:9868")
	// A connection has the port as well, and listens to nobody.
	var c net.Conn
	s.Do(func() (err error) { c, err = net.Dial("tcp", l.Addr().String()); return err })
	t.Cleanup(func() { _ = c.Close() })
	for at, want := range map[string][]string{
		"127.0.0.1:9867": {"127.0.0.1:9867"},
		"0.0.0.0:9867":   {"127.0.0.1:9867", "127.0.0.2:9867"},
		"[::]:9868":      {"127.0.0.1:9868"},
		"[::1]:9867":     nil,
		"127.0.0.1:9866": nil,
	} {
		var got []string
		s.Do(func() error {
			hs, err := TCPHolders(netip.MustParseAddrPort(at))
			for _, h := range hs {
				got = append(got, h.Addr.String())
				if h.PID != os.Getpid() || h.Command == "" || h.Command != comm(t) {
					t.Errorf("%s is held by %q (pid %d), want this process", h.Addr, h.Command, h.PID)
				}
			}
			return err
		})
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("holders of %s (-want +got):\n%s", at, diff)
		}
	}
}

// comm is the name of this process.
func comm(t *testing.T) string {
	t.Helper()
	name := []rune(filepath.Base(os.Args[0]))
	return string(name[:min(len(name), 15)]) // as the kernel keeps it
}

// What the kernel counts wraps; what comes of it does not.
func TestCounterBehind(t *testing.T) {
	t.Parallel()
	var c counter
	if c.behind(0) || !c.behind(1) {
		t.Error("a new counter is behind 0, or not behind 1")
	}
	c.advance(7, true)
	for now, want := range map[uint32]bool{6: false, 7: false, 8: true, 7 + math.MaxInt32: true, 8 + math.MaxInt32: false} {
		if got := c.behind(now); got != want {
			t.Errorf("at 7, behind %d: %v, want %v", now, got, want)
		}
	}
	c.advance(7+math.MaxInt32, true)
	c.advance(math.MaxUint32, true)
	if !c.behind(2) || c.behind(math.MaxUint32-1) {
		t.Error("wrong where the kernel's count wraps")
	}
}

// A source that the kernel refuses is left to it for that place alone, and until
// the next choice is due.
func TestDistrustConcernsOnePlace(t *testing.T) {
	t.Parallel()
	one, two := netip.MustParseAddrPort("[2001:db8::1]:547"), netip.MustParseAddrPort("[2001:db8::2]:547")
	own := netip.MustParseAddr("2001:db8:9::1")
	now := time.Now()
	q := &Queue{c: &Conn{family: dhcp.V6}, now: now, sources: []source{{one, 0, own, now}, {one, 7, own, now}, {two, 0, own, now}}}
	flowTo := func(dst netip.AddrPort, link int) *flow { return &flow{dst: dst, link: link} }
	q.distrust(flowTo(one, 7))
	for _, tc := range []struct {
		dst  netip.AddrPort
		link int
		want netip.Addr
	}{{one, 0, own}, {one, 7, netip.Addr{}}, {two, 0, own}} {
		if got := q.source(flowTo(tc.dst, tc.link)); got != tc.want {
			t.Errorf("to %v on link %d from %v, want %v", tc.dst, tc.link, got, tc.want)
		}
	}
}

// One shorter datagram may end a group of two, as it ends a longer one.
func TestTailOfTwo(t *testing.T) {
	t.Parallel()
	q := &Queue{}
	f := flow{dst: netip.MustParseAddrPort("10.9.0.2:67")}
	q.groups = []group{
		{flow: f, size: 300, total: 600, count: 2, first: 0, last: 1},
		{flow: f, size: 200, total: 200, count: 1, first: 2, last: 2},
	}
	q.items = make([]item, 3)
	q.mergeTails()
	if q.groups[0].count != 3 || q.groups[0].total != 800 || q.groups[1].count != 0 || q.items[1].next != 2 {
		t.Errorf("groups %+v, the second's next is %d; want three in the first", q.groups, q.items[1].next)
	}
}

// A process knows its own sockets without a look at others, and all by a look at
// all.
func TestOwnSocketsAreNamed(t *testing.T) {
	s := netns.NewSpace(t)
	c := s.ListenUDP("udp4", "127.0.0.1:67")
	t.Cleanup(func() { _ = c.Close() })
	own := SocketsOf(os.Getpid())
	for what, find := range map[string]func(dhcp.Family, uint16) ([]Holder, error){"Listeners": Listeners, "Holders": Holders} {
		s.Do(func() error {
			hs, err := find(dhcp.V4, 67)
			if len(hs) != 1 || hs[0].PID != os.Getpid() || hs[0].Command != comm(t) || !slices.Contains(own, hs[0].Inode) {
				t.Errorf("%s: %v, which is not of the sockets %v", what, hs, own)
			}
			return err
		})
	}
	h := Holder{Inode: 7}
	if got := h.Who(); got != "an unknown process (socket 7)" {
		t.Errorf("of nobody known: %q", got)
	}
	if h.PID, h.Command = 1, "systemd"; h.Who() != "systemd (pid 1)" {
		t.Errorf("of the first process: %q", h.Who())
	}
	if got := SocketsOf(1 << 30); got != nil {
		t.Errorf("of no process: %v", got)
	}
}

// Thousands of descriptors cost a process that looks each second little.
func TestOwnSocketsAllocateLittle(t *testing.T) {
	s := netns.NewSpace(t)
	c := s.ListenUDP("udp4", "127.0.0.1:67")
	rc, err := c.SyscallConn()
	s.Must(err)
	const many = 1000
	for range many {
		s.Must(rc.Control(func(fd uintptr) {
			dup, err := unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3)
			s.Must(err)
			t.Cleanup(func() { _ = unix.Close(dup) })
		}))
	}
	s.Do(func() error {
		if n := testing.AllocsPerRun(10, func() { _, err = Listeners(dhcp.V4, 67) }); err != nil || n > 2*many {
			t.Errorf("%v allocations among %d descriptors, %v", n, many, err)
		}
		return nil
	})
}

// A choice serves for less than fresh; then the kernel is asked again, which here
// knows nothing.
func TestChoiceAgesInTime(t *testing.T) {
	t.Parallel()
	dst, own := netip.MustParseAddrPort("[2001:db8::1]:547"), netip.MustParseAddr("2001:db8:9::1")
	now := time.Now()
	for age, want := range map[time.Duration]netip.Addr{0: own, fresh - 1: own, fresh: {}, 2 * fresh: {}} {
		q := &Queue{c: &Conn{family: dhcp.V6}, now: now, sources: []source{{dst, 0, own, now.Add(-age)}}}
		if got := q.source(&flow{dst: dst}); got != want {
			t.Errorf("after %v from %v, want %v", age, got, want)
		}
	}
}

// Descriptors that were handed over already are passed over, and the rest is not; nor
// is more given after an error.
func TestDescriptorsFromTheFirstOn(t *testing.T) {
	for f, roles := range map[dhcp.Family][]Role{
		dhcp.V4: {requests, replies, witness},
		dhcp.V6: {requests, replies, members, members, members},
	} {
		t.Run(f.String(), func(t *testing.T) {
			s := netns.NewSpace(t)
			p := listen(s, Config{Family: f, Port: 67})
			for _, r := range roles {
				if r == members {
					hold(s, p)
				}
			}
			for first := range len(roles) + 1 {
				for stop := first; stop <= len(roles); stop++ { // where an error comes
					want, wantErr := roles[first:], error(nil)
					if stop < len(roles) {
						want, wantErr = roles[first:stop+1], unix.EPIPE
					}
					var got []Role
					fds := make(map[int]bool)
					n, err := p.Descriptors(first, func(r Role, fd int) error {
						got, fds[fd] = append(got, r), true
						if first+len(got) > stop {
							return unix.EPIPE
						}
						return nil
					})
					if n != stop || !errors.Is(err, wantErr) || !slices.Equal(got, want) || len(fds) != len(want) {
						t.Errorf("from %d on, error at %d: %v of %d, %d descriptors, %v; want %v, %v", first, stop, got, n, len(fds), err, want, wantErr)
					}
				}
			}
		})
	}
}

// hold adds a holder of memberships.
func hold(s *netns.Space, p *Pair) {
	s.T.Helper()
	f, err := s.ListenUDP("udp6", "[::]:0").File()
	s.Must(err)
	s.Must(p.Requests.groups.adopt(f))
	s.Must(f.Close())
}

// A socket that has left all links that it had joined itself takes over one that
// another holds. It is left like any other.
func TestLeavesWhatItHasTakenOver(t *testing.T) {
	relay, client := netns.NewSpace(t), netns.NewSpace(t)
	const links = maxOwn + 2
	name := func(s string, i int) string { return s + string(rune('a'+i)) }
	for i := range links {
		relay.Veth(name("d", i), client, name("c", i))
		relay.Addr(name("d", i), "fe80::1/64")
	}
	c := listen(relay, Config{Family: dhcp.V6, Port: 547}).Requests
	for i := range links {
		relay.Do(func() error { return c.Join(relay.Index(name("d", i))) })
	}
	// members counts the sockets that the kernel has as members on the last links.
	members := func(holder int) (n int) {
		for i := maxOwn; i < links; i++ {
			if c.isMember(holder, relay.Index(name("d", i))) {
				n++
			}
		}
		return n
	}
	if own, other := members(itself), members(0); own != 0 || other != 2 {
		t.Fatalf("a member on %d links itself, the holder on %d; want 0, 2", own, other)
	}
	for i := range maxOwn {
		relay.Must(c.Leave(relay.Index(name("d", i))))
	}
	if own, other := members(itself), members(0); own != 1 || other != 1 {
		t.Errorf("after it left its own: a member on %d links itself, the holder on %d; want 1, 1", own, other)
	}
	for i := range maxOwn { // which leaves room for as many but one
		relay.Do(func() error { return c.Join(relay.Index(name("d", i))) })
	}
	if own, last := c.isMember(itself, relay.Index(name("d", maxOwn-2))), c.isMember(itself, relay.Index(name("d", maxOwn-1))); !own || last {
		t.Errorf("with what it took over: itself on the last but one %v, on the last %v; want true, false", own, last)
	}
	for i := range links {
		relay.Must(c.Leave(relay.Index(name("d", i))))
	}
	if own, other := members(itself), members(0); own != 0 || other != 0 {
		t.Errorf("after it left all: a member on %d links itself, the holder on %d", own, other)
	}
}
