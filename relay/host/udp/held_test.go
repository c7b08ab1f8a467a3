package udp

import (
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/spacetest"
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
	s := spacetest.New(t)
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
