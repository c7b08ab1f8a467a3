package giaddr_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr"
)

func TestChoose4(t *testing.T) {
	t.Parallel()
	within := func(s string) giaddr.Rule {
		return giaddr.Rule{Kind: giaddr.InPrefix, Prefix: netip.MustParsePrefix(s)}
	}
	given := func(s string) giaddr.Rule {
		return giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr(s)}
	}
	borrowed := func(s string) giaddr.Rule { return giaddr.Rule{Kind: giaddr.Borrowed, Link: s} }
	lo := giaddr.Link{Index: 1, Name: "lo", Loopback: true, Addrs: addrs(t, "127.0.0.1/8", "10.255.0.1/32", "192.0.2.255/32")}
	up := giaddr.Link{Index: 2, Name: "up0", Addrs: addrs(t, "203.0.113.1/24", "10.255.1.1/32")}
	red := giaddr.Link{Index: 3, Name: "red0", VRF: 9, Addrs: addrs(t, "10.255.1.1/29", "10.255.2.255/32", "10.255.0.254/31")}
	blue := giaddr.Link{Index: 4, Name: "blue0", VRF: 8, Addrs: addrs(t, "10.255.2.1/24")}
	bare := giaddr.Link{Index: 5, Name: "bare0"}
	host := []giaddr.Link{lo, up, red, blue, bare}

	tests := []struct {
		name  string
		rule  giaddr.Rule
		vrf   int
		addrs []string
		want  []giaddr.Choice
		err   error
	}{
		{
			name:  "R1542-13 the link's only address",
			addrs: []string{"192.0.2.1/24", "2001:db8::1/64"},
			want:  choices("192.0.2.1", "192.0.2.0/24"),
		},
		{
			name:  "R1542-14 of two subnets the lowest, whatever the order",
			addrs: []string{"198.18.0.1/24", "192.0.2.1/24"},
			want:  choices("192.0.2.1", "192.0.2.0/24", "198.18.0.1", "198.18.0.0/24"),
		},
		{
			name:  "R1542-14 a preferred address before a deprecated one",
			addrs: []string{"10.0.0.9/24", "deprecated", "192.168.1.1/24", "192.168.2.1/24", "secondary"},
			want:  choices("192.168.1.1", "192.168.1.0/24", "192.168.2.1", "192.168.2.0/24", "10.0.0.9", "10.0.0.0/24"),
		},
		{
			name:  "a deprecated address alone",
			addrs: []string{"10.0.0.9/24", "deprecated"},
			want:  choices("10.0.0.9", "10.0.0.0/24"),
		},
		{
			name:  "R1542-14 the kernel's primary before a lower secondary",
			addrs: []string{"192.0.2.9/24", "192.0.2.1/24", "secondary"},
			want:  choices("192.0.2.9", "192.0.2.0/24"),
		},
		{
			name:  "numeric order is not textual order",
			addrs: []string{"10.0.10.1/24", "10.0.9.1/24"},
			want:  choices("10.0.9.1", "10.0.9.0/24", "10.0.10.1", "10.0.10.0/24"),
		},
		{
			name:  "a subnet before a host route",
			addrs: []string{"10.0.0.1/32", "192.0.2.1/24"},
			want:  choices("192.0.2.1", "192.0.2.0/24", "10.0.0.1", "10.0.0.1/32"),
		},
		{
			name:  "a VRRP address is no further subnet",
			addrs: []string{"192.0.2.254/32", "192.0.2.2/24"},
			want:  choices("192.0.2.2", "192.0.2.0/24"),
		},
		{
			name:  "one address in two subnets is one choice",
			addrs: []string{"10.0.0.1/24", "10.0.0.1/16"},
			want:  choices("10.0.0.1", "10.0.0.0/16"),
		},
		{
			name:  "nested subnets are two choices",
			addrs: []string{"10.0.0.1/16", "10.0.1.1/24"},
			want:  choices("10.0.0.1", "10.0.0.0/16", "10.0.1.1", "10.0.1.0/24"),
		},
		{
			name:  "R1542-16 /31 has no broadcast address",
			addrs: []string{"192.0.2.255/31"},
			want:  choices("192.0.2.255", "192.0.2.254/31"),
		},
		{
			name:  "R1542-16 /31 may use the even address",
			addrs: []string{"192.0.2.0/31"},
			want:  choices("192.0.2.0", "192.0.2.0/31"),
		},
		{
			name:  "R1542-16 /32 is used as it is",
			addrs: []string{"192.0.2.0/32"},
			want:  choices("192.0.2.0", "192.0.2.0/32"),
		},
		{
			name:  "R1542-16 a broadcast address is passed over",
			addrs: []string{"10.0.0.255/24", "192.0.2.1/24"},
			want:  choices("192.0.2.1", "192.0.2.0/24"),
		},
		{
			name:  "R1542-16 a subnet's number is passed over",
			addrs: []string{"10.0.0.4/30", "192.0.2.1/24"},
			want:  choices("192.0.2.1", "192.0.2.0/24"),
		},
		{
			name:  "R1542-16 a host route on the broadcast address of another subnet",
			addrs: []string{"192.0.2.255/32", "192.0.2.1/24"},
			want:  choices("192.0.2.1", "192.0.2.0/24"),
		},
		{name: "R1542-16 nothing but a broadcast address", addrs: []string{"10.0.0.3/30"}, err: giaddr.ErrNoAddress},
		{
			name:  "link-local only when nothing else",
			addrs: []string{"169.254.7.7/16", "192.0.2.1/24", "secondary"},
			want:  choices("192.0.2.1", "192.0.2.0/24"),
		},
		{
			name:  "link-local and nothing else",
			addrs: []string{"169.254.7.7/16"},
			want:  choices("169.254.7.7", "169.254.0.0/16"),
		},
		{name: "no address", err: giaddr.ErrNoAddress},
		{name: "only IPv6", addrs: []string{"2001:db8::1/64"}, err: giaddr.ErrNoAddress},
		{
			name:  "only addresses that nobody can reach",
			addrs: []string{"127.0.0.2/8", "0.0.0.1/8", "224.0.0.1/32", "240.0.0.1/32", "255.255.255.255/32"},
			err:   giaddr.ErrNoAddress,
		},
		{name: "IPv4-mapped", addrs: []string{"::ffff:192.0.2.1/120"}, err: giaddr.ErrNoAddress},
		{
			name:  "prefix narrows the choice",
			rule:  within("198.18.0.0/15"),
			addrs: []string{"192.0.2.1/24", "198.19.0.1/24", "198.18.0.1/24"},
			want:  choices("198.18.0.1", "198.18.0.0/24", "198.19.0.1", "198.19.0.0/24"),
		},
		{
			name:  "prefix asks for link-local",
			rule:  within("169.254.0.0/16"),
			addrs: []string{"192.0.2.1/24", "169.254.7.7/16"},
			want:  choices("169.254.7.7", "169.254.0.0/16"),
		},
		{name: "prefix of everything", rule: within("0.0.0.0/0"), addrs: []string{"192.0.2.1/24"}, want: choices("192.0.2.1", "192.0.2.0/24")},
		{name: "prefix without an address", rule: within("10.0.0.0/8"), addrs: []string{"192.0.2.1/24"}, err: giaddr.ErrNotInPrefix},
		{name: "prefix, and no address at all", rule: within("10.0.0.0/8"), err: giaddr.ErrNoAddress},
		{name: "prefix of the other family", rule: within("2001:db8::/32"), addrs: []string{"192.0.2.1/24"}, err: giaddr.ErrInvalidRule},
		{name: "no prefix", rule: giaddr.Rule{Kind: giaddr.InPrefix}, addrs: []string{"192.0.2.1/24"}, err: giaddr.ErrInvalidRule},
		{
			name:  "given, of another link",
			rule:  given("10.255.0.1"),
			addrs: []string{"192.0.2.1/24"},
			want:  choices("10.255.0.1", "192.0.2.0/24"),
		},
		{name: "given, and the link has no address", rule: given("203.0.113.1"), want: choices("203.0.113.1", "203.0.113.0/24")},
		{
			name:  "given, and the link has only link-local",
			rule:  given("203.0.113.1"),
			addrs: []string{"169.254.7.7/16"},
			want:  choices("203.0.113.1", "203.0.113.0/24"),
		},
		{
			name:  "given, the link's own in its second subnet",
			rule:  given("198.18.0.1"),
			addrs: []string{"192.0.2.1/24", "198.18.0.1/24"},
			want:  choices("198.18.0.1", "198.18.0.0/24"),
		},
		{name: "given, in two VRFs, the default one", rule: given("10.255.1.1"), want: choices("10.255.1.1", "10.255.1.1/32")},
		{name: "given, in two VRFs, the link's own", rule: given("10.255.1.1"), vrf: 9, want: choices("10.255.1.1", "10.255.1.0/29")},
		{name: "given, a broadcast address in another VRF only", rule: given("10.255.2.255"), vrf: 9, want: choices("10.255.2.255", "10.255.2.255/32")},
		{name: "given, of no link", rule: given("192.0.2.7"), addrs: []string{"192.0.2.1/24"}, err: giaddr.ErrNotOnHost},
		{name: "given, the odd end of a /31", rule: given("10.255.0.255"), err: giaddr.ErrNotOnHost},
		{
			name:  "R1542-16 given, the broadcast address of the link",
			rule:  given("192.0.2.255"),
			addrs: []string{"192.0.2.1/24"},
			err:   giaddr.ErrBroadcast,
		},
		{name: "R1542-16 given, the number of the link's subnet", rule: given("192.0.2.0"), addrs: []string{"192.0.2.1/24"}, err: giaddr.ErrBroadcast},
		{name: "R1542-16 given, the broadcast address of another link", rule: given("203.0.113.255"), err: giaddr.ErrBroadcast},
		{name: "given, loopback", rule: given("127.0.0.1"), err: giaddr.ErrInvalidRule},
		{name: "given, multicast", rule: given("224.0.0.1"), err: giaddr.ErrInvalidRule},
		{name: "given, the other family", rule: given("2001:db8::1"), err: giaddr.ErrInvalidRule},
		{name: "given, nothing", rule: giaddr.Rule{Kind: giaddr.Given}, err: giaddr.ErrInvalidRule},
		{
			name:  "borrowed",
			rule:  borrowed("up0"),
			addrs: []string{"192.0.2.1/24", "198.18.0.1/24"},
			want:  choices("203.0.113.1", "192.0.2.0/24"),
		},
		{name: "borrowed from a loopback, unnumbered link", rule: borrowed("lo"), want: choices("10.255.0.1", "10.255.0.1/32")},
		{name: "borrowed from a link without addresses", rule: borrowed("bare0"), addrs: []string{"192.0.2.1/24"}, err: giaddr.ErrNoAddress},
		{name: "borrowed from no link", rule: borrowed("lo9"), addrs: []string{"192.0.2.1/24"}, err: giaddr.ErrNoSuchLink},
		{name: "an unknown kind", rule: giaddr.Rule{Kind: 9}, addrs: []string{"192.0.2.1/24"}, err: giaddr.ErrInvalidRule},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := giaddr.Link{Index: 7, Name: "vlan10", VRF: tt.vrf, Addrs: addrs(t, tt.addrs...)}
			got, err := giaddr.Choose4(tt.rule, &l, append([]giaddr.Link{l}, host...))
			if !errors.Is(err, tt.err) {
				t.Fatalf("error %v, want %v", err, tt.err)
			}
			if err != nil && strings.Contains(err.Error(), "vlan10") {
				t.Errorf("error %q names the link, as whoever tells of it does, too", err)
			}
			if diff := cmp.Diff(tt.want, got, compare, comparePrefix); diff != "" {
				t.Errorf("choices (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChoose4BorrowedBroadcast(t *testing.T) {
	t.Parallel()
	lo := giaddr.Link{Index: 1, Name: "lo", Addrs: addrs(t, "192.0.2.255/32")}
	l := giaddr.Link{Index: 2, Name: "vlan10", Addrs: addrs(t, "192.0.2.1/24")}
	_, err := giaddr.Choose4(giaddr.Rule{Kind: giaddr.Borrowed, Link: "lo"}, &l, []giaddr.Link{lo, l})
	if !errors.Is(err, giaddr.ErrBroadcast) {
		t.Errorf("R1542-16: error %v, want %v", err, giaddr.ErrBroadcast)
	}
}

func TestBroadcast(t *testing.T) {
	t.Parallel()
	for subnet, want := range map[string]string{
		"192.0.2.1/24":   "192.0.2.255",
		"192.0.2.5/30":   "192.0.2.7",
		"10.1.2.3/8":     "10.255.255.255",
		"0.0.0.0/0":      "255.255.255.255",
		"172.16.33.1/20": "172.16.47.255",
	} {
		if got := giaddr.Broadcast(netip.MustParsePrefix(subnet)); got != netip.MustParseAddr(want) {
			t.Errorf("Broadcast(%s) = %s, want %s", subnet, got, want)
		}
	}
	for _, none := range []string{"192.0.2.0/31", "192.0.2.1/32", "2001:db8::/64", "::ffff:192.0.2.0/120"} {
		if got := giaddr.Broadcast(netip.MustParsePrefix(none)); got.IsValid() {
			t.Errorf("Broadcast(%s) = %s, want none", none, got)
		}
	}
	if got := giaddr.Broadcast(netip.Prefix{}); got.IsValid() {
		t.Errorf("Broadcast of no prefix = %s", got)
	}
}

// BenchmarkChoose4 chooses for one link of a host with 4,000.
func BenchmarkChoose4(b *testing.B) {
	host := []giaddr.Link{{Index: 1, Name: "lo", Addrs: addrs(b, "127.0.0.1/8", "10.255.0.1/32")}}
	for i := range 4000 {
		host = append(host, giaddr.Link{
			Index: i + 2,
			Name:  fmt.Sprintf("vlan%d", i),
			Addrs: addrs(b, fmt.Sprintf("10.%d.%d.1/24", i/250, i%250), fmt.Sprintf("fe80::%x/64", i+1)),
		})
	}
	for _, rule := range []giaddr.Rule{
		{},
		{Kind: giaddr.Given, Addr: netip.MustParseAddr("10.255.0.1")},
		{Kind: giaddr.Borrowed, Link: "lo"},
	} {
		b.Run(rule.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := giaddr.Choose4(rule, &host[2000], host); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
