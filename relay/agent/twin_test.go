package agent

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// vrrpHost is the test host with a virtual router's macvlan on d0.
func vrrpHost() []giaddr.Link {
	h := testHost()
	return append(h, giaddr.Link{
		Index: 9, Name: "vrrp.51", Kind: "macvlan", Lower: 2, Type: 1, MTU: 1500, Up: true, Broadcast: true,
		MAC: []byte{0, 0, 0x5e, 0, 1, 0x33}, Addrs: []giaddr.Addr{{Prefix: netip.MustParsePrefix("192.0.2.254/32")}},
	})
}

// A broadcast is heard on a link and on each macvlan that is on it.
func TestCopiesOnOneNetwork(t *testing.T) {
	request := testMessage(bootp.Request, bootp.Discover, netip.Addr{})
	reply := testMessage(bootp.Reply, bootp.Offer, netip.MustParseAddr("192.0.2.1"))
	copy(reply[16:], []byte{192, 0, 2, 77})
	const all = "255.255.255.255"
	upper := testPolicy(t)
	upper.Interfaces[0].Name = "vrrp.51"
	for _, tc := range []struct {
		name   string
		policy Policy
		msg    []byte
		link   int
		dst    string
		want   Reason
		on     string // the link that it counts for
	}{
		{"the link's own", testPolicy(t), request, 2, all, Relayed, "d0"},
		{"the macvlan's copy", testPolicy(t), request, 9, all, SameNetwork, ""},
		{"the copy of a subnet's broadcast", testPolicy(t), request, 9, "192.0.2.255", SameNetwork, ""},
		{"a request to the virtual address, which the macvlan alone hears", testPolicy(t), request, 9, "192.0.2.254", Relayed, "d0"},
		{"the link's copy where the macvlan is configured", upper, request, 2, all, SameNetwork, ""},
		{"what the configured macvlan hears", upper, request, 9, all, Relayed, "vrrp.51"},
		{"another interface", testPolicy(t), request, 4, all, NotConfigured, ""},
		{"R3046-16 a client that plays the server, to the virtual address", testPolicy(t), reply, 9, "192.0.2.254", ReplyFromClient, "d0"},
		{"the copy of what a server among the clients sends", testPolicy(t), reply, 9, all, SameNetwork, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, _ := Compile(tc.policy, vrrpHost())
			src := "0.0.0.0:68"
			if tc.msg[0] == bootp.Reply {
				src = "192.0.2.66:67"
			}
			v := play4(s, tc.msg, tc.link, src, tc.dst)
			on := ""
			if v.Link != nil {
				on = v.Link.Host.Name
			}
			if v.Reason != tc.want || on != tc.on {
				t.Errorf("%v on %q, want %v on %q", v.Reason, on, tc.want, tc.on)
			}
		})
	}
}

func TestCopiesOnOneNetwork6(t *testing.T) {
	host := append(testHost6(), giaddr.Link{Index: 99, Name: "vrrp.52", Kind: "macvlan", Type: 1, MTU: 1500, Up: true})
	for i := range host {
		if host[i].Name == "d0" {
			host[len(host)-1].Lower = host[i].Index
		}
	}
	s, _ := Compile(*testPolicy6(), host)
	for _, tc := range []struct {
		name string
		msg  []byte
		dst  string
		want Reason
	}{
		{"multicast", solicit6(), "ff02::1:2", SameNetwork},
		{"unicast to the macvlan", solicit6(), "fe80::200:5eff:fe00:133", UnicastClient},
		{"a Relay-reply by multicast", relay6(13, 0, gua0, "fe80::9"), "ff02::1:2", SameNetwork},
		{"a Relay-reply by unicast, from a client", relay6(13, 0, gua0, "fe80::9"), "fe80::200:5eff:fe00:133", ReplyFromClient},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := Buf{Store: append(make([]byte, Headroom), append(slices.Clone(tc.msg), make([]byte, 512)...)...), Off: Headroom, Len: len(tc.msg)}
			v := s.Relay6(&b, Ingress{Link: 99, Src: netip.MustParseAddrPort("[fe80::9]:546"), Dst: netip.MustParseAddr(tc.dst)})
			if v.Reason != tc.want {
				t.Errorf("got %v, want %v", v.Reason, tc.want)
			}
		})
	}
}

// Links that hear the same and are both served are told.
func TestTwinsAreTold(t *testing.T) {
	above := func(name, kind string, index, lower int) giaddr.Link {
		return giaddr.Link{Index: index, Name: name, Kind: kind, Lower: lower, Type: 1, MTU: 1500, Up: true, Addrs: testHost()[0].Addrs}
	}
	for _, tc := range []struct {
		name  string
		names []string
		want  string
	}{
		{"the link alone", []string{"d0"}, ""},
		{"the macvlan alone", []string{"mv0"}, ""},
		{"both", []string{"d0", "mv0"}, "mv0: is a macvlan on d0, which is the same network and served too, so each request goes out twice; leave one of them out of the configuration"},
		{"both by one pattern, the upper with the lower index", []string{"[dm]*0"}, "mv0: is a macvlan on d0,"},
		{"two that are on one link", []string{"mv0", "iv0"}, "iv0: is an ipvlan on the same interface as mv0,"},
		{"a macvlan on a macvlan", []string{"d0", "mm0"}, "mm0: is a macvlan on the same interface as d0,"},
		{"links of different networks", []string{"d0", "d1"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := testPolicy(t)
			one := p.Interfaces[0]
			p.Interfaces = nil
			for _, n := range tc.names {
				one.Name = n
				p.Interfaces = append(p.Interfaces, one)
			}
			h := append(testHost(), above("mv0", "macvlan", 20, 2), above("iv0", "ipvlan", 21, 2), above("mm0", "macvlan", 22, 20))
			_, ps := Compile(p, h)
			ps = slices.DeleteFunc(ps, func(q Problem) bool { return !strings.Contains(q.Text, "goes out twice") })
			if got := problemsOf(ps); !strings.Contains(got, tc.want) || tc.want == "" && got != "" {
				t.Errorf("problems:\n%swant: %q", got, tc.want)
			}
		})
	}
}

// IP hears nothing on a port of a bridge, a bond or a team.
func TestMembersHearNothing(t *testing.T) {
	host := func() []giaddr.Link {
		h := testHost()
		h[1].Master = "br0"
		return append(h, giaddr.Link{Index: 20, Name: "br0", Kind: "bridge", Type: 1, MTU: 1500, Up: true, Addrs: testHost()[1].Addrs})
	}
	p := testPolicy(t)
	p.Interfaces[0].Name = "*"
	s, ps := Compile(p, host())
	if len(ps) > 0 {
		t.Errorf("a pattern: problems:\n%s", problemsOf(ps))
	}
	for _, l := range s.Links {
		if l.Host.Name == "d1" || l.Host.Name == "lo" {
			t.Errorf("a pattern for all matches %s", l.Host.Name)
		}
	}
	p.Interfaces[0].Name = "d1"
	s, ps = Compile(p, host())
	if len(s.Links) != 1 || s.Links[0].Side[dhcp.V4].State != Member || s.Links[0].Side[dhcp.V4].Problem == nil || s.Links[0].Side[dhcp.V4].Addr().IsValid() {
		t.Errorf("by its name: %+v", s.Links)
	}
	if got, want := problemsOf(ps), "d1: is a port of br0, where its packets are heard; name br0 instead\n"; got != want {
		t.Errorf("by its name: %q, want %q", got, want)
	}
	if s, ps = Compile(p, testHost()); len(ps) > 0 || s.Links[0].Side[dhcp.V4].State != Relaying {
		t.Errorf("out of the bridge: %v, problems:\n%s", s.Links[0].Side[dhcp.V4].State, problemsOf(ps))
	}
	v6 := testPolicy6()
	h6 := testHost6()
	for i := range h6 {
		h6[i].Master = "br0"
	}
	v6.Interfaces[0].Name = "d0"
	if s, _ = Compile(*v6, h6); s.Links[0].Side[dhcp.V6].State != Member {
		t.Errorf("DHCPv6: %v", s.Links[0].Side[dhcp.V6].State)
	}
}

// Names are all of a link's; what is shown is its own.
func TestAlternativeNames(t *testing.T) {
	h := testHost()
	h[0].AltNames = []string{"customers-ten", "a-name-of-more-than-fifteen-octets"}
	for name, want := range map[string]string{
		"d0": "", "customers-ten": "customers-ten", "customers-*": "customers-ten", "a-name-of-more-than-fifteen-octets": "a-name-of-more-than-fifteen-octets", "[dc]*": "",
	} {
		p := testPolicy(t)
		p.Interfaces[0].Name = name
		s, _ := Compile(p, h)
		if len(s.Links) == 0 || s.Links[0].Host.Name != "d0" || s.Links[0].AltName != want {
			t.Errorf("%s: %+v", name, s.Links)
		}
	}
	p := testPolicy(t)
	p.Interfaces[0].V4.Address = giaddr.Rule{Kind: giaddr.Borrowed, Link: "customers-ten"}
	if s, ps := Compile(p, h); len(ps) > 0 || s.Links[1].Side[dhcp.V4].Addr() != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("borrowed: %+v, problems:\n%s", s.Links[1], problemsOf(ps))
	}
}
