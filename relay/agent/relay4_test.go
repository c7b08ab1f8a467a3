package agent

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// A case4 is one BOOTP or DHCPv4 message and what has to become of it.
type case4 struct {
	name   string
	with   func(*Policy, []giaddr.Link) // changes testPolicy and testHost
	m      []byte
	link   int    // by which it comes; 0: d0 for requests, u0 for replies
	src    string // "": a client without an address, or the server
	dst    string // "": everyone, or giaddr
	choice int
	want   Reason
	out    []byte // what leaves; nil: nothing
	then   func(*testing.T, *Verdict)
}

// play4 plays cases, each to a snapshot of its own.
func playAll4(t *testing.T, cases []case4) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p, h := testPolicy(t), testHost()
			if c.with != nil {
				c.with(&p, h)
			}
			s, _ := Compile(p, h)
			b, v := c.decide(s)
			if v.Reason != c.want {
				t.Fatalf("got %v, want %v", v.Reason, c.want)
			}
			if c.out != nil && !bytes.Equal(b.Bytes(), c.out) {
				t.Errorf("%d octets, want %d\ngot  % x\nwant % x", b.Len, len(c.out), b.Bytes(), c.out)
			}
			if c.then != nil {
				c.then(t, &v)
			}
		})
	}
}

// decide hands the message to the core amid octets that must never leave.
func (c *case4) decide(s *Snapshot) (*Buf, Verdict) {
	in := Ingress{Link: c.link, Choice: c.choice, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255")}
	if len(c.m) > 0 && c.m[0] == bootp.Reply {
		in.Src, in.Dst = server, netip.MustParseAddr("192.0.2.1")
		in.Link = max(in.Link, 4)
	}
	if c.link != 0 {
		in.Link = c.link
	} else if in.Link == 0 {
		in.Link = 2
	}
	if c.src != "" {
		in.Src = netip.MustParseAddrPort(c.src)
	}
	if c.dst != "" {
		in.Dst = netip.MustParseAddr(c.dst)
	}
	const room = 64
	b := &Buf{Store: slices.Repeat([]byte{0xa5}, room+len(c.m)+600), Off: room, Len: len(c.m)}
	copy(b.Store[room:], c.m)
	return b, s.Relay4(b, in)
}

// ask is a request of a client; on, what else there is after option 53.
func ask(typ bootp.Type, on ...byte) []byte {
	return testMessage(bootp.Request, typ, netip.Addr{}, on...)
}

// asked is what leaves of ask by d0 with a giaddr and more options.
func asked(typ bootp.Type, giaddr string, on ...byte) []byte {
	m := testMessage(bootp.Request, typ, netip.MustParseAddr(giaddr), on...)
	m[3] = 1
	return m
}

// info is option 82 with suboptions.
func info(subs ...byte) []byte { return append([]byte{bootp.OptionRelay, byte(len(subs))}, subs...) }

// of changes octets of a message from an offset on.
func of(m []byte, at int, octets ...byte) []byte {
	m = slices.Clone(m)
	copy(m[at:], octets)
	return m
}

// long is m with zero octets up to n, or cut to n.
func long(m []byte, n int) []byte {
	return append(slices.Clone(m[:min(len(m), n)]), make([]byte, max(0, n-len(m)))...)
}

// ours82 is what testPolicy adds on d0 to a broadcast.
func ours82() []byte { return info(1, 2, 'd', '0', 5, 4, 192, 0, 2, 0, 10, 1, 0) }

// on4 changes what holds for the interfaces.
func on4(f func(*Interface)) func(*Policy, []giaddr.Link) {
	return func(p *Policy, _ []giaddr.Link) { f(&p.Interfaces[0]) }
}

// noInfo sends no option 82.
func noInfo(i *Interface) { i.V4.Option82.On = false }

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }

func TestRequest4FromClients(t *testing.T) {
	t.Parallel()
	plain := long(testMessage(bootp.Request, 0, netip.Addr{})[:240], 300)
	clear(plain[236:])
	relayedPlain := of(of(plain, 3, 1), 24, 192, 0, 2, 1)
	toAll := func(t *testing.T, v *Verdict) {
		t.Helper()
		if v.To != ToServers || v.Asked != ^uint64(0) || v.Src.IsValid() || v.Omitted || v.Direction != dhcp.Requests || v.Link.Host.Name != "d0" {
			t.Errorf("got %+v, want all servers, by the route, counted for d0", v)
		}
	}
	playAll4(t, []case4{
		{name: "R1542-13 R3046-3 R3527-2 DISCOVER", m: ask(bootp.Discover), out: asked(bootp.Discover, "192.0.2.1", ours82()...), then: toAll},
		{
			name: "R5010-2 by unicast", m: ask(bootp.Discover), src: "192.0.2.50:68", dst: "192.0.2.1",
			out: asked(bootp.Discover, "192.0.2.1", info(1, 2, 'd', '0', 5, 4, 192, 0, 2, 0, 10, 1, 0x80)...),
		},
		{name: "R5010-2 to an address of nobody's", m: ask(bootp.Discover), dst: "192.0.2.255", out: asked(bootp.Discover, "192.0.2.1", ours82()...)},
		{name: "on d1", m: ask(bootp.Discover), link: 3, out: asked(bootp.Discover, "198.51.101.1", info(1, 2, 'd', '1', 5, 4, 198, 51, 101, 0, 10, 1, 0)...)},
		{name: "R3046-1 without option 82", with: on4(noInfo), m: ask(bootp.Discover), out: asked(bootp.Discover, "192.0.2.1")},
		{name: "R2131-20 BOOTP", m: plain, out: relayedPlain, then: func(t *testing.T, v *Verdict) {
			if v.Type != 0 {
				t.Errorf("type %d, want 0", v.Type)
			}
		}},
		{name: "R2131-20 BOOTP refused", with: on4(func(i *Interface) { i.V4.Bootp = false }), m: plain, want: BootpRefused},
		{name: "R1542-37 236 octets", m: plain[:236], out: relayedPlain},
		{name: "R1542-6 235 octets", m: plain[:235], want: Short},
		{name: "R1542-6 nothing", m: []byte{}, want: Short},
		{name: "R951-1 op 0", m: of(ask(bootp.Discover), 0, 0), want: BadOp},
		{name: "R951-1 op 3", m: of(ask(bootp.Discover), 0, 3), want: BadOp},
		{name: "R1542-36 hlen 16", m: of(ask(bootp.Discover), 2, 16), out: of(asked(bootp.Discover, "192.0.2.1", ours82()...), 2, 16)},
		{name: "R1542-36 hlen 17", m: of(ask(bootp.Discover), 2, 17), want: BadHlen},
		{name: "an option that is cut off", m: append(ask(bootp.Discover)[:243:243], 12, 9, 'h'), want: OptionsMalformed},
		{name: "R1542-9 on the uplink", m: ask(bootp.Discover), link: 4, want: NotConfigured},
		{name: "on a link that does not exist", m: ask(bootp.Discover), link: 99, want: NotConfigured},
		{name: "T11 its own", m: ask(bootp.Discover), src: "203.0.113.1:67", want: OwnMessage},
		{name: "no server", with: on4(func(i *Interface) { i.Servers = nil }), m: ask(bootp.Discover), want: NoServer},
		{name: "no address", with: func(_ *Policy, h []giaddr.Link) { h[0].Addrs = nil }, m: ask(bootp.Discover), want: NoGiaddr},

		{name: "R1542-17 hops 4", m: of(ask(bootp.Discover), 3, 4), out: of(asked(bootp.Discover, "192.0.2.1", ours82()...), 3, 5)},
		{name: "R1542-12 hops 5", m: of(ask(bootp.Discover), 3, 5), want: HopLimit},
		{
			name: "R1542-11 hops 16", with: on4(func(i *Interface) { i.V4.HopLimit = 255 }), m: of(ask(bootp.Discover), 3, 16),
			out: of(asked(bootp.Discover, "192.0.2.1", ours82()...), 3, 17),
		},
		{name: "R1542-11 hops 17", with: on4(func(i *Interface) { i.V4.HopLimit = 255 }), m: of(ask(bootp.Discover), 3, 17), want: HopLimit},
		{name: "R1542-10 secs 9 of 10", with: on4(func(i *Interface) { i.V4.MinSecs = 10 }), m: of(ask(bootp.Discover), 9, 9), want: SecsBelow},
		{
			name: "R1542-10 secs 10 of 10", with: on4(func(i *Interface) { i.V4.MinSecs = 10 }), m: of(ask(bootp.Discover), 9, 10),
			out: of(asked(bootp.Discover, "192.0.2.1", ours82()...), 9, 10),
		},
		{name: "R1542-6 299 octets where 300 are wanted", with: on4(func(i *Interface) { i.V4.Strict300 = true }), m: ask(bootp.Discover)[:299], want: Short},
		{
			name: "R1542-6 300 octets where 300 are wanted", with: on4(func(i *Interface) { i.V4.Strict300 = true }), m: ask(bootp.Discover),
			out: asked(bootp.Discover, "192.0.2.1", ours82()...),
		},
		{name: "R1542-6 299 octets", m: ask(bootp.Discover)[:299], out: asked(bootp.Discover, "192.0.2.1", ours82()...)},
		{name: "R1542-18 padding gives way", m: long(ask(bootp.Discover), 560), out: long(asked(bootp.Discover, "192.0.2.1", ours82()...), 560)},
		{name: "R3396-4 what follows END moves", m: of(ask(bootp.Discover), 299, 7), out: append(long(asked(bootp.Discover, "192.0.2.1", ours82()...), 314), 7)},
	})
}

// What a client has, or was offered, tells which of the link's addresses stands
// for it; what it wishes does not.
func TestRequest4OfSeveralSubnets_T13(t *testing.T) {
	t.Parallel()
	smart := func(after int) func(*Policy, []giaddr.Link) {
		return func(p *Policy, h []giaddr.Link) {
			p.Interfaces[0].V4.SmartAfter = after
			p.Interfaces[0].V4.Option82.On = false
			h[0].Addrs = append(h[0].Addrs, giaddr.Addr{Prefix: netip.MustParsePrefix("198.18.0.1/24"), Secondary: true})
		}
	}
	const first, second = "192.0.2.1", "198.18.0.1"
	wish := []byte{bootp.OptionRequested, 4, 198, 18, 0, 77}
	short := []byte{bootp.OptionRequested, 3, 198, 18, 0}
	far := []byte{bootp.OptionRequested, 4, 10, 0, 0, 1}
	at := func(m []byte) []byte { return of(m, 12, 198, 18, 0, 77) } // ciaddr
	playAll4(t, []case4{
		{name: "DISCOVER", with: smart(3), m: ask(bootp.Discover), out: asked(bootp.Discover, first)},
		{name: "option 50 of a REQUEST", with: smart(3), m: ask(bootp.DHCPRequest, wish...), out: asked(bootp.DHCPRequest, second, wish...)},
		{name: "option 50 of a DECLINE", with: smart(3), m: ask(bootp.Decline, wish...), out: asked(bootp.Decline, second, wish...)},
		{name: "option 50 of a DISCOVER is a wish", with: smart(3), m: ask(bootp.Discover, wish...), out: asked(bootp.Discover, first, wish...)},
		{name: "option 50 of three octets", with: smart(3), m: ask(bootp.DHCPRequest, short...), out: asked(bootp.DHCPRequest, first, short...)},
		{name: "option 50 of another network", with: smart(3), m: ask(bootp.DHCPRequest, far...), out: asked(bootp.DHCPRequest, first, far...)},
		{name: "R2131-12 ciaddr of a REQUEST", with: smart(3), m: at(ask(bootp.DHCPRequest)), out: at(asked(bootp.DHCPRequest, second))},
		{name: "ciaddr before option 50", with: smart(3), m: at(ask(bootp.DHCPRequest, far...)), out: at(asked(bootp.DHCPRequest, second, far...))},
		{name: "ciaddr of a DISCOVER", with: smart(3), m: at(ask(bootp.Discover)), out: at(asked(bootp.Discover, second))},
		{name: "the second one's turn", with: smart(3), choice: 1, m: ask(bootp.Discover), out: asked(bootp.Discover, second)},
		{name: "the turn of one that is gone", with: smart(3), choice: 2, m: ask(bootp.Discover), out: asked(bootp.Discover, first)},
		{name: "no such turn", with: smart(3), choice: -1, m: ask(bootp.Discover), out: asked(bootp.Discover, first)},
		{name: "option 50 where all use one address", with: smart(0), m: ask(bootp.DHCPRequest, wish...), out: asked(bootp.DHCPRequest, first, wish...)},
		{name: "a turn where all use one address", with: smart(0), choice: 1, m: ask(bootp.Discover), out: asked(bootp.Discover, first)},
	})
}

func TestRequest4WithOption82(t *testing.T) {
	t.Parallel()
	trusted := on4(func(i *Interface) { i.Trusted = true })
	theirs := info(1, 3, 'p', '1', '7')
	bad := info(1, 9, 'x')
	several := func(n int) []byte { return bytes.Repeat(info(1, 1, 'x'), n) }
	playAll4(t, []case4{
		{name: "R3046-5 from a client", m: ask(bootp.Discover, theirs...), want: UntrustedOption82},
		{name: "R3046-5 malformed, from a client", m: ask(bootp.Discover, bad...), want: UntrustedOption82},
		{name: "R3046-7 from a trusted switch", with: trusted, m: ask(bootp.Discover, theirs...), out: asked(bootp.Discover, "192.0.2.1", theirs...)},
		{name: "R3046-20 malformed, from a trusted switch", with: trusted, m: ask(bootp.Discover, bad...), want: Option82Malformed},
		{name: "R3396-1 in as many parts as can be joined", with: trusted, m: ask(bootp.Discover, several(bootp.MaxRelay)...), out: asked(bootp.Discover, "192.0.2.1", several(bootp.MaxRelay)...)},
		{name: "R3396-1 in more parts", with: trusted, m: ask(bootp.Discover, several(bootp.MaxRelay+1)...), want: Option82Malformed},
	})
}

func TestRequest4FromRelays(t *testing.T) {
	t.Parallel()
	mode := func(r Relayed4) func(*Policy, []giaddr.Link) {
		return on4(func(i *Interface) { i.Trusted, i.V4.Relayed = true, r })
	}
	from := func(giaddr string, on ...byte) []byte {
		return testMessage(bootp.Request, bootp.Discover, netip.MustParseAddr(giaddr), on...)
	}
	const far = "10.9.8.7"
	theirs, second := info(1, 3, 'p', '1', '7'), info(2, 1, 'r')
	chained := info(1, 2, 'd', '0', 10, 1, 0) // nothing of the subnet, which is not ours
	plain := of(of(from(far), 236, 0, 0, 0, 0), 240, make([]byte, 4)...)
	var cases []case4
	for addr, want := range map[string]Reason{
		"0.1.2.3": GiaddrInvalid, "1.0.0.1": Relayed, "126.255.255.254": Relayed, "127.0.0.1": GiaddrInvalid, "128.0.0.1": Relayed,
		"223.255.255.254": Relayed, "224.0.0.1": GiaddrInvalid, "240.0.0.1": GiaddrInvalid, "255.255.255.255": GiaddrInvalid,
		"192.0.2.1": GiaddrSpoof, "203.0.113.1": GiaddrSpoof, "192.0.2.2": Relayed,
	} {
		c := case4{name: "R3046-19 R3046-16 giaddr " + addr, with: mode(Forward), m: from(addr), want: want}
		if want == Relayed {
			c.out = of(from(addr), 3, 1)
		}
		cases = append(cases, c)
	}
	playAll4(t, append(cases, []case4{
		{name: "R3046-18 from a client", m: from(far), want: GiaddrUntrusted},
		{name: "R3046-16 spoofed by a client", m: from("192.0.2.1"), want: GiaddrSpoof},
		{name: "R3046-17 forward", with: mode(Forward), m: from(far, theirs...), out: of(from(far, theirs...), 3, 1)},
		{name: "R3046-28 append to none", with: mode(Append), m: from(far), out: of(from(far, chained...), 3, 1)},
		{name: "R3046-28 append to one", with: mode(Append), m: from(far, theirs...), out: of(from(far, join(theirs, chained)...), 3, 1)},
		{name: "R3046-28 replace none", with: mode(Replace), m: from(far), out: of(from(far, chained...), 3, 1)},
		{name: "R3046-28 replace two", with: mode(Replace), m: from(far, join(theirs, []byte{12, 1, 'h'}, second)...), out: of(from(far, join([]byte{12, 1, 'h'}, chained)...), 3, 1)},
		{name: "R3046-28 drop", with: mode(Drop), m: from(far, theirs...), want: GiaddrRefused},
		{name: "R3046-28 drop BOOTP", with: mode(Drop), m: plain, want: GiaddrRefused},
		{name: "R3046-28 append to BOOTP", with: mode(Append), m: plain, out: of(plain, 3, 1)},
		{name: "R3046-28 replace in BOOTP", with: mode(Replace), m: plain, out: of(plain, 3, 1)},
	}...))
}

// Option 82 goes as far as the limit, and not one octet beyond it.
func TestRequest4Oversize(t *testing.T) {
	t.Parallel()
	limit := func(n int, drop bool) func(*Policy, []giaddr.Link) {
		return on4(func(i *Interface) { i.V4.MaxSize, i.V4.DropOversize = n, drop })
	}
	fill := func(n int) []byte { return append([]byte{43, byte(n)}, make([]byte, n)...) }
	big := ask(bootp.Discover, fill(200)...) // 446 octets
	bigUp := asked(bootp.Discover, "192.0.2.1", join(fill(200), ours82())...)
	bare := asked(bootp.Discover, "192.0.2.1", fill(200)...)
	omitted := func(want bool) func(*testing.T, *Verdict) {
		return func(t *testing.T, v *Verdict) {
			t.Helper()
			if v.Omitted != want {
				t.Errorf("omitted: %v, want %v", v.Omitted, want)
			}
		}
	}
	huge := ask(bootp.Discover, bytes.Repeat(fill(253), 255)...) // 65,269 octets
	hugeUp := asked(bootp.Discover, "192.0.2.1", append(bytes.Repeat(fill(253), 255), ours82()...)...)
	rest := func(n int) []byte { return fill(n - len(huge) - 2) }
	giant := func(n int) []byte { return ask(bootp.Discover, append(bytes.Repeat(fill(253), 255), rest(n)...)...) }
	playAll4(t, []case4{
		{name: "R3046-8 exactly the limit", with: limit(len(bigUp), false), m: big, out: bigUp, then: omitted(false)},
		{name: "R3046-8 one octet above", with: limit(len(bigUp)-1, false), m: big, out: bare, then: omitted(true)},
		{name: "R3046-8 the padding stays", with: limit(len(bigUp)-1, false), m: long(big, 450), out: long(bare, 450), then: omitted(true)},
		{name: "R3046-8 exactly the limit, dropped beyond", with: limit(len(bigUp), true), m: big, out: bigUp},
		{name: "R3046-8 one octet above, dropped", with: limit(len(bigUp)-1, true), m: big, want: Oversize},
		{name: "no limit but that of UDP", m: huge, out: hugeUp},
		{name: "R951-2 65507 octets with it", m: giant(65507 - len(ours82())), out: asked(bootp.Discover, "192.0.2.1", join(bytes.Repeat(fill(253), 255), rest(65507-len(ours82())), ours82())...), then: omitted(false)},
		{name: "R951-2 65508 octets with it", m: giant(65508 - len(ours82())), out: asked(bootp.Discover, "192.0.2.1", join(bytes.Repeat(fill(253), 255), rest(65508-len(ours82())))...), then: omitted(true)},
	})
}

// Option 82 holds 255 octets, and is left out whole if it were to hold more.
func TestOption82OfGreatestLength_R3046_26(t *testing.T) {
	t.Parallel()
	for n, fits := range map[int]bool{254: true, 255: true, 256: false, 300: false} {
		p := testPolicy(t)
		o := &p.Interfaces[0].V4.Option82
		id := strings.Repeat("s", n-4-2)
		if n == 300 { // of two that are not too long by themselves
			id = strings.Repeat("s", 200)
			o.RemoteID = mustTemplate(strings.Repeat("r", 92))
		}
		*o = Option82{On: true, CircuitID: o.CircuitID, RemoteID: o.RemoteID, SubscriberID: mustTemplate(id)}
		s, ps := Compile(p, testHost())
		if told := strings.Contains(problemsOf(ps), "d0: option 82 would be longer than 255 octets and is left out"); told == fits {
			t.Errorf("%d octets: told of it: %v", n, told)
		}
		c := case4{m: ask(bootp.Discover)}
		b, v := c.decide(s)
		want := asked(bootp.Discover, "192.0.2.1")
		if fits {
			want = asked(bootp.Discover, "192.0.2.1", info(join([]byte{1, 2, 'd', '0', 6, byte(len(id))}, []byte(id))...)...)
		}
		if v.Reason != Relayed || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%d octets: %v\ngot  % x\nwant % x", n, v.Reason, b.Bytes(), want)
		}
	}
}

// Each suboption has its own setting, and they stand in one order.
func TestOption82Suboptions(t *testing.T) {
	t.Parallel()
	all := func(change func(*Interface)) func(*Policy, []giaddr.Link) {
		return on4(func(i *Interface) {
			i.V4.Option82 = Option82{
				On: true, CircuitID: mustTemplate("c"), RemoteID: mustTemplate("{mac:raw}"), SubscriberID: mustTemplate("{giaddr}"),
				LinkSel: LinkSelAddress, Flags: true, Override: true, RelayID: []byte("id"), Vendor: []byte{0, 0, 0, 9, 1, 'v'},
				VSS: VSS{On: true, Type: 0, Name: []byte("red")},
			}
			i.V4.SourcePort = 6700
			change(i)
		})
	}
	const mac = "\x02\x00\x00\x00\x00\x02"
	text := func(s string) []byte { return []byte(s) }
	every := func(sel, override string) []byte {
		return info(text("\x01\x01c\x02\x06" + mac + "\x05\x04" + sel + "\x06\x09192.0.2.1\x09\x06\x00\x00\x00\x09\x01v\x0a\x01\x00\x0b\x04" + override + "\x0c\x02id\x13\x00\x97\x04\x00red\x98\x00")...)
	}
	const own = "\xc0\x00\x02\x01"
	playAll4(t, []case4{
		{name: "R3046-2 all of them", with: all(func(*Interface) {}), m: ask(bootp.Discover), out: asked(bootp.Discover, "192.0.2.1", every(own, own)...), then: func(t *testing.T, v *Verdict) {
			if !v.Differs(WithoutVSS) {
				t.Error("VSS is not known to be in it")
			}
		}},
		{
			name: "R3527-2 R5107-1 others given", m: ask(bootp.Discover),
			with: all(func(i *Interface) {
				i.V4.Option82.LinkSel, i.V4.Option82.LinkSelNet = LinkSelGiven, netip.MustParsePrefix("10.1.2.3/24")
				i.V4.Option82.OverrideAddr = netip.MustParseAddr("10.1.2.254")
			}),
			out: asked(bootp.Discover, "192.0.2.1", every("\x0a\x01\x02\x00", "\x0a\x01\x02\xfe")...),
		},
		{
			name: "none of them", with: on4(func(i *Interface) { i.V4.Option82 = Option82{On: true} }), m: ask(bootp.Discover),
			out: asked(bootp.Discover, "192.0.2.1"),
		},
		{
			name: "R8357-1 the port alone", with: on4(func(i *Interface) { i.V4.Option82, i.V4.SourcePort = Option82{On: true}, 6700 }), m: ask(bootp.Discover),
			out: asked(bootp.Discover, "192.0.2.1", info(19, 0)...),
		},
	})
}

// A message that turns out to be too large goes without option 82, and a server
// that does not know VSS gets it without that.
func TestShed4(t *testing.T) {
	t.Parallel()
	vss := func(circuit string) func(*Policy, []giaddr.Link) {
		return on4(func(i *Interface) {
			i.V4.Option82 = Option82{On: true, CircuitID: mustTemplate(circuit), VSS: VSS{On: true, Type: 255}}
		})
	}
	shed := func(t *testing.T, with func(*Policy, []giaddr.Link), m []byte, f func(*Verdict, *Buf) bool) ([]byte, *Verdict, bool) {
		t.Helper()
		p, h := testPolicy(t), testHost()
		with(&p, h)
		s, _ := Compile(p, h)
		c := case4{m: m}
		b, v := c.decide(s)
		ok := f(&v, b)
		return b.Bytes(), &v, ok
	}
	whole := func(v *Verdict, b *Buf) bool { return v.shed(b) }
	part := func(v *Verdict, b *Buf) bool { v.Shape(b, WithoutVSS); return true }
	sel := func(circuit string, vss bool) func(*Policy, []giaddr.Link) {
		return on4(func(i *Interface) {
			i.V4.Option82 = Option82{On: true, CircuitID: mustTemplate(circuit), LinkSel: LinkSelSubnet, VSS: VSS{On: vss, Type: 255}, SubscriberID: mustTemplate(circuit)}
		})
	}
	shape := func(f Form) func(*Verdict, *Buf) bool {
		return func(v *Verdict, b *Buf) bool { v.Shape(b, f); return !v.Differs(f) }
	}
	fill := append([]byte{43, 100}, make([]byte, 100)...)
	for _, tc := range []struct {
		name string
		with func(*Policy, []giaddr.Link)
		m    []byte
		f    func(*Verdict, *Buf) bool
		want []byte
		ok   bool
	}{
		{"R3046-9 without option 82", func(*Policy, []giaddr.Link) {}, ask(bootp.Discover, fill...), whole, asked(bootp.Discover, "192.0.2.1", fill...), true},
		{"R3046-9 300 octets at least", func(*Policy, []giaddr.Link) {}, ask(bootp.Discover), whole, asked(bootp.Discover, "192.0.2.1"), true},
		{"R3046-9 dropped by setting", on4(func(i *Interface) { i.V4.DropOversize = true }), ask(bootp.Discover), whole, asked(bootp.Discover, "192.0.2.1", ours82()...), false},
		{"R3046-9 there is none", on4(noInfo), ask(bootp.Discover), whole, asked(bootp.Discover, "192.0.2.1"), false},
		{"R6607-6 VSS behind others", vss("c"), ask(bootp.Discover, fill...), part, asked(bootp.Discover, "192.0.2.1", join(fill, info(1, 1, 'c'))...), true},
		{"R6607-6 VSS alone", vss(""), ask(bootp.Discover, fill...), part, asked(bootp.Discover, "192.0.2.1", fill...), true},
		{"R6607-6 300 octets at least", vss("c"), ask(bootp.Discover), part, asked(bootp.Discover, "192.0.2.1", info(1, 1, 'c')...), true},
		{"R3527 link selection among others", sel("c", true), ask(bootp.Discover, fill...), shape(WithoutLinkSelection), asked(bootp.Discover, "192.0.2.1", join(fill, info(1, 1, 'c', 6, 1, 'c', 151, 1, 255, 152, 0))...), true},
		{"R3527 link selection and VSS", sel("c", true), ask(bootp.Discover, fill...), shape(WithoutBoth), asked(bootp.Discover, "192.0.2.1", join(fill, info(1, 1, 'c', 6, 1, 'c'))...), true},
		{"R3527 link selection behind what varies", sel("{port}", false), ask(bootp.Discover, fill...), shape(WithoutLinkSelection), asked(bootp.Discover, "192.0.2.1", join(fill, info(join([]byte{1, 7}, []byte("unknown"), []byte{6, 7}, []byte("unknown"))...))...), true},
		{"R3527 link selection alone", sel("", false), ask(bootp.Discover, fill...), shape(WithoutBoth), asked(bootp.Discover, "192.0.2.1", fill...), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, v, ok := shed(t, tc.with, tc.m, tc.f)
			if ok != tc.ok || !bytes.Equal(got, tc.want) {
				t.Errorf("shed: %v, want %v\ngot  % x\nwant % x", ok, tc.ok, got, tc.want)
			}
			if ok && v.Differs(WithoutVSS) && !strings.HasPrefix(tc.name, "R3527 link selection among") {
				t.Error("VSS is thought to be in it yet")
			}
		})
	}
	// After both, nothing is left to take out.
	got, v, ok := shed(t, vss("c"), ask(bootp.Discover, fill...), func(v *Verdict, b *Buf) bool { v.Shape(b, WithoutVSS); return v.shed(b) })
	if want := asked(bootp.Discover, "192.0.2.1", fill...); !ok || !bytes.Equal(got, want) || !v.Omitted {
		t.Errorf("VSS, then all: %v, omitted %v\ngot  % x\nwant % x", ok, v.Omitted, got, want)
	}
}

// Where VSS was all of option 82, there is none to take out any more.
func TestShedTwice4(t *testing.T) {
	t.Parallel()
	p := testPolicy(t)
	p.Interfaces[0].V4.Option82 = Option82{On: true, VSS: VSS{On: true, Type: 255}}
	s, _ := Compile(p, testHost())
	c := case4{m: ask(bootp.Discover)}
	b, v := c.decide(s)
	v.Shape(b, WithoutVSS)
	if v.shed(b) || !bytes.Equal(b.Bytes(), asked(bootp.Discover, "192.0.2.1")) {
		t.Errorf("shed what was not there: % x", b.Bytes())
	}
}

func TestRequest4Source(t *testing.T) {
	t.Parallel()
	given := netip.MustParseAddr("203.0.113.1")
	relayed := testMessage(bootp.Request, bootp.Discover, netip.MustParseAddr("10.9.8.7"))
	for _, tc := range []struct {
		name string
		kind Source
		m    []byte
		link int
		want string
	}{
		{"the route's", SourceRoute, ask(bootp.Discover), 2, "invalid IP"},
		{"T3 giaddr", SourceGiaddr, ask(bootp.Discover), 2, "192.0.2.1"},
		{"T3 giaddr of the other network", SourceGiaddr, ask(bootp.Discover), 3, "198.51.101.1"},
		{"the given one", SourceGiven, ask(bootp.Discover), 2, "203.0.113.1"},
		{"R3046-17 its own address, not the other relay's", SourceGiaddr, relayed, 2, "192.0.2.1"},
		{"R3046-17 the given one", SourceGiven, relayed, 2, "203.0.113.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := testPolicy(t)
			i := &p.Interfaces[0]
			i.Trusted, i.V4.Source, i.V4.SourceAddr = true, tc.kind, given
			s, _ := Compile(p, testHost())
			if v := play4(s, tc.m, tc.link, "0.0.0.0:68", "255.255.255.255"); v.Reason != Relayed || v.Src.String() != tc.want {
				t.Errorf("%v from %v, want %s", v.Reason, v.Src, tc.want)
			}
		})
	}
	h := testHost()
	h[0].Addrs = nil
	p := testPolicy(t)
	p.Interfaces[0].Trusted, p.Interfaces[0].V4.Source = true, SourceGiaddr
	s, _ := Compile(p, h)
	if v := play4(s, relayed, 2, "0.0.0.0:68", "255.255.255.255"); v.Reason != Relayed || v.Src.IsValid() {
		t.Errorf("a relayed request on a link without an address: %v from %v, want the route's source", v.Reason, v.Src)
	}
}

// Which server a client gets is for ever: relays of another version beside this
// one, and this one after an upgrade, choose the same.
func TestR1542_22_HashStays(t *testing.T) {
	t.Parallel()
	p := testPolicy(t)
	p.Interfaces[0].Servers = nil
	for n := range 5 {
		p.Servers = append(p.Servers[:n], Server{Addr: netip.MustParseAddrPort(fmt.Sprintf("198.51.100.%d:67", 10+n))})
		p.Interfaces[0].Servers = append(p.Interfaces[0].Servers, n)
	}
	grouped(&p, Hash)
	s, _ := Compile(p, testHost())
	chosen := func(s *Snapshot, i int, on ...byte) int {
		c := case4{m: of(ask(bootp.Discover, on...), 28, 2, 0, 0, 0, byte(i>>8), byte(i))}
		_, v := c.decide(s)
		return only(v.Asked)
	}
	got := ""
	for i := range 40 {
		got += fmt.Sprint(chosen(s, i))
	}
	const want = "0110220414412020312001234222141010422012"
	if got != want {
		t.Errorf("servers of forty clients\ngot  %s\nwant %s", got, want)
	}
	id := []byte{bootp.OptionClientID, 3, 255, 1, 2}
	for i := range 40 {
		if a, b := chosen(s, i, id...), chosen(s, 999, id...); a != b {
			t.Fatalf("client identifier: server %d with one chaddr, %d with another", a, b)
		}
		if a, b := chosen(s, i, bootp.OptionClientID, 0), chosen(s, i); a != b {
			t.Fatalf("an empty client identifier: server %d, without it %d", a, b)
		}
	}
	// One server less moves its own clients only.
	fewer := p
	fewer.Interfaces = slices.Clone(p.Interfaces)
	fewer.Interfaces[0].Servers, fewer.Groups = []int{0, 1, 2, 3}, nil
	grouped(&fewer, Hash)
	f, _ := Compile(fewer, testHost())
	for i := range 200 {
		if a, b := chosen(s, i), chosen(f, i); a != 4 && a != b {
			t.Errorf("client %d: server %d, then %d though its own is there", i, a, b)
		}
	}
}
