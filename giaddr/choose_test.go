package giaddr_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"dhcp-relay/giaddr"
)

var compare = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

var comparePrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// addrs makes addresses of "address/length" and the words that follow it.
func addrs(t testing.TB, list ...string) []giaddr.Addr {
	t.Helper()
	var all []giaddr.Addr
	for _, s := range list {
		switch s {
		case "secondary":
			all[len(all)-1].Secondary = true
		case "tentative":
			all[len(all)-1].Tentative = true
		case "duplicate":
			all[len(all)-1].Duplicate = true
		case "deprecated":
			all[len(all)-1].Deprecated = true
		case "temporary":
			all[len(all)-1].Temporary = true
		default:
			p, err := netip.ParsePrefix(s)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, giaddr.Addr{Prefix: p})
		}
	}
	return all
}

// choices makes choices of pairs of address and subnet.
func choices(list ...string) []giaddr.Choice {
	var all []giaddr.Choice
	for c := range slices.Chunk(list, 2) {
		all = append(all, giaddr.Choice{Addr: netip.MustParseAddr(c[0]), Subnet: netip.MustParsePrefix(c[1])})
	}
	return all
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"vlan10", "vlan10", true},
		{"vlan10", "vlan100", false},
		{"vlan10", "", false},
		{"", "", true},
		{"vlan*", "vlan10", true},
		{"vlan*", "vlan", true},
		{"vlan*", "eth0.10", false},
		{"eth0.?", "eth0.7", true},
		{"eth0.?", "eth0.70", false},
		{"eth[0-3]", "eth2", true},
		{"eth[0-3]", "eth[0-3]", false},
		{`eth\*`, "eth*", true},
		{"eth[", "eth[", false},
		{"eth]", "eth]", true},
		{"*", "br-lan", true},
	}
	for _, tt := range tests {
		t.Run(tt.pattern+" "+tt.name, func(t *testing.T) {
			t.Parallel()
			if got := giaddr.Match(tt.pattern, tt.name); got != tt.want {
				t.Errorf("Match(%q, %q) = %t, want %t", tt.pattern, tt.name, got, tt.want)
			}
		})
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("vlan*", "vlan10")
	f.Add("eth[", "eth[")
	f.Add(`\`, `\`)
	f.Fuzz(func(t *testing.T, pattern, name string) {
		plain := !slices.ContainsFunc([]byte(pattern), func(b byte) bool {
			return b == '*' || b == '?' || b == '[' || b == '\\'
		})
		if got := giaddr.Match(pattern, name); plain && got != (pattern == name) {
			t.Errorf("Match(%q, %q) = %t", pattern, name, got)
		}
	})
}

// An octet that is often the edge of a subnet or of a range of addresses.
var octet = rapid.SampledFrom([]byte{0, 1, 2, 3, 10, 63, 64, 127, 128, 169, 192, 223, 224, 254, 255})

func drawPrefix(t *rapid.T) netip.Prefix {
	if rapid.Bool().Draw(t, "v4") {
		ip := netip.AddrFrom4([4]byte{
			rapid.SampledFrom([]byte{0, 10, 10, 10, 127, 169, 192, 224, 255}).Draw(t, "first"),
			rapid.SampledFrom([]byte{0, 254, 255}).Draw(t, "second"),
			rapid.SampledFrom([]byte{0, 1}).Draw(t, "third"),
			octet.Draw(t, "last"),
		})
		return netip.PrefixFrom(ip, rapid.SampledFrom([]int{0, 8, 16, 24, 25, 30, 31, 32}).Draw(t, "bits"))
	}
	ip := rapid.SampledFrom([][16]byte{
		{0x20, 0x01, 0x0d, 0xb8}, {0x20, 0x01, 0x0d, 0xb8, 0, 1}, {0xfd, 1}, {0xfe, 0x80}, {0xff, 0x02}, {}, {10: 0xff, 11: 0xff},
	}).Draw(t, "start")
	ip[15] = octet.Draw(t, "last")
	return netip.PrefixFrom(netip.AddrFrom16(ip), rapid.SampledFrom([]int{0, 10, 48, 64, 126, 127, 128}).Draw(t, "bits"))
}

func drawAddr(t *rapid.T) giaddr.Addr {
	return giaddr.Addr{
		Prefix:     drawPrefix(t),
		Secondary:  rapid.Bool().Draw(t, "secondary"),
		Tentative:  rapid.Bool().Draw(t, "tentative"),
		Duplicate:  rapid.Bool().Draw(t, "duplicate"),
		Deprecated: rapid.Bool().Draw(t, "deprecated"),
		Temporary:  rapid.Bool().Draw(t, "temporary"),
	}
}

func drawRule(t *rapid.T) giaddr.Rule {
	return giaddr.Rule{
		Kind:   giaddr.Kind(rapid.IntRange(0, 5).Draw(t, "kind")),
		Prefix: drawPrefix(t).Masked(),
		Addr:   drawPrefix(t).Addr(),
		Link:   rapid.SampledFrom([]string{"", "l0", "l1", "l2", "l9"}).Draw(t, "lender"),
	}
}

func drawHost(t *rapid.T) []giaddr.Link {
	host := make([]giaddr.Link, rapid.IntRange(1, 3).Draw(t, "links"))
	for i := range host {
		host[i] = giaddr.Link{
			Index: i + 1,
			Name:  "l" + string(rune('0'+i)),
			VRF:   rapid.IntRange(0, 1).Draw(t, "vrf"),
			Addrs: rapid.SliceOfNDistinct(rapid.Custom(drawAddr), 0, 6, func(a giaddr.Addr) netip.Prefix { return a.Prefix }).Draw(t, "addrs"),
		}
	}
	return host
}

// chooseProperty holds what is true of every choice, whatever the host.
func chooseProperty(t *rapid.T) {
	host, rule := drawHost(t), drawRule(t)
	for _, choose := range []func(giaddr.Rule, *giaddr.Link, []giaddr.Link) ([]giaddr.Choice, error){giaddr.Choose4, giaddr.Choose6} {
		got, err := choose(rule, &host[0], host)
		if (err == nil) != (len(got) > 0) {
			t.Fatalf("choices %v with error %v", got, err)
		}
		for _, c := range got {
			checkChoice(t, rule, c, host)
		}

		other := slices.Clone(host)
		for i := range other {
			other[i].Addrs = rapid.Permutation(host[i].Addrs).Draw(t, "order")
		}
		l := &other[0]
		other = rapid.Permutation(other).Draw(t, "links in order")
		again, againErr := choose(rule, l, other)
		if diff := cmp.Diff(got, again, compare, comparePrefix); diff != "" {
			t.Fatalf("another order, another choice (-first +second):\n%s", diff)
		}
		if (err == nil) != (againErr == nil) || err != nil && err.Error() != againErr.Error() {
			t.Fatalf("another order, another error: %v, %v", err, againErr)
		}
	}
}

func checkChoice(t *rapid.T, rule giaddr.Rule, c giaddr.Choice, host []giaddr.Link) {
	if c.Addr.IsMulticast() || c.Addr.IsLoopback() || c.Addr.IsUnspecified() || c.Addr.Is4In6() {
		t.Fatalf("%s chosen", c.Addr)
	}
	if c.Addr.Is6() && c.Addr.IsLinkLocalUnicast() && rule.Kind != giaddr.LinkLocal {
		t.Fatalf("%s chosen by %s", c.Addr, rule)
	}
	if !c.Subnet.IsValid() || c.Subnet != c.Subnet.Masked() {
		t.Fatalf("subnet %s", c.Subnet)
	}
	held := slices.ContainsFunc(host, func(l giaddr.Link) bool {
		return slices.ContainsFunc(l.Addrs, func(a giaddr.Addr) bool {
			return a.Prefix.Addr() == c.Addr && (c.Addr.Is4() || !a.Duplicate)
		})
	})
	// R9915-15: a link-address that is given may be no address of this host.
	if !held && (c.Addr.Is4() || rule.Kind != giaddr.Given) {
		t.Fatalf("%s is of no link", c.Addr)
	}
	for _, a := range host[0].Addrs {
		if c.Addr.Is4() && c.Addr == giaddr.Broadcast(a.Prefix) {
			t.Fatalf("%s is the broadcast address of %s", c.Addr, a.Prefix)
		}
	}
}

func TestR1542_14_order_does_not_matter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, chooseProperty)
}

func FuzzChoose(f *testing.F) { f.Fuzz(rapid.MakeFuzz(chooseProperty)) }

func TestConcernedLinksSuffice(t *testing.T) {
	t.Parallel()
	host := []giaddr.Link{
		{Index: 1, Name: "lo", Addrs: addrs(t, "10.255.0.1/32", "2001:db8:f::1/128")},
		{Index: 2, Name: "vlan10", Addrs: addrs(t, "10.1.0.1/24", "2001:db8:1::1/64")},
		{Index: 3, Name: "vlan20", VRF: 9, Addrs: addrs(t, "10.1.0.1/16")},
		{Index: 4, Name: "vlan30"},
	}
	rules := []giaddr.Rule{
		{},
		{Kind: giaddr.InPrefix, Prefix: netip.MustParsePrefix("10.1.0.0/16")},
		{Kind: giaddr.Borrowed, Link: "lo"},
		{Kind: giaddr.Borrowed, Link: "nowhere"},
	}
	for _, a := range []string{"10.255.0.1", "10.1.0.1", "10.1.0.255", "10.1.9.9", "2001:db8:f::1", "2001:db8:1::1"} {
		rules = append(rules, giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr(a)})
	}
	for _, r := range rules {
		some := r.Concerned(host)
		if len(some) > 2 {
			t.Errorf("%v: %d links of %d", r, len(some), len(host))
		}
		for i := range host {
			for name, choose := range map[string]func(giaddr.Rule, *giaddr.Link, []giaddr.Link) ([]giaddr.Choice, error){
				"v4": giaddr.Choose4, "v6": giaddr.Choose6,
			} {
				want, wantErr := choose(r, &host[i], host)
				got, err := choose(r, &host[i], some)
				if diff := cmp.Diff(want, got, compare, comparePrefix); diff != "" {
					t.Errorf("%v, %s, %s (-want +got):\n%s", r, host[i].Name, name, diff)
				}
				if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
					t.Errorf("%v, %s, %s: error %v, want %v", r, host[i].Name, name, err, wantErr)
				}
			}
		}
	}
}
