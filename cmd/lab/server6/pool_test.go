package server6

import (
	"net/netip"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/server"
)

func TestPick(t *testing.T) {
	now := time.Unix(1000, 0)
	sub := &Subnet{
		Prefix: netip.MustParsePrefix("2001:db8:1::/64"), First: netip.MustParseAddr("2001:db8:1::1"), Last: netip.MustParseAddr("2001:db8:1::2"),
		Delegated: netip.MustParsePrefix("2001:db8:100::/55"), Bits: 56,
	}
	p := pool{leases: map[netip.Prefix]*Lease{}}
	hold := func(a ia, prefix string, st server.State) {
		x := netip.MustParsePrefix(prefix)
		p.leases[x] = &Lease{Prefix: x, State: st, Client: []byte(a.client), IAID: a.id, Until: now.Add(time.Hour)}
	}
	one, two, three := ia{client: "one"}, ia{client: "two"}, ia{client: "three"}
	delegated := ia{client: "one", prefix: true}
	for _, tt := range []struct {
		name string
		ia   ia
		wish string
		want string // "" for nothing
	}{
		{"the lowest", one, "", "2001:db8:1::1/128"},
		{"what it has", one, "2001:db8:1::2/128", "2001:db8:1::1/128"},
		{"what it wishes", two, "2001:db8:1::2/128", "2001:db8:1::2/128"},
		{"nothing is left", three, "", ""},
		{"a prefix beside the address", delegated, "", "2001:db8:100::/56"},
		{"the next prefix", ia{client: "two", prefix: true}, "2001:db8:100::/56", "2001:db8:100:100::/56"},
		{"no prefix is left", ia{client: "three", prefix: true}, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var wish netip.Prefix
			if tt.wish != "" {
				wish = netip.MustParsePrefix(tt.wish)
			}
			got, ok := p.pick(&tt.ia, sub, wish, now)
			if ok != (tt.want != "") || ok && got.String() != tt.want {
				t.Fatalf("got %s, %v, want %q", got, ok, tt.want)
			}
			if ok {
				hold(tt.ia, got.String(), server.Bound)
			}
		})
	}
	if got, ok := p.pick(&three, sub, netip.Prefix{}, now.Add(2*time.Hour)); !ok || got.String() != "2001:db8:1::1/128" {
		t.Errorf("after an hour: got %s, %v", got, ok)
	}
	if n := len(p.list()); n != 4 {
		t.Errorf("list: got %d leases, want 4", n)
	}
}
