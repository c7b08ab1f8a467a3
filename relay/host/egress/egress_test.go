package egress

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/offload"
)

func open(s *netns.Space) *Host {
	s.T.Helper()
	var h *Host
	s.Do(func() (err error) {
		h, err = Open()
		return err
	})
	s.T.Cleanup(func() { s.Must(h.Close()) })
	return h
}

// takes switches whether a device takes datagrams together.
func takes(s *netns.Space, h *Host, name string, on bool) {
	s.T.Helper()
	s.Must(h.SetWhole(name, on))
}

// seen is what a test expects of a verdict.
type seen struct {
	Reason offload.Reason
	Device string
}

func judged(h *Host, ways ...Way) (all []seen) {
	for _, v := range h.Look(ways) {
		all = append(all, seen{v.Reason, v.Device})
	}
	return all
}

func to(dst string) Way { return Way{Dst: netip.MustParseAddr(dst)} }

// TestLookFollowsTheHost changes routes, links and features, of which each look
// sees what there is.
func TestLookFollowsTheHost(t *testing.T) {
	relay, server := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("u0", server, "s0")
	relay.Addr("u0", "198.51.100.1/24", "2001:db8:9::1/64")
	h := open(relay)
	four, six := to("198.51.100.2"), to("2001:db8:9::2")
	far := to("203.0.113.9")
	bogus := four
	bogus.Srcs = []netip.Addr{netip.MustParseAddr("192.0.2.77")} // none of this host
	own := four
	own.Srcs = []netip.Addr{{}, netip.MustParseAddr("198.51.100.1")}
	group := Way{Dst: netip.MustParseAddr("ff05::1:3"), Link: relay.Index("u0")}
	expect := func(what string, want ...seen) {
		t.Helper()
		if diff := cmp.Diff(want, judged(h, four, six, own, group, far, bogus)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", what, diff)
		}
	}

	veth, none := seen{offload.Virtual, "u0"}, seen{offload.NoRoute, ""}
	expect("a cable", veth, veth, veth, veth, none, none)
	takes(relay, h, "u0", false)
	cut := seen{offload.Kernel, "u0"}
	expect("a cable that takes nothing together", cut, cut, cut, cut, none, none)
	relay.Route("203.0.113.0/24", "198.51.100.2")
	expect("a route", cut, cut, cut, cut, cut, none)
	takes(relay, h, "u0", true)
	expect("it does again", veth, veth, veth, veth, veth, none)
	relay.Must(relay.NL.LinkDel(relay.Link("u0")))
	expect("gone", none, none, none, none, none, none)
	if v := h.Look([]Way{to("127.0.0.1")})[0]; v.Reason != offload.Virtual || v.Device != "lo" {
		t.Errorf("the loopback: %+v", v)
	}
}

// TestLookSeesAllNextHops has a route by two cables, of which one takes nothing
// together.
// A path has the link and the source that the kernel's routes choose.
func TestPath(t *testing.T) {
	relay, server := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("u0", server, "s0")
	relay.Addr("u0", "198.51.100.1/24", "2001:db8:9::1/64")
	relay.Route("203.0.113.0/24", "198.51.100.2")
	h := open(relay)
	type path struct {
		Link int
		Src  netip.Addr
	}
	u0 := relay.Index("u0")
	for _, tc := range []struct {
		name string
		way  Way
		want path
	}{
		{"on the link", to("198.51.100.2"), path{u0, netip.MustParseAddr("198.51.100.1")}},
		{"by a gateway", to("203.0.113.9"), path{u0, netip.MustParseAddr("198.51.100.1")}},
		{"IPv6", to("2001:db8:9::2"), path{u0, netip.MustParseAddr("2001:db8:9::1")}},
		{"nowhere", to("192.0.2.9"), path{}},
		{"a link that is named", Way{Dst: netip.MustParseAddr("ff05::1:3"), Link: u0}, path{u0, netip.MustParseAddr("2001:db8:9::1")}},
	} {
		var got path
		got.Link, got.Src = h.Path(&tc.way)
		if diff := cmp.Diff(tc.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tc.name, diff)
		}
	}
}

func TestLookSeesAllNextHops(t *testing.T) {
	relay, server := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("u0", server, "s0")
	relay.Veth("u1", server, "s1")
	relay.Addr("u0", "198.51.100.1/24", "2001:db8:1::1/64")
	relay.Addr("u1", "203.0.113.1/24", "2001:db8:2::1/64")
	h := open(relay)
	takes(relay, h, "u0", false)
	for _, r := range []struct{ dst, a, b string }{
		{"192.0.2.0/24", "198.51.100.2", "203.0.113.2"},
		{"2001:db8:9::/64", "2001:db8:1::2", "2001:db8:2::2"},
	} {
		dst, err := netlink.ParseIPNet(r.dst)
		relay.Must(err)
		relay.Must(relay.NL.RouteAdd(&netlink.Route{Dst: dst, MultiPath: []*netlink.NexthopInfo{
			{LinkIndex: relay.Index("u0"), Gw: net.ParseIP(r.a)}, {LinkIndex: relay.Index("u1"), Gw: net.ParseIP(r.b)},
		}}))
	}
	for i := range 8 { // whichever the kernel would take
		last := string(rune('1' + i))
		got := judged(h, to("192.0.2."+last), to("2001:db8:9::"+last))
		virtual := seen{offload.Virtual, "u1"}
		if diff := cmp.Diff([]seen{virtual, virtual}, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	takes(relay, h, "u1", false)
	cut := seen{offload.Kernel, "u0"}
	if diff := cmp.Diff([]seen{cut, cut}, judged(h, to("192.0.2.1"), to("2001:db8:9::1"))); diff != "" {
		t.Errorf("both take nothing together (-want +got)\n%s", diff)
	}
}

// TestLookSeesRules has a rule lead what bears one source another way.
func TestLookSeesRules(t *testing.T) {
	relay, server := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("u0", server, "s0")
	relay.Veth("u1", server, "s1")
	relay.Addr("u0", "198.51.100.1/24")
	relay.Addr("u1", "203.0.113.1/24")
	relay.Addr("lo", "192.0.2.1/32")
	h := open(relay)
	takes(relay, h, "u0", false)
	relay.Route("0.0.0.0/0", "198.51.100.2")
	rule := netlink.NewRule()
	rule.Src, _ = netlink.ParseIPNet("192.0.2.1/32")
	rule.Table, rule.Family = 77, unix.AF_INET
	relay.Must(relay.NL.RuleAdd(rule))
	all, err := netlink.ParseIPNet("0.0.0.0/0")
	relay.Must(err)
	relay.Must(relay.NL.RouteAdd(&netlink.Route{Dst: all, Table: 77, Gw: net.ParseIP("203.0.113.2"), LinkIndex: relay.Index("u1")}))

	plain, ruled := to("10.9.0.2"), to("10.9.0.2")
	ruled.Srcs = []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	both := plain
	both.Srcs = []netip.Addr{{}, ruled.Srcs[0]}
	want := []seen{{offload.Kernel, "u0"}, {offload.Virtual, "u1"}, {offload.Virtual, "u1"}}
	if diff := cmp.Diff(want, judged(h, plain, ruled, both)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestLookSeesBelow puts devices on and below others.
func TestLookSeesBelow(t *testing.T) {
	relay, server := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("u0", server, "s0")
	relay.Veth("u1", server, "s1")
	h := open(relay)
	for _, tc := range []struct {
		name string
		link netlink.Link
		want []seen // as it is; with u0 taking nothing together; with u1, too
	}{
		{"bridge", &netlink.Bridge{LinkAttrs: netns.Attrs("x0")}, []seen{{offload.Virtual, "u0"}, {offload.Virtual, "u1"}, {offload.Kernel, "x0"}}},
		{"bond", netlink.NewLinkBond(netns.Attrs("x0")), []seen{{offload.Virtual, "u0"}, {offload.Virtual, "u1"}, {offload.Kernel, "u0"}}},
		{"vlan", &netlink.Vlan{LinkAttrs: child("x0", relay.Index("u0")), VlanId: 7}, []seen{{offload.Virtual, "u0"}, {offload.Kernel, "u0"}, {offload.Kernel, "u0"}}},
		{"macvlan", &netlink.Macvlan{LinkAttrs: child("x0", relay.Index("u0")), Mode: netlink.MACVLAN_MODE_BRIDGE}, []seen{{offload.Virtual, "x0"}, {offload.Virtual, "x0"}, {offload.Virtual, "x0"}}},
		{"vxlan", &netlink.Vxlan{LinkAttrs: netns.Attrs("x0"), VxlanId: 7, Port: 4789}, []seen{{offload.Virtual, "x0"}, {offload.Virtual, "x0"}, {offload.Virtual, "x0"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := *relay
			in.T = t
			in.Add(tc.link)
			defer func() { in.Must(in.NL.LinkDel(in.Link("x0"))) }()
			way := Way{Link: in.Index("x0")}
			if tc.name == "bridge" || tc.name == "bond" {
				if diff := cmp.Diff([]seen{{offload.Empty, "x0"}}, judged(h, way)); diff != "" {
					t.Errorf("without ports (-want +got)\n%s", diff)
				}
				for _, port := range []string{"u0", "u1"} {
					in.Must(in.NL.LinkSetDown(in.Link(port)))
					in.Must(in.NL.LinkSetMaster(in.Link(port), in.Link("x0")))
				}
				defer func() {
					in.Must(in.NL.LinkSetNoMaster(in.Link("u0")))
					in.Must(in.NL.LinkSetNoMaster(in.Link("u1")))
				}()
			}
			got := judged(h, way)
			for _, port := range []string{"u0", "u1"} {
				takes(&in, h, port, false)
				got = append(got, judged(h, way)...)
			}
			takes(&in, h, "u0", true)
			takes(&in, h, "u1", true)
			if tc.name == "bond" && len(got) == 3 { // it may give up the feature, too
				got[2].Device = "u0"
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func child(name string, parent int) netlink.LinkAttrs {
	a := netns.Attrs(name)
	a.ParentIndex = parent
	return a
}

// TestLookFailsAloud has no sockets left.
func TestLookFailsAloud(t *testing.T) {
	s := netns.NewSpace(t)
	var h *Host
	s.Do(func() (err error) {
		h, err = Open()
		return err
	})
	s.Must(h.Close())
	if v := h.Look([]Way{to("127.0.0.1")})[0]; v.Reason != offload.Failed || v.Err == "" {
		t.Errorf("got %+v", v)
	}
}

func TestChanges(t *testing.T) {
	relay, server := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("u0", server, "s0")
	relay.Addr("u0", "198.51.100.1/24")
	h := open(relay)
	var c *Changes
	relay.Do(func() (err error) {
		c, err = Subscribe()
		return err
	})
	ctx, cancel := context.WithCancel(t.Context())
	changed, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(ctx, func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})
	}()
	calm := func() { // what was before may still come
		for {
			select {
			case <-changed:
			case <-time.After(4 * rest):
				return
			}
		}
	}
	for _, tc := range []struct {
		what string
		do   func()
	}{
		{"a feature", func() { takes(relay, h, "u0", false) }},
		{"a route", func() { relay.Route("203.0.113.0/24", "198.51.100.2") }},
		{"a rule", func() {
			r := netlink.NewRule()
			r.Table, r.Family = 77, unix.AF_INET
			relay.Must(relay.NL.RuleAdd(r))
		}},
		{"a link", func() { relay.Add(&netlink.Bridge{LinkAttrs: netns.Attrs("b0")}) }},
		{"a port", func() { relay.Must(relay.NL.LinkSetMaster(relay.Link("u0"), relay.Link("b0"))) }},
	} {
		calm()
		tc.do()
		select {
		case <-changed:
		case <-time.After(10 * time.Second):
			t.Errorf("%s has changed, and nobody is told", tc.what)
		}
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it does not end")
	}
}

func TestPCI(t *testing.T) {
	for s, want := range map[string]bool{
		"0000:00:03.0": true, "0001:af:1f.7": true,
		"": false, "N/A": false, "tap": false, "usb-0000:00:14.0-1": false, "0000:00:03-0": false, "000g:00:03.0": false,
	} {
		if got := isPCI(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}

func BenchmarkLook(b *testing.B) {
	relay, server := netns.NewSpace(b), netns.NewSpace(b)
	relay.Veth("u0", server, "s0")
	relay.Addr("u0", "198.51.100.1/24")
	h := open(relay)
	ways := []Way{to("198.51.100.2"), to("198.51.100.3")}
	for b.Loop() {
		h.Look(ways)
	}
}

// TestNeighbour asks for a neighbour that is there, and for one that is not.
func TestNeighbour(t *testing.T) {
	t.Parallel()
	s, other := netns.NewSpace(t), netns.NewSpace(t)
	s.Veth("up", other, "o")
	s.Addr("up", "10.9.0.1/24", "2001:db8:9::1/64")
	other.Addr("o", "10.9.0.2/24", "2001:db8:9::2/64")
	s.Route("10.8.0.0/16", "10.9.0.99")
	h := open(s)
	for _, c := range []struct {
		to, hop string
		want    Neighbour
	}{
		{"10.9.0.2", "10.9.0.2", Unknown},
		{"10.9.0.99", "10.9.0.99", GivenUp},
		{"10.8.0.1", "10.9.0.99", GivenUp},
		{"2001:db8:9::2", "2001:db8:9::2", Unknown},
		{"2001:db8:9::99", "2001:db8:9::99", GivenUp},
	} {
		hop, link, err := h.NextHop(&Way{Dst: netip.MustParseAddr(c.to)})
		if err != nil || hop != netip.MustParseAddr(c.hop) || link != s.Index("up") {
			t.Fatalf("to %s: %s by %d, %v", c.to, hop, link, err)
		}
		network := "udp4"
		if hop.Is6() {
			network = "udp6"
		}
		conn := s.ListenUDP(network, ":0")
		if _, err := conn.WriteToUDPAddrPort([]byte("x"), netip.AddrPortFrom(netip.MustParseAddr(c.to), 4711)); err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			got := h.Neighbour(hop, link)
			if got == c.want {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s: %d, want %d", c.to, got, c.want)
			}
		}
	}
	if _, _, err := h.NextHop(&Way{Dst: netip.MustParseAddr("192.0.2.1")}); err == nil {
		t.Error("a way without a route")
	}
}
