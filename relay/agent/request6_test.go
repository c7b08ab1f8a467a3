package agent

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
)

func TestRequest6FromClients(t *testing.T) {
	cases := []case6{
		{name: "R9915-12 R9915-13 R9915-14 R9915-15 R9915-20 R9915-34 R6939-2 R6939-3 R9915-10 a Solicit, byte for byte", in: solicit6(), out: slices.Concat(
			[]byte{12, 0}, // Relay-forward, hop-count 0
			[]byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, // link-address
			[]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc1},    // peer-address
			[]byte{0, 18, 0, 2, 'd', '0'},                                      // Interface-Id
			[]byte{0, 79, 0, 8, 0, 1, 2, 0, 0, 0, 0xcc, 1},                     // client link-layer address
			[]byte{0, 9, 0, byte(len(solicit6()))}, solicit6(),                 // Relay Message
		)},
		{
			name: "R9915-17 the same link-local router address on d1", on: "d1", in: solicit6(),
			out: relay6(12, 0, gua1, clientLL, id6("d1"), mac6(clientMAC...), inner6(solicit6())),
		},
		{name: "R9915-4 a source port of its own", sport: 40000, in: solicit6(), out: first(solicit6())},
		{name: "R9915-9 header only", in: msg6(1), out: first(msg6(1))},
		{name: "KB967789 R9915-9 Information-request without client identifier", in: msg6(11, op6(8, 0, 0)), out: first(msg6(11, op6(8, 0, 0)))},
		{name: "CVE-2007-5030 Request without client identifier", in: msg6(3), out: first(msg6(3))},
		{name: "R9915-10 vendor option of an unknown enterprise", in: msg6(1, op6(17, 0xff, 0xff, 0xff, 0xff, 0)), out: first(msg6(1, op6(17, 0xff, 0xff, 0xff, 0xff, 0)))},
		{name: "R9915-10 option 143", in: msg6(1, op6(143, 1)), out: first(msg6(1, op6(143, 1)))},
		{name: "R7341-1 DHCPV4-QUERY", in: msg6(20, op6(87, 1)), out: first(msg6(20, op6(87, 1)))},
		{
			name: "R9686-1 registration of an address", src: "2001:db8:1::abcd", in: msg6(36),
			out: relay6(12, 0, gua0, "2001:db8:1::abcd", id6("d0"), mac6(clientMAC...), inner6(msg6(36))),
		},
		{name: "R9915-11 Advertise", in: msg6(2), drop: ServerMessage},
		{name: "R9915-11 Reply", in: msg6(7), drop: ServerMessage},
		{name: "R9915-11 Reconfigure", in: msg6(10), drop: ServerMessage},
		{name: "R5007-1 Leasequery-reply", in: msg6(15), drop: ServerMessage},
		{name: "R5007-1 Leasequery-reply on a trusted link", on: "t0", in: msg6(15), drop: ServerMessage},
		{name: "R9915-11 Advertise on a trusted link", on: "t0", in: msg6(2), drop: ServerMessage},
		{name: "R9915-11 Reply on the uplink", on: "u0", src: server6, dst: gua0, in: msg6(7), drop: NotConfigured},
		{name: "R9915-5 unicast to a global address", dst: gua0, in: solicit6(), drop: UnicastClient},
		{name: "R9915-5 unicast to a link-local address", dst: routerLL, in: solicit6(), drop: UnicastClient},
		{
			name: "R9915-5 unicast by setting", dst: gua0, in: solicit6(), out: first(solicit6()),
			with: each6(func(c *Interface6) { c.AcceptUnicast = true }),
		},
		{name: "R5007-2 LEASEQUERY", in: msg6(14), drop: TypeRefused},
		{
			name: "R7283-1 R6977-2 types by setting", in: msg6(200), drop: TypeRefused,
			with: each6(func(c *Interface6) { c.RefuseTypes = []uint8{18, 200} }),
		},
		{
			name: "R7283-1 LEASEQUERY by setting", in: msg6(14), out: first(msg6(14)),
			with: each6(func(c *Interface6) { c.RefuseTypes = []uint8{18, 200} }),
		},
		{name: "R9915-35 Relay-forward from a client", in: nest6(12, solicit6(), 1), drop: RelayForwardUntrusted},
		{name: "heard on a link without [[interface]]", on: "u0", in: solicit6(), drop: NotConfigured},
		{name: "our own message", src: gua0, in: solicit6(), drop: OwnMessage},
		{name: "our own link-local address", src: routerLL, in: solicit6(), drop: OwnMessage},
		{name: "ours, come back from another relay", on: "t0", src: relayGUA, in: relay6(12, 1, "::", gua1, inner6(first(solicit6()))), drop: OwnMessage},
		{name: "ours, come back from a relay on the link", on: "t0", src: relayLL, in: relay6(12, 1, relayGUA, routerLL, inner6(first(solicit6()))), drop: OwnMessage},
		{
			name: "ours, come back through two relays", on: "t0", src: relayLL, drop: OwnMessage,
			in: relay6(12, 2, "::", stranger, inner6(relay6(12, 1, "::", guaT, inner6(first(solicit6()))))),
		},
		{
			name: "from a relay that heard a link-local address like ours elsewhere", on: "t0", src: relayLL,
			in:  relay6(12, 0, "2001:db8:77::1", routerLL, inner6(solicit6())),
			out: relay6(12, 1, guaT, relayLL, id6("t0"), inner6(relay6(12, 0, "2001:db8:77::1", routerLL, inner6(solicit6())))),
		},
		{
			name: "with what seems ours inside what was no Relay-forward", on: "t0", src: relayLL,
			in:  relay6(12, 0, "::", relayGUA, inner6(relay6(13, 0, "::", gua1, inner6(solicit6())))),
			out: relay6(12, 1, guaT, relayLL, id6("t0"), inner6(relay6(12, 0, "::", relayGUA, inner6(relay6(13, 0, "::", gua1, inner6(solicit6())))))),
		},
		{
			name: "a link-local address that is ours elsewhere", src: "fe80::f", in: solicit6(),
			out: relay6(12, 0, gua0, "fe80::f", id6("d0"), mac6(clientMAC...), inner6(solicit6())),
		},
		{name: "source address ::", src: "::", in: solicit6(), drop: PeerInvalid},
		{name: "source address ::1", src: "::1", in: solicit6(), drop: PeerInvalid},
		{name: "IPv4-mapped source address", src: "::ffff:192.0.2.9", in: solicit6(), drop: PeerInvalid},
		{name: "multicast source address", src: relays, in: solicit6(), drop: PeerInvalid},
		{
			name: "no server of the family", in: solicit6(), drop: NoServer,
			with: func(p *Policy, _ []giaddr.Link) { p.Interfaces[0].Servers = nil },
		},
	}
	play6(t, cases)
}

// Every type but those of servers and relays is a client's, known or not.
func TestR9915_9_UnknownTypesAreRelayed(t *testing.T) {
	refused := map[byte]Reason{
		2: ServerMessage, 7: ServerMessage, 10: ServerMessage, 12: Short, 13: Short, 14: TypeRefused, 15: ServerMessage,
	}
	for typ := range 256 {
		m := msg6(byte(typ), op6(65000, 1))
		c := case6{on: "d0", src: clientLL, dst: relays, in: m, drop: refused[byte(typ)], out: first(m)}
		t.Run(fmt.Sprintf("R9915-9 R7283-1 type %d", typ), c.play)
	}
}

func TestRequest6LinkAddress(t *testing.T) {
	addrs := func(as ...giaddr.Addr) func(*Policy, []giaddr.Link) {
		return func(_ *Policy, h []giaddr.Link) { h[0].Addrs = as }
	}
	at := func(s string) giaddr.Addr { return giaddr.Addr{Prefix: netip.MustParsePrefix(s)} }
	tentative, deprecated, duplicate := at("2001:db8:1::1/64"), at("2001:db8:1::2/64"), at("2001:db8:1::4/64")
	tentative.Tentative, deprecated.Deprecated, duplicate.Duplicate = true, true, true
	wrapped := func(link string) []byte {
		return relay6(12, 0, link, clientLL, id6("d0"), mac6(clientMAC...), inner6(solicit6()))
	}
	rule := func(r giaddr.Rule) func(*Policy, []giaddr.Link) {
		return each6(func(c *Interface6) { c.Address = r })
	}
	play6(t, []case6{
		{name: "R9915-16 only a link-local address", with: addrs(at(routerLL + "/64")), in: solicit6(), drop: NoLinkAddress},
		{name: "R9915-16 link-local by setting", with: rule(giaddr.Rule{Kind: giaddr.LinkLocal}), in: solicit6(), out: wrapped(routerLL)},
		{name: "R9915-15 a unique-local address", with: addrs(at(routerLL+"/64"), at("fd00::1/64")), in: solicit6(), out: wrapped("fd00::1")},
		{name: "R9915-15 a tentative one", with: addrs(at(routerLL+"/64"), tentative), in: solicit6(), out: wrapped(gua0)},
		{name: "R9915-15 never a duplicate", with: addrs(at(routerLL+"/64"), duplicate), in: solicit6(), drop: NoLinkAddress},
		{name: "R9915-15 a deprecated one last", with: addrs(deprecated, at("2001:db8:1::3/64")), in: solicit6(), out: wrapped("2001:db8:1::3")},
		{name: "SONiC-108 ISC-22409 no address at all", with: addrs(), in: solicit6(), drop: NoLinkAddress},
		{name: "R9915-15 given", with: rule(giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr(gua1)}), in: solicit6(), out: wrapped(gua1)},
		{name: "R9915-15 by prefix", with: rule(giaddr.Rule{Kind: giaddr.InPrefix, Prefix: netip.MustParsePrefix("2001:db8:1::/64")}), in: solicit6(), out: wrapped(gua0)},
		{name: "R9915-15 borrowed for an unnumbered link", with: func(p *Policy, h []giaddr.Link) {
			h[0].Addrs = h[0].Addrs[:1]
			p.Interfaces[0].V6.Address = giaddr.Rule{Kind: giaddr.Borrowed, Link: "u0"}
		}, in: solicit6(), out: wrapped("2001:db8:f::1")},
		{name: "R9915-15 given, of another host", with: rule(giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr("2001:db8:77::1")}), in: solicit6(), out: wrapped("2001:db8:77::1")},
	})
}

func TestRequest6FromRelays(t *testing.T) {
	m := nest6(12, solicit6(), 1)
	onT := func(hop byte, link, peer string, options ...[]byte) []byte {
		return relay6(12, hop, link, peer, options...)
	}
	atHop := func(hop byte) []byte { r := nest6(12, solicit6(), 1); r[1] = hop; return r }
	rsoo := nest6(12, relay6(12, 0, gua0, clientLL, op6(66, op6(65, 3, 'e', 'r', 'p')...), inner6(solicit6())), 2)
	ids := id6("t0")
	play6(t, []case6{
		{
			name: "R9915-22 R9915-23 R9915-24 R6939-1 from a link-local address", on: "t0", src: relayLL, in: m,
			out: onT(1, guaT, relayLL, ids, inner6(m)),
		},
		{
			name: "R9915-22 R9915-23 CVE-2010-3611 from a global address", on: "t0", src: relayGUA, dst: guaT, in: m,
			out: onT(1, "::", relayGUA, ids, inner6(m)),
		},
		{
			name: "R9915-23 Interface-Id where there is no global address", on: "t0", src: relayLL, in: m,
			with: func(_ *Policy, h []giaddr.Link) { h[3].Addrs = h[3].Addrs[:1] },
			out:  onT(1, "::", relayLL, ids, inner6(m)),
		},
		{
			name: "R9915-23 Interface-Id where there is no address", on: "t0", src: relayLL, in: m,
			with: func(_ *Policy, h []giaddr.Link) { h[3].Addrs = nil },
			out:  onT(1, "::", relayLL, ids, inner6(m)),
		},
		{name: "R9915-21 hop-count 7", on: "t0", src: relayLL, in: atHop(7), out: onT(8, guaT, relayLL, ids, inner6(atHop(7)))},
		{name: "R9915-21 hop-count 8", on: "t0", src: relayLL, in: atHop(8), drop: HopLimit},
		{name: "R9915-21 hop-count 32", on: "t0", src: relayLL, in: atHop(32), drop: HopLimit},
		{name: "R9915-21 hop-count 255", on: "t0", src: relayLL, in: atHop(255), drop: HopLimit},
		{
			name: "R9915-21 hop-count 255 and a limit of 255", on: "t0", src: relayLL, in: atHop(255), drop: HopLimit,
			with: each6(func(c *Interface6) { c.HopLimit = 255 }),
		},
		{name: "R9915-35 on an untrusted link", on: "d0", src: relayLL, in: m, drop: RelayForwardUntrusted},
		{name: "R9915-35 by unicast to an untrusted link", on: "d0", src: relayGUA, dst: gua0, in: m, drop: RelayForwardUntrusted},
		{name: "R9915-31 no Relay Message", on: "t0", src: relayLL, in: onT(0, gua0, clientLL, id6("x")), drop: NoRelayMessage},
		{name: "R9915-31 an empty one", on: "t0", src: relayLL, in: onT(0, gua0, clientLL, inner6(nil)), drop: NoRelayMessage},
		{name: "R9915-31 two of them", on: "t0", src: relayLL, in: onT(0, gua0, clientLL, inner6(msg6(1)), inner6(msg6(1))), drop: NoRelayMessage},
		{name: "R9915-32 an option that is cut off", on: "t0", src: relayLL, in: append(slices.Clone(m), 0, 18, 0, 2, 'x'), drop: OptionsMalformed},
		{name: "R6422-1 RSOO passes", on: "t0", src: relayLL, in: rsoo, out: onT(2, guaT, relayLL, ids, inner6(rsoo))},
		{
			name: "R6422-2 RSOO in the third level", on: "t0", src: relayLL, in: rsoo, drop: RSOORefused,
			with: each6(func(c *Interface6) { c.RefuseRSOO = true }),
		},
		{
			name: "R6422-2 without RSOO", on: "t0", src: relayLL, in: m, out: onT(1, guaT, relayLL, ids, inner6(m)),
			with: each6(func(c *Interface6) { c.RefuseRSOO = true }),
		},
		{
			name: "R8357-5 port of the downstream relay", on: "t0", src: relayLL, sport: 1000, in: m,
			out: onT(1, guaT, relayLL, ids, port6(1000), inner6(m)),
		},
		{
			name: "R8357-5 ports of both", on: "t0", src: relayLL, sport: 1000, in: m,
			with: each6(func(c *Interface6) { c.SourcePort = 5470 }),
			out:  onT(1, guaT, relayLL, ids, port6(1000), inner6(m)),
		},
		{
			name: "R8357-5 port of this relay alone", on: "t0", src: relayLL, in: m,
			with: each6(func(c *Interface6) { c.SourcePort = 5470 }),
			out:  onT(1, guaT, relayLL, ids, port6(0), inner6(m)),
		},
	})
}

func TestRequest6Oversize(t *testing.T) {
	// 34 of the header, 6 of Interface-Id, 12 of option 79, 4 of Relay Message.
	const around = 56
	long := func(n int) []byte { return append(msg6(1), make([]byte, n-4)...) }
	play6(t, []case6{
		{name: "R9915-33 the longest", in: long(65527 - around), out: first(long(65527 - around))},
		{name: "R9915-33 one octet more", in: long(65527 - around + 1), drop: Oversize},
		{name: "R9915-33 65527 octets", in: long(65527), drop: Oversize},
	})
	t.Run("R9915-33 longer than what was received", func(t *testing.T) {
		s, _ := compile6(nil)
		c := case6{in: solicit6()}
		in := c.ingress(s)
		in.Truncated = true
		if v := s.Relay6(buf6(c.in), in); v.Reason != Oversize {
			t.Errorf("outcome %v, want %v", v.Reason, Oversize)
		}
	})
	t.Run("R9915-33 too little room", func(t *testing.T) {
		s, _ := compile6(nil)
		c := case6{in: solicit6()}
		b := &Buf{Store: append(make([]byte, around-1), c.in...), Off: around - 1, Len: len(c.in)}
		if v := s.Relay6(b, c.ingress(s)); v.Reason != Oversize {
			t.Errorf("outcome %v, want %v", v.Reason, Oversize)
		}
	})
}

func TestRequest6Source(t *testing.T) {
	src := func(want string) func(*testing.T, *Snapshot, *Verdict, *Buf) {
		return func(t *testing.T, _ *Snapshot, v *Verdict, _ *Buf) {
			if got := v.Src; got.IsValid() && got.String() != want || !got.IsValid() && want != "" {
				t.Errorf("source %v, want %q", got, want)
			}
		}
	}
	kind := func(k Source) func(*Policy, []giaddr.Link) {
		return each6(func(c *Interface6) { c.Source, c.SourceAddr = k, netip.MustParseAddr("2001:db8:f::1") })
	}
	play6(t, []case6{
		{name: "R9915-8 by the route", in: solicit6(), out: first(solicit6()), check: src("")},
		{name: "R9915-8 given", with: kind(SourceGiven), in: solicit6(), out: first(solicit6()), check: src("2001:db8:f::1")},
		{name: "R9915-8 the link-address", with: kind(SourceGiaddr), in: solicit6(), out: first(solicit6()), check: src(gua0)},
		{
			name: "R9915-8 T24 never a link-local one", in: solicit6(), check: src(""),
			with: func(p *Policy, h []giaddr.Link) {
				kind(SourceGiaddr)(p, h)
				p.Interfaces[0].V6.Address.Kind = giaddr.LinkLocal
			},
			out: relay6(12, 0, routerLL, clientLL, id6("d0"), mac6(clientMAC...), inner6(solicit6())),
		},
		{
			name: "R9915-8 never one that is tentative", in: solicit6(), check: src(""), out: first(solicit6()),
			with: func(p *Policy, h []giaddr.Link) {
				kind(SourceGiaddr)(p, h)
				h[0].Addrs[1].Tentative = true
			},
		},
		{
			name: "R9915-8 never one of another host", in: solicit6(), check: src(""),
			with: func(p *Policy, h []giaddr.Link) {
				kind(SourceGiaddr)(p, h)
				p.Interfaces[0].V6.Address = giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr("2001:db8:1::7")}
			},
			out: relay6(12, 0, "2001:db8:1::7", clientLL, id6("d0"), mac6(clientMAC...), inner6(solicit6())),
		},
		{
			name: "R9915-8 one of another interface", in: solicit6(), check: src("2001:db8:f::1"),
			with: func(p *Policy, h []giaddr.Link) {
				kind(SourceGiaddr)(p, h)
				p.Interfaces[0].V6.Address = giaddr.Rule{Kind: giaddr.Borrowed, Link: "u0"}
			},
			out: relay6(12, 0, "2001:db8:f::1", clientLL, id6("d0"), mac6(clientMAC...), inner6(solicit6())),
		},
	})
}

// A client keeps its server, whichever relays its messages pass.
func TestRequest6Hash(t *testing.T) {
	s, _ := compile6(func(p *Policy, _ []giaddr.Link) { grouped(p, Hash) })
	pick := func(c case6) int {
		v := s.Relay6(buf6(c.in), c.ingress(s))
		if server := only(v.Asked); v.Reason != Relayed || server < 0 || server > 1 {
			t.Fatalf("outcome %v, servers %b, want one of two", v.Reason, v.Asked)
		}
		return only(v.Asked)
	}
	var seen [2]int
	for i := range 64 {
		duid := op6(1, 0, 3, 0, 1, 2, 0, 0, 0, 0, byte(i))
		m := msg6(1, duid)
		first := pick(case6{in: m})
		seen[first]++
		for _, c := range []case6{
			{in: msg6(5, op6(8, 0, 9), duid), src: "fe80::77"},
			{in: nest6(12, m, 3), on: "t0", src: relayLL},
		} {
			if got := pick(c); got != first {
				t.Errorf("client %d: server %d, then %d", i, first, got)
			}
		}
	}
	if min(seen[0], seen[1]) < 16 {
		t.Errorf("clients are spread %v over two servers", seen)
	}
	if a, b := pick(case6{in: msg6(11)}), pick(case6{in: msg6(11, op6(8, 0, 9))}); a != b {
		t.Errorf("a client without DUID: server %d, then %d", a, b)
	}
}

func TestR9915_6_MulticastServer(t *testing.T) {
	with := func(link string) func(*Policy, []giaddr.Link) {
		return func(p *Policy, _ []giaddr.Link) {
			p.Servers[0] = Server{Addr: netip.MustParseAddrPort("[ff05::1:3]:547"), Link: link}
		}
	}
	s, ps := compile6(with("u0"))
	if diff := cmp.Diff("", problemsOf(ps)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	for server, want := range []int{4, 0} {
		if index, ok := s.Out(server); index != want || !ok {
			t.Errorf("server %d is sent to on interface %d, %v, want %d", server, index, ok, want)
		}
	}
	c := case6{in: answer6(id6("d0"), inner6(msg6(7))), src: stranger}
	if v := s.Relay6(buf6(c.in), c.ingress(s)); v.Reason != Relayed {
		t.Errorf("a reply of one of the group: %v", v.Reason)
	}
	s, ps = compile6(with("u9"))
	if _, ok := s.Out(0); ok {
		t.Error("a missing interface is there")
	}
	if len(ps) != 3 {
		t.Errorf("problems, one for each link wanted:\n%s", problemsOf(ps))
	}
}

// The metrics call a relayed message of type 255 unknown, not broken.
func TestTypeIsInvalidOnlyIfThereIsNone(t *testing.T) {
	four, _ := Compile(testPolicy(t), testHost())
	six, _ := compile6(nil)
	client := case6{on: "d0", src: clientLL, dst: relays}
	for typ := range 256 {
		want := uint8(min(typ, 254))
		if v := play4(four, testMessage(1, bootp.Type(typ), netip.Addr{}), 2, "0.0.0.0:68", "255.255.255.255"); v.Type != want {
			t.Errorf("DHCPv4 type %d: %d, want %d", typ, v.Type, want)
		}
		client.in = msg6(byte(typ))
		if typ != 12 && typ != 13 {
			if v := six.Relay6(buf6(client.in), client.ingress(six)); v.Type != want {
				t.Errorf("DHCPv6 type %d: %d, want %d", typ, v.Type, want)
			}
		}
	}
	if v := play4(four, make([]byte, 100), 2, "0.0.0.0:68", "255.255.255.255"); v.Type != TypeInvalid {
		t.Errorf("a message too short to have a type: %d, want %d", v.Type, TypeInvalid)
	}
}
