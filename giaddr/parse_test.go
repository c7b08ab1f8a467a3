package giaddr

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRule4(t *testing.T) {
	t.Parallel()
	tests := []ruleTest{
		{name: "primary", in: "primary"},
		{name: "address", in: "192.0.2.1", want: Rule{Kind: Given, Addr: netip.MustParseAddr("192.0.2.1")}},
		{name: "prefix", in: "192.0.2.0/24", want: Rule{Kind: InPrefix, Prefix: netip.MustParsePrefix("192.0.2.0/24")}},
		{name: "interface", in: "lo", want: Rule{Kind: Borrowed, Link: "lo"}},
		{name: "VLAN interface", in: "eth0.10", want: Rule{Kind: Borrowed, Link: "eth0.10"}},
		{name: "nothing", in: "", err: `"" is neither "primary" nor an IPv4 address, a prefix such as "192.0.2.0/24" or the name of an interface`},
		{name: "alternative name", in: "a234567890123456", want: Rule{Kind: Borrowed, Link: "a234567890123456"}},
		{name: "name of 128 octets", in: "a1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567", err: `"a1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567" is neither "primary" nor an IPv4 address, a prefix such as "192.0.2.0/24" or the name of an interface`},
		{name: "primary misspelt", in: "Primary", err: `"Primary" is no rule; write "primary"`},
		{name: "three octets", in: "192.0.2", err: `"192.0.2" is no IPv4 address`},
		{name: "octet above 255", in: "192.0.2.256", err: `"192.0.2.256" is no IPv4 address`},
		{name: "IPv6 address", in: "2001:db8::1", err: `2001:db8::1 is no IPv4 address, and giaddr holds one`},
		{name: "mapped address", in: "::ffff:192.0.2.1", err: `::ffff:192.0.2.1 is no IPv4 address, and giaddr holds one`},
		{name: "IPv6 prefix", in: "2001:db8::/32", err: `2001:db8::/32 is no IPv4 prefix, and giaddr holds an IPv4 address`},
		{name: "no prefix", in: "lo/24", err: `"lo/24" is no prefix; write one such as "192.0.2.0/24"`},
		{name: "prefix with host bits", in: "192.0.2.1/24", err: `192.0.2.1/24 has bits beyond its length; write "192.0.2.0/24" for the prefix or "192.0.2.1" for the address`},
		{name: "R1542-16 broadcast", in: "255.255.255.255", err: `255.255.255.255 is no address that a host can have, and giaddr must be one (RFC 1542, section 4.1.1)`},
		{name: "unspecified", in: "0.0.0.0", err: `0.0.0.0 is no address that a host can have, and giaddr must be one (RFC 1542, section 4.1.1)`},
		{name: "loopback", in: "127.0.0.1", err: `127.0.0.1 is no address that a host can have, and giaddr must be one (RFC 1542, section 4.1.1)`},
		{name: "multicast", in: "224.0.0.12", err: `224.0.0.12 is no address that a host can have, and giaddr must be one (RFC 1542, section 4.1.1)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.check(t, ParseRule4) })
	}
}

func TestParseRule6(t *testing.T) {
	t.Parallel()
	tests := []ruleTest{
		{name: "primary", in: "primary"},
		{name: "global address", in: "2001:db8:1::1", want: Rule{Kind: Given, Addr: netip.MustParseAddr("2001:db8:1::1")}},
		{name: "unique-local address", in: "fd00::1", want: Rule{Kind: Given, Addr: netip.MustParseAddr("fd00::1")}},
		{name: "prefix", in: "2001:db8:1::/64", want: Rule{Kind: InPrefix, Prefix: netip.MustParsePrefix("2001:db8:1::/64")}},
		{name: "interface", in: "lo", want: Rule{Kind: Borrowed, Link: "lo"}},
		{name: "R9915-16 the rule of that name", in: "link-local", want: Rule{Kind: LinkLocal}},
		{name: "link-local misspelt", in: "link_local", err: `"link_local" is no rule; write "link-local"`},
		{name: "interface with a name of hexadecimal digits", in: "fe80", want: Rule{Kind: Borrowed, Link: "fe80"}},
		{name: "nothing", in: "", err: `"" is neither "primary" nor an IPv6 address, a prefix such as "2001:db8:1::/64" or the name of an interface`},
		{name: "primary misspelt", in: "Primary", err: `"Primary" is no rule; write "primary"`},
		{name: "two gaps", in: "2001::1::2", err: `"2001::1::2" is no IPv6 address`},
		{name: "IPv4 address", in: "192.0.2.1", err: `192.0.2.1 is no IPv6 address, and link-address holds one`},
		{name: "mapped address", in: "::ffff:192.0.2.1", err: `::ffff:192.0.2.1 is no IPv6 address, and link-address holds one`},
		{name: "IPv4 prefix", in: "192.0.2.0/24", err: `192.0.2.0/24 is no IPv6 prefix, and link-address holds an IPv6 address`},
		{name: "prefix with host bits", in: "2001:db8::1/64", err: `2001:db8::1/64 has bits beyond its length; write "2001:db8::/64" for the prefix or "2001:db8::1" for the address`},
		{name: "R9915-16 link-local", in: "fe80::1", err: `fe80::1 is no global or unique-local address, and link-address must be one (RFC 9915, section 19.1.1)`},
		{name: "with a zone", in: "2001:db8::1%eth0", err: `2001:db8::1%eth0 is no global or unique-local address, and link-address must be one (RFC 9915, section 19.1.1)`},
		{name: "loopback", in: "::1", err: `::1 is no global or unique-local address, and link-address must be one (RFC 9915, section 19.1.1)`},
		{name: "multicast", in: "ff05::1:3", err: `ff05::1:3 is no global or unique-local address, and link-address must be one (RFC 9915, section 19.1.1)`},
		{name: "unspecified", in: "::", err: `:: is no global or unique-local address, and link-address must be one (RFC 9915, section 19.1.1)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.check(t, ParseRule6) })
	}
}

// A ruleTest is a text with the rule or the error that it gives.
type ruleTest struct {
	name, in string
	want     Rule
	err      string
}

func (tt *ruleTest) check(t *testing.T, parse func(string) (Rule, error)) {
	t.Helper()
	t.Parallel()
	got, err := parse(tt.in)
	if tt.err != "" {
		if err == nil {
			t.Fatalf("want an error, got %+v", got)
		}
		if diff := cmp.Diff(tt.err, err.Error()); diff != "" {
			t.Errorf("error (-want +got):\n%s", diff)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b Rule) bool { return a == b })); diff != "" {
		t.Errorf("rule (-want +got):\n%s", diff)
	}
	if got.String() != tt.in {
		t.Errorf("String: want %q, got %q", tt.in, got.String())
	}
}

func TestValidName(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want bool
	}{
		{"eth0", true},
		{"eth0@x", true},
		{"ü", true},
		{"a23456789012345", true},
		{"a234567890123456", false},
		{"", false},
		{".", false},
		{"..", false},
		{"eth0:1", false},
		{"a/b", false},
		{"a b", false},
		{"a\n", false},
		{"\xc3\xa0", false}, // the second octet is white space to the kernel
	}
	for _, tt := range tests {
		if got := ValidName(tt.in); got != tt.want {
			t.Errorf("%q: want %v, got %v", tt.in, tt.want, got)
		}
	}
}

func FuzzParseRule4(f *testing.F) {
	for _, s := range []string{"primary", "192.0.2.1", "192.0.2.0/24", "lo", "2001:db8::/32", "1.2.3.4/33", "/", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRule4(s)
		if err != nil {
			return
		}
		again, err := ParseRule4(r.String())
		if err != nil || again != r {
			t.Fatalf("%q gave %+v, which gives %+v, %v", s, r, again, err)
		}
	})
}
