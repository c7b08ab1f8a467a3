package netns

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A told is a test that keeps what becomes of it instead.
type told struct {
	testing.TB
	first string
}

func (t *told) Helper() {}

func (t *told) Fatalf(format string, args ...any) { t.tell("fails: ", format, args) }

func (t *told) Skipf(format string, args ...any) { t.tell("is skipped: ", format, args) }

func (t *told) tell(what, format string, args []any) {
	if t.first == "" { // a real test ends there
		t.first = what + fmt.Sprintf(format, args...)
	}
}

func TestNeed(t *testing.T) {
	lacks := fmt.Errorf("add it: %w", unix.EOPNOTSUPP)
	for _, tc := range []struct {
		name, noSkip string
		err          error
		want         string
	}{
		{"nothing is missing", "", nil, ""},
		{"nothing is missing, nothing may", "all", nil, ""},
		{"a right", "", unix.EPERM, "is skipped: needs x: operation not permitted"},
		{"a right that must be", "1", unix.EPERM, "fails: needs x: operation not permitted"},
		{"the kernel's help", "", lacks, "is skipped: needs x: add it: operation not supported"},
		{"the kernel's help, of another machine", "1", lacks, "is skipped: needs x: add it: operation not supported"},
		{"the kernel's help that must be", "all", lacks, "fails: needs x: add it: operation not supported"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("RELAY_TEST_NOSKIP", tc.noSkip)
			u := &told{TB: t}
			Need(u, "x", tc.err)
			if diff := cmp.Diff(tc.want, u.first); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// namespace names that of the calling thread.
func namespace() (string, error) { return os.Readlink("/proc/thread-self/ns/net") }

func TestSpacesAreApart(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, err := namespace()
	if err != nil {
		t.Fatal(err)
	}
	a, b := NewSpace(t), NewSpace(t)
	seen := map[string]bool{own: true}
	for _, s := range []*Space{a, b} {
		s.Do(func() error {
			name, err := namespace()
			seen[name] = true
			return err
		})
		links, err := s.NL.LinkList()
		s.Must(err)
		if len(links) != 1 || links[0].Attrs().Name != "lo" || !carrier(links[0]) {
			t.Errorf("links %+v, want a loopback that is up", links)
		}
	}
	if len(seen) != 3 {
		t.Errorf("namespaces %v, want three", seen)
	}
	if now, err := namespace(); now != own || err != nil {
		t.Errorf("the test is in %s (%v), want %s", now, err, own)
	}
}

func TestIn(t *testing.T) {
	s := NewSpace(t)
	for _, tc := range []struct {
		name string
		f    func() error
		want error
	}{
		{"done", func() error { return nil }, nil},
		{"failed", func() error { return io.EOF }, io.EOF},
		{"ended", func() error { runtime.Goexit(); return nil }, errGone},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := s.In(tc.f); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

// What is sent at once comes, by new cables and to new addresses. Multicasts need
// more of the kernel's IPv6 than a route to the neighbour.
func TestCablesCarryAtOnce(t *testing.T) {
	a, b := NewSpace(t), NewSpace(t)
	for i := range 20 {
		an, bn := fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i)
		a.Veth(an, b, bn)
		for _, tc := range []struct{ network, prefix, from, to, at string }{
			{"udp4", "24", fmt.Sprintf("192.0.%d.1", i), fmt.Sprintf("192.0.%d.2", i), ""},
			{"udp6", "64", fmt.Sprintf("2001:db8:%d::1", i), fmt.Sprintf("2001:db8:%d::2", i), ""},
			{"udp6", "64", "fe80::1", "fe80::2", "ff02::1%" + an},
		} {
			a.Addr(an, tc.from+"/"+tc.prefix)
			b.Addr(bn, tc.to+"/"+tc.prefix)
			hears := b.ListenUDP(tc.network, ":0")
			to := *hears.LocalAddr().(*net.UDPAddr)
			to.IP = net.ParseIP(tc.to)
			if ip, zone, ok := strings.Cut(tc.at, "%"); ok {
				to.IP = net.ParseIP(ip)
				to.Zone = strconv.Itoa(a.Index(zone))
			}
			_, err := a.ListenUDP(tc.network, ":0").WriteTo([]byte{1}, &to)
			a.Must(err)
			b.Must(hears.SetReadDeadline(time.Now().Add(patience)))
			if _, err := hears.Read(make([]byte, 1)); err != nil {
				t.Errorf("to %v: %v", to, err)
			}
		}
	}
}

func TestAddressesAndRoutes(t *testing.T) {
	s := NewSpace(t)
	s.Veth("x0", s, "x1")
	s.Addr("x0", "192.0.2.1/24", "198.51.100.1/24")
	s.DelAddr("x0", "192.0.2.1/24")
	s.Route("203.0.113.0/24", "198.51.100.9")
	s.Sysctl("ipv4/conf/x0/forwarding", "1")
	as, err := s.NL.AddrList(s.Link("x0"), netlink.FAMILY_V4)
	s.Must(err)
	if len(as) != 1 || as[0].IPNet.String() != "198.51.100.1/24" {
		t.Errorf("addresses %v", as)
	}
	rs, err := s.NL.RouteGet(net.IPv4(203, 0, 113, 7))
	s.Must(err)
	if len(rs) != 1 || rs[0].LinkIndex != s.Index("x0") || !rs[0].Gw.Equal(net.IPv4(198, 51, 100, 9)) {
		t.Errorf("routes %v", rs)
	}
	s.Do(func() error {
		got, err := os.ReadFile("/proc/sys/net/ipv4/conf/x0/forwarding")
		if string(got) != "1\n" {
			t.Errorf("forwarding is %q", got)
		}
		return err
	})
}
