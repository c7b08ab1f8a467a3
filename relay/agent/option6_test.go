package agent

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

func TestOption6(t *testing.T) {
	// wrapped is the Solicit with other options than the usual.
	wrapped := func(options ...[]byte) []byte {
		return relay6(12, 0, gua0, clientLL, append(options, inner6(solicit6()))...)
	}
	mac := mac6(clientMAC...)
	noMAC := func(want bool) func(*testing.T, *Snapshot, *Verdict, *Buf) {
		return func(t *testing.T, _ *Snapshot, v *Verdict, _ *Buf) {
			if v.NoMAC != want {
				t.Errorf("NoMAC is %v, want %v", v.NoMAC, want)
			}
		}
	}
	long := slices.Repeat([]byte{7}, 20)
	fromRelay := nest6(12, solicit6(), 1)
	all := each6(func(c *Interface6) {
		c.InterfaceID = mustTemplate("{hostname}:{interface}")
		c.RemoteID = RemoteID{Enterprise: 3561, ID: mustTemplate("{interface}")}
		c.SubscriberID = mustTemplate("s")
		c.RelayID = true
		c.EchoRequest = []uint16{37, 38}
		c.VSS = VSS{On: true, Type: 255}
		c.RSOO = op6(65, 3, 'e', 'r', 'p')
		c.SourcePort = 5470
	})
	every := func(link string) []byte {
		return slices.Concat(
			[]byte{0, 68, 0, 1, 255},                    // VSS: the global VPN
			[]byte{0, 18, 0, 9}, []byte("router:"+link), // Interface-Id
			[]byte{0, 37, 0, 6, 0, 0, 0x0d, 0xe9}, []byte(link), // Remote-Id, enterprise 3561
			[]byte{0, 38, 0, 1, 's'},                           // Subscriber-Id
			[]byte{0, 53, 0, 6, 0, 4, 1, 2, 3, 4},              // Relay-Id
			[]byte{0, 43, 0, 4, 0, 37, 0, 38},                  // Echo Request
			[]byte{0, 66, 0, 8, 0, 65, 0, 4, 3, 'e', 'r', 'p'}, // RSOO with the ERP domain
			[]byte{0, 135, 0, 2, 0, 0},                         // Relay Source Port
		)
	}
	play6(t, []case6{
		{
			name: "R4649-1 R4580-1 R5460-1 R4994-1 R6422-1 R6607-v6-1 R8357-5 R7969-1 every option", with: all,
			in: solicit6(), out: wrapped(every("d0"), mac), check: noMAC(false),
		},
		{
			name: "R6939-1 R8357-5 every option but 79 for a relay", with: all, on: "t0", src: relayLL,
			in: fromRelay, out: relay6(12, 1, guaT, relayLL, every("t0"), inner6(fromRelay)), check: noMAC(false),
		},
		{name: "R6939-1 link-layer address not known", noMAC: true, in: solicit6(), out: wrapped(id6("d0")), check: noMAC(true)},
		{name: "R6939-2 link-layer address of another length", mac: long, in: solicit6(), out: wrapped(id6("d0")), check: noMAC(true)},
		{
			name: "R6939-2 InfiniBand", mac: long, in: solicit6(), check: noMAC(false),
			with: func(_ *Policy, h []giaddr.Link) { h[0].Type, h[0].MAC = 32, make([]byte, 20) },
			out:  wrapped(id6("d0"), op6(79, append([]byte{0, 32}, long...)...)),
		},
		{
			name: "R6939-1 a link without link-layer addresses", noMAC: true, in: solicit6(), check: noMAC(false),
			with: func(_ *Policy, h []giaddr.Link) { h[0].Type, h[0].MAC = 65534, nil },
			out:  wrapped(id6("d0")),
		},
		{
			name: "R6939-1 off", in: solicit6(), out: wrapped(id6("d0")), check: noMAC(false),
			with: each6(func(c *Interface6) { c.ClientMAC = false }),
		},
		{
			name: "R5460-1 no DUID", in: solicit6(), out: wrapped(id6("d0"), mac),
			with: func(p *Policy, h []giaddr.Link) { p.DUID = nil; each6(func(c *Interface6) { c.RelayID = true })(p, h) },
		},
		{
			name: "R9915-17 a template that is empty here", in: solicit6(), out: wrapped(id6("d0"), mac),
			with: each6(func(c *Interface6) { c.InterfaceID = mustTemplate("{ifalias}") }),
		},
		{
			name: "options that take all room", in: solicit6(), out: wrapped(id6("d0"), op6(66, op6(65, make([]byte, 960)...)...), mac), check: noMAC(false),
			with: each6(func(c *Interface6) { c.RSOO = op6(65, make([]byte, 960)...) }),
		},
		{
			name: "options that take too much room", in: solicit6(), out: wrapped(id6("d0")), check: noMAC(false),
			with: each6(func(c *Interface6) { c.RSOO = op6(65, make([]byte, 961)...) }),
		},
	})
}

// The Interface-Id does not come from the index, which changes with a restart.
func TestR9915_18_InterfaceIDIsStable(t *testing.T) {
	c := case6{in: solicit6()}
	var before []byte
	for i := range 2 {
		s, _ := compile6(func(_ *Policy, h []giaddr.Link) {
			for j := range h {
				h[j].Index += 100 * i
			}
			slices.Reverse(h[:i*len(h)])
		})
		b := buf6(c.in)
		if v := s.Relay6(b, c.ingress(s)); v.Reason != Relayed {
			t.Fatalf("outcome %v", v.Reason)
		}
		if i > 0 && !bytes.Equal(before, b.Bytes()) {
			t.Errorf("% x before a restart, % x after it", before, b.Bytes())
		}
		before = slices.Clone(b.Bytes())
	}
}

func TestR6607_v6_1_ShedVSS(t *testing.T) {
	s, _ := compile6(each6(func(c *Interface6) { c.VSS = VSS{On: true, Type: 0, Name: []byte("red")} }))
	relayed := nest6(12, solicit6(), 1)
	tests := []struct {
		name string
		c    case6
		head []byte
		rest []byte
	}{
		{
			"from a client",
			case6{in: solicit6()},
			relay6(12, 0, gua0, clientLL), slices.Concat(id6("d0"), mac6(clientMAC...), inner6(solicit6())),
		},
		{
			"from a relay",
			case6{on: "t0", src: relayLL, in: relayed},
			relay6(12, 1, guaT, relayLL), slices.Concat(id6("t0"), inner6(relayed)),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := buf6(tt.c.in)
			v := s.Relay6(b, tt.c.ingress(s))
			if v.Reason != Relayed || !v.Differs(WithoutVSS) {
				t.Fatalf("outcome %v, VSS %v, want it", v.Reason, v.Differs(WithoutVSS))
			}
			if diff := cmp.Diff(slices.Concat(tt.head, vss6(0, "red"), tt.rest), b.Bytes()); diff != "" {
				t.Errorf("with VSS (-want +got):\n%s", diff)
			}
			v.Shape(b, WithoutVSS)
			if diff := cmp.Diff(slices.Concat(tt.head, tt.rest), b.Bytes()); diff != "" {
				t.Errorf("without VSS (-want +got):\n%s", diff)
			}
			if v.Differs(WithoutVSS) || v.shed(b) {
				t.Error("there is more to take out")
			}
		})
	}
}

func TestProblems6(t *testing.T) {
	tests := []struct {
		name  string
		with  func(*Policy, []giaddr.Link)
		want  string // "" for no problem
		state State
	}{
		{"none", nil, "", Relaying},
		{"R9915-16 only a link-local address", func(_ *Policy, h []giaddr.Link) { h[0].Addrs = h[0].Addrs[:1] }, "d0: no usable address: only the link-local fe80::1, by which servers would declare leases void; give", NoAddress},
		{"R9915-16 link-local by setting", each6(func(c *Interface6) { c.Address.Kind = giaddr.LinkLocal }), "declare their leases void at each renewal (ISC dhcpd by lifetimes of 0, Kea by NoBinding;", Relaying},
		{"R9915-15 a duplicate", func(_ *Policy, h []giaddr.Link) { h[0].Addrs[1].Duplicate = true }, "d0: no usable address: 2001:db8:1::1 is a duplicate on the link; find the host", NoAddress},
		{"R4291-1 no link-local address", func(_ *Policy, h []giaddr.Link) { h[0].Addrs = h[0].Addrs[1:] }, "d0: it has no IPv6 link-local address, without which IPv6 does not work on it (RFC 4291, section 2.8)", NoLinkLocal},
		{"R4291-1 the link-local address is a duplicate", func(_ *Policy, h []giaddr.Link) { h[0].Addrs[0].Duplicate = true }, "d0: fe80::1 is a duplicate on the link, and it has no", NoLinkLocal},
		{"R4291-1 the link-local address is tentative", func(_ *Policy, h []giaddr.Link) { h[0].Addrs[0].Tentative = true }, "", Relaying},
		{"R9915-15 given, in the clients' prefix", each6(func(c *Interface6) {
			c.Address = giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr("2001:db8:1::7")}
		}), "d1: link_address = \"2001:db8:1::7\" is in none of its prefixes", Relaying},
		{"R9915-8 given, of another host, and to be the source", func(p *Policy, _ []giaddr.Link) {
			p.Interfaces[0].Name = "d0"
			p.Interfaces[0].V6.Address = giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr("2001:db8:1::7")}
			p.Interfaces[0].V6.Source = SourceGiaddr
		}, "d0: source = \"link_address\" has no effect, for this host cannot send to servers from 2001:db8:1::7", Relaying},
		{"no address", func(_ *Policy, h []giaddr.Link) { h[0].Addrs = nil }, "no usable address", NoAddress},
		{"down", func(_ *Policy, h []giaddr.Link) { h[0].Up = false }, "", Down},
		{"too long", each6(func(c *Interface6) { c.RSOO = make([]byte, 980) }), "more than their room", Relaying},
		{"server on the clients' subnet", func(p *Policy, _ []giaddr.Link) { p.Servers[0].Addr = netip.MustParseAddrPort("[2001:db8:1::10]:547") }, "is on the clients' own subnet", Relaying},
		{"server is this host", func(p *Policy, _ []giaddr.Link) { p.Servers[0].Addr = netip.MustParseAddrPort("[2001:db8:f::1]:547") }, "is an address of this host", Relaying},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, ps := compile6(tt.with)
			got := problemsOf(ps)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("problems %q, want %q", got, tt.want)
			}
			l := s.Link(2)
			if state, err := l.Side[dhcp.V6].State, l.Side[dhcp.V6].Problem; state != tt.state || (err == nil) != (state == Relaying) {
				t.Errorf("state %v (%v), want %v", state, err, tt.state)
			}
			if state, err := l.Side[dhcp.V4].State, l.Side[dhcp.V4].Problem; tt.state != Down && (state != Relaying || err != nil) {
				t.Errorf("state %v (%v) in IPv4, which has no servers here", state, err)
			}
		})
	}
}

// What the engine asks of a link is the same question for both families.
func TestFamilies(t *testing.T) {
	p, h := testPolicy6(), testHost6()
	p.Servers = append(p.Servers, Server{Addr: server})
	p.Interfaces[0].Servers = append(p.Interfaces[0].Servers, 2)
	p.Interfaces[0].V4.SourcePort = 67
	h[0].Addrs = append(h[0].Addrs, testHost()[0].Addrs...)
	s, _ := Compile(*p, h)
	l := s.Link(2)
	for f, want := range map[dhcp.Family]struct {
		servers []int
		addr    string
		port    uint16
	}{dhcp.V4: {[]int{2}, "192.0.2.1", 67}, dhcp.V6: {[]int{0, 1}, gua0, 547}} {
		if got := l.Side[f].Servers; !slices.Equal(want.servers, got) {
			t.Errorf("family %d: servers %v, want %v", f, got, want.servers)
		}
		if got := l.Side[f].Addr().String(); got != want.addr {
			t.Errorf("family %d: address %s, want %s", f, got, want.addr)
		}
		if got := l.Interface.Of(f).SourcePort; got != want.port {
			t.Errorf("family %d: port %d, want %d", f, got, want.port)
		}
	}
	if a := s.Link(5).Side[dhcp.V4].Addr(); a.IsValid() {
		t.Errorf("t0 has the IPv4 address %v, want none", a)
	}
}
