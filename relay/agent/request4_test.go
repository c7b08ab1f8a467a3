package agent

import (
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
)

// TestRefuseTypes4 refuses the messages of clients that only routers and servers
// are to send; what bears another relay's giaddr passes where relays are trusted.
func TestRefuseTypes4(t *testing.T) {
	snapshot := func(trusted bool, refuse ...uint8) *Snapshot {
		p := testPolicy(t)
		p.Interfaces[0].Trusted = trusted
		p.Interfaces[0].V4.RefuseTypes = refuse
		s, _ := Compile(p, testHost())
		return s
	}
	usual := []uint8{10, 11, 12, 13}
	relay := netip.MustParseAddr("10.9.8.7")
	for _, tc := range []struct {
		name    string
		trusted bool
		refuse  []uint8
		typ     bootp.Type
		giaddr  netip.Addr
		want    Reason
	}{
		{"the type before them", false, usual, 9, netip.Addr{}, Relayed},
		{"leasequery", false, usual, bootp.LeaseQuery, netip.Addr{}, TypeRefused},
		{"lease unassigned", false, usual, bootp.LeaseUnassigned, netip.Addr{}, TypeRefused},
		{"lease unknown", false, usual, bootp.LeaseUnknown, netip.Addr{}, TypeRefused},
		{"lease active", false, usual, bootp.LeaseActive, netip.Addr{}, TypeRefused},
		{"the type after them", false, usual, 14, netip.Addr{}, Relayed},
		{"leasequery by setting", false, nil, bootp.LeaseQuery, netip.Addr{}, Relayed},
		{"another type by setting", false, []uint8{255}, 255, netip.Addr{}, TypeRefused},
		{"leasequery of a client on a trusted interface", true, usual, bootp.LeaseQuery, netip.Addr{}, TypeRefused},
		{"leasequery of a relay on a trusted interface", true, usual, bootp.LeaseQuery, relay, Relayed},
		{"leasequery of a relay", false, usual, bootp.LeaseQuery, relay, GiaddrUntrusted},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := testMessage(bootp.Request, tc.typ, tc.giaddr)
			v := play4(snapshot(tc.trusted, tc.refuse...), m, 2, "0.0.0.0:68", "255.255.255.255")
			if v.Reason != tc.want || v.Type != min(uint8(tc.typ), 254) {
				t.Errorf("got %v of type %d, want %v", v.Reason, v.Type, tc.want)
			}
		})
	}
	for n := range 256 {
		t.Run("every type but the refused is relayed: "+strconv.Itoa(n), func(t *testing.T) {
			want := Relayed
			if n >= 10 && n <= 13 {
				want = TypeRefused
			}
			v := play4(snapshot(false, usual...), testMessage(bootp.Request, bootp.Type(n), netip.Addr{}), 2, "0.0.0.0:68", "255.255.255.255")
			if v.Reason != want {
				t.Errorf("got %v, want %v", v.Reason, want)
			}
		})
	}
}

// TestHiddenInRequests sends what a server finds in sname and file, or by another
// reading of option 53.
func TestHiddenInRequests(t *testing.T) {
	const sname, file = 44, 108
	both := []byte{bootp.OptionOverload, 1, 3}
	relay := netip.MustParseAddr("10.9.8.7")
	put := func(m []byte, off int, b ...byte) []byte { copy(m[off:], b); return m }
	client := func(options ...byte) []byte {
		return testMessage(bootp.Request, bootp.Discover, netip.Addr{}, options...)
	}
	circuit := []byte{82, 4, 1, 2, 'd', '1'}
	for _, tc := range []struct {
		name    string
		trusted bool
		m       []byte
		want    Reason
	}{
		{"R3046-5 option 82", false, client(circuit...), UntrustedOption82},
		{"R3046-7 option 82 of a switch", true, client(circuit...), Relayed},
		{"R3046-20 option 82 that cannot be parsed", true, client(82, 1, 1), Option82Malformed},
		{"R3046-6 option 82 in sname", false, put(client(both...), sname, circuit...), UntrustedOption82},
		{"R3046-6 option 82 in file", false, put(client(both...), file, circuit...), UntrustedOption82},
		{"R3046-6 R3396-1 its second part in file", false, put(client(bootp.OptionOverload, 1, 1), file, 82, 1, 'x'), UntrustedOption82},
		{"R3046-6 option 82 in sname by an option 52 in file", false, put(put(client(bootp.OptionOverload, 1, 1), file, bootp.OptionOverload, 1, 2), sname, circuit...), UntrustedOption82},
		{"R3046-6 option 82 in BOOTP with options", false, put(testMessage(bootp.Request, 0, netip.Addr{}, both...), file, circuit...), UntrustedOption82},
		{"options of no harm", false, put(put(client(both...), sname, 66, 1, 't', 255), file, 67, 1, 'b', 255), Relayed},
		{"R2132-2 without option 52 it is a name", false, put(client(), file, circuit...), Relayed},
		{"what a switch adds, and it is trusted", true, put(client(both...), file, circuit...), Relayed},
		{"another relay's, and it is trusted", true, put(testMessage(bootp.Request, bootp.Discover, relay, both...), file, circuit...), Relayed},
		{"a type in file", false, put(client(both...), file, 53, 1, 10), TypeRefused},
		{"a type in sname, trusted", true, put(client(both...), sname, 53, 1, 13), TypeRefused},
		{"a type in file alone", false, put(testMessage(bootp.Request, 0, netip.Addr{}, bootp.OptionOverload, 1, 1), file, 53, 1, 10), TypeRefused},
		{"a type that is not refused in file", false, put(client(both...), file, 53, 1, 3), Relayed},
		{"a second type", false, client(53, 1, 10), TypeRefused},
		{"a type of two octets", false, client(53, 2, 10, 0), TypeRefused},
		{"a second type of another relay's", true, testMessage(bootp.Request, bootp.Discover, relay, 53, 1, 10), Relayed},
		{"a second type that is not refused", false, client(53, 1, 3), Relayed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := testPolicy(t)
			p.Interfaces[0].Trusted = tc.trusted
			p.Interfaces[0].V4.RefuseTypes = []uint8{10, 11, 12, 13}
			s, _ := Compile(p, testHost())
			before := slices.Clone(tc.m)
			v := play4(s, tc.m, 2, "0.0.0.0:68", "255.255.255.255")
			if v.Reason != tc.want {
				t.Errorf("got %v, want %v", v.Reason, tc.want)
			}
			if !slices.Equal(before, tc.m) {
				t.Error("the test's message has changed")
			}
		})
	}
}

// TestHiddenInReplies sends replies with option 82 in sname and file, where a relay
// must not look (RFC 3046, section 2.1): nothing there leads it astray.
func TestHiddenInReplies(t *testing.T) {
	const sname, file = 44, 108
	circuit := func(link byte) []byte { return []byte{82, 4, 1, 2, 'd', link} }
	shared := netip.MustParseAddr("203.0.113.1")
	for _, tc := range []struct {
		name   string
		shared bool
		echo   []byte // in the options field
		want   Reason
		link   string
	}{
		{"R3046-13 alone", false, nil, Relayed, "d0"},
		{"R3046-13 it does not tell the link", true, nil, AmbiguousReply, ""},
		{"R3046-13 it does not speak against the options field", true, circuit('0'), Relayed, "d0"},
		{"R3396-1 the options field holds the first part", false, []byte{82, 3, 1, 4, 'd'}, Option82Malformed, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := testPolicy(t)
			giaddr := netip.MustParseAddr("192.0.2.1")
			if tc.shared {
				p.Interfaces[0].V4.Address = rule4("203.0.113.1")
				giaddr = shared
			}
			s, _ := Compile(p, testHost())
			m := testMessage(bootp.Reply, bootp.Offer, giaddr, append(slices.Clone(tc.echo), bootp.OptionOverload, 1, 3)...)
			copy(m[16:], []byte{192, 0, 2, 77})
			copy(m[sname:], circuit('1'))
			copy(m[file:], circuit('1'))
			b := Buf{Store: append(slices.Clone(m), make([]byte, 512)...), Len: len(m)}
			v := s.Relay4(&b, Ingress{Link: 4, Src: server, Dst: giaddr})
			got := ""
			if v.Link != nil {
				got = v.Link.Host.Name
			}
			if v.Reason != tc.want || got != tc.link {
				t.Fatalf("got %v for %q, want %v for %q", v.Reason, got, tc.want, tc.link)
			}
			if v.Reason == Relayed && !slices.Equal(b.Bytes()[sname:236], m[sname:236]) {
				t.Error("sname or file has changed")
			}
		})
	}
}

// rule4 is giaddr = an address.
func rule4(a string) giaddr.Rule {
	return giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr(a)}
}

// TestSourcePort4 looks from which port requests leave: from another than 67 only
// with suboption 19 (RFC 8357, section 5.1).
func TestSourcePort4(t *testing.T) {
	relay := netip.MustParseAddr("10.9.8.7")
	switched := []byte{82, 3, 1, 1, 'p'}
	bare := testMessage(bootp.Request, 0, netip.Addr{})
	clear(bare[236:])
	long := slices.Repeat([]byte{12, 10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 27)
	for _, tc := range []struct {
		name string
		port uint16
		mode Relayed4
		off  bool
		m    []byte
		want uint16
		has  bool // suboption 19 goes with it
	}{
		{"R8357-1 usual", 67, Forward, false, testMessage(bootp.Request, bootp.Discover, netip.Addr{}), 67, false},
		{"R8357-1 set", 6700, Forward, false, testMessage(bootp.Request, bootp.Discover, netip.Addr{}), 6700, true},
		{"R8357-1 BOOTP", 6700, Forward, false, bare, 67, false},
		{"R8357-1 BOOTP with options", 6700, Forward, false, testMessage(bootp.Request, 0, netip.Addr{}), 6700, true},
		{"R8357-1 no room", 6700, Forward, false, testMessage(bootp.Request, bootp.Discover, netip.Addr{}, long...), 67, false},
		{"R8357-1 a switch's option 82", 6700, Forward, false, testMessage(bootp.Request, bootp.Discover, netip.Addr{}, switched...), 67, false},
		{"R8357-1 option 82 switched off", 6700, Forward, true, testMessage(bootp.Request, bootp.Discover, netip.Addr{}), 67, false},
		{"R8357-1 another relay's, forward", 6700, Forward, false, testMessage(bootp.Request, bootp.Discover, relay), 67, false},
		{"R8357-1 another relay's, append", 6700, Append, false, testMessage(bootp.Request, bootp.Discover, relay, switched...), 67, false},
		{"R8357-1 another relay's, replace", 6700, Replace, false, testMessage(bootp.Request, bootp.Discover, relay, switched...), 67, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := testPolicy(t)
			i := &p.Interfaces[0]
			i.V4.SourcePort, i.Trusted, i.V4.Relayed, i.V4.MaxSize = tc.port, true, tc.mode, 576
			i.V4.Option82.On = !tc.off
			s, _ := Compile(p, testHost())
			b := Buf{Store: append(slices.Clone(tc.m), make([]byte, 512)...), Len: len(tc.m)}
			v := s.Relay4(&b, Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255")})
			if v.Reason != Relayed || v.SrcPort != tc.want {
				t.Fatalf("got %v from port %d, want port %d", v.Reason, v.SrcPort, tc.want)
			}
			q := bootp.Packet(b.Bytes())
			l, _ := q.Scan()
			var scratch [bootp.MaxRelay * 255]byte
			if _, has := bootp.RelayInfo(q.RelayValue(&l, scratch[:])).Sub(bootp.SubSourcePort); has != tc.has {
				t.Errorf("suboption 19: %v, want %v", has, tc.has)
			}
			if tc.has && tc.port != 67 {
				if !v.shed(&b) || v.SrcPort != 67 {
					t.Errorf("without option 82 it leaves from port %d, want 67", v.SrcPort)
				}
			}
		})
	}
}

// TestSourcePortWithVSS takes VSS out: suboption 19 stays, and so does the port.
func TestSourcePortWithVSS(t *testing.T) {
	p := testPolicy(t)
	p.Interfaces[0].V4.SourcePort = 6700
	p.Interfaces[0].V4.Option82 = Option82{On: true, VSS: VSS{On: true, Name: []byte("red")}}
	s, _ := Compile(p, testHost())
	m := testMessage(bootp.Request, bootp.Discover, netip.Addr{})
	b := Buf{Store: append(slices.Clone(m), make([]byte, 512)...), Len: len(m)}
	v := s.Relay4(&b, Ingress{Link: 2, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255")})
	v.Shape(&b, WithoutVSS)
	q := bootp.Packet(b.Bytes())
	l, _ := q.Scan()
	if got := q.RelayValue(&l, nil); v.SrcPort != 6700 || !slices.Equal(got, []byte{bootp.SubSourcePort, 0}) {
		t.Errorf("option 82 % x from port %d, want suboption 19 alone from 6700", got, v.SrcPort)
	}
}

func TestSourcePort6(t *testing.T) {
	for name, c := range map[string]case6{
		"R8357-5 a client's": {in: solicit6()},
		"R8357-5 a relay's":  {on: "t0", src: relayLL, in: nest6(12, solicit6(), 1)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, port := range []uint16{547, 5470} {
				s, _ := compile6(each6(func(i *Interface6) { i.SourcePort = port }))
				if v := s.Relay6(buf6(c.in), c.ingress(s)); v.Reason != Relayed || v.SrcPort != port {
					t.Errorf("got %v from port %d, want %d", v.Reason, v.SrcPort, port)
				}
			}
		})
	}
}
