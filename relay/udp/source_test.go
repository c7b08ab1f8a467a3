package udp

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"dhcp-relay/relay/spacetest"
)

// TestSourceFollowsTheHost sends while the addresses of the host change. What is
// heard comes from where the kernel would have sent it from.
func TestSourceFollowsTheHost(t *testing.T) {
	relay, server := spacetest.New(t), spacetest.New(t)
	relay.Veth("u0", server, "s0")
	relay.Addr("u0", "2001:db8:9::1/64")
	server.Addr("s0", "2001:db8:9::2/64")
	p := listen(relay, Config{Family: V6, Port: 547})
	at := listen(server, Config{Family: V6, Port: 547})
	dst := netip.MustParseAddrPort("[2001:db8:9::2]:547")
	q := NewQueue(p.Requests)

	send := func(what, want string) {
		t.Helper()
		for i := range 3 {
			q.Add(i, []byte{12, byte(i)}, dst, netip.Addr{}, 0)
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

// TestSourcesAreBounded sends to more places than a queue keeps choices for.
func TestSourcesAreBounded(t *testing.T) {
	relay, server := spacetest.New(t), spacetest.New(t)
	relay.Veth("u0", server, "s0")
	relay.Addr("u0", "2001:db8:9::1/64")
	server.Addr("s0", "2001:db8:9::2/64")
	q := NewQueue(listen(relay, Config{Family: V6, Port: 547}).Requests)
	at := listen(server, Config{Family: V6, Port: 547})
	for i := range 2 * maxSources {
		a := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 5: 9, 14: 1, 15: byte(i)})
		server.Addr("s0", netip.PrefixFrom(a, 64).String())
		q.Add(i, []byte{12, byte(i)}, netip.AddrPortFrom(a, 547), netip.Addr{}, 0)
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

// age makes all choices due.
func (q *Queue) age() {
	for i := range q.sources {
		q.sources[i].at = q.sources[i].at.Add(-time.Hour)
	}
}

// via makes a route on a link prefer a source.
func via(s *spacetest.Space, dst, name, src string) {
	s.T.Helper()
	p, err := netlink.ParseIPNet(dst)
	s.Must(err)
	s.Must(s.NL.RouteReplace(&netlink.Route{
		Dst: p, LinkIndex: s.Index(name), Src: netip.MustParseAddr(src).AsSlice(), Priority: 1,
	}))
}
