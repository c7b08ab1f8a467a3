package agent

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"dhcp-relay/giaddr"
)

const toClient0 = "d0 [fe80::c1]:546"

func TestReply6ToClients(t *testing.T) {
	m := msg6(7, op6(79, 0, 1, 1, 1, 1, 1, 1, 1), op6(18, 'x'), op6(135, 0, 22), []byte{0, 99, 0xff, 1})
	play6(t, []case6{
		{name: "R9915-25 R9915-26 R9915-19 R8357-7 inner octets alone", in: answer6(id6("d0"), inner6(m)), out: m, to: toClient0},
		{name: "R9915-27 R9915-17 link-address alone", in: answer6(inner6(m)), out: m, to: toClient0},
		{name: "R9915-27 Interface-Id beats link-address", in: relay6(13, 0, gua0, clientLL, id6("d1"), inner6(m)), out: m, to: "d1 [fe80::c1]:546"},
		{name: "R9915-27 Interface-Id without link-address", in: relay6(13, 0, "::", clientLL, id6("d1"), inner6(m)), out: m, to: "d1 [fe80::c1]:546"},
		{name: "R9915-28 T24 neither", in: relay6(13, 0, "::", clientLL, inner6(m)), drop: UnknownLink},
		{name: "R9915-27 unknown Interface-Id, and link-address of one link", in: answer6(id6("d9"), inner6(m)), out: m, to: toClient0},
		{name: "R9915-27 empty Interface-Id, and link-address of one link", in: answer6(id6(""), inner6(m)), out: m, to: toClient0},
		{name: "R9915-28 unknown Interface-Id alone", in: relay6(13, 0, "::", clientLL, id6("d9"), inner6(m)), drop: UnknownLink},
		{name: "R9915-28 unknown Interface-Id, and link-address that is not ours", in: relay6(13, 0, "2001:db8:66::1", clientLL, id6("d9"), inner6(m)), drop: UnknownLink},
		{
			name: "R9915-28 unknown Interface-Id, and link-address of several links", in: relay6(13, 0, "2001:db8:f::1", clientLL, id6("d9"), inner6(m)), drop: AmbiguousReply,
			with: each6(func(c *Interface6) { c.Address = giaddr.Rule{Kind: giaddr.Borrowed, Link: "u0"} }),
		},
		{
			name: "R9915-28 unknown Interface-Id, and link-local link-address of one link", in: relay6(13, 0, routerLL, clientLL, id6("d9"), inner6(m)), drop: UnknownLink,
			with: func(p *Policy, h []giaddr.Link) {
				p.Interfaces[0].V6.Address.Kind, h[1].Addrs = giaddr.LinkLocal, nil
			},
		},
		{
			name: "R9915-27 link-local link-address of one link", in: relay6(13, 0, routerLL, clientLL, inner6(m)), out: m, to: toClient0,
			with: func(p *Policy, h []giaddr.Link) {
				p.Interfaces[0].V6.Address.Kind, h[1].Addrs = giaddr.LinkLocal, nil
			},
		},
		{name: "R9915-28 two Interface-Ids", in: answer6(id6("d0"), id6("d1"), inner6(m)), drop: AmbiguousReply},
		{name: "R9915-28 link-address that is not ours", in: relay6(13, 0, "2001:db8:66::1", clientLL, inner6(m)), drop: UnknownLink},
		{name: "R9915-28 link-address of the uplink", in: relay6(13, 0, "2001:db8:f::1", clientLL, inner6(m)), drop: UnknownLink},
		{name: "R9915-28 IPv4-mapped link-address", in: relay6(13, 0, "::ffff:192.0.2.1", clientLL, inner6(m)), drop: UnknownLink},
		{
			name: "R9915-28 link-local link-address of several links", in: relay6(13, 0, routerLL, clientLL, inner6(m)), drop: AmbiguousReply,
			with: each6(func(c *Interface6) { c.Address.Kind = giaddr.LinkLocal }),
		},
		{
			name: "R9915-17 R9915-16 the same with Interface-Id", in: relay6(13, 0, routerLL, clientLL, id6("d1"), inner6(m)), out: m, to: "d1 [fe80::c1]:546",
			with: each6(func(c *Interface6) { c.Address.Kind = giaddr.LinkLocal }),
		},
		{name: "R9915-30 R4649-2 options around the message", in: answer6(op6(37, 0, 0, 0, 9, 1), id6("d0"), inner6(m), mac6(clientMAC...), op6(65000)), out: m, to: toClient0},
		{name: "R9915-30 Interface-Id last", in: answer6(mac6(clientMAC...), inner6(m), id6("d0")), out: m, to: toClient0},
		{name: "R9686-1 to a global address on the link", in: relay6(13, 0, gua0, "2001:db8:1::abcd", id6("d0"), inner6(msg6(37))), out: msg6(37), to: "d0 [2001:db8:1::abcd]:546"},
		{name: "R8357-6 R8357-8 forged port", in: answer6(id6("d0"), port6(22), inner6(m)), out: m, to: toClient0},
		{name: "R9915-37 a reply to no request", in: answer6(id6("d0"), inner6(msg6(2))), out: msg6(2), to: toClient0},
		{name: "R9915-4 from another source port", sport: 40000, in: answer6(id6("d0"), inner6(m)), out: m, to: toClient0},
		{name: "R9915-29 type 7", in: answer6(id6("d0"), inner6(msg6(7))), out: msg6(7), to: toClient0},
		{name: "R9915-29 type 10", in: answer6(id6("d0"), inner6(msg6(10))), out: msg6(10), to: toClient0},
		{name: "R9915-29 type 12", in: answer6(id6("d0"), inner6(nest6(12, m, 1))), out: nest6(12, m, 1), to: toClient0},
		{name: "R9915-29 type 21", in: answer6(id6("d0"), inner6(msg6(21))), out: msg6(21), to: toClient0},
		{name: "R9915-29 type 99", in: answer6(id6("d0"), inner6(msg6(99))), out: msg6(99), to: toClient0},
		{name: "R9915-29 type 200", in: answer6(id6("d0"), inner6(msg6(200))), out: msg6(200), to: toClient0},
		{name: "R9915-31 no Relay Message", in: answer6(id6("d0")), drop: NoRelayMessage},
		{name: "R9915-31 an empty one", in: answer6(id6("d0"), inner6(nil)), drop: NoRelayMessage},
		{name: "R9915-31 one of 3 octets", in: answer6(id6("d0"), inner6([]byte{7, 0, 0})), drop: NoRelayMessage},
		{name: "R9915-31 two of them", in: answer6(id6("d0"), inner6(m), inner6(m)), drop: NoRelayMessage},
		{name: "R9915-32 an option that is cut off", in: append(answer6(id6("d0"), inner6(m)), 0, 18, 0, 9), drop: OptionsMalformed},
		{name: "CVE-2024-20446 peer-address ::", in: relay6(13, 0, gua0, "::", id6("d0"), inner6(m)), drop: PeerInvalid},
		{name: "multicast peer-address", in: relay6(13, 0, gua0, relays, id6("d0"), inner6(m)), drop: PeerInvalid},
		{name: "loopback peer-address", in: relay6(13, 0, gua0, "::1", id6("d0"), inner6(m)), drop: PeerInvalid},
		{name: "IPv4-mapped peer-address", in: relay6(13, 0, gua0, "::ffff:192.0.2.9", id6("d0"), inner6(m)), drop: PeerInvalid},
		{name: "peer-address of this host", in: relay6(13, 0, gua0, gua1, id6("d0"), inner6(m)), drop: PeerInvalid},
		{name: "link-local peer-address of this host", in: relay6(13, 0, gua0, routerLL, id6("d0"), inner6(m)), drop: PeerInvalid},
		{
			name: "a link that is down", in: answer6(id6("d0"), inner6(m)), drop: LinkDown,
			with: func(_ *Policy, h []giaddr.Link) { h[0].Up = false },
		},
		{
			name: "a link that relays no DHCPv6", in: answer6(id6("d0"), inner6(m)), drop: UnknownLink,
			with: func(p *Policy, _ []giaddr.Link) { p.Interfaces[0].Servers = nil },
		},
	})
}

func TestReply6ToRelays(t *testing.T) {
	m := relay6(13, 0, gua0, clientLL, inner6(msg6(7)))
	play6(t, []case6{
		{name: "R9915-38 R9915-3 T24 a link-local relay", in: relay6(13, 1, guaT, relayLL, id6("t0"), inner6(m)), out: m, to: "t0 [fe80::a1]:547", chained: true},
		{name: "R9915-3 a relay with a global address", in: relay6(13, 1, "::", relayGUA, id6("t0"), inner6(m)), out: m, to: "t0 [2001:db8:3::a1]:547", chained: true},
		{name: "R9915-28 link-local relay and no link", in: relay6(13, 1, "::", relayLL, inner6(m)), drop: UnknownLink},
		{name: "R8357-6 port of the relay", in: relay6(13, 1, guaT, relayLL, id6("t0"), port6(1000), inner6(m)), out: m, to: "t0 [fe80::a1]:1000", chained: true},
		{name: "R8357-6 port 0", in: relay6(13, 1, guaT, relayLL, id6("t0"), port6(0), inner6(m)), out: m, to: "t0 [fe80::a1]:547", chained: true},
		{name: "R8357-6 port of 3 octets", in: relay6(13, 1, guaT, relayLL, id6("t0"), op6(135, 3, 0xe8, 0), inner6(m)), out: m, to: "t0 [fe80::a1]:547", chained: true},
		{name: "R9915-32 the relay message inside ends in its header", in: relay6(13, 1, guaT, relayLL, id6("t0"), inner6(m[:33])), drop: NoRelayMessage},
		{name: "R9915-24 hop-counts are not compared", in: relay6(13, 255, guaT, relayLL, id6("t0"), inner6(m)), out: m, to: "t0 [fe80::a1]:547", chained: true},
		{name: "R9915-32 levels inside that cannot be read", in: relay6(13, 1, guaT, relayLL, id6("t0"), inner6(relay6(13, 0, gua0, clientLL, inner6(relay6(13, 0, gua0, clientLL))))), drop: NoRelayMessage},
		{name: "R8357-6 no proxy: to a link that is not trusted", in: relay6(13, 1, gua0, relayLL, id6("d0"), port6(53), inner6(m)), drop: RelayReplyRefused},
		{name: "R8357-6 no proxy: to a link that is not trusted, at 547", in: relay6(13, 1, gua0, relayLL, id6("d0"), inner6(m)), drop: RelayReplyRefused},
		{name: "R8357-6 no proxy: to an address beyond the link", in: relay6(13, 1, guaT, "2001:db8:9::2", id6("t0"), inner6(m)), drop: RelayReplyRefused},
		{name: "R8357-6 no proxy: to an address of another link", in: relay6(13, 1, guaT, "2001:db8:1::abcd", id6("t0"), inner6(m)), drop: RelayReplyRefused},
	})
}

func TestReply6Senders(t *testing.T) {
	m := answer6(id6("d0"), inner6(msg6(7)))
	from := func(prefixes ...string) func(*Policy, []giaddr.Link) {
		return func(p *Policy, _ []giaddr.Link) {
			for _, s := range prefixes {
				p.ReplySources = append(p.ReplySources, netip.MustParsePrefix(s))
			}
		}
	}
	play6(t, []case6{
		{name: "R9915-36 CVE-2024-20446 a client", on: "d0", src: clientLL, in: m, drop: ReplyFromClient},
		{name: "R9915-36 CVE-2024-20446 a client, without Relay Message", on: "d0", src: clientLL, in: answer6(), drop: ReplyFromClient},
		{name: "R9915-36 a server on a client link", on: "d1", src: server6, in: m, out: msg6(7), to: toClient0},
		{name: "R9915-36 a relay on a trusted link", on: "t0", src: relayLL, in: m, out: msg6(7), to: toClient0},
		{name: "R9915-36 another server on the uplink", src: stranger, in: m, out: msg6(7), to: toClient0},
		{name: "R8213-2 not among reply_sources", with: from("2001:db8:9::12/128"), src: stranger, in: m, drop: ReplySource},
		{name: "R8213-2 among reply_sources", with: from("2001:db8:9::/64"), src: stranger, in: m, out: msg6(7), to: toClient0},
		{name: "R8213-2 a trusted link and not among reply_sources", with: from("2001:db8:9::/64"), on: "t0", src: relayLL, in: m, drop: ReplySource},
		{name: "R8213-2 a server beside reply_sources", with: from("2001:db8:8::/64"), in: m, out: msg6(7), to: toClient0},
	})
}

func TestReply6VSS(t *testing.T) {
	red := each6(func(c *Interface6) { c.VSS = VSS{On: true, Type: 0, Name: []byte("red")} })
	m := func(options ...[]byte) []byte {
		return answer6(append(options, id6("d0"), inner6(msg6(7)))...)
	}
	play6(t, []case6{
		{name: "R6607-v6-1 honoured", with: red, in: m(vss6(0, "red")), out: msg6(7), to: toClient0},
		{name: "R6607-v6-1 ignored", with: red, in: m(), drop: VSSIgnored},
		{name: "R6607-v6-1 ignored by an unknown server", with: red, src: stranger, in: m(), drop: VSSIgnored},
		{name: "R6607-v6-1 a server that is not told", with: red, src: server6b, in: m(), out: msg6(7), to: toClient0},
		{name: "R6607-v6-2 another VPN", with: red, in: m(vss6(0, "blue")), drop: VSSUnknown},
		{name: "R6607-v6-2 another type", with: red, in: m(vss6(1, "red")), drop: VSSUnknown},
		{name: "R6607-v6-2 empty option", with: red, in: m(op6(68)), drop: VSSUnknown},
		{name: "R6607-v6-2 a VPN where there is none", in: m(vss6(0, "red")), drop: VSSUnknown},
	})
}

// One Interface-Id in two VRFs: the VRF of the reply tells.
func TestT15_ReplyByVRF(t *testing.T) {
	with := func(p *Policy, h []giaddr.Link) {
		p.Servers[1].VRF = "blue"
		p.Interfaces = slices.Insert(p.Interfaces, 1, p.Interfaces[0])
		p.Interfaces[0].Name, p.Interfaces[1].Name = "d0", "d1"
		p.Interfaces[0].Servers, p.Interfaces[1].Servers = []int{0}, []int{1}
		for i := range 2 {
			p.Interfaces[i].V6.InterfaceID = mustTemplate("clients")
		}
		h[1].VRF = 9
		h[1].Addrs = h[0].Addrs
	}
	host := func(p *Policy, h []giaddr.Link) (*Snapshot, []Problem) {
		with(p, h)
		blue := giaddr.Link{Index: 9, Name: "blue", IsVRF: true, Up: true}
		up := giaddr.Link{Index: 10, Name: "u1", VRF: 9, Up: true}
		return Compile(*p, append(h, blue, up))
	}
	s, ps := host(testPolicy6(), testHost6())
	if len(ps) != 0 {
		t.Errorf("problems:\n%s", problemsOf(ps))
	}
	for _, tt := range []struct{ on, src, want string }{{"u0", server6, "d0"}, {"u1", server6b, "d1"}} {
		for name, m := range map[string][]byte{
			"T15 by Interface-Id": answer6(id6("clients"), inner6(msg6(7))),
			"T15 by link-address": answer6(inner6(msg6(7))),
		} {
			t.Run(name+" on "+tt.on, func(t *testing.T) {
				c := case6{in: m, on: tt.on, src: tt.src}
				v := s.Relay6(buf6(m), c.ingress(s))
				if v.Reason != Relayed || v.Link.Host.Name != tt.want {
					t.Errorf("outcome %v, link %v, want %s", v.Reason, v.Link, tt.want)
				}
			})
		}
	}
	t.Run("R9915-28 the same in one VRF", func(t *testing.T) {
		s, ps := compile6(each6(func(c *Interface6) { c.InterfaceID = mustTemplate("clients") }))
		if !strings.Contains(problemsOf(ps), "the same Interface-Id as d0") {
			t.Errorf("no problem with the Interface-Ids:\n%s", problemsOf(ps))
		}
		c := case6{in: answer6(id6("clients"), inner6(msg6(7)))}
		if v := s.Relay6(buf6(c.in), c.ingress(s)); v.Reason != AmbiguousReply {
			t.Errorf("outcome %v, want %v", v.Reason, AmbiguousReply)
		}
	})
}

// The metrics tell what a server has answered, not how it was wrapped.
func TestReplyIsCountedAsWhatItBrings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   []byte
		want uint8
	}{
		"Advertise":                     {answer6(id6("d0"), inner6(msg6(2))), 2},
		"Reply to a relay further down": {answer6(id6("d0"), inner6(nest6(13, msg6(7), 1))), 13},
		"dropped after a look inside":   {answer6(id6("d9"), inner6(msg6(7))), 7},
		"a type that nobody has":        {answer6(id6("d0"), inner6(msg6(254))), 254},
		"the last type":                 {answer6(id6("d0"), inner6(msg6(255))), 254},
		"nothing inside":                {answer6(id6("d0")), 13},
	} {
		s, _ := compile6(each(func(*Interface) {}))
		b := &Buf{Store: append(make([]byte, Headroom), c.in...), Off: Headroom, Len: len(c.in)}
		if v := s.Relay6(b, (&case6{in: c.in}).ingress(s)); v.Type != c.want {
			t.Errorf("%s: type %d, want %d", name, v.Type, c.want)
		}
	}
}
