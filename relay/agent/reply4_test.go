package agent

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// told is a server's message for 192.0.2.77 by d0.
func told(typ bootp.Type, on ...byte) []byte {
	return of(testMessage(bootp.Reply, typ, netip.MustParseAddr("192.0.2.1"), on...), 16, 192, 0, 2, 77)
}

func TestReply4ToClients(t *testing.T) {
	t.Parallel()
	ours := ours82()
	const all, client = "255.255.255.255", "192.0.2.77"
	mac := []byte{2, 0, 0, 0, 0xcc, 1}
	last := func(to Target, dst string, hw []byte) func(*testing.T, *Verdict) {
		return func(t *testing.T, v *Verdict) {
			t.Helper()
			if v.To != to || v.Dst.String() != dst || !bytes.Equal(v.HW, hw) || v.Port != 68 || v.Direction != dhcp.Replies || v.Src.String() != "192.0.2.1" || v.Link.Host.Name != "d0" {
				t.Errorf("target %d, %v port %d, % x, from %v on %v; want %d, %s, % x", v.To, v.Dst, v.Port, v.HW, v.Src, v.Link.Host.Name, to, dst, hw)
			}
		}
	}
	frame := last(ToFrame, client, mac)
	everyone := last(ToFrame, all, nil)
	offer := told(bootp.Offer)
	set := func(at int, octets ...byte) []byte { return of(offer, at, octets...) }
	var octets []case4
	for i := range 6 { // one octet that is not 0 makes an address
		hw := make([]byte, 6)
		hw[i] = 0x10
		octets = append(octets, case4{name: fmt.Sprintf("chaddr with octet %d alone", i), m: set(28, hw...), then: last(ToFrame, client, hw)})
	}
	playAll4(t, octets)
	playAll4(t, []case4{
		{name: "R1542-28 R3046-10 unicast", m: told(bootp.Offer, ours...), out: offer, then: frame},
		{name: "R3046-23 without option 82", m: offer, out: offer, then: frame},
		{name: "R1542-27 with the flag", m: set(10, 0x80), out: set(10, 0x80), then: everyone},
		{name: "R1542-33 other flags", m: set(10, 0x7f, 0xff), out: set(10, 0x7f, 0xff), then: frame},
		{name: "T5 by setting", with: on4(func(i *Interface) { i.V4.Broadcast = true }), m: offer, out: offer, then: everyone},
		{name: "R2131-7 NAK without the flag", m: told(bootp.Nak), out: told(bootp.Nak), then: everyone},
		{name: "R8925-1 yiaddr 0", m: set(16, 0, 0, 0, 0), out: set(16, 0, 0, 0, 0), then: everyone},
		{name: "R2131-9 ciaddr without yiaddr", m: of(set(16, 0, 0, 0, 0), 12, 192, 0, 2, 50), then: last(ToFrame, "192.0.2.50", mac)},
		{name: "yiaddr of 223/8", m: set(16, 223, 255, 255, 1), then: last(ToFrame, "223.255.255.1", mac)},
		{name: "yiaddr of 224/4", m: set(16, 224, 0, 0, 1), then: everyone},
		{name: "yiaddr of 127/8", m: set(16, 127, 0, 0, 1), then: everyone},
		{name: "R1542-29 htype 6", m: set(1, 6), then: everyone},
		{name: "R1542-29 hlen 5", m: set(2, 5), then: everyone},
		{name: "R1542-29 hlen 7", m: set(2, 7), then: everyone},
		{name: "R1542-29 chaddr of a group", m: set(28, 3), then: everyone},
		{name: "R6842-1 chaddr 0", m: set(28, 0, 0, 0, 0, 0, 0), then: everyone},
		{name: "chaddr but for one octet 0", m: set(28, 0, 0, 0, 0, 0, 1), then: last(ToFrame, client, []byte{0, 0, 0, 0, 0, 1})},
		{name: "R4390-2 no frame can be sent, the client has the address", m: of(set(1, 32, 0), 12, 192, 0, 2, 77), then: last(ToHost, client, nil)},
		{name: "R4390-2 no frame can be sent, the client has another address", m: of(set(1, 32, 0), 12, 192, 0, 2, 78), then: everyone},

		{name: "R1542-37 short", m: offer[:250], out: offer},
		{name: "R1542-30 as long as it came", m: long(offer, 560), out: long(offer, 560)},
		{name: "R3046-27 as much shorter", m: long(told(bootp.Offer, ours...), 560), out: long(offer, 560-len(ours))},
		{name: "R3046-24 option 82 in the middle", m: told(bootp.Offer, append(info(1, 2, 'd', '0'), 3, 4, 192, 0, 2, 1)...), out: told(bootp.Offer, 3, 4, 192, 0, 2, 1)},
		{name: "R3396-1 option 82 in two parts", m: told(bootp.Offer, join(info(1, 2, 'd'), []byte{12, 1, 'h'}, info('0', 5, 0))...), out: told(bootp.Offer, 12, 1, 'h')},
		{name: "R3396-1 in too many parts", m: told(bootp.Offer, bytes.Repeat(info(1, 0), bootp.MaxRelay+1)...), want: Option82Malformed},
		{name: "R3046-20 malformed", m: told(bootp.Offer, info(1, 3, 'd')...), want: Option82Malformed},
		{name: "R3046-20 empty", m: told(bootp.Offer, info()...), want: Option82Malformed},
		{name: "R3046-11 another's", m: told(bootp.Offer, info(1, 3, 'p', '1', '7')...), out: offer},
		{
			name: "R3046-11 another's, on a trusted link", with: on4(func(i *Interface) { i.Trusted = true }),
			m: told(bootp.Offer, info(1, 3, 'p', '1', '7')...), out: told(bootp.Offer, info(1, 3, 'p', '1', '7')...),
		},
		{name: "R3046-10 ours, on a trusted link", with: on4(func(i *Interface) { i.Trusted = true }), m: told(bootp.Offer, ours...), out: offer},
		{
			name: "R3046-11 another's, dropped by setting", with: on4(func(i *Interface) { i.V4.Option82.DropMismatch = true }),
			m: told(bootp.Offer, info(1, 3, 'p', '1', '7')...), want: Option82Mismatch,
		},
		{name: "R3046-11 ours, not dropped by that setting", with: on4(func(i *Interface) { i.V4.Option82.DropMismatch = true }), m: told(bootp.Offer, ours...), out: offer},
		{name: "none, not dropped by that setting", with: on4(func(i *Interface) { i.V4.Option82.DropMismatch = true }), m: offer, out: offer},
		{
			name: "R3046-11 what is echoed where nothing is sent", with: on4(func(i *Interface) { i.V4.Option82 = Option82{DropMismatch: true} }),
			m: told(bootp.Offer, ours...), want: Option82Mismatch,
		},

		{name: "R1542-25 giaddr of another", m: set(24, 10, 1, 1, 1), want: BogusGiaddr},
		{name: "R1542-25 giaddr 0", m: set(24, 0, 0, 0, 0), want: BogusGiaddr},
		{name: "R1542-25 giaddr of the uplink", m: set(24, 203, 0, 113, 1), want: BogusGiaddr},
		{name: "R1542-36 hlen 17", m: set(2, 17), want: BadHlen},
		{name: "link down", with: func(_ *Policy, h []giaddr.Link) { h[0].Up = false }, m: offer, want: LinkDown},
		{name: "R4388-9 lease query", m: told(bootp.LeaseQuery), out: told(bootp.LeaseQuery)},
		{name: "R4388-9 lease unassigned", m: told(bootp.LeaseUnassigned), want: Leasequery},
		{name: "R4388-9 lease unknown", m: told(bootp.LeaseUnknown), want: Leasequery},
		{name: "R4388-9 lease active", m: told(bootp.LeaseActive), want: Leasequery},
		{name: "cut off", m: append(offer[:243:243], 12, 9), want: OptionsMalformed},
	})
}

func TestReply4Senders(t *testing.T) {
	t.Parallel()
	sources := func(p *Policy, _ []giaddr.Link) {
		p.ReplySources = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/30"), netip.MustParsePrefix("198.51.100.96/30")}
	}
	offer := told(bootp.Offer)
	playAll4(t, []case4{
		{name: "R2131-3 a stranger", m: offer, src: "198.51.100.99:67", out: offer},
		{name: "T2 from another port", m: offer, src: "198.51.100.10:1067", out: offer},
		{name: "R8213-2 the server", with: sources, m: offer, out: offer},
		{name: "R8213-2 a source of the second prefix", with: sources, m: offer, src: "198.51.100.99:67", out: offer},
		{name: "R8213-2 no such source", with: sources, m: offer, src: "198.51.100.100:67", want: ReplySource},
		{name: "T12 a stranger among the clients", m: offer, link: 2, src: "192.0.2.66:67", want: ReplyFromClient},
		{name: "T12 a stranger among the clients, of the sources", with: sources, m: offer, link: 3, src: "198.51.100.99:67", want: ReplyFromClient},
		{name: "T20 the server by the clients' link", m: offer, link: 3, out: offer},
	})
}

func TestReply4VSS(t *testing.T) {
	t.Parallel()
	red := func(p *Policy, _ []giaddr.Link) {
		p.Interfaces[0].V4.Option82.VSS = VSS{On: true, Type: 0, Name: []byte("red")}
	}
	offer := told(bootp.Offer)
	echo := func(subs string) []byte {
		return told(bootp.Offer, info(append([]byte{1, 2, 'd', '0'}, subs...)...)...)
	}
	playAll4(t, []case4{
		{name: "R6607-4 honoured", with: red, m: echo("\x97\x04\x00red"), out: offer},
		{name: "R6607-4 ignored", with: red, m: echo("\x97\x04\x00red\x98\x00"), want: VSSIgnored},
		{name: "R6607-4 neither", with: red, m: echo(""), out: offer},
		{name: "R6607-5 another VPN", with: red, m: echo("\x97\x04\x00rad"), want: VSSUnknown},
		{name: "R6607-5 of another type", with: red, m: echo("\x97\x04\x01red"), want: VSSUnknown},
		{name: "R6607-3 without a type", with: red, m: echo("\x97\x00"), want: VSSUnknown},
		{name: "R6607-5 where none was sent", m: echo("\x97\x04\x00red"), want: VSSUnknown},
	})
}

// shared has both client networks under the giaddr of d0.
func shared(change func(*Policy)) func(*Policy, []giaddr.Link) {
	return func(p *Policy, h []giaddr.Link) {
		h[1].Addrs = h[0].Addrs
		h[1].MAC = []byte{2, 0, 0, 0, 0, 3}
		p.Interfaces[0].V4.Option82.LinkSel = LinkSelOff
		change(p)
	}
}

// What several links have in common tells nothing; what tells them apart is
// echoed, or not.
func TestReply4ToOneOfSeveral(t *testing.T) {
	t.Parallel()
	on := func(name string) func(*testing.T, *Verdict) {
		return func(t *testing.T, v *Verdict) {
			t.Helper()
			if v.Link == nil || v.Link.Host.Name != name {
				t.Errorf("for %v, want %s", v.Link, name)
			}
		}
	}
	same := shared(func(p *Policy) { p.Interfaces[0].V4.Option82.CircuitID = mustTemplate("port") })
	none := shared(func(p *Policy) { p.Interfaces[0].V4.Option82.CircuitID = Template{} })
	own := shared(func(*Policy) {})
	// The order of the circuit-ids is not that of the links.
	turned := func(p *Policy, h []giaddr.Link) {
		own(p, h)
		p.Interfaces[0].V4.Option82.CircuitID = mustTemplate("{mac:raw}")
		h[0].MAC = []byte{2, 0, 0, 0, 0, 9}
	}
	playAll4(t, []case4{
		{name: "R3046-21 the greater circuit-id, of the first link", with: turned, m: told(bootp.Offer, info(1, 6, 2, 0, 0, 0, 0, 9)...), then: on("d0")},
		{name: "R3046-21 the smaller circuit-id, of the second link", with: turned, m: told(bootp.Offer, info(1, 6, 2, 0, 0, 0, 0, 3)...), then: on("d1")},
		{name: "R3046-21 circuit-id of d0", with: own, m: told(bootp.Offer, info(1, 2, 'd', '0')...), then: on("d0")},
		{name: "R3046-21 circuit-id of d1", with: own, m: told(bootp.Offer, info(1, 2, 'd', '1')...), then: on("d1")},
		{name: "R3046-21 circuit-id of neither", with: own, m: told(bootp.Offer, info(1, 2, 'd', '2')...), want: AmbiguousReply},
		{name: "R3046-21 a beginning of both", with: own, m: told(bootp.Offer, info(1, 1, 'd')...), want: AmbiguousReply},
		{name: "R3046-23 without option 82", with: own, m: told(bootp.Offer), want: AmbiguousReply},
		{name: "R3046-23 without a circuit-id", with: own, m: told(bootp.Offer, info(10, 1, 0)...), want: AmbiguousReply},
		{name: "R3046-21 the same giaddr and circuit-id", with: same, m: told(bootp.Offer, info(1, 4, 'p', 'o', 'r', 't')...), want: AmbiguousReply},
		{name: "R3046-23 no circuit-id is sent", with: none, m: told(bootp.Offer, info(10, 1, 0)...), want: AmbiguousReply},
		{name: "R3046-21 where there is only one, any circuit-id", m: told(bootp.Offer, info(1, 2, 'd', '9')...), then: on("d0")},
	})
	for _, tc := range []struct {
		name string
		with func(*Policy, []giaddr.Link)
		want string
	}{
		{"circuit-ids of their own", own, ""},
		{"the same circuit-id", same, "d1: has the same giaddr 192.0.2.1 and the same circuit-id as d0; make dhcpv4.option82.circuit_id differ"},
		{"no circuit-id", none, "d0: shares the giaddr 192.0.2.1 with other interfaces and sends no circuit-id"},
	} {
		p, h := testPolicy(t), testHost()
		tc.with(&p, h)
		_, ps := Compile(p, h)
		got := problemsOf(ps)
		if !strings.Contains(got, tc.want) || tc.want == "" && got != "" {
			t.Errorf("%s: problems\n%swant %q", tc.name, got, tc.want)
		}
		if tc.want != "" && strings.Count(got, "giaddr 192.0.2.1") > 2 {
			t.Errorf("%s: told of more than once for a link\n%s", tc.name, got)
		}
	}
}

// A VRF device has clients behind none of its own: a pattern that its name
// matches does not mean it.
func TestT15_VRFDeviceMatchesAPattern(t *testing.T) {
	t.Parallel()
	p, h := vrfPolicy(t), vrfHost()
	p.Interfaces = p.Interfaces[:1]
	p.Interfaces[0].Name = "*"
	h[4].Type, h[4].MAC = 1, []byte{2, 0, 0, 0, 0, 10}
	h[4].Addrs = []giaddr.Addr{{Prefix: netip.MustParsePrefix("10.255.0.1/32")}}
	s, _ := Compile(p, h)
	for _, l := range s.Links {
		if l.Host.IsVRF {
			t.Errorf("%s is taken for a link of clients", l.Host.Name)
		}
	}
	if v := play4(s, ask(bootp.Discover), 10, "0.0.0.0:68", "255.255.255.255"); v.Reason != NotConfigured {
		t.Errorf("a request by the VRF device: %v, want %v", v.Reason, NotConfigured)
	}
	if v := play4(s, ask(bootp.Discover), redNet, "0.0.0.0:68", "255.255.255.255"); v.Reason != Relayed {
		t.Errorf("a request by a link in the VRF: %v, want %v", v.Reason, Relayed)
	}
}

// Replies to a link leave from the address that its clients see.
func TestReply4Source(t *testing.T) {
	t.Parallel()
	borrowed := giaddr.Rule{Kind: giaddr.Borrowed, Link: "u0"}
	from := func(want string) func(*testing.T, *Verdict) {
		return func(t *testing.T, v *Verdict) {
			t.Helper()
			if v.Src.String() != want {
				t.Errorf("from %v, want %s", v.Src, want)
			}
		}
	}
	reply := of(told(bootp.Offer, info(1, 2, 'd', '0')...), 24, 203, 0, 113, 1)
	playAll4(t, []case4{
		{name: "giaddr is borrowed: the link's own", with: on4(func(i *Interface) { i.V4.Address = borrowed }), m: reply, then: from("192.0.2.1")},
		{name: "giaddr is borrowed, the link has none: giaddr", with: func(p *Policy, h []giaddr.Link) {
			p.Interfaces[0].V4.Address, h[0].Addrs = borrowed, nil
		}, m: reply, then: from("203.0.113.1")},
		{name: "giaddr is the second address of the link", with: func(p *Policy, h []giaddr.Link) {
			h[0].Addrs = append(h[0].Addrs, giaddr.Addr{Prefix: netip.MustParsePrefix("198.18.0.1/24"), Secondary: true})
			p.Interfaces[0].V4.Address = giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr("198.18.0.1")}
			p.Interfaces[0].Name = "d0"
		}, m: of(told(bootp.Offer), 24, 198, 18, 0, 1), then: from("198.18.0.1")},
	})
}
