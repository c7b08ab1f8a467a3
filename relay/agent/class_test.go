package agent

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/class"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// pxe is option 60 of a client that boots from the network.
func pxe() []byte { return append([]byte{60, 9}, "PXEClient"...) }

func vendor(kind class.Kind, text string) class.Rule {
	return class.Rule{class.VendorClass: {{Kind: kind, Text: text}}}
}

// classPolicy has three servers, of which the last one is for network boot.
func classPolicy(t testing.TB, classes ...Class) Policy {
	p := choicePolicy(t, 3)
	p.Groups = []Group{{Name: "pxe", Servers: []int{2}}, {Name: "mixed", Servers: []int{0, 2}}}
	p.Interfaces[0].ForClasses = 1
	p.Classes = classes
	return p
}

// classed decides on a request of a client on d0.
func classed(s *Snapshot, m []byte) (Buf, Verdict) {
	b := Buf{Store: make([]byte, Headroom+2048), Off: Headroom}
	b.Len = copy(b.Store[Headroom:], m)
	v := s.Relay4(&b, Ingress{Link: s.Links[0].Host.Index, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255")})
	return b, v
}

func TestClasses4(t *testing.T) {
	t.Parallel()
	boot := Class{Name: "pxe", Rule: vendor(class.Prefix, "PXE"), Groups: []int{0}}
	no6 := boot
	no6.Not[dhcp.V4] = true
	elsewhere, here := boot, boot
	elsewhere.Interfaces, here.Interfaces = []string{"d1"}, []string{"d1", "d?"}
	for _, tc := range []struct {
		name    string
		classes []Class
		m       []byte
		class   uint16
		asked   uint64
		reason  Reason
	}{
		{"no class", []Class{boot}, ask(bootp.Discover), 0, 0b011, Relayed},
		{"another group", []Class{boot}, ask(bootp.Discover, pxe()...), 1, 0b100, Relayed},
		{"a group with one that others have too", []Class{{Name: "m", Rule: boot.Rule, Groups: []int{1}}}, ask(bootp.Discover, pxe()...), 1, 0b101, Relayed},
		{"a tag", []Class{{Name: "tag", Rule: boot.Rule}}, ask(bootp.Discover, pxe()...), 1, 0b011, Relayed},
		{"the first holds", []Class{{Name: "other", Rule: vendor(class.Exact, "PXE")}, {Name: "tag", Rule: boot.Rule}, boot}, ask(bootp.Discover, pxe()...), 2, 0b011, Relayed},
		{"drop", []Class{{Name: "no", Rule: boot.Rule, Drop: true}}, ask(bootp.Discover, pxe()...), 1, 0, ClassDrop},
		{"of the other family", []Class{no6}, ask(bootp.Discover, pxe()...), 0, 0b011, Relayed},
		{"of another interface", []Class{elsewhere}, ask(bootp.Discover, pxe()...), 0, 0b011, Relayed},
		{"of a pattern of interfaces", []Class{here}, ask(bootp.Discover, pxe()...), 1, 0b100, Relayed},
		{"a request for a server of the class", []Class{boot}, ask(bootp.DHCPRequest, append(pxe(), serverID(12)...)...), 1, 0b100, Relayed},
		{"a request for another server", []Class{boot}, ask(bootp.DHCPRequest, append(pxe(), serverID(10)...)...), 1, 0b100, Relayed},
		{"a request of no class for a server of one", []Class{boot}, ask(bootp.DHCPRequest, serverID(12)...), 0, 0b011, Relayed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, _ := Compile(classPolicy(t, tc.classes...), testHost())
			_, v := classed(s, tc.m)
			if v.Reason != tc.reason || v.Class != tc.class {
				t.Fatalf("%v, class %d, want %v, class %d", v.Reason, v.Class, tc.reason, tc.class)
			}
			if got := v.Asked & 0b111; tc.reason == Relayed && got != tc.asked {
				t.Errorf("asked %03b, want %03b", got, tc.asked)
			}
		})
	}
}

// An interface may have servers for a class only, and the classes' servers may fail over.
func TestClassServers(t *testing.T) {
	t.Parallel()
	p := classPolicy(t, Class{Name: "pxe", Rule: vendor(class.Prefix, "PXE"), Groups: []int{1}})
	p.Groups[1].Mode = Failover
	p.Interfaces[0].Servers, p.Interfaces[0].ForClasses = []int{0, 2}, 2
	s, _ := Compile(p, testHost())
	if _, v := classed(s, ask(bootp.Discover)); v.Reason != NoServer {
		t.Errorf("a request of no class: %v, want %v", v.Reason, NoServer)
	}
	if _, v := classed(s, ask(bootp.Discover, pxe()...)); v.Reason != Relayed || v.Asked != 1 || v.Due != 1 {
		t.Errorf("%v, asked %b, due %b, want one server", v.Reason, v.Asked, v.Due)
	}
	if !s.Links[0].Side[dhcp.V4].Chooses() {
		t.Error("the link does not choose among the servers of its class")
	}
}

func TestClassSubscriber4_R3993(t *testing.T) {
	t.Parallel()
	id, err := ParseTemplate("boot-{interface}")
	if err != nil {
		t.Fatal(err)
	}
	fixed, _ := ParseTemplate("boot")
	plain, _ := ParseTemplate("home")
	for _, tc := range []struct {
		name      string
		own, id   Template
		want      []byte
		unchanged []byte
	}{
		{"in place of the interface's", plain, fixed, info(1, 2, 'd', '0', 5, 4, 192, 0, 2, 0, 6, 4, 'b', 'o', 'o', 't', 10, 1, 0), info(1, 2, 'd', '0', 5, 4, 192, 0, 2, 0, 6, 4, 'h', 'o', 'm', 'e', 10, 1, 0)},
		{"where the interface has none", Template{}, id, info(1, 2, 'd', '0', 5, 4, 192, 0, 2, 0, 6, 7, 'b', 'o', 'o', 't', '-', 'd', '0', 10, 1, 0), ours82()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := classPolicy(t, Class{Name: "pxe", Rule: vendor(class.Prefix, "PXE"), SubscriberID: tc.id})
			p.Interfaces[0].V4.Option82.SubscriberID = tc.own
			s, _ := Compile(p, testHost())
			b, v := classed(s, ask(bootp.Discover, pxe()...))
			if v.Reason != Relayed || !bytes.Contains(b.Bytes(), tc.want) {
				t.Errorf("%v, % x, want % x in it", v.Reason, b.Bytes()[240:], tc.want)
			}
			if b, _ := classed(s, ask(bootp.Discover)); !bytes.Contains(b.Bytes(), tc.unchanged) {
				t.Errorf("of no class: % x, want % x in it", b.Bytes()[240:], tc.unchanged)
			}
			if c := &s.Links[0].Side[dhcp.V4].Choices[0]; !s.ours(c, tc.want[2:]) {
				t.Error("the echo is not taken for this relay's")
			}
		})
	}
}

// The flag of a unicast moves with the subscriber-id before it (RFC 5010), and an echo is
// known where nothing else identifies.
func TestClassSubscriberAlone(t *testing.T) {
	t.Parallel()
	id, _ := ParseTemplate("x")
	p := classPolicy(t, Class{Name: "pxe", Rule: vendor(class.Prefix, "PXE"), SubscriberID: id})
	p.Interfaces[0].V4.Option82 = Option82{On: true, Flags: true}
	s, _ := Compile(p, testHost())
	b := Buf{Store: make([]byte, Headroom+2048), Off: Headroom}
	b.Len = copy(b.Store[Headroom:], ask(bootp.DHCPRequest, pxe()...))
	s.Relay4(&b, Ingress{Link: s.Links[0].Host.Index, Src: netip.MustParseAddrPort("192.0.2.9:68"), Dst: netip.MustParseAddr("192.0.2.1")})
	if want := info(6, 1, 'x', 10, 1, 0x80); !bytes.Contains(b.Bytes(), want) {
		t.Errorf("% x, want % x in it", b.Bytes()[240:], want)
	}
	c := &s.Links[0].Side[dhcp.V4].Choices[0]
	for sub, want := range map[byte]bool{'x': true, 'y': false} {
		if got := s.ours(c, bootp.RelayInfo{6, 1, sub}); got != want {
			t.Errorf("an echo of %q is ours: %v, want %v", sub, got, want)
		}
	}
}

func TestClasses6_R4580(t *testing.T) {
	t.Parallel()
	id, _ := ParseTemplate("boot")
	user := class.Rule{class.UserClass: {{Kind: class.Exact, Text: "iPXE"}}}
	oui := class.Rule{class.MAC: {{Kind: class.Prefix, Text: string(clientMAC[:3])}}}
	ipxe := op6(15, append([]byte{0, 4}, "iPXE"...)...)
	snap := func(classes ...Class) *Snapshot {
		s, _ := compile6(func(p *Policy, _ []giaddr.Link) { p.Classes = classes })
		return s
	}
	play := func(s *Snapshot, c case6) (Buf, Verdict) {
		b := Buf{Store: make([]byte, Headroom+2048), Off: Headroom}
		b.Len = copy(b.Store[Headroom:], c.in)
		v := s.Relay6(&b, c.ingress(s))
		return b, v
	}
	solicit := msg6(1, ipxe)
	s := snap(Class{Name: "boot", Rule: user, SubscriberID: id})
	want := relay6(12, 0, gua0, clientLL, id6("d0"), op6(38, []byte("boot")...), mac6(clientMAC...), inner6(solicit))
	if b, v := play(s, case6{in: solicit}); v.Reason != Relayed || v.Class != 1 || !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%v, class %d, % x, want % x", v.Reason, v.Class, b.Bytes(), want)
	}
	if b, v := play(s, case6{in: msg6(1)}); v.Class != 0 || bytes.Contains(b.Bytes(), []byte("boot")) {
		t.Errorf("without a user class: class %d, % x", v.Class, b.Bytes())
	}
	chained := case6{on: "t0", src: relayLL, in: relay6(12, 0, guaT, clientLL, inner6(solicit))}
	if b, v := play(s, chained); v.Reason != Relayed || v.Class != 1 || !bytes.Contains(b.Bytes(), op6(38, []byte("boot")...)) {
		t.Errorf("by another relay: %v, class %d, % x", v.Reason, v.Class, b.Bytes())
	}
	drop := snap(Class{Name: "no", Rule: oui, Drop: true})
	if _, v := play(drop, case6{in: solicit6()}); v.Reason != ClassDrop {
		t.Errorf("by its MAC: %v, want %v", v.Reason, ClassDrop)
	}
	if _, v := play(drop, chained); v.Reason != Relayed {
		t.Errorf("by the MAC of another relay: %v", v.Reason)
	}
}

// thousandClasses returns a thousand classes that differ in the beginning of option 60,
// each with a subscriber-id of its own.
func thousandClasses(t testing.TB) (all []Class) {
	for i := range 1000 {
		id, err := ParseTemplate(fmt.Sprintf("subscriber-%d", i))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, Class{Name: fmt.Sprintf("c%d", i), Rule: vendor(class.Prefix, fmt.Sprintf("Vendor-%04d:", i)), SubscriberID: id})
	}
	return all
}

func vendorOption(text string) []byte { return append([]byte{60, byte(len(text))}, text...) }

func TestClassesAllocateNothing(t *testing.T) {
	s, _ := Compile(classPolicy(t, thousandClasses(t)...), testHost())
	m := ask(bootp.Discover, vendorOption("Vendor-0999:x")...)
	b := Buf{Store: make([]byte, Headroom+2048)}
	in := Ingress{Link: s.Links[0].Host.Index, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255")}
	var v Verdict
	n := testing.AllocsPerRun(1000, func() {
		b.Off, b.Len = Headroom, copy(b.Store[Headroom:], m)
		s.Decide4(&b, &in, &v)
	})
	if n != 0 || v.Class != 1000 || !bytes.Contains(b.Bytes(), []byte("subscriber-999")) {
		t.Errorf("%v allocations, class %d, % x", n, v.Class, b.Bytes())
	}
	six, _ := compile6(func(p *Policy, _ []giaddr.Link) { p.Classes = thousandClasses(t) })
	c := case6{in: msg6(1, dhcp6.AppendOption(nil, 16, append([]byte{0, 0, 1, 55, 0, 13}, "Vendor-0999:x"...)))}
	in6 := c.ingress(six)
	n = testing.AllocsPerRun(1000, func() {
		b.Off, b.Len = Headroom, copy(b.Store[Headroom:], c.in)
		six.Decide6(&b, &in6, &v)
	})
	if n != 0 || v.Class != 1000 || !bytes.Contains(b.Bytes(), []byte("subscriber-999")) {
		t.Errorf("DHCPv6: %v allocations, class %d, % x", n, v.Class, b.Bytes())
	}
}

// BenchmarkClasses4 is the decision alone, which is a small part of what a request costs.
func BenchmarkClasses4(b *testing.B) {
	for _, n := range []int{0, 1, 1000} {
		s, _ := Compile(classPolicy(b, thousandClasses(b)[:n]...), testHost())
		m := ask(bootp.Discover, vendorOption("Vendor-0007:x")...)
		buf := Buf{Store: make([]byte, Headroom+2048)}
		in := Ingress{Link: s.Links[0].Host.Index, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255")}
		var v Verdict
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				buf.Off, buf.Len = Headroom, copy(buf.Store[Headroom:], m)
				s.Decide4(&buf, &in, &v)
			}
		})
	}
}
