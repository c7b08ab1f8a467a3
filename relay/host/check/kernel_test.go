package check

import (
	"errors"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
)

// policyOf parses a configuration.
func policyOf(t *testing.T, text string) agent.Policy {
	t.Helper()
	c, err := config.Parse("relay.toml", []byte(text), config.Host{Hostname: "router"})
	if err != nil {
		t.Fatal(err)
	}
	return c.Policy
}

// linkOf is a link of a router, up, with addresses.
func linkOf(index int, name string, vrf int, prefixes ...string) giaddr.Link {
	l := giaddr.Link{Index: index, Name: name, Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, byte(index)}, VRF: vrf}
	for _, p := range prefixes {
		l.Addrs = append(l.Addrs, giaddr.Addr{Prefix: netip.MustParsePrefix(p)})
	}
	return l
}

func TestKernelDoubts(t *testing.T) {
	t.Parallel()
	const (
		v4     = "[[interface]]\nname = \"lan.5\"\nservers = [\"10.9.0.2\"]\n"
		onlyV6 = "[[interface]]\nname = \"lan.5\"\nservers = [\"2001:db8:9::2\"]\n"
		both   = "[[interface]]\nname = \"lan.5\"\nservers = [\"10.9.0.2\", \"2001:db8:9::2\"]\n"
	)
	// A kernel as it should be.
	good := map[string]string{
		"net/core/bpf_jit_enable":            "1",
		"net/ipv6/conf/lan.5/disable_ipv6":   "0",
		"net/ipv6/conf/other/disable_ipv6":   "1",
		"net/ipv6/conf/default/disable_ipv6": "1",
	}
	tests := []struct {
		name   string
		config string
		strict []string
		set    map[string]string // beside good; "-": no such settings
		want   []string          // beginnings
		fatal  bool
	}{
		{"all is well", both, nil, nil, nil, false},
		{"no IPv6, and none is needed", v4, nil, map[string]string{"net/ipv6": "-"}, nil, false},
		{"no IPv6", both, nil, map[string]string{"net/ipv6": "-"}, []string{"there are IPv6 servers, and this kernel has no IPv6; "}, true},
		{
			"IPv6 off on the interface", both, nil,
			map[string]string{"net/ipv6/conf/lan.5/disable_ipv6": "1"},
			[]string{"lan.5: DHCPv6 is to be relayed, and IPv6 is off there; set net.ipv6.conf.lan/5.disable_ipv6 = 0"},
			false,
		},
		{"IPv6 off, and none is needed", v4, nil, map[string]string{"net/ipv6/conf/lan.5/disable_ipv6": "1"}, nil, false},
		{"strict", v4, []string{"lan.5"}, nil, []string{"rp_filter is strict (1) on lan.5: "}, false},
		{"strict on many", v4, []string{"a", "b", "c", "d", "e", "f"}, nil, []string{"rp_filter is strict (1) on a, b, c, d and 2 more: "}, false},
		{"strict, and no IPv4", onlyV6, []string{"lan.5"}, nil, nil, false},
		{"no JIT", v4, nil, map[string]string{"net/core/bpf_jit_enable": "0"}, []string{"the kernel interprets BPF programs, "}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sys := make(fstest.MapFS)
			for _, values := range []map[string]string{good, tt.set} {
				for key, v := range values {
					if v != "-" {
						sys[key] = &fstest.MapFile{Data: []byte(v + "\n")}
						continue
					}
					maps.DeleteFunc(sys, func(k string, _ *fstest.MapFile) bool { return strings.HasPrefix(k, key+"/") })
				}
			}
			p := policyOf(t, tt.config)
			s, _ := agent.Compile(p, []giaddr.Link{linkOf(1, "lan.5", 0, "10.1.0.1/24", "2001:db8:1::1/64")})
			ds := kernelDoubts(sys, tt.strict, p, s)
			if len(ds) != len(tt.want) {
				t.Fatalf("got %+v, want %q", ds, tt.want)
			}
			for i, d := range ds {
				if !strings.HasPrefix(d.Text, tt.want[i]) || d.Fatal != tt.fatal {
					t.Errorf("got %+v, want %q, fatal %t", d, tt.want[i], tt.fatal)
				}
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	const (
		red, blue, lan, up = 10, 11, 1, 2
		plain              = "[[interface]]\nname = \"lan\"\nservers = [\"10.9.0.2\"]\n"
		atServer           = plain + "dhcpv4.giaddr = \"10.9.0.1\"\ndhcpv4.option82 = { link_selection = \"subnet\" }\n"
		inBlue             = "[[server]]\naddress = \"10.9.0.2\"\nvrf = \"blue\"\n"
		toServer           = "lan: replies of 10.9.0.2 to giaddr 10.1.0.1 arrive in "
	)
	none := func(netip.Addr, string) (int, error) { return 0, errors.New("network is unreachable") }
	by := func(link int) routeFunc { return func(netip.Addr, string) (int, error) { return link, nil } }
	tests := []struct {
		name    string
		config  string
		lan, up int // their VRFs
		ask     routeFunc
		want    string // the beginning; "": nothing
	}{
		{"no VRFs", plain, 0, 0, none, ""},
		{"server in the default VRF, no route", plain, red, 0, none, toServer + "the default VRF, which has no route into the VRF red; "},
		{"only the default route", plain, red, 0, by(up), toServer + "the default VRF, which has no route into the VRF red; "},
		{"a leaked route", plain, red, 0, by(red), ""},
		{"giaddr at the server", atServer, red, 0, none, ""},
		{"clients in the default VRF, server in blue", plain + inBlue, 0, blue, none, toServer + "the VRF blue, which has no route into the default VRF; "},
		{"the same, a leaked route", plain + inBlue, 0, blue, by(lan), ""},
		{"both in blue", plain + inBlue, blue, blue, none, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			host := []giaddr.Link{
				linkOf(lan, "lan", tt.lan, "10.1.0.1/24"), linkOf(up, "up", tt.up, "10.9.0.1/24"),
				{Index: red, Name: "red", VRF: red, IsVRF: true, Up: true},
				{Index: blue, Name: "blue", VRF: blue, IsVRF: true, Up: true},
			}
			p := policyOf(t, tt.config)
			s, _ := agent.Compile(p, host)
			got := unreachable(s, s.Plan(host), tt.ask)
			if tt.want == "" {
				if diff := cmp.Diff([]string(nil), got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				return
			}
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
