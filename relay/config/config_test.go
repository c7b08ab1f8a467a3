package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
)

// least is the least configuration of one interface.
const least = `
[[interface]]
name = "vlan10"
servers = ["10.9.0.2", "2001:db8:9::2"]
`

func testHost() Host { return Host{Hostname: "edge1"} }

func compare() cmp.Options {
	return cmp.Options{
		cmpopts.IgnoreUnexported(Config{}),
		cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{}, netip.Prefix{}),
		cmpopts.EquateEmpty(),
	}
}

func template(t *testing.T, s string) agent.Template {
	t.Helper()
	tmpl, err := agent.ParseTemplate(s)
	if err != nil {
		t.Fatal(err)
	}
	return tmpl
}

// leastConfig is what the least configuration means.
func leastConfig(t *testing.T) *Config {
	t.Helper()
	return &Config{
		Policy: agent.Policy{
			Hostname: "edge1",
			Servers: []agent.Server{
				{Addr: netip.MustParseAddrPort("10.9.0.2:67"), VSS: true},
				{Addr: netip.MustParseAddrPort("[2001:db8:9::2]:547"), VSS: true},
			},
			Interfaces: []agent.Interface{{
				Name: "vlan10", Servers: []int{0, 1},
				V4: agent.Interface4{
					Common: agent.Common{HopLimit: 4, SourcePort: 67, RefuseTypes: []uint8{10, 11, 12, 13}}, Bootp: true,
					Option82: agent.Option82{On: true, CircuitID: template(t, "{interface}")},
				},
				V6: agent.Interface6{
					Common: agent.Common{HopLimit: 8, SourcePort: 547, RefuseTypes: []uint8{14}}, InterfaceID: template(t, "{interface}"), ClientMAC: true,
				},
			}},
		},
		Metrics:  Metrics{On: true, Listen: netip.MustParseAddrPort("127.0.0.1:9867")},
		Control:  Control{Socket: "/run/dhcp-relay/control.sock", Mode: 0o660},
		Recorder: Recorder{Messages: 1000},
		Log:      log{Level: slog.LevelInfo, Format: "text"},
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	type iface = agent.Interface
	tests := []struct {
		name string
		text string // added to the least configuration
		top  string // put before it
		want func(t *testing.T, c *Config, i *iface)
	}{
		{name: "R1542-12 three lines are complete"},
		{
			name: "byte order mark and CR LF", top: "\ufeffhostname = \"r\"\r\n",
			want: func(_ *testing.T, c *Config, _ *iface) { c.Policy.Hostname = "r" },
		},
		{
			name: "hostname", top: `hostname = "core"`,
			want: func(_ *testing.T, c *Config, _ *iface) { c.Policy.Hostname = "core" },
		},
		{
			name: "reply_sources", top: `reply_sources = ["10.9.1.7", "10.9.2.0/24", "2001:db8::/32"]`,
			want: func(_ *testing.T, c *Config, _ *iface) {
				c.Policy.ReplySources = []netip.Prefix{
					netip.MustParsePrefix("10.9.1.7/32"), netip.MustParsePrefix("10.9.2.0/24"), netip.MustParsePrefix("2001:db8::/32"),
				}
			},
		},
		{
			name: "metrics off", top: `metrics.listen = ""`,
			want: func(_ *testing.T, c *Config, _ *iface) { c.Metrics = Metrics{} },
		},
		{
			name: "metrics on every address", top: `metrics.listen = ":9867"`,
			want: func(_ *testing.T, c *Config, _ *iface) { c.Metrics.Listen = netip.MustParseAddrPort("[::]:9867") },
		},
		{
			name: "control", top: "[control]\nsocket = \"/tmp/r.sock\"\nmode = \"0600\"\ngroup = \"netops\"",
			want: func(_ *testing.T, c *Config, _ *iface) { c.Control = Control{"/tmp/r.sock", 0o600, "netops"} },
		},
		{
			name: "recorder", top: "[recorder]\nmessages = 0\nredact = true",
			want: func(_ *testing.T, c *Config, _ *iface) { c.Recorder = Recorder{0, true} },
		},
		{
			name: "segmentation off", top: `relay.segmentation = "off"`,
			want: func(_ *testing.T, c *Config, _ *iface) { c.Policy.Alone = true },
		},
		{name: "segmentation by the route", top: `relay.segmentation = "auto"`},
		{
			name: "web config", top: `metrics.web_config = "/etc/dhcp-relay/web.yml"`,
			want: func(_ *testing.T, c *Config, _ *iface) { c.Metrics.WebConfig = "/etc/dhcp-relay/web.yml" },
		},
		{
			name: "log", top: "[log]\nlevel = \"debug\"\nformat = \"json\"",
			want: func(_ *testing.T, c *Config, _ *iface) { c.Log = log{Level: slog.LevelDebug, Format: "json"} },
		},
		{
			name: "each scalar",
			text: `mode = "hash"
				trusted = true
				dhcpv4.hop_limit = 16
				dhcpv4.min_secs = 10
				dhcpv4.bootp = false
				dhcpv4.strict_min_300 = true
				dhcpv4.broadcast = true
				dhcpv4.giaddr = "192.0.2.0/24"
				dhcpv4.smart_relay_after = 3
				dhcpv4.relayed_requests = "replace"
				dhcpv4.source = "203.0.113.1"
				dhcpv4.source_port = 6700
				dhcpv4.max_message_size = 576
				dhcpv4.oversize = "drop"`,
			want: func(_ *testing.T, c *Config, i *iface) {
				i.Trusted, i.V4.HopLimit, i.V4.MinSecs = true, 16, 10
				c.Policy.Groups, i.Groups = []agent.Group{{Mode: agent.Hash, Servers: []int{0, 1}, Back: 30 * time.Second}}, []int{0}
				i.V4.Bootp, i.V4.Strict300, i.V4.Broadcast = false, true, true
				i.V4.Address = giaddr.Rule{Kind: giaddr.InPrefix, Prefix: netip.MustParsePrefix("192.0.2.0/24")}
				i.V4.SmartAfter, i.V4.Relayed = 3, agent.Replace
				i.V4.Source, i.V4.SourceAddr, i.V4.SourcePort = agent.SourceGiven, netip.MustParseAddr("203.0.113.1"), 6700
				i.V4.MaxSize, i.V4.DropOversize = 576, true
				c.Warnings = []Problem{{
					File: "relay.toml", Line: 5, Col: 1, Key: "interface[0].mode",
					Text: `"hash" chooses among servers of one family, and there is one`, Hint: `add servers, or write mode = "all"`,
				}}
			},
		},
		{
			name: "source giaddr, giaddr of another interface", text: "dhcpv4.source = \"giaddr\"\ndhcpv4.giaddr = \"lo\"",
			want: func(_ *testing.T, _ *Config, i *iface) {
				i.V4.Source, i.V4.Address = agent.SourceGiaddr, giaddr.Rule{Kind: giaddr.Borrowed, Link: "lo"}
			},
		},
		{
			name: "option 82 off", text: "dhcpv4.option82 = false",
			want: func(_ *testing.T, _ *Config, i *iface) { i.V4.Option82 = agent.Option82{} },
		},
		{
			name: "R3046-2 each suboption",
			text: `[interface.dhcpv4.option82]
				circuit_id = false
				remote_id = true
				subscriber_id = "sub-{vlan}"
				link_selection = "subnet"
				flags = true
				server_id_override = true
				relay_id = "hex:0002a1"
				vss = "red"
				mismatch = "drop"`,
			want: func(t *testing.T, _ *Config, i *iface) {
				i.V4.Option82 = agent.Option82{
					On: true, RemoteID: template(t, "{mac}"), SubscriberID: template(t, "sub-{vlan}"),
					LinkSel: agent.LinkSelSubnet, Flags: true, Override: true,
					RelayID: []byte{0x00, 0x02, 0xa1}, VSS: agent.VSS{On: true, Name: []byte("red")}, DropMismatch: true,
				}
			},
		},
		{
			name: "given link selection and override",
			text: `dhcpv4.option82 = { circuit_id = true, link_selection = "192.0.2.0/24", server_id_override = "192.0.2.1", flags = true, relay_id = "r1" }`,
			want: func(_ *testing.T, _ *Config, i *iface) {
				o := &i.V4.Option82
				o.LinkSel, o.LinkSelNet = agent.LinkSelGiven, netip.MustParsePrefix("192.0.2.0/24")
				o.Override, o.OverrideAddr, o.Flags = true, netip.MustParseAddr("192.0.2.1"), true
				o.RelayID = []byte("r1")
			},
		},
		{
			name: "link selection by address", text: `dhcpv4.option82.link_selection = "address"`,
			want: func(_ *testing.T, _ *Config, i *iface) { i.V4.Option82.LinkSel = agent.LinkSelAddress },
		},
		{
			name: "R4243-1 two vendors", text: `dhcpv4.option82.vendor = [{ enterprise = 9, data = "ab" }, { enterprise = 4294967295, data = "hex:ff" }]`,
			want: func(_ *testing.T, _ *Config, i *iface) {
				i.V4.Option82.Vendor = []byte{
					0, 0, 0, 9, // enterprise
					2, 'a', 'b', // length, data
					255, 255, 255, 255, // enterprise
					1, 255, // length, data
				}
			},
		},
		{
			name: "R6607-3 VPN-ID", text: `dhcpv4.option82.vss = "vpn:00aabb:00000001"`,
			want: func(_ *testing.T, _ *Config, i *iface) {
				i.V4.Option82.VSS = agent.VSS{On: true, Type: 1, Name: []byte{0x00, 0xaa, 0xbb, 0, 0, 0, 1}}
			},
		},
		{
			name: "R6607-3 global VPN", text: `dhcpv4.option82.vss = "global"`,
			want: func(_ *testing.T, _ *Config, i *iface) { i.V4.Option82.VSS = agent.VSS{On: true, Type: 255} },
		},
		{
			name: "R6607-6 more about a server", text: "[[server]]\naddress = \"10.9.0.2:67\"\nvrf = \"mgmt\"\nvss = false",
			want: func(_ *testing.T, c *Config, _ *iface) {
				c.Policy.Servers[0].VRF, c.Policy.Servers[0].VSS = "mgmt", false
			},
		},
		{
			name: "interfaces inherit, share servers and differ",
			top: `[defaults]
				servers = ["10.9.0.2", "10.9.0.3:1067"]
				dhcpv4.hop_limit = 8
				dhcpv4.option82 = { remote_id = "{mac}", flags = true, mismatch = "drop" }`,
			text: `dhcpv4.option82.flags = false
				[[interface]]
				name = "lan[0-9]"
				dhcpv4.option82 = false
				[[interface]]
				name = "lan*"
				dhcpv4.option82 = true`,
			want: func(t *testing.T, c *Config, i *iface) {
				c.Policy.Servers = append(c.Policy.Servers, agent.Server{Addr: netip.MustParseAddrPort("10.9.0.3:1067"), VSS: true})
				i.V4.HopLimit = 8
				i.V4.Option82.RemoteID, i.V4.Option82.DropMismatch = template(t, "{mac}"), true
				off, on := *i, *i
				off.Name, off.Servers, off.V4.Option82 = "lan[0-9]", []int{0, 2}, agent.Option82{DropMismatch: true}
				on.Name, on.Servers, on.V4.Option82.Flags = "lan*", []int{0, 2}, true
				c.Policy.Interfaces = append(c.Policy.Interfaces, off, on)
			},
		},
		{
			name: "R9915-6 loopback server on another port, site multicast", top: `defaults.servers = ["127.0.0.1:1067", "[ff05::1:3]:547"]`,
			text: "[[interface]]\nname = \"x\"\n[[server]]\naddress = \"ff05::1:3\"\ninterface = \"u0\"",
			want: func(_ *testing.T, c *Config, i *iface) {
				c.Policy.Servers = append(c.Policy.Servers,
					agent.Server{Addr: netip.MustParseAddrPort("127.0.0.1:1067"), VSS: true},
					agent.Server{Addr: netip.MustParseAddrPort("[ff05::1:3]:547"), Link: "u0", VSS: true})
				x := *i
				x.Name, x.Servers = "x", []int{2, 3}
				c.Policy.Interfaces = append(c.Policy.Interfaces, x)
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := leastConfig(t)
			if tt.want != nil {
				tt.want(t, want, &want.Policy.Interfaces[0])
			}
			got, err := Parse("relay.toml", []byte(tt.top+least+tt.text), testHost())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, compare()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseLongHostname(t *testing.T) {
	t.Parallel()
	c, err := Parse("relay.toml", []byte(least), Host{Hostname: strings.Repeat("x", 65)})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(c.Policy.Hostname); got != 64 {
		t.Errorf("want 64 octets, got %d", got)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "relay.toml")
	if _, err := Load(file, testHost()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: want %v, got %v", fs.ErrNotExist, err)
	}
	if err := os.WriteFile(file, []byte(least), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Load(file, testHost())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(leastConfig(t), got, compare()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is only known with the host at hand is told in the same form.
func TestConfigAt(t *testing.T) {
	t.Parallel()
	c, err := Parse("relay.toml", []byte("defaults.dhcpv4.giaddr = \"lo\"\n"+least+"dhcpv4.min_secs = 1\n"), testHost())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ key, want string }{
		{"dhcpv4.min_secs", "relay.toml:6:8: interface[0].dhcpv4.min_secs: text; hint"},
		{"dhcpv4.giaddr", "relay.toml:1:17: defaults.dhcpv4.giaddr: text; hint"},
		{"option82.vss", "relay.toml:3:1: interface[0]: text; hint"},
	}
	for _, tt := range tests {
		if got := c.At(0, tt.key, "text", "hint").Error(); got != tt.want {
			t.Errorf("%s: want %q, got %q", tt.key, tt.want, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(least))
	f.Add([]byte(example()))
	f.Add([]byte(one + "dhcpv4.hop_limit = 17"))
	for _, s := range []string{
		"interface = [1, {}]", "[interface]\nname = \"x\"", "[[server]]", "server = [[]]", "defaults = 1", "[defaults.dhcpv4.option82]\nvendor = [{}]",
		"\xff", "a = 1979-05-27", "\"\" = 1", "[[interface]]\nservers = [[1]]\nname = \"[\"", "metrics = []", "option82.vendor = 1",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("relay.toml", data, testHost())
		var ps Problems
		switch {
		case err == nil && c == nil, err != nil && c != nil:
			t.Fatalf("want either a Config or an error, got %v, %v", c, err)
		case err != nil && (!errors.As(err, &ps) || len(ps) == 0):
			t.Fatalf("want Problems, got %T %v", err, err)
		case err == nil:
			for _, i := range c.Policy.Interfaces {
				if len(i.Servers) == 0 || i.Name == "" || i.V4.HopLimit == 0 || i.V4.HopLimit > 16 {
					t.Fatalf("accepted %+v", i)
				}
			}
		}
	})
}

// A router may have thousands of interfaces, each written out.
func BenchmarkParse(b *testing.B) {
	for _, n := range []int{1, 4000} {
		var text strings.Builder
		for i := range n {
			fmt.Fprintf(&text, "[[interface]]\nname = \"vlan%d\"\nservers = [\"10.9.%d.2\", \"2001:db8::%x\"]\n", i, i%256, i+1)
		}
		b.Run(fmt.Sprintf("interfaces=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse("relay.toml", []byte(text.String()), testHost()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
