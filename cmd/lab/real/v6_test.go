package real

import (
	"net/netip"
	"testing"
)

func TestLeaseFiles6(t *testing.T) {
	want := map[string]string{"2001:db8:1::10/128": "0001000130b0", "2001:db8:100::/56": "0001000130b0"}
	tests := []struct {
		name, file string
		want       map[string]string
	}{
		{"kea", `address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source
2001:db8:1::10,00:01:00:01:30:b0,3600,1795315600,1,2250,0,1,128,0,0,,02:00:00:00:00:01,0,,1,2
2001:db8:100::,00:01:00:01:30:b0,3600,1795315600,1,2250,2,2,56,0,0,,02:00:00:00:00:01,0,,1,2
2001:db8:1::11,00:01:00:01:30:b1,3600,1795315600,1,2250,0,1,128,0,0,,02:00:00:00:00:02,0,,1,2
2001:db8:1::11,00:01:00:01:30:b1,0,1795312000,1,2250,0,1,128,0,0,,02:00:00:00:00:02,0,,1,2
2001:db8:1::12,00:01:00:01:30:b2,3600,1795315600,1,2250,0,1,128,0,0,,02:00:00:00:00:03,1,,1,2
`, want},
		{"isc", `server-duid "\000\001\000\001";

ia-na "\001\000\000\000\000\001\000\0010\260" {
  cltt 0 2026/11/22 03:00:00;
  iaaddr 2001:db8:1::10 {
    binding state active;
    max-life 3600;
  }
}
ia-pd "\002\000\000\000\000\001\000\0010\260" {
  iaprefix 2001:db8:100::/56 {
    binding state active;
  }
}
ia-na "\001\000\000\000\000\001\000\0010\"" {
  iaaddr 2001:db8:1::11 {
    binding state active;
  }
}
ia-na "\001\000\000\000\000\001\000\0010\"" {
  iaaddr 2001:db8:1::11 {
    binding state released;
  }
}
`, want},
		{
			"dnsmasq", "1795315600 02:00:00:00:00:01 10.1.0.100 * 01:02:00:00:00:00:01\nduid 00:01:00:01\n1795315600 1 2001:db8:1::10 * 00:01:00:01:30:b0\n",
			map[string]string{"2001:db8:1::10/128": "0001000130b0"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkLeases(t, serverKinds6()[tt.name].parser(), tt.file, tt.want) })
	}
}

func TestConfigs6(t *testing.T) {
	c := ServerConfig6{Link: netip.MustParsePrefix("2001:db8:9::2/64"), dev: "eth0", Subnets: []Subnet6{{
		netip.MustParsePrefix("2001:db8:1::/64"), netip.MustParseAddr("2001:db8:1::10"), netip.MustParseAddr("2001:db8:1::4f"),
		netip.MustParsePrefix("2001:db8:180::/41"), 56,
	}}}
	for kind, want := range map[string]string{
		"kea":     `"eth0/2001:db8:9::2"`,
		"isc":     "subnet6 2001:db8:1::/64 { range6 2001:db8:1::10 2001:db8:1::4f; prefix6 2001:db8:180:: 2001:db8:1ff:ff00:: /56; }\n",
		"dnsmasq": "dhcp-range=set:n0,2001:db8:1::10,2001:db8:1::4f,64,3600\n",
	} {
		t.Run(kind, func(t *testing.T) { checkConfig(t, serverKinds6()[kind].config, c, want) })
	}
}

func TestMissingProgramNamesThePackage6(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	checkMissing(t, CheckServer6, map[string]string{"kea": "kea-dhcp6-server", "isc": "isc-dhcp-server", "dnsmasq": "dnsmasq-base"})
	checkMissing(t, CheckClient6, map[string]string{"dhclient": "isc-dhcp-client", "dhcpcd": "dhcpcd-base", "wide": "wide-dhcpv6-client"})
	checkMissing(t, CheckRelay6, map[string]string{"isc": "isc-dhcp-relay", "dibbler": "dibbler-relay", "wide": "wide-dhcpv6-relay"})
}
