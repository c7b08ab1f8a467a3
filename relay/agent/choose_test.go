package agent

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"testing"
	"time"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// grouped puts the servers of each interface into a group of its own.
func grouped(p *Policy, mode Mode) {
	for i := range p.Interfaces {
		in := &p.Interfaces[i]
		in.Groups = []int{len(p.Groups)}
		p.Groups = append(p.Groups, Group{Mode: mode, Servers: in.Servers})
	}
}

// only returns the one server that is asked, -1 if there is not exactly one.
func only(asked uint64) int {
	if bits.OnesCount64(asked) != 1 {
		return -1
	}
	return bits.TrailingZeros64(asked)
}

// choicePolicy returns a policy with one interface and n DHCPv4 servers, 198.51.100.10
// and on.
func choicePolicy(t testing.TB, n int) Policy {
	p := testPolicy(t)
	p.Servers, p.Interfaces[0].Servers = nil, nil
	for i := range n {
		p.Servers = append(p.Servers, Server{Addr: netip.MustParseAddrPort(fmt.Sprintf("198.51.100.%d:67", 10+i))})
		p.Interfaces[0].Servers = append(p.Interfaces[0].Servers, i)
	}
	return p
}

// asks4 returns which servers a message goes to, and which are to answer.
func asks4(t testing.TB, s *Snapshot, m []byte, in Ingress) (asked, due uint64) {
	t.Helper()
	in.Link, in.Src, in.Dst = s.Links[0].Host.Index, netip.MustParseAddrPort("0.0.0.0:68"), netip.MustParseAddr("255.255.255.255")
	b := Buf{Store: make([]byte, Headroom+2048), Off: Headroom}
	b.Len = copy(b.Store[Headroom:], m)
	v := s.Relay4(&b, in)
	if v.Reason != Relayed {
		t.Fatal(v.Reason)
	}
	return v.Asked & (1<<len(v.Link.Side[dhcp.V4].Servers) - 1), v.Due
}

func serverID(last byte) []byte { return []byte{54, 4, 198, 51, 100, last} }

// Each mode, with servers that answer and servers that do not.
func TestR2131_13_R1542_22_Choose4(t *testing.T) {
	t.Parallel()
	discover := ask(bootp.Discover)
	waited := of(ask(bootp.Discover), 8, 0, 9)
	request := func(options ...byte) []byte { return ask(bootp.DHCPRequest, options...) }
	rebinding := of(request(), 12, 192, 0, 2, 9)
	down := func(mask uint64, active int) Ingress {
		return Ingress{Standings: []Standing{{Down: mask, Active: active}}}
	}
	again := func(in Ingress) Ingress { in.Tries = 1; return in }
	for _, tc := range []struct {
		name       string
		mode       Mode
		with       func(p *Policy)
		m          []byte
		in         Ingress
		asked, due uint64
	}{
		{name: "all", m: discover, asked: 0b111, due: 0b111},
		{name: "all, one down", m: discover, in: down(1, 0), asked: 0b111, due: 0b111},
		{name: "all, a request for one", m: request(serverID(11)...), asked: 0b111, due: 0b010},
		{name: "failover", mode: Failover, m: discover, asked: 1, due: 1},
		{name: "failover, another is active", mode: Failover, m: discover, in: down(0, 2), asked: 0b100, due: 0b100},
		{name: "failover, the first is down, before the active one is known", mode: Failover, m: discover, in: down(1, 0), asked: 0b010, due: 0b010},
		{name: "failover, the client asks again", mode: Failover, m: discover, in: again(Ingress{}), asked: 0b111, due: 0b111},
		{name: "failover, all are down", mode: Failover, m: discover, in: down(7, 1), asked: 0b111, due: 0b111},
		{name: "failover, a request for the former active one", mode: Failover, m: request(serverID(10)...), in: down(1, 1), asked: 0b011, due: 0b001},
		{name: "failover, a request for an unknown one", mode: Failover, m: request(serverID(99)...), asked: 0b111, due: 0b111},
		{name: "failover, a request for one by another of its addresses", mode: Failover, m: request(serverID(99)...), in: Ingress{Named: 3}, asked: 0b101, due: 0b100},
		{name: "failover, a request for none", mode: Failover, m: request(), asked: 1, due: 1},
		{name: "failover, a client rebinds", mode: Failover, m: rebinding, asked: 0b111, due: 0b111},
		{name: "failover, a listener", mode: Failover, with: func(p *Policy) { p.Servers[1].Listens = true }, m: discover, in: down(1, 0), asked: 0b110, due: 0b100},
		{name: "hash, one is left", mode: Hash, m: discover, in: down(5, 0), asked: 0b010, due: 0b010},
		{name: "hash, asked again while one is down", mode: Hash, m: discover, in: again(down(1, 0)), asked: 0b111, due: 0b111},
		{name: "hash, all are down", mode: Hash, m: discover, in: down(7, 0), asked: 0b111, due: 0b111},
		{name: "balance, the holder answers", mode: Balance, m: discover, asked: 0b100, due: 0b100},
		{name: "balance, its holder is down", mode: Balance, m: discover, in: down(6, 0), asked: 1, due: 1},
		{name: "balance, split", mode: Balance, with: func(p *Policy) { p.Groups[0].Split = []uint16{0, 256, 0} }, m: discover, asked: 0b010, due: 0b010},
		{name: "balance, late", mode: Balance, with: func(p *Policy) { p.Groups[0].Late = 5 * time.Second }, m: waited, asked: 0b111, due: 0b111},
		{name: "balance, not late yet", mode: Balance, with: func(p *Policy) { p.Groups[0].Late = 10 * time.Second }, m: waited, asked: 0b100, due: 0b100},
		{name: "delay, a new client", with: func(p *Policy) { p.Servers[2].Delay = 5 * time.Second }, m: discover, asked: 0b011, due: 0b011},
		{name: "delay, it has waited", with: func(p *Policy) { p.Servers[2].Delay = 5 * time.Second }, m: waited, asked: 0b111, due: 0b111},
		{name: "delay, no other answers", with: func(p *Policy) { p.Servers[2].Delay = 5 * time.Second }, m: discover, in: down(3, 0), asked: 0b111, due: 0b111},
		{name: "delay, a request for it", with: func(p *Policy) { p.Servers[2].Delay = 5 * time.Second }, m: request(serverID(12)...), asked: 0b111, due: 0b100},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := choicePolicy(t, 3)
			grouped(&p, tc.mode)
			if tc.with != nil {
				tc.with(&p)
			}
			s, _ := Compile(p, testHost())
			if asked, due := asks4(t, s, tc.m, tc.in); asked != tc.asked || due != tc.due {
				t.Errorf("asked %03b, to answer %03b, want %03b and %03b", asked, due, tc.asked, tc.due)
			}
		})
	}
}

// A second site is asked after so many tries, or at once if nobody answers at the first.
func TestNextAfter(t *testing.T) {
	t.Parallel()
	p := choicePolicy(t, 4)
	p.Groups = []Group{{Name: "a", Mode: Failover, Servers: []int{0, 1}}, {Name: "b", Mode: Failover, Servers: []int{2, 3}}}
	p.Interfaces[0].Groups, p.Interfaces[0].NextAfter = []int{0, 1}, 2
	s, _ := Compile(p, testHost())
	standings := func(a, b uint64) []Standing {
		st := make([]Standing, 4)
		st[StandingOf(0, dhcp.V4)].Down, st[StandingOf(1, dhcp.V4)].Down = a, b
		return st
	}
	for _, tc := range []struct {
		tries int
		in    []Standing
		want  uint64
	}{
		{0, nil, 0b0001},
		{1, nil, 0b0011},
		{2, nil, 0b0111},
		{3, nil, 0b1111},
		{9, nil, 0b1111},
		{0, standings(3, 0), 0b0111},
		{0, standings(3, 3), 0b1111},
		{0, standings(0, 3), 0b0001},
	} {
		if got, _ := asks4(t, s, ask(bootp.Discover), Ingress{Tries: tc.tries, Standings: tc.in}); got != tc.want {
			t.Errorf("%d tries, %v: %04b, want %04b", tc.tries, tc.in, got, tc.want)
		}
	}
	p.Interfaces[0].NextAfter = 0
	if s, _ = Compile(p, testHost()); s == nil {
		t.Fatal("no snapshot")
	}
	if got, _ := asks4(t, s, ask(bootp.Discover), Ingress{}); got != 0b0101 {
		t.Errorf("all groups at once: %04b, want one of each", got)
	}
}

// With DHCPv6 a client that rebinds asks any server.
func TestChoose6(t *testing.T) {
	t.Parallel()
	s, _ := compile6(func(p *Policy, _ []giaddr.Link) { grouped(p, Failover) })
	duid, server := op6(1, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1), op6(2, 0, 3, 0, 1, 2, 0, 0, 0, 0, 9)
	for _, tc := range []struct {
		name       string
		m          []byte
		named      int
		asked, due uint64
	}{
		{"solicit", msg6(1, duid), 0, 1, 1},
		{"request of an unknown server", msg6(3, duid, server), 0, 3, 3},
		{"request of the active server", msg6(3, duid, server), 1, 1, 1},
		{"renew of another one", msg6(5, duid, server), 2, 3, 2},
		{"rebind", msg6(6, duid), 0, 3, 3},
	} {
		c := case6{in: tc.m}
		in := c.ingress(s)
		in.Named = tc.named
		v := s.Relay6(buf6(tc.m), in)
		if got := v.Asked & 3; v.Reason != Relayed || got != tc.asked || v.Due != tc.due {
			t.Errorf("%s: %v, asked %02b, to answer %02b, want %02b and %02b", tc.name, v.Reason, got, v.Due, tc.asked, tc.due)
		}
	}
}

// Among eight servers the most loaded has at most a tenth over the mean, and a server
// less moves its own clients only.
func TestHashIsEven(t *testing.T) {
	t.Parallel()
	const servers, clients = 8, 100_000
	p := choicePolicy(t, servers)
	s := &Snapshot{Policy: p}
	var load [servers]int
	for i := range clients {
		id := []byte{1, 2, 0, 0, 0, 0, 0}
		binary.BigEndian.PutUint32(id[3:], uint32(i))
		n := s.pick(p.Interfaces[0].Servers, 1<<servers-1, id)
		load[n]++
		if without := s.pick(p.Interfaces[0].Servers, 1<<servers-1&^(1<<3), id); without != n && n != 3 {
			t.Fatalf("client %d moves from server %d to %d, though 3 is gone", i, n, without)
		}
	}
	for n, has := range load {
		if has*servers > clients*11/10 {
			t.Errorf("server %d has %d of %d clients", n, has, clients)
		}
	}
}

// Another relay, which lists the servers in another order, makes the same choice.
func TestHashIsTheSameElsewhere(t *testing.T) {
	t.Parallel()
	const servers = 8
	p, q := choicePolicy(t, servers), choicePolicy(t, servers)
	slices.Reverse(q.Servers)
	here, there := &Snapshot{Policy: p}, &Snapshot{Policy: q}
	list := p.Interfaces[0].Servers
	for i := range uint32(10_000) {
		id := binary.BigEndian.AppendUint32([]byte{1, 2, 0}, i)
		a, b := here.pick(list, 1<<servers-1, id), there.pick(list, 1<<servers-1, id)
		if p.Servers[list[a]].Addr != q.Servers[list[b]].Addr {
			t.Fatalf("client %d: %v here, %v there", i, p.Servers[list[a]].Addr, q.Servers[list[b]].Addr)
		}
	}
}

// The hash of RFC 3074, section 6, of some identifiers, worked out apart from this
// code, and who holds the buckets.
func TestRFC3074Buckets(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		id   []byte
		want byte
	}{
		{[]byte{2, 0, 0, 0, 0, 0}, 4},
		{[]byte{2, 0, 0, 0, 0, 1}, 133},
		{[]byte{2, 0, 0, 0, 0, 2}, 45},
		{[]byte{2, 0, 0, 0, 0, 3}, 182},
		{[]byte{1, 0, 0x16, 0x6f, 0xb6, 0x12, 0x34}, 64},
		{nil, 0},
		{[]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 155},
	} {
		if got := bucket(tc.id); got != tc.want {
			t.Errorf("%x is in bucket %d, want %d", tc.id, got, tc.want)
		}
	}
	var seen [Buckets]bool
	for _, v := range mixing {
		if seen[v] {
			t.Errorf("%d is in the table twice", v)
		}
		seen[v] = true
	}
	for _, tc := range []struct {
		b     byte
		n     int
		split []uint16
		want  int
	}{
		{0, 2, nil, 0},
		{127, 2, nil, 0},
		{128, 2, nil, 1},
		{255, 3, nil, 2},
		{0, 2, []uint16{0, 256}, 1},
		{99, 2, []uint16{100, 156}, 0},
		{100, 2, []uint16{100, 156}, 1},
		{255, 2, []uint16{256, 0}, 0},
	} {
		if got := owner(tc.b, tc.n, tc.split); got != tc.want {
			t.Errorf("bucket %d of %d servers, split %v: server %d, want %d", tc.b, tc.n, tc.split, got, tc.want)
		}
	}
}

// To choose costs no allocation.
func TestChooseAllocatesNothing(t *testing.T) {
	for mode := range Mode(NumModes) {
		p := choicePolicy(t, 3)
		grouped(&p, mode)
		s, _ := Compile(p, testHost())
		m := ask(bootp.Discover)
		in := Ingress{Link: s.Links[0].Host.Index, Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddr("255.255.255.255"), Standings: []Standing{{Down: 1, Active: 1}, {}}}
		b := Buf{Store: make([]byte, Headroom+2048)}
		var v Verdict
		if n := testing.AllocsPerRun(100, func() {
			b.Off = Headroom
			b.Len = copy(b.Store[Headroom:], m)
			s.Decide4(&b, &in, &v)
		}); n != 0 {
			t.Errorf("%v: %v allocations", mode, n)
		}
	}
}
