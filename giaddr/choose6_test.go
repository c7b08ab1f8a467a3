package giaddr_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr"
)

func TestChoose6(t *testing.T) {
	t.Parallel()
	within := func(s string) giaddr.Rule {
		return giaddr.Rule{Kind: giaddr.InPrefix, Prefix: netip.MustParsePrefix(s)}
	}
	given := func(s string) giaddr.Rule {
		return giaddr.Rule{Kind: giaddr.Given, Addr: netip.MustParseAddr(s)}
	}
	lo := giaddr.Link{Index: 1, Name: "lo", Addrs: addrs(t, "::1/128", "2001:db8:ffff::1/128")}

	tests := []struct {
		name  string
		rule  giaddr.Rule
		addrs []string
		want  []giaddr.Choice
		err   error
		says  string // end of the error
	}{
		{
			name:  "R9915-15 the global address, not the link-local one",
			addrs: []string{"fe80::1/64", "2001:db8:1::1/64", "192.0.2.1/24"},
			want:  choices("2001:db8:1::1", "2001:db8:1::/64"),
		},
		{
			name:  "R9915-15 a unique-local address will do",
			addrs: []string{"fe80::1/64", "fd00:1::1/64"},
			want:  choices("fd00:1::1", "fd00:1::/64"),
		},
		{
			name:  "R9915-15 global before unique-local",
			addrs: []string{"fd00:1::1/64", "2001:db8:1::1/64"},
			want:  choices("2001:db8:1::1", "2001:db8:1::/64", "fd00:1::1", "fd00:1::/64"),
		},
		{
			name:  "R9915-16 link-local where it is asked for",
			rule:  giaddr.Rule{Kind: giaddr.LinkLocal},
			addrs: []string{"fe80::2/64", "fe80::1/64", "duplicate", "fe80::3/64", "2001:db8:1::1/64"},
			want:  choices("fe80::2", "fe80::/64"),
		},
		{
			name:  "R9915-16 never link-local by itself",
			addrs: []string{"fe80::2/64", "fe80::1/64"},
			err:   giaddr.ErrNoAddress, says: "no usable address: only the link-local fe80::1, by which servers would declare leases void",
		},
		{
			name: "R9915-16 link-local where there is none",
			rule: giaddr.Rule{Kind: giaddr.LinkLocal}, addrs: []string{"2001:db8:1::1/64"},
			err: giaddr.ErrNoAddress, says: "link_address link-local: no usable address",
		},
		{
			name:  "R9915-15 tentative is as good as any",
			addrs: []string{"fe80::1/64", "2001:db8:1::1/64", "tentative", "2001:db8:1::2/64"},
			want:  choices("2001:db8:1::1", "2001:db8:1::/64"),
		},
		{
			name:  "R9915-15 a duplicate is never chosen",
			addrs: []string{"fe80::1/64", "2001:db8:1::1/64", "duplicate", "2001:db8:1::2/64"},
			want:  choices("2001:db8:1::2", "2001:db8:1::/64"),
		},
		{
			name:  "R9915-15 a duplicate alone is named",
			addrs: []string{"fe80::1/64", "2001:db8:20::1/64", "duplicate"},
			err:   giaddr.ErrDuplicate, says: "no usable address: 2001:db8:20::1 is a duplicate on the link",
		},
		{
			name:  "R9915-15 a duplicate within the prefix is named",
			rule:  within("2001:db8:20::/64"),
			addrs: []string{"2001:db8:1::1/64", "duplicate", "2001:db8:20::1/64", "duplicate", "2001:db8:2::1/64"},
			err:   giaddr.ErrDuplicate, says: "link_address 2001:db8:20::/64: no address within the prefix: 2001:db8:20::1 is a duplicate on the link",
		},
		{
			name:  "a preferred unique-local before a deprecated global one",
			addrs: []string{"2001:db8:1::1/64", "deprecated", "fd00:1::1/64"},
			want:  choices("fd00:1::1", "fd00:1::/64", "2001:db8:1::1", "2001:db8:1::/64"),
		},
		{
			name:  "deprecated if there is nothing better",
			addrs: []string{"2001:db8:1::1/64", "deprecated", "fe80::1/64"},
			want:  choices("2001:db8:1::1", "2001:db8:1::/64"),
		},
		{
			name:  "temporary last",
			addrs: []string{"2001:db8:1::1/64", "temporary", "2001:db8:1::2/64", "deprecated"},
			want:  choices("2001:db8:1::2", "2001:db8:1::/64"),
		},
		{
			name:  "a subnet before a leased host address",
			addrs: []string{"2001:db8:1::1/128", "2001:db8:2::1/64"},
			want:  choices("2001:db8:2::1", "2001:db8:2::/64", "2001:db8:1::1", "2001:db8:1::1/128"),
		},
		{
			name:  "a subnet's anycast address after a host's own",
			addrs: []string{"2001:db8:1::/64", "2001:db8:1::1/64"},
			want:  choices("2001:db8:1::1", "2001:db8:1::/64"),
		},
		{
			name:  "a subnet's anycast address alone",
			addrs: []string{"2001:db8:1::/64"},
			want:  choices("2001:db8:1::", "2001:db8:1::/64"),
		},
		{name: "only what is never chosen", addrs: []string{"::1/128", "ff02::1/64", "::ffff:192.0.2.1/120", "::/128"}, err: giaddr.ErrNoAddress},
		{name: "only IPv4", addrs: []string{"192.0.2.1/24"}, err: giaddr.ErrNoAddress},
		{
			name:  "prefix",
			rule:  within("fd00::/8"),
			addrs: []string{"2001:db8:1::1/64", "fd00:1::1/64"},
			want:  choices("fd00:1::1", "fd00:1::/64"),
		},
		{name: "prefix of the other family", rule: within("10.0.0.0/8"), addrs: []string{"2001:db8:1::1/64"}, err: giaddr.ErrInvalidRule},
		{
			name:  "given",
			rule:  given("2001:db8:ffff::1"),
			addrs: []string{"2001:db8:1::1/64"},
			want:  choices("2001:db8:ffff::1", "2001:db8:1::/64"),
		},
		{
			name:  "given, and the link has only link-local",
			rule:  given("2001:db8:ffff::1"),
			addrs: []string{"fe80::1/64"},
			want:  choices("2001:db8:ffff::1", "2001:db8:ffff::1/128"),
		},
		{
			name: "R9915-15 given, and no address of this host", rule: given("2001:db8:1::7"), addrs: []string{"fe80::1/64", "2001:db8:1::1/64"},
			want: choices("2001:db8:1::7", "2001:db8:1::/64"),
		},
		{
			name: "R9915-15 given, and the link has no address at all", rule: given("2001:db8:1::7"),
			want: choices("2001:db8:1::7", "2001:db8:1::7/128"),
		},
		{name: "given, loopback", rule: given("::1"), err: giaddr.ErrInvalidRule},
		{
			name:  "borrowed",
			rule:  giaddr.Rule{Kind: giaddr.Borrowed, Link: "lo"},
			addrs: []string{"fe80::1/64", "fd00:1::1/64"},
			want:  choices("2001:db8:ffff::1", "fd00:1::/64"),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := giaddr.Link{Index: 7, Name: "vlan10", Addrs: addrs(t, tt.addrs...)}
			got, err := giaddr.Choose6(tt.rule, &l, []giaddr.Link{lo, l})
			if !errors.Is(err, tt.err) || err != nil && !strings.HasSuffix(err.Error(), tt.says) {
				t.Fatalf("error %v, want %v, %q", err, tt.err, tt.says)
			}
			if diff := cmp.Diff(tt.want, got, compare, comparePrefix); diff != "" {
				t.Errorf("choices (-want +got):\n%s", diff)
			}
		})
	}
}
