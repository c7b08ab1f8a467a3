package agent

import (
	"fmt"
	"net/netip"
	"testing"

	"dhcp-relay/giaddr"
)

// vlans is a router with so many client networks beside the uplink, and a
// loopback whose address all of them may share.
func vlans(n int) []giaddr.Link {
	host := make([]giaddr.Link, 0, n+2)
	add := func(name string, prefixes ...string) {
		i := len(host) + 1
		l := giaddr.Link{Index: i, Name: name, Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)}}
		for _, p := range prefixes {
			l.Addrs = append(l.Addrs, giaddr.Addr{Prefix: netip.MustParsePrefix(p)})
		}
		host = append(host, l)
	}
	add("lo", "10.255.255.1/32", "2001:db8:ffff::1/128")
	add("u0", "203.0.113.1/30", "2001:db8:f::1/64")
	for i := range n {
		add(fmt.Sprintf("vlan%d", i), fmt.Sprintf("10.%d.%d.1/24", i>>8, i&255), fmt.Sprintf("2001:db8:%x::1/64", i), fmt.Sprintf("fe80::%x/64", i+1))
	}
	return host
}

// BenchmarkCompile is what each change of a link costs.
func BenchmarkCompile(b *testing.B) {
	const links = 4000
	host := vlans(links)
	for _, c := range []struct {
		name string
		rule giaddr.Rule
	}{
		{"primary", giaddr.Rule{}},
		{"given", giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr("10.255.255.1")}},
		{"borrowed", giaddr.Rule{Kind: giaddr.Borrowed, Link: "lo"}},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := testPolicy(b)
			p.Servers = append(p.Servers, Server{Addr: netip.MustParseAddrPort("[2001:db8:5::10]:547")})
			in := &p.Interfaces[0]
			in.Name, in.Servers, in.V4.Address = "vlan*", []int{0, 1}, c.rule
			in.V6 = Interface6{Common: Common{HopLimit: 8, SourcePort: 547}, ClientMAC: true}
			if c.rule.Kind == giaddr.Given {
				in.V6.Address = giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr("2001:db8:ffff::1")}
			}
			if c.rule.Kind == giaddr.Borrowed {
				in.V6.Address = c.rule
			}
			for b.Loop() {
				if s, _ := Compile(p, host); len(s.Links) != links {
					b.Fatalf("%d links, want %d", len(s.Links), links)
				}
			}
		})
	}
}
