package agent

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

func planOf(t *testing.T, p Policy, host []giaddr.Link) *Plan {
	t.Helper()
	s, _ := Compile(p, host)
	return s.Plan(host)
}

func TestT15_PlanOfVRFs(t *testing.T) {
	p := vrfPolicy(t)
	p.Interfaces[1].V4.SourcePort = 1067
	p.Servers = append(p.Servers, Server{Addr: netip.MustParseAddrPort("192.0.2.77:67"), VRF: "green"})
	p.Interfaces[1].Servers = []int{1, 2}
	plan := planOf(t, p, vrfHost())
	var want []Socket
	for _, k := range []Socket{{dhcp.V4, 67, 0}, {dhcp.V4, 67, 10}, {dhcp.V4, 67, 11}, {dhcp.V4, 1067, 11}} {
		want = append(want, k)
		if !plan.Wants(k) {
			t.Errorf("%+v is not wanted", k)
		}
	}
	if got := plan.Sockets(); len(got) != len(want) {
		t.Errorf("sockets %v, want %v", got, want)
	}
	for n, w := range []Way{{VRF: 10}, {VRF: 11}, {Lacks: NoVRF}} {
		if got := plan.Way(n); got != w {
			t.Errorf("way to server %d: %+v, want %+v", n, got, w)
		}
	}
	if got := plan.VRFName(plan.VRF(blueNet)); got != "blue" {
		t.Errorf("d1 is in VRF %q", got)
	}
	addrs, routed := plan.Addresses(Socket{dhcp.V4, 67, 11})
	if _, ok := addrs[netip.MustParseAddr("198.51.101.1")]; !ok || len(addrs) != 1 || routed != nil {
		t.Errorf("addresses in blue: %v, by route %v", addrs, routed)
	}
}

// DHCPv6 servers reply to the source that they are asked from, one of their own too.
func TestPlanOfServersWithASource(t *testing.T) {
	p := vrfPolicy(t)
	source, other := netip.MustParseAddr("2001:db8:7::1"), netip.MustParseAddr("2001:db8:7::2")
	p.Servers = []Server{{Addr: netip.MustParseAddrPort("[2001:db8:9::2]:547"), Source: source}, {Addr: netip.MustParseAddrPort("[2001:db8:9::3]:547")}}
	for i := range p.Interfaces {
		p.Interfaces[i].Servers = []int{0, 1}
		p.Interfaces[i].V6.Source, p.Interfaces[i].V6.SourceAddr = SourceGiven, other
	}
	addrs, _ := planOf(t, p, vrfHost()).Addresses(Socket{dhcp.V6, 547, 0})
	for _, a := range []netip.Addr{source, other} {
		if _, ok := addrs[a]; !ok || len(addrs) != 2 {
			t.Errorf("addresses %v, want %v and %v", addrs, source, other)
		}
	}
}

// What is configured before its interface comes is heard at once, and a VRF that only
// has the name of another interface is none.
func TestPlanBeforeInterfaces(t *testing.T) {
	p := vrfPolicy(t)
	plan := planOf(t, p, nil)
	if got := plan.Sockets(); len(got) != 1 || got[0] != (Socket{dhcp.V4, 67, 0}) {
		t.Errorf("sockets %+v", got)
	}
	host := vrfHost()
	p.Servers[0].VRF = host[0].Name
	if got := planOf(t, p, host).Way(0); got.Lacks != NoVRF {
		t.Errorf("way by an interface that is no VRF: %+v", got)
	}
	p.Servers[0].VRF, p.Servers[0].Link = "", "no-such"
	if got := planOf(t, p, host).Way(0); got.Lacks != NoLink {
		t.Errorf("way by an interface that is not there: %+v", got)
	}
}

func TestPlanHears(t *testing.T) {
	host := vrfHost()
	p := vrfPolicy(t)
	p.Interfaces[1].V4.SourcePort = 1067
	plan := planOf(t, p, host)
	port := host[0]
	port.Master = "br0"
	for _, tc := range []struct {
		name string
		dst  string
		link *giaddr.Link
		want Hearing
	}{
		{"broadcast", "255.255.255.255:67", &host[0], Heard},
		{"broadcast of a subnet", "198.51.101.255:67", &host[1], Heard},
		{"own address", "203.0.113.1:67", &host[0], Heard},
		{"another's address", "203.0.113.9:67", &host[0], NotOurs},
		{"port of clients", "255.255.255.255:68", &host[0], NoSuchPort},
		{"source port in its VRF", "198.51.101.1:1067", &host[3], Heard},
		{"source port in another VRF", "203.0.113.1:1067", &host[0], NoSuchPort},
		{"interface not known", "203.0.113.1:67", nil, Heard},
		{"port of a bridge", "255.255.255.255:67", &port, HeardByPort},
		{"family that nobody relays", "[ff02::1:2]:547", &host[0], NoSuchVRF},
	} {
		if got := plan.Hears(netip.MustParseAddrPort(tc.dst), tc.link, host); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// Relays join one group, where there are clients, and where the link has IPv6.
func TestPlanHearsMulticasts(t *testing.T) {
	p := testPolicy(t)
	p.Servers = append(p.Servers, Server{Addr: netip.MustParseAddrPort("[2001:db8:9::2]:547")})
	p.Interfaces[0].Name, p.Interfaces[0].Servers = "d0", []int{0, 1}
	for _, tc := range []struct {
		name, group string
		link, mtu   int
		want        Hearing
	}{
		{"clients", "ff02::1:2", 0, 1500, Heard},
		{"too small an MTU", "ff02::1:2", 0, 1279, NotJoined},
		{"uplink", "ff02::1:2", 2, 1500, NotJoined},
		{"all servers", "ff05::1:3", 0, 1500, OtherGroup},
	} {
		host := testHost()
		for i := range host {
			host[i].MTU = tc.mtu
		}
		dst := netip.AddrPortFrom(netip.MustParseAddr(tc.group).WithZone("d0"), 547)
		if got := planOf(t, p, host).Hears(dst, &host[tc.link], host); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// Each server gets its form of a request, by the socket that its VRF needs.
func TestPlanCopies(t *testing.T) {
	p := testPolicy(t)
	p.Servers = []Server{{Addr: server}, {Addr: netip.MustParseAddrPort("192.0.2.11:67"), VSS: true}, {Addr: netip.MustParseAddrPort("192.0.2.12:67"), VRF: "none"}}
	p.Interfaces[0].Servers = []int{0, 1, 2}
	p.Interfaces[0].V4.Option82.VSS = VSS{On: true, Name: []byte("a")}
	host := testHost()
	s, _ := Compile(p, host)
	plan := s.Plan(host)
	m := testMessage(bootp.Request, bootp.Discover, netip.Addr{})
	v := play4(s, m, s.Links[0].Host.Index, "0.0.0.0:68", "255.255.255.255")
	if v.Reason != Relayed {
		t.Fatal(v.Reason)
	}
	usual := Socket{dhcp.V4, 67, 0}
	want := []Copy{{0, WithoutVSS, usual, Way{}}, {1, Whole, usual, Way{}}, {2, WithoutVSS, usual, Way{Lacks: NoVRF}}}
	if diff := cmp.Diff(want, slices.Collect(plan.Copies(&v))); diff != "" {
		t.Errorf("copies (-want +got):\n%s", diff)
	}
	v.Asked = 1 << 1
	if diff := cmp.Diff(want[1:2], slices.Collect(plan.Copies(&v))); diff != "" {
		t.Errorf("copies of a mode that chooses (-want +got):\n%s", diff)
	}
}

// What is too large for a route goes without option 82, then in fragments, unless such
// is to be dropped.
func TestTooLarge(t *testing.T) {
	for _, tc := range []struct {
		name          string
		drop, omitted bool
		want          Resort
	}{
		{"option 82 can be left out", false, false, Smaller},
		{"it has been left out for another copy", false, true, Smaller},
		{"such is to be dropped", true, false, Refused},
	} {
		p := testPolicy(t)
		p.Interfaces[0].V4.DropOversize = tc.drop
		s, _ := Compile(p, testHost())
		m := testMessage(bootp.Request, bootp.Discover, netip.Addr{})
		b := Buf{Store: append(slices.Clone(m), make([]byte, 512)...), Len: len(m)}
		v := s.Relay4(&b, Ingress{Link: s.Links[0].Host.Index, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255")})
		v.Omitted = tc.omitted
		if got := v.TooLarge(&b); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
	p := testPolicy(t)
	p.Interfaces[0].V4.Option82.On = false
	s, _ := Compile(p, testHost())
	m := testMessage(bootp.Request, bootp.Discover, netip.Addr{})
	b := Buf{Store: append(slices.Clone(m), make([]byte, 512)...), Len: len(m)}
	v := s.Relay4(&b, Ingress{Link: s.Links[0].Host.Index, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255")})
	if got := v.TooLarge(&b); got != Fragments {
		t.Errorf("without option 82: %d, want %d", got, Fragments)
	}
}
