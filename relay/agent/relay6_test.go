package agent

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
)

// The addresses of the tests: clients are on d0 and d1, relays on t0, the
// servers behind u0. Three links share the router's link-local address.
const (
	gua0     = "2001:db8:1::1"
	gua1     = "2001:db8:2::1"
	guaT     = "2001:db8:3::1"
	routerLL = "fe80::1"
	clientLL = "fe80::c1"
	relayLL  = "fe80::a1"
	relayGUA = "2001:db8:3::a1"
	server6  = "2001:db8:9::10"
	server6b = "2001:db8:9::11"
	stranger = "2001:db8:9::66"
	relays   = "ff02::1:2" // All_DHCP_Relay_Agents_and_Servers
)

var clientMAC = []byte{2, 0, 0, 0, 0xcc, 1}

// testHost6 is a router with client networks on d0 and d1, relays on t0 and an
// uplink u0.
func testHost6() []giaddr.Link {
	link := func(index int, name string, addrs ...string) giaddr.Link {
		l := giaddr.Link{
			Index: index, Name: name, Type: 1, MTU: 1500, Up: true, Broadcast: true,
			MAC: []byte{2, 0, 0, 0, 0, byte(index)},
		}
		for _, a := range addrs {
			l.Addrs = append(l.Addrs, giaddr.Addr{Prefix: netip.MustParsePrefix(a)})
		}
		return l
	}
	return []giaddr.Link{
		link(2, "d0", routerLL+"/64", gua0+"/64"),
		link(3, "d1", routerLL+"/64", gua1+"/64"),
		link(4, "u0", "fe80::f/64", "2001:db8:f::1/64"),
		link(5, "t0", routerLL+"/64", guaT+"/64"),
	}
}

// testPolicy6 has the defaults of DHCPv6.
func testPolicy6() *Policy {
	v6 := Interface6{Common: Common{HopLimit: 8, SourcePort: 547, RefuseTypes: []uint8{14}}, ClientMAC: true}
	return &Policy{
		Hostname: "router",
		Servers: []Server{
			{Addr: netip.AddrPortFrom(netip.MustParseAddr(server6), 547), VSS: true},
			{Addr: netip.AddrPortFrom(netip.MustParseAddr(server6b), 547)},
		},
		Interfaces: []Interface{
			{Name: "d*", Servers: []int{0, 1}, V6: v6},
			{Name: "t0", Servers: []int{0, 1}, V6: v6, Trusted: true},
		},
		DUID: []byte{0, 4, 1, 2, 3, 4},
	}
}

// each changes every interface of a policy.
func each(f func(*Interface)) func(*Policy, []giaddr.Link) {
	return func(p *Policy, _ []giaddr.Link) {
		for i := range p.Interfaces {
			f(&p.Interfaces[i])
		}
	}
}

// each6 changes what every interface says of DHCPv6.
func each6(f func(*Interface6)) func(*Policy, []giaddr.Link) {
	return each(func(i *Interface) { f(&i.V6) })
}

func mustTemplate(s string) Template {
	t, err := ParseTemplate(s)
	if err != nil {
		panic(err)
	}
	return t
}

// A case6 is one message and what becomes of it. What is empty is as usual: a
// message of a client on d0, or of the server on u0.
type case6 struct {
	name string
	with func(*Policy, []giaddr.Link) // changes policy and host

	on, src, dst string
	sport        uint16
	mac          []byte
	noMAC        bool
	in           []byte

	drop    Reason
	out     []byte
	to      string // replies: interface, address and port
	chained bool   // replies: to a relay
	check   func(*testing.T, *Snapshot, *Verdict, *Buf)
}

func (c *case6) ingress(s *Snapshot) Ingress {
	reply := len(c.in) > 0 && c.in[0] == 13
	def := func(s, request, answer string) string {
		switch {
		case s != "":
			return s
		case reply:
			return answer
		}
		return request
	}
	in := Ingress{
		Link: s.named[def(c.on, "d0", "u0")],
		Dst:  netip.MustParseAddr(def(c.dst, relays, gua0)),
		MAC:  c.mac,
	}
	port := c.sport
	if port == 0 {
		port = 547
	}
	in.Src = netip.AddrPortFrom(netip.MustParseAddr(def(c.src, clientLL, server6)), port)
	if !c.noMAC && c.mac == nil {
		in.MAC = clientMAC
	}
	return in
}

// buf6 puts a message where the engine would, amid octets that must never leave.
func buf6(m []byte) *Buf {
	store := slices.Repeat([]byte{0xa5}, Headroom+len(m)+64)
	copy(store[Headroom:], m)
	return &Buf{Store: store, Off: Headroom, Len: len(m)}
}

func compile6(with func(*Policy, []giaddr.Link)) (*Snapshot, []Problem) {
	p, h := testPolicy6(), testHost6()
	if with != nil {
		with(p, h)
	}
	return Compile(*p, h)
}

func play6(t *testing.T, cases []case6) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.play(t) })
	}
}

func (c *case6) play(t *testing.T) {
	s, _ := compile6(c.with)
	b := buf6(c.in)
	v := s.Relay6(b, c.ingress(s))
	if v.Family != dhcp.V6 {
		t.Errorf("family %d, want %d", v.Family, dhcp.V6)
	}
	if v.Reason != c.drop {
		t.Fatalf("outcome %v, want %v", v.Reason, c.drop)
	}
	if v.Reason != Relayed {
		if !slices.Equal(c.in, b.Bytes()) {
			t.Errorf("a dropped message was changed to % x", b.Bytes())
		}
		return
	}
	if diff := cmp.Diff(c.out, b.Bytes()); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if c.to == "" {
		if v.To != ToServers || v.Direction != dhcp.Requests || v.Link == nil {
			t.Errorf("target %d, direction %d, link %v, want servers and requests", v.To, v.Direction, v.Link)
		}
	} else {
		got := v.Link.Host.Name + " " + netip.AddrPortFrom(v.Dst, v.Port).String()
		if got != c.to || v.To != ToHost || v.Direction != dhcp.Replies || v.Chained != c.chained {
			t.Errorf("to %s, target %d, direction %d, chained %v, want %s by UDP, chained %v", got, v.To, v.Direction, v.Chained, c.to, c.chained)
		}
	}
	if c.check != nil {
		c.check(t, s, &v, b)
	}
}

// op6 is an option: code, length, value.
func op6(code uint16, value ...byte) []byte {
	return append([]byte{byte(code >> 8), byte(code), byte(len(value) >> 8), byte(len(value))}, value...)
}

// msg6 is a client's or server's message: type, transaction ID, options.
func msg6(typ byte, options ...[]byte) []byte {
	return append([]byte{typ, 0xab, 0xcd, 0xef}, slices.Concat(options...)...)
}

// solicit6 is a Solicit with a DUID, an IA_PD, an option that nobody knows and
// one that its length octets cut off.
func solicit6() []byte {
	return msg6(1,
		op6(1, 0, 1, 0, 1, 0x2c, 0, 0, 0, 2, 0, 0, 0, 0xcc, 1), // client identifier: DUID-LLT
		op6(8, 0, 0), // elapsed time
		op6(25, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),              // IA_PD
		op6(79, 0, 1, 6, 6, 6, 6, 6, 6),                          // a client link-layer address of its own
		op6(65000, []byte("unknown")...), []byte{0, 99, 0xff, 1}, // an option that runs past the end
	)
}

// relay6 is a relay message: type, hop-count, link-address, peer-address,
// options.
func relay6(typ, hop byte, link, peer string, options ...[]byte) []byte {
	m := []byte{typ, hop}
	m = append(m, netip.MustParseAddr(link).AsSlice()...)
	m = append(m, netip.MustParseAddr(peer).AsSlice()...)
	return append(m, slices.Concat(options...)...)
}

// The options of relay messages.
func id6(name string) []byte   { return op6(18, []byte(name)...) }
func inner6(m []byte) []byte   { return op6(9, m...) }
func mac6(mac ...byte) []byte  { return op6(79, append([]byte{0, 1}, mac...)...) }
func port6(port uint16) []byte { return op6(135, byte(port>>8), byte(port)) }
func vss6(typ byte, name string) []byte {
	return op6(68, append([]byte{typ}, name...)...)
}

// first is a client's message as the relay wraps it by default on d0.
func first(m []byte) []byte {
	return relay6(12, 0, gua0, clientLL, id6("d0"), mac6(clientMAC...), inner6(m))
}

// answer6 is a Relay-reply for the client on d0.
func answer6(options ...[]byte) []byte { return relay6(13, 0, gua0, clientLL, options...) }

// nest6 is m in n relay headers, as a chain of relays sends it.
func nest6(typ byte, m []byte, n int, more ...[]byte) []byte {
	for i := range n {
		m = relay6(typ, byte(i), gua0, relayLL, append(slices.Clone(more), inner6(m))...)
	}
	return m
}

func problemsOf(ps []Problem) string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}
