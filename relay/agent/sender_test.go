package agent

import (
	"net/netip"
	"testing"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/bootp"
)

// A configured server may reply where its route leads: on a client-facing link that is
// not so, a client bears its address. Who is no server answers an open transaction, or
// is one of reply_sources.
func TestR8213_2_WhoMayReply(t *testing.T) {
	t.Parallel()
	four, six := told(bootp.Offer), answer6(id6("d0"), inner6(msg6(7)))
	for _, c := range []struct {
		name    string
		six     bool
		on      string
		from    string
		routes  func(on int) [][]int
		unasked bool
		sources string
		other   string // answers_from of a server
		want    Reason
	}{
		{name: "a server on a client link, the route leads there", six: true, on: "d1", from: server6, routes: func(on int) [][]int { return [][]int{{on}, {}} }},
		{name: "a server on a client link, the route leads elsewhere", six: true, on: "d1", from: server6, routes: func(on int) [][]int { return [][]int{{on + 1}, {on}} }, want: ReplyFromClient},
		{name: "a server on a client link, no route", six: true, on: "d1", from: server6, routes: func(int) [][]int { return [][]int{{}, {}} }, want: ReplyFromClient},
		{name: "a server on a client link of another prefix, the route is not known", six: true, on: "d1", from: server6, routes: func(int) [][]int { return make([][]int, 2) }, want: ReplyFromClient},
		{name: "a server on a trusted link, the route leads elsewhere", six: true, on: "t0", from: server6, routes: func(int) [][]int { return [][]int{{}, {}} }, want: ReplyFromClient},
		{name: "a server on the uplink, wherever the route leads", six: true, on: "u0", from: server6, routes: func(int) [][]int { return [][]int{{}, {}} }},
		{name: "a stranger that answers nothing", six: true, on: "u0", from: stranger, unasked: true, want: ReplySource},
		{name: "a stranger that answers", six: true, on: "u0", from: stranger},
		{name: "a stranger of reply_sources that answers nothing", six: true, on: "u0", from: stranger, unasked: true, sources: "2001:db8:9::/64"},
		{name: "another address of a server", six: true, on: "u0", from: stranger, unasked: true, other: "2001:db8:9::/64", sources: "2001:db8:77::/64"},
		{name: "another address of a server, on a client link", six: true, on: "d1", from: stranger, unasked: true, other: "2001:db8:9::/64", want: ReplyFromClient},
		{name: "a server that answers nothing", six: true, on: "u0", from: server6, unasked: true},
		{name: "a stranger among clients that answers", six: true, on: "d1", from: clientLL, want: ReplyFromClient},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, _ := compile6(func(p *Policy, _ []giaddr.Link) {
				if c.other != "" {
					p.AnswersFrom = []OtherAddress{{From: netip.MustParsePrefix(c.other)}}
				}
				if c.sources != "" {
					p.ReplySources = []netip.Prefix{netip.MustParsePrefix(c.sources)}
				}
			})
			as := case6{in: six, on: c.on, src: c.from}
			in := as.ingress(s)
			in.Unasked = c.unasked
			if c.routes != nil {
				in.Routes = c.routes(in.Link)
			}
			if v := s.Relay6(buf6(six), in); v.Reason != c.want {
				t.Errorf("outcome %v, want %v", v.Reason, c.want)
			}
		})
	}
	t.Run("IPv4", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			name    string
			link    int
			from    string
			routes  [][]int
			unasked bool
			want    Reason
		}{
			{"a server on a client link, the route leads there", 3, "198.51.100.10:67", [][]int{{3}}, true, Relayed},
			{"a server on a client link, the route leads elsewhere", 3, "198.51.100.10:67", [][]int{{4}}, true, ReplyFromClient},
			{"a server on the uplink", 4, "198.51.100.10:67", [][]int{{4}}, true, Relayed},
			{"a stranger that answers nothing", 4, "198.51.100.99:67", [][]int{{4}}, true, ReplySource},
			{"a stranger that answers", 4, "198.51.100.99:67", [][]int{{4}}, false, Relayed},
		} {
			p, h := testPolicy(t), testHost()
			s, _ := Compile(p, h)
			in := Ingress{Link: c.link, Src: netip.MustParseAddrPort(c.from), Dst: netip.MustParseAddr("192.0.2.1"), Routes: c.routes, Unasked: c.unasked}
			b := &Buf{Store: append(make([]byte, Headroom), four...), Off: Headroom, Len: len(four)}
			if v := s.Relay4(b, in); v.Reason != c.want {
				t.Errorf("%s: outcome %v, want %v", c.name, v.Reason, c.want)
			}
		}
	})
}
