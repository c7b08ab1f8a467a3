package agent

import (
	"net/netip"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// A host that lacks what active asks for hears requests and relays none, says so of the
// state alone, and still brings replies to those that it has relayed.
func TestActive(t *testing.T) {
	t.Parallel()
	addr := netip.MustParseAddr
	const vip4, vip6, vll = "192.0.2.254", "2001:db8:aa::fe", "fe80::5:73"
	tests := []struct {
		name   string
		active Active
		held   map[string]bool
		change func(host []giaddr.Link)
		extra  []giaddr.Link
		want   [dhcp.Families]State // of d0
	}{
		{name: "always"},
		{name: "an address that is not there", active: Active{Addrs: []netip.Addr{addr(vip4)}}, want: [2]State{Standby, Standby}},
		{
			name: "an address of the link", active: Active{Addrs: []netip.Addr{addr(vip4)}},
			change: func(h []giaddr.Link) { h[0].Addrs = append(h[0].Addrs, prefixed(vip4+"/32")) },
		},
		{
			name: "an address of another link", active: Active{Addrs: []netip.Addr{addr(vip4)}},
			change: func(h []giaddr.Link) { h[2].Addrs = append(h[2].Addrs, prefixed(vip4+"/24")) },
		},
		{
			name: "one of two", active: Active{Addrs: []netip.Addr{addr("192.0.2.7"), addr(vip4)}},
			change: func(h []giaddr.Link) { h[0].Addrs = append(h[0].Addrs, prefixed(vip4+"/32")) },
		},
		{
			name: "each family by its own", active: Active{Addrs: []netip.Addr{addr(vip4), addr(vip6)}},
			change: func(h []giaddr.Link) { h[0].Addrs = append(h[0].Addrs, prefixed(vip6+"/128")) },
			want:   [2]State{Standby, Relaying},
		},
		{name: "a link-local one that is not there", active: Active{Addrs: []netip.Addr{addr(vll)}}, want: [2]State{Standby, Standby}},
		{
			name: "a link-local one of another link", active: Active{Addrs: []netip.Addr{addr(vll)}},
			change: func(h []giaddr.Link) { h[1].Addrs = append(h[1].Addrs, prefixed(vll+"/64")) },
			want:   [2]State{Standby, Standby},
		},
		{
			name: "a link-local one of the link", active: Active{Addrs: []netip.Addr{addr(vll)}},
			change: func(h []giaddr.Link) { h[0].Addrs = append(h[0].Addrs, prefixed(vll+"/64")) },
		},
		{
			name: "a link-local one of a macvlan of the link", active: Active{Addrs: []netip.Addr{addr(vll)}},
			extra: []giaddr.Link{{Index: 30, Name: "vrrp.51", Kind: "macvlan", Type: 1, Lower: 2, Up: true, Addrs: []giaddr.Addr{prefixed(vll + "/64")}}},
		},
		{
			name: "both of macvlans without carrier", active: Active{Addrs: []netip.Addr{addr(vip4), addr(vll)}},
			extra: []giaddr.Link{
				{Index: 30, Name: "vrrp4-2-51", Kind: "macvlan", Type: 1, Lower: 2, Addrs: []giaddr.Addr{prefixed(vip4 + "/24")}},
				{Index: 31, Name: "vrrp6-2-51", Kind: "macvlan", Type: 1, Lower: 2, Addrs: []giaddr.Addr{prefixed(vll + "/64")}},
			},
			want: [2]State{Standby, Standby},
		},
		{
			name: "of a macvlan with carrier and of one without", active: Active{Addrs: []netip.Addr{addr(vip4), addr(vll)}},
			extra: []giaddr.Link{
				{Index: 30, Name: "vrrp4-2-51", Kind: "macvlan", Type: 1, Lower: 2, Up: true, Addrs: []giaddr.Addr{prefixed(vip4 + "/24")}},
				{Index: 31, Name: "vrrp6-2-51", Kind: "macvlan", Type: 1, Lower: 2, Addrs: []giaddr.Addr{prefixed(vll + "/64")}},
			},
			want: [2]State{Relaying, Standby},
		},
		{
			name: "a duplicate", active: Active{Addrs: []netip.Addr{addr(vip6)}},
			change: func(h []giaddr.Link) {
				h[0].Addrs = append(h[0].Addrs, giaddr.Addr{Prefix: netip.MustParsePrefix(vip6 + "/128"), Duplicate: true})
			},
			want: [2]State{Standby, Standby},
		},
		{name: "a file that says so", active: Active{File: "/run/x"}, held: map[string]bool{"/run/x": true}},
		{name: "a file that does not", active: Active{File: "/run/x"}, held: map[string]bool{"/run/x": false}, want: [2]State{Standby, Standby}},
		{
			name: "a link that is down", active: Active{File: "/run/x"},
			change: func(h []giaddr.Link) { h[0].Up = false },
			want:   [2]State{Down, Down},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			host := testHost6()
			host[0].Addrs = append(host[0].Addrs, prefixed("192.0.2.1/24"))
			if tc.change != nil {
				tc.change(host)
			}
			p := testPolicy6()
			p.Servers = append(p.Servers, Server{Addr: server})
			p.Interfaces = p.Interfaces[:1]
			in := &p.Interfaces[0]
			in.Name, in.Servers, in.Active = "d0", []int{0, 2}, tc.active
			in.V4 = Interface4{Common: Common{HopLimit: 4, SourcePort: 67}, Bootp: true}
			p.Held = tc.held
			s, ps := Compile(*p, append(host, tc.extra...))
			l := s.Link(2)
			if got := [2]State{l.Side[0].State, l.Side[1].State}; got != tc.want {
				t.Fatalf("states %v, want %v (%v)", got, tc.want, l.Side[0].Problem)
			}
			if len(ps) > 0 {
				t.Errorf("problems:\n%s", problemsOf(ps))
			}
			if tc.want[dhcp.V4] == Down {
				return
			}
			want4, want6 := Relayed, Relayed
			if tc.want[dhcp.V4] == Standby {
				want4 = OnStandby
			}
			if tc.want[dhcp.V6] == Standby {
				want6 = OnStandby
			}
			if v := play4(s, testMessage(bootp.Request, bootp.Discover, netip.Addr{}), 2, "0.0.0.0:68", "255.255.255.255"); v.Reason != want4 {
				t.Errorf("a request: %v, want %v", v.Reason, want4)
			}
			b := &Buf{Store: append(make([]byte, Headroom, Headroom+1024), 1, 0, 0, 1), Off: Headroom, Len: 4}
			b.Store = b.Store[:cap(b.Store)]
			if v := s.Relay6(b, Ingress{Link: 2, Src: netip.MustParseAddrPort("[fe80::c]:546"), Dst: addr("ff02::1:2")}); v.Reason != want6 {
				t.Errorf("a request by DHCPv6: %v, want %v", v.Reason, want6)
			}
			if v := play4(s, testMessage(bootp.Reply, bootp.Offer, addr("192.0.2.1")), 4, server.String(), "192.0.2.1"); v.Reason != Relayed {
				t.Errorf("a reply: %v", v.Reason)
			}
		})
	}
}

func prefixed(s string) giaddr.Addr { return giaddr.Addr{Prefix: netip.MustParsePrefix(s)} }
