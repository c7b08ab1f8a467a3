package real

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLeaseFiles(t *testing.T) {
	tests := []struct {
		name, kind, file string
		want             map[string]string
	}{
		{"kea", "kea", `address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context
10.1.0.100,02:00:00:00:00:01,,3600,1795315600,1,0,0,,0,
10.1.0.101,02:00:00:00:00:02,,3600,1795315600,1,0,0,,0,
10.1.0.101,02:00:00:00:00:02,,0,1795312000,1,0,0,,0,
10.1.0.102,02:00:00:00:00:03,,3600,1795315600,1,0,0,,1,
`, map[string]string{"10.1.0.100": "02:00:00:00:00:01"}},
		{"isc", "isc", `# The format of this file is documented in the dhcpd.leases(5) manual page.
lease 10.1.0.100 {
  starts 0 2026/11/22 02:00:00;
  binding state active;
  next binding state free;
  hardware ethernet 02:00:00:00:00:01;
}
lease 10.1.0.101 {
  binding state active;
  hardware ethernet 02:00:00:00:00:02;
}
lease 10.1.0.101 {
  binding state free;
  hardware ethernet 02:00:00:00:00:02;
}
`, map[string]string{"10.1.0.100": "02:00:00:00:00:01"}},
		{
			"dnsmasq", "dnsmasq", "1795315600 02:00:00:00:00:01 10.1.0.100 * 01:02:00:00:00:00:01\nduid 00:01\n",
			map[string]string{"10.1.0.100": "02:00:00:00:00:01"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { checkLeases(t, serverKinds()[tt.kind].parse(), tt.file, tt.want) })
	}
}

// checkLeases fails unless a parser finds the leases in a file, address to client.
func checkLeases[K interface {
	comparable
	fmt.Stringer
}](t *testing.T, parse func(string, map[K]string), file string, want map[string]string) {
	t.Helper()
	m := map[K]string{}
	for line := range strings.SplitSeq(file, "\n") {
		parse(line, m)
	}
	got := map[string]string{}
	for k, client := range m {
		got[k.String()] = client
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("leases (-want +got):\n%s", diff)
	}
}

func TestConfigs(t *testing.T) {
	c := ServerConfig{Link: netip.MustParsePrefix("10.9.0.2/24"), Subnets: []Subnet{{
		Prefix: netip.MustParsePrefix("10.1.0.0/24"), First: netip.MustParseAddr("10.1.0.100"), Last: netip.MustParseAddr("10.1.0.149"), Router: netip.MustParseAddr("10.1.0.1"),
	}}}
	for kind, want := range map[string]string{
		"kea":     `"pool": "10.1.0.100 - 10.1.0.149"`,
		"isc":     "subnet 10.1.0.0 netmask 255.255.255.0 { range 10.1.0.100 10.1.0.149; option routers 10.1.0.1; }\n",
		"dnsmasq": "dhcp-range=set:n0,10.1.0.100,10.1.0.149,255.255.255.0,3600\n",
	} {
		t.Run(kind, func(t *testing.T) { checkConfig(t, serverKinds()[kind].config, c, want) })
	}
}

// checkConfig fails unless what is written for a program has a part.
func checkConfig[C any](t *testing.T, write func(C, files) (string, error), c C, want string) {
	t.Helper()
	got, err := write(c, files{leases: "/x/leases"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, want) {
		t.Errorf("no %q in:\n%s", want, got)
	}
}

// checkMissing fails unless the error about a program that is missing names its
// package, for each kind, and a kind that nobody knows is refused.
func checkMissing(t *testing.T, f func(string) error, packages map[string]string) {
	t.Helper()
	for kind, pkg := range packages {
		if err := f(kind); !errors.Is(err, ErrMissing) || !strings.HasSuffix(err.Error(), pkg) {
			t.Errorf("%s: got %v, want %v and %s", kind, err, ErrMissing, pkg)
		}
	}
	if err := f("nothing"); err == nil || errors.Is(err, ErrMissing) {
		t.Errorf("unknown kind: got %v", err)
	}
}

func TestMissingProgramNamesThePackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	checkMissing(t, CheckServer, map[string]string{"kea": "kea-dhcp4-server", "isc": "isc-dhcp-server", "dnsmasq": "dnsmasq-base"})
	checkMissing(t, CheckClient, map[string]string{"udhcpc": "udhcpc", "dhclient": "isc-dhcp-client", "dhcpcd": "dhcpcd-base"})
}
