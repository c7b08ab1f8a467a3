package agent

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
)

// heirs compiles one policy after the other on one host after the other.
func heirs(p Policy, host []giaddr.Link, changes ...func(*Policy, []giaddr.Link)) *Snapshot {
	s, _ := Compile(p, host)
	for _, change := range changes {
		next := p
		next.Interfaces = slices.Clone(p.Interfaces)
		links := slices.Clone(host)
		change(&next, links)
		p, host = next, links
		now, _ := Compile(p, host)
		now.Inherit(s)
		s = now
	}
	return s
}

func circuitID(s string) func(*Policy, []giaddr.Link) {
	return each(func(i *Interface) {
		i.V4.Option82.CircuitID, i.V6.InterfaceID = mustTemplate(s), mustTemplate(s)
	})
}

func renamed(link int, name string) func(*Policy, []giaddr.Link) {
	return func(_ *Policy, h []giaddr.Link) { h[link].Name = name }
}

func nothing(*Policy, []giaddr.Link) {}

// TestRepliesAfterAChange4 sends replies to what went out before the identifiers
// changed, to links that share a giaddr and to one that has its own.
func TestRepliesAfterAChange4(t *testing.T) {
	type change = func(*Policy, []giaddr.Link)
	lower := func(p *Policy, _ []giaddr.Link) { p.Interfaces[0].Name = "*d*" }
	for _, tc := range []struct {
		name    string
		shared  bool
		trusted bool
		changes []change
		echo    string
		want    Reason
		link    int
		kept    bool // option 82 reaches the client
	}{
		{"no change", false, false, nil, "d0", Relayed, 2, false},
		{"never ours", false, false, []change{nothing}, "d9", Option82Mismatch, 2, false},
		{"by a reload", false, false, []change{circuitID("x{interface}")}, "d0", Relayed, 2, false},
		{"by a reload, and the new one", false, false, []change{circuitID("x{interface}")}, "xd0", Relayed, 2, false},
		{"by a reload, and another link's", false, false, []change{circuitID("x{interface}")}, "d1", Option82Mismatch, 2, false},
		{"by a rename", false, false, []change{renamed(0, "dmz")}, "d0", Relayed, 2, false},
		{"by a rename, trusted", false, true, []change{renamed(0, "dmz")}, "d0", Relayed, 2, false},
		{"never ours, trusted", false, true, []change{renamed(0, "dmz")}, "d9", Relayed, 2, true},
		{"shared: by a reload", true, false, []change{circuitID("x{interface}")}, "d1", Relayed, 3, false},
		{"shared: by a rename", true, false, []change{renamed(1, "dmz")}, "d1", Relayed, 3, false},
		{"shared: two changes ago", true, false, []change{renamed(1, "dmz"), nothing, circuitID("x{interface}"), nothing}, "d1", Relayed, 3, false},
		{"shared: between two changes", true, false, []change{renamed(1, "dmz"), circuitID("x{interface}")}, "dmz", Relayed, 3, false},
		{"shared: what a link bears goes before what another bore", true, false, []change{renamed(0, "d9"), renamed(1, "d0")}, "d0", Relayed, 3, false},
		{"shared: never ours", true, false, []change{renamed(1, "dmz")}, "d7", AmbiguousReply, 0, false},
		{"shared: two links bore it", true, false, []change{renamed(1, "d8"), renamed(0, "d1"), renamed(0, "d7")}, "d1", AmbiguousReply, 0, false},
		{"another link has come under the index", true, false, []change{func(_ *Policy, h []giaddr.Link) { h[1].Name, h[1].Life = "dmz", 9 }}, "d1", AmbiguousReply, 0, false},
		{"the link was away", true, false, []change{func(_ *Policy, h []giaddr.Link) { h[1].Index = 33 }, renamed(1, "dmz")}, "d1", Relayed, 33, false},
		{"the policy names it otherwise", true, false, []change{lower, renamed(1, "dmz")}, "d1", Relayed, 3, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := testPolicy(t)
			p.Interfaces[0].Trusted = tc.trusted
			p.Interfaces[0].V4.Option82 = Option82{On: true, CircuitID: mustTemplate("{interface}"), DropMismatch: true}
			giaddr := netip.MustParseAddr("192.0.2.1")
			if tc.shared {
				giaddr = netip.MustParseAddr("203.0.113.1")
				p.Interfaces[0].V4.Address = rule4("203.0.113.1")
			}
			s := heirs(p, testHost(), tc.changes...)
			m := testMessage(bootp.Reply, bootp.Ack, giaddr,
				append([]byte{82, byte(2 + len(tc.echo)), 1, byte(len(tc.echo))}, tc.echo...)...)
			copy(m[16:], []byte{192, 0, 2, 77})
			b := Buf{Store: append(slices.Clone(m), make([]byte, 512)...), Len: len(m)}
			v := s.Relay4(&b, Ingress{Link: 4, Src: server, Dst: giaddr})
			link := 0
			if v.Link != nil {
				link = v.Link.Host.Index
			}
			if v.Reason != tc.want || link != tc.link {
				t.Fatalf("got %v for link %d, want %v for %d", v.Reason, link, tc.want, tc.link)
			}
			l, ok := bootp.Packet(b.Bytes()).Scan()
			if v.Reason == Relayed && (!ok || l.NumRelay > 0 != tc.kept) {
				t.Errorf("%d options 82 reach the client", l.NumRelay)
			}
		})
	}
}

// TestRepliesAfterAChange6 does the same in DHCPv6, with a link-address that the
// links share and that says nothing.
func TestRepliesAfterAChange6(t *testing.T) {
	type change = func(*Policy, []giaddr.Link)
	for _, tc := range []struct {
		name    string
		changes []change
		id      string
		want    Reason
		link    int
	}{
		{"never ours", []change{renamed(1, "dmz")}, "d7", AmbiguousReply, 0},
		{"by a reload", []change{circuitID("x{interface}")}, "d1", Relayed, 3},
		{"by a rename", []change{renamed(1, "dmz")}, "d1", Relayed, 3},
		{"by many changes", []change{renamed(1, "d2"), renamed(1, "d3"), renamed(1, "d4"), renamed(1, "d5")}, "d1", Relayed, 3},
		{"by too many changes", []change{renamed(1, "d2"), renamed(1, "d3"), renamed(1, "d4"), renamed(1, "d5"), renamed(1, "d6")}, "d1", AmbiguousReply, 0},
		{"to and fro", []change{renamed(1, "d2"), renamed(1, "d1"), renamed(1, "d2"), renamed(1, "d1"), renamed(1, "d2"), renamed(1, "d3")}, "d1", Relayed, 3},
		{"what a link bears goes before what another bore", []change{renamed(0, "d9"), renamed(1, "d0")}, "d0", Relayed, 3},
		{"two links bore it", []change{renamed(1, "d8"), renamed(0, "d1"), renamed(0, "d7")}, "d1", AmbiguousReply, 0},
		{"another link has come under the index", []change{func(_ *Policy, h []giaddr.Link) { h[1].Name, h[1].Life = "dmz", 9 }}, "d1", AmbiguousReply, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := testPolicy6()
			for i := range p.Interfaces {
				p.Interfaces[i].V6.Address = giaddr.Rule{Kind: giaddr.Borrowed, Link: "u0"}
			}
			s := heirs(*p, testHost6(), tc.changes...)
			c := case6{in: relay6(13, 0, "2001:db8:f::1", clientLL, id6(tc.id), inner6(msg6(7)))}
			v := s.Relay6(buf6(c.in), c.ingress(s))
			link := 0
			if v.Link != nil {
				link = v.Link.Host.Index
			}
			if v.Reason != tc.want || link != tc.link {
				t.Errorf("got %v for link %d, want %v for %d", v.Reason, link, tc.want, tc.link)
			}
		})
	}
	t.Run("after a swap of names link-address decides", func(t *testing.T) {
		s := heirs(*testPolicy6(), testHost6(), func(_ *Policy, h []giaddr.Link) { h[0].Name, h[1].Name = h[1].Name, h[0].Name })
		for id, want := range map[string]int{"d0": 2, "d1": 2} { // d1 is its name now
			c := case6{in: answer6(id6(id), inner6(msg6(7)))}
			if v := s.Relay6(buf6(c.in), c.ingress(s)); v.Reason != Relayed || v.Link.Host.Index != want {
				t.Errorf("%s: got %v for %v, want it for link %d", id, v.Reason, v.Link, want)
			}
		}
		c := case6{in: relay6(13, 0, "2001:db8:f::1", clientLL, id6("d0"), inner6(msg6(7)))}
		if v := s.Relay6(buf6(c.in), c.ingress(s)); v.Reason != Relayed || v.Link.Host.Index != 3 {
			t.Errorf("a link-address of neither: got %v for %v, want it for the link that is d0 now", v.Reason, v.Link)
		}
	})
	t.Run("the Interface-Id of before goes before link-address", func(t *testing.T) {
		s := heirs(*testPolicy6(), testHost6(), func(_ *Policy, h []giaddr.Link) {
			h[0].Name, h[0].Addrs, h[1].Addrs = "dmz", h[1].Addrs, h[0].Addrs
		})
		c := case6{in: answer6(id6("d0"), inner6(msg6(7)))}
		if v := s.Relay6(buf6(c.in), c.ingress(s)); v.Reason != Relayed || v.Link.Host.Index != 2 {
			t.Errorf("got %v for %v, want it for dmz", v.Reason, v.Link)
		}
	})
}

// TestInheritKeepsNoSnapshot counts what thousands of changes leave behind.
func TestInheritKeepsLittle(t *testing.T) {
	var changes []func(*Policy, []giaddr.Link)
	for i := range 50 {
		changes = append(changes, circuitID(fmt.Sprintf("x%d", i)))
	}
	s := heirs(testPolicy(t), testHost(), changes...)
	for f, was := range s.past.choices {
		if len(was) != maxFormer {
			t.Errorf("%s has %d former identifiers, want %d", f.Addr, len(was), maxFormer)
		}
	}
	if len(s.past.choices) != 2 || len(s.past.names) != 2 {
		t.Errorf("%d choices and %d groups, want 2 of each", len(s.past.choices), len(s.past.names))
	}
}

// TestInheritedCostsNothing holds replies to what went out before a change to no
// allocation, as all others.
func TestInheritedCostsNothing(t *testing.T) {
	p := testPolicy(t)
	p.Interfaces[0].V4.Address = rule4("203.0.113.1")
	f := offer(t)
	f.snap = heirs(p, testHost(), renamed(0, "dmz"))
	copy(f.message[24:], []byte{203, 0, 113, 1})
	if v := f.once(); v.Reason != Relayed || v.Link.Host.Name != "dmz" {
		t.Fatalf("got %v, want relayed to dmz", v.Reason)
	}
	if n := testing.AllocsPerRun(1000, func() { f.once() }); n != 0 {
		t.Errorf("%v allocations for a message, want 0", n)
	}
}

// TestInheritNotesWhatDiffers counts the former identifiers after one change.
func TestInheritNotesWhatDiffers(t *testing.T) {
	type change = func(*Policy, []giaddr.Link)
	option := func(o Option82) change { return each(func(i *Interface) { i.V4.Option82 = o }) }
	remote := Option82{On: true, RemoteID: mustTemplate("x")}
	for _, tc := range []struct {
		name           string
		changes        []change
		choices, named int // that have former identifiers, and groups in which one is a circuit-id
	}{
		{"no change", []change{nothing}, 0, 0},
		{"to and fro", []change{circuitID("a"), circuitID("{interface}")}, 2, 2},
		{"another circuit-id", []change{circuitID("a")}, 2, 2},
		{"no circuit-id before", []change{option(remote), nothing, option(Option82{On: true, CircuitID: mustTemplate("a")})}, 2, 2},
		{"another remote-id", []change{option(Option82{On: true, RemoteID: mustTemplate("y")}), option(remote)}, 2, 2},
		{"none at all, then a circuit-id", []change{option(Option82{}), circuitID("{interface}")}, 0, 0},
		{"two giaddrs of a link", []change{nothing, nothing}, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, host := testPolicy(t), testHost()
			if tc.name == "two giaddrs of a link" {
				p.Interfaces[0].V4.SmartAfter = 2
				p.Interfaces[0].V4.Option82.CircuitID = mustTemplate("{giaddr}")
				host[0].Addrs = append(host[0].Addrs, giaddr.Addr{Prefix: netip.MustParsePrefix("198.18.0.1/24")})
			}
			if tc.name == "none at all, then a circuit-id" {
				p.Interfaces[0].V4.Option82 = Option82{}
			}
			s := heirs(p, host, tc.changes...)
			if len(s.past.choices) != tc.choices || len(s.past.names) != tc.named {
				t.Errorf("%d choices and %d groups, want %d and %d", len(s.past.choices), len(s.past.names), tc.choices, tc.named)
			}
			for f, was := range s.past.choices {
				for _, w := range was {
					if slices.Equal(w.opt.bytes, f.opt.bytes) {
						t.Errorf("%s bears %x now, and is said to have borne it before", f.Addr, f.opt.bytes)
					}
				}
			}
		})
	}
}

// TestFormerMarks sends replies whose option 82 names the link by what is not a
// circuit-id, under a policy that drops another's.
func TestFormerMarks(t *testing.T) {
	type change = func(*Policy, []giaddr.Link)
	set := func(f func(*Option82)) change { return each(func(i *Interface) { f(&i.V4.Option82) }) }
	for _, tc := range []struct {
		name   string
		change change
		echo   []byte
		want   Reason
	}{
		{"remote-id of before", set(func(o *Option82) { o.RemoteID = mustTemplate("y") }), []byte{2, 1, 'x'}, Relayed},
		{"remote-id of now", set(func(o *Option82) { o.RemoteID = mustTemplate("y") }), []byte{2, 1, 'y'}, Relayed},
		{"neither", set(func(o *Option82) { o.RemoteID = mustTemplate("y") }), []byte{2, 1, 'z'}, Option82Mismatch},
		{"the same octets in another suboption", set(func(o *Option82) { o.RemoteID, o.RelayID = Template{}, []byte("x") }), []byte{2, 1, 'x'}, Relayed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := testPolicy(t)
			p.Interfaces[0].V4.Option82 = Option82{On: true, RemoteID: mustTemplate("x"), DropMismatch: true}
			s := heirs(p, testHost(), tc.change)
			m := testMessage(bootp.Reply, bootp.Ack, netip.MustParseAddr("192.0.2.1"), append([]byte{82, byte(len(tc.echo))}, tc.echo...)...)
			copy(m[16:], []byte{192, 0, 2, 77})
			if v := play4(s, m, 4, server.String(), "192.0.2.1"); v.Reason != tc.want {
				t.Errorf("got %v, want %v", v.Reason, tc.want)
			}
		})
	}
}
