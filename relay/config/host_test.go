package config

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dnsHost looks names up in a table.
func dnsHost(names map[string]string) Host {
	return Host{Hostname: "r1", Lookup: func(name string) (now, former []netip.Addr) {
		for s := range strings.FieldsSeq(names[name]) {
			if was, ok := strings.CutPrefix(s, "-"); ok {
				former = append(former, netip.MustParseAddr(was))
			} else {
				now = append(now, netip.MustParseAddr(s))
			}
		}
		return now, former
	}}
}

// Each address of a DNS name is a server, where the name stands for one.
func TestDNSNames(t *testing.T) {
	t.Parallel()
	host := dnsHost(map[string]string{
		"kea.example.net":  "10.9.0.2 10.9.0.3 2001:db8:9::2 -10.9.0.7",
		"log.example.net":  "10.9.0.9",
		"none.example.net": "",
		"odd.example.net":  "127.0.0.1 fe80::1 224.0.0.1 10.9.0.2",
	})
	for _, tc := range []struct {
		name, file string
		servers    []string // of all, with their DNS names
		interfaces []string // names of the first one
		warnings   []string // parts
	}{
		{
			"in an interface", `
[[interface]]
name = "vlan10"
servers = ["Kea.Example.NET.", "log.example.net:1067", "10.9.0.4"]`,
			[]string{"10.9.0.2:67 kea.example.net", "10.9.0.3:67 kea.example.net", "[2001:db8:9::2]:547 kea.example.net", "10.9.0.9:1067 log.example.net", "10.9.0.4:67 "},
			[]string{"kea.example.net", "log.example.net"},
			nil,
		},
		{
			"by a name of [[server]]", `
[[server]]
name = "kea1"
address = "kea.example.net:1067"
delay = 4
[[interface]]
name = "vlan10"
servers = ["kea1", "10.9.0.4"]`,
			[]string{"10.9.0.2:1067 kea.example.net", "10.9.0.3:1067 kea.example.net", "[2001:db8:9::2]:1067 kea.example.net", "10.9.0.4:67 "},
			[]string{"kea.example.net"},
			[]string{"each IPv6 server of this interface has a delay"},
		},
		{
			"in a group and a class", `
[[server_group]]
name = "site"
mode = "failover"
servers = ["kea.example.net", "10.9.0.2"]
[[class]]
name = "pxe"
vendor_class = "PXEClient*"
servers = ["none.example.net"]
[[interface]]
name = "vlan10"
servers = ["site"]`,
			[]string{"10.9.0.2:67 kea.example.net", "10.9.0.3:67 kea.example.net", "[2001:db8:9::2]:547 kea.example.net"},
			[]string{"kea.example.net", "none.example.net"},
			nil,
		},
		{
			"none known", `
[[interface]]
name = "vlan10"
servers = ["none.example.net"]`,
			nil,
			[]string{"none.example.net"},
			nil,
		},
		{
			"addresses that no server has", `
[[interface]]
name = "vlan10"
servers = ["odd.example.net"]`,
			[]string{"10.9.0.2:67 odd.example.net"},
			[]string{"odd.example.net"},
			[]string{"odd.example.net is 127.0.0.1 now", "odd.example.net is 224.0.0.1 now", "odd.example.net is fe80::1 now"},
		},
		{
			"not listed", `
[[server]]
address = "kea.example.net"
[[interface]]
name = "vlan10"
servers = ["10.9.0.4"]`,
			[]string{"10.9.0.4:67 "},
			nil,
			[]string{"no interface lists the server kea.example.net"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, err := Parse("relay.toml", []byte(tc.file), host)
			if err != nil {
				t.Fatal(err)
			}
			var servers []string
			for _, s := range c.Policy.Servers {
				servers = append(servers, s.Addr.String()+" "+s.Host)
			}
			if diff := cmp.Diff(tc.servers, servers); diff != "" {
				t.Errorf("servers (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.interfaces, c.Policy.Interfaces[0].Hosts); diff != "" {
				t.Errorf("names of the interface (-want +got):\n%s", diff)
			}
			if !slices.Equal(c.Names, slices.Sorted(slices.Values(tc.interfaces))) {
				t.Errorf("names %q", c.Names)
			}
			if len(c.Warnings) != len(tc.warnings) {
				t.Errorf("warnings %v, want %q", c.Warnings, tc.warnings)
			}
			for i := range min(len(c.Warnings), len(tc.warnings)) {
				if !strings.Contains(c.Warnings[i].Text, tc.warnings[i]) {
					t.Errorf("warning %q, want %q", c.Warnings[i].Text, tc.warnings[i])
				}
			}
			if slices.Contains(c.Names, "kea.example.net") && (len(c.Policy.Former) != 1 || c.Policy.Former[0].Addr.Addr() != netip.MustParseAddr("10.9.0.7")) {
				t.Errorf("former servers %v", c.Policy.Former)
			}
		})
	}
}

// A host on which nothing is looked up has the names, and no servers of them.
func TestDNSNamesOfAnotherHost(t *testing.T) {
	t.Parallel()
	c, err := Parse("relay.toml", []byte("[[interface]]\nname = \"vlan10\"\nservers = [\"kea.example.net\"]\n"), Host{Hostname: "r1"})
	if err != nil || len(c.Policy.Servers) != 0 || !slices.Equal(c.Names, []string{"kea.example.net"}) || len(c.Warnings) != 0 {
		t.Errorf("%v: %d servers, names %q, warnings %v", err, len(c.Policy.Servers), c.Names, c.Warnings)
	}
}

func TestDNSNameProblems(t *testing.T) {
	t.Parallel()
	host := dnsHost(map[string]string{"kea.example.net": "10.9.0.2"})
	many := make([]string, maxNames+1)
	for i := range many {
		many[i] = `"s` + strings.Repeat("x", i) + `.example.net"`
		if i > 60 {
			many[i] = `"t` + strings.Repeat("x", i-60) + `.example.net"`
		}
	}
	for _, tc := range []struct{ name, file, want string }{
		{"no port", `servers = ["kea.example.net:0"]`, `"kea.example.net:0" is no address`},
		{"twice", `servers = ["kea.example.net", "kea.example.net"]`, "kea.example.net is already interface[0].servers[0]"},
		{"one address in two groups", `servers = ["a", "b"]` + "\n[[server_group]]\nname = \"a\"\nservers = [\"kea.example.net\"]\n[[server_group]]\nname = \"b\"\nservers = [\"10.9.0.2\"]\n", "10.9.0.2 is on the list twice"},
		{"too many", `servers = [` + strings.Join(many, ", ") + `]`, "there are more than 64 DNS names"},
		{"an interface leads there", `servers = ["kea.example.net"]` + "\n[[server]]\naddress = \"kea.example.net\"\ninterface = \"up\"\n", "the route leads to what kea.example.net means"},
		{"two tables", `servers = ["kea.example.net"]` + "\n[[server]]\naddress = \"kea.example.net\"\n[[server]]\naddress = \"KEA.example.net\"\n", "kea.example.net is already server[0]"},
		{"no name", `servers = ["kea..example.net"]`, `there is no server with the name "kea..example.net"`},
	} {
		_, err := Parse("relay.toml", []byte("[[interface]]\nname = \"vlan10\"\n"+tc.file), host)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}
