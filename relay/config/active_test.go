package config

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
)

func TestActive(t *testing.T) {
	t.Parallel()
	addrs := func(all ...string) (a agent.Active) {
		for _, s := range all {
			a.Addrs = append(a.Addrs, netip.MustParseAddr(s))
		}
		return a
	}
	for _, tc := range []struct {
		written string
		want    agent.Active
		wrong   string
	}{
		{written: `"always"`},
		{written: `"10.1.0.1"`, want: addrs("10.1.0.1")},
		{written: `["10.1.0.1", "fe80::1"]`, want: addrs("10.1.0.1", "fe80::1")},
		{written: `"/run/keepalived/vlan10"`, want: agent.Active{File: "/run/keepalived/vlan10"}},
		{written: `"10.1.0.1/24"`, wrong: `"10.1.0.1/24" is no address; write "10.1.0.1", without the length of the prefix`},
		{written: `"fe80::1%vlan10"`, wrong: `"fe80::1%vlan10" has a zone; write "fe80::1": the link is the interface`},
		{written: `["127.0.0.1"]`, wrong: `"127.0.0.1" is no unicast address of a network; write an address that moves from router to router`},
		{written: `"backup"`, wrong: `"backup" is no address; write "always", an address such as`},
		{written: `[]`, wrong: `the list is empty; write "always", an address such as`},
		{written: `true`, wrong: `true is a boolean; write "always", an address such as`},
	} {
		cfg, err := Parse("relay.toml", []byte("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\nactive = "+tc.written+"\n"), Host{})
		switch {
		case tc.wrong != "":
			if err == nil || !strings.Contains(err.Error(), "].active") || !strings.Contains(err.Error(), tc.wrong) {
				t.Errorf("%s: %v, want %s", tc.written, err, tc.wrong)
			}
		case err != nil:
			t.Errorf("%s: %v", tc.written, err)
		default:
			if d := cmp.Diff(tc.want, cfg.Policy.Interfaces[0].Active, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
				t.Errorf("%s (-want +got):\n%s", tc.written, d)
			}
		}
	}
}
