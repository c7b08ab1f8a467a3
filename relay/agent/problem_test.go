package agent

import (
	"net/netip"
	"strings"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

// What cannot work on this host, or hardly can, is told before it costs a reply.
func TestProblemsWithTheHost(t *testing.T) {
	first := func(f func(*Interface)) func(*Policy, []giaddr.Link) {
		return func(p *Policy, _ []giaddr.Link) { f(&p.Interfaces[0]) }
	}
	at := func(f func(*Server)) func(*Policy, []giaddr.Link) {
		return func(p *Policy, _ []giaddr.Link) { f(&p.Servers[0]) }
	}
	on := func(address string) func(*Policy, []giaddr.Link) {
		return at(func(s *Server) { s.Addr = netip.MustParseAddrPort(address) })
	}
	group := func(link, vrf string) func(*Policy, []giaddr.Link) {
		return func(p *Policy, h []giaddr.Link) {
			p.Servers[0] = Server{Addr: netip.MustParseAddrPort("[ff05::1:3]:547"), Link: link, VRF: vrf}
			for i, a := range []string{"2001:db8:1::1/64", "2001:db8:2::1/64"} {
				h[i].Addrs = append(h[i].Addrs, giaddr.Addr{Prefix: netip.MustParsePrefix("fe80::1/64")}, giaddr.Addr{Prefix: netip.MustParsePrefix(a)})
			}
			h[2].VRF = 10
		}
	}
	elsewhere := netip.MustParseAddr("192.0.2.99")
	for _, tc := range []struct {
		name string
		with func(*Policy, []giaddr.Link)
		want string // part of a problem; empty: there is none
	}{
		{"all is well", func(*Policy, []giaddr.Link) {}, ""},
		{"source", first(func(i *Interface) { i.V4.Source, i.V4.SourceAddr = SourceGiven, elsewhere }), "d0: the source 192.0.2.99 is no address of this host"},
		{"source of the uplink", first(func(i *Interface) { i.V4.Source, i.V4.SourceAddr = SourceGiven, netip.MustParseAddr("203.0.113.1") }), ""},
		{"source of a server", at(func(s *Server) { s.Source = elsewhere }), "d0: the server 198.51.100.10 gets its requests from 192.0.2.99, which is no address of this host; write in its [[server]] a source"},
		{"source of a server in a VRF", at(func(s *Server) { s.Source, s.VRF = netip.MustParseAddr("203.0.113.1"), "red" }), "gets its requests from 203.0.113.1, which is no address of this host in the VRF red"},
		{"source of a server that this host has", at(func(s *Server) { s.Source = netip.MustParseAddr("203.0.113.1") }), ""},
		{"server identifier override", first(func(i *Interface) { i.V4.Option82.Override, i.V4.Option82.OverrideAddr = true, elsewhere }), "d0: the server identifier override 192.0.2.99 is no address of this host"},
		{"server in a VRF that is missing", at(func(s *Server) { s.VRF = "green" }), "d0: the server 198.51.100.10 is in the VRF green, which does not exist now"},
		{"multicast group in another VRF", group("u0", ""), "d0: the server ff05::1:3 is to be reached on u0, which is in the VRF red"},
		{"multicast group in its VRF", group("u0", "red"), ""},
		{"server on this host, on the relay's port", on("203.0.113.1:67"), "d0: the server 203.0.113.1 is an address of this host"},
		{"server on this host, on another port", on("203.0.113.1:1067"), ""},
		{"server among the clients", on("192.0.2.9:67"), "d0: the server 192.0.2.9 is on the clients' own subnet 192.0.2.0/24"},
		{"server that is another network's broadcast", on("198.51.101.255:67"), "d0: the server 198.51.101.255 is a broadcast address of 198.51.101.0/24 on d1, so that each request goes to all that is there"},
		{"server that is another network's first address", on("198.51.101.0:67"), "d0: the server 198.51.101.0 is a broadcast address of 198.51.101.0/24 on d1"},
		{"server that is the uplink's broadcast", on("203.0.113.3:67"), "d0: the server 203.0.113.3 is a broadcast address of 203.0.113.0/30 on u0"},
		{"server that is the own network's broadcast", on("192.0.2.255:67"), "d0: the server 192.0.2.255 is a broadcast address of 192.0.2.0/24 on d0"},
		{"server on the subnet of a borrowed giaddr", func(p *Policy, h []giaddr.Link) {
			on("203.0.113.2:67")(p, h)
			h[0].Addrs = nil
			p.Interfaces[0].Name = "d0"
			p.Interfaces[0].V4.Address = giaddr.Rule{Kind: giaddr.Borrowed, Link: "u0"}
		}, ""},
		{"R3927-1 a giaddr that no router forwards replies to", func(_ *Policy, h []giaddr.Link) {
			h[0].Addrs = []giaddr.Addr{{Prefix: netip.MustParsePrefix("169.254.10.1/16")}}
		}, "d0: its giaddr 169.254.10.1 is link-local, and no router forwards the servers' replies to it (RFC 3927, section 2.7)"},
		{"one giaddr where switches add option 82", func(p *Policy, _ []giaddr.Link) {
			p.Interfaces[0].Trusted = true
			p.Interfaces[0].V4.Address = giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr("203.0.113.1")}
		}, "d0: shares the giaddr 203.0.113.1 with other interfaces and is trusted"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, h := testPolicy(t), testHost()
			tc.with(&p, h)
			h = append(h, giaddr.Link{Index: 10, Name: "red", VRF: 10, IsVRF: true, Up: true})
			_, ps := Compile(p, h)
			if got := problemsOf(ps); !strings.Contains(got, tc.want) || tc.want == "" && got != "" {
				t.Errorf("problems:\n%swant: %q", got, tc.want)
			}
		})
	}
}

// Whoever tells of a problem names the interface, so that the problem does not.
func TestProblemsNameTheInterfaceOnce(t *testing.T) {
	p, h := testPolicy(t), testHost()
	h[0].Addrs = nil
	snap, ps := Compile(p, h)
	if !strings.Contains(problemsOf(ps), giaddr.ErrNoAddress.Error()) {
		t.Fatalf("no problem without an address: %v", ps)
	}
	for _, one := range ps {
		if n := strings.Count(one.String(), one.Interface+": "); n != 1 {
			t.Errorf("%q names the interface %d times", one, n)
		}
	}
	if err := snap.byIndex[h[0].Index].Side[dhcp.V4].Problem; err == nil || strings.Contains(err.Error(), h[0].Name) {
		t.Errorf("the state of %s is told as %v", h[0].Name, err)
	}
}
