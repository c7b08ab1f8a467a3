package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/class"
	"dhcp-relay/relay/wire/dhcp"
)

const classServers = `[[server]]
address = "10.9.5.3"
name = "pxe2"
[[server_group]]
name = "pxe"
mode = "failover"
servers = ["10.9.5.2", "pxe2"]
[[interface]]
name = "vlan10"
servers = ["10.9.0.2", "2001:db8:9::2"]
`

func TestClass(t *testing.T) {
	t.Parallel()
	c, err := Parse("relay.toml", []byte(`[[class]]
name = "boot"
vendor_class = ["PXEClient*", "*HTTP*"]
user_class = "iPXE"
architecture = [7, 9]
mac = ["00:1b:fc", "001c.4200"]
interfaces = ["vlan1*"]
servers = ["pxe", "10.9.0.2"]
[[class]]
name = "ms"
enterprise = [311]
vendor_class = "{hex:2a}"
[[class]]
name = "no"
family = "dhcpv4"
user_class = "*"
drop = true
[[class]]
name = "gold"
subscriber_id = "gold-{interface}"
`+classServers), testHost())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	k := c.Policy.Classes
	want := class.Rule{
		class.VendorClass:  {{Kind: class.Prefix, Text: "PXEClient"}, {Kind: class.Substring, Text: "HTTP"}},
		class.UserClass:    {{Kind: class.Exact, Text: "iPXE"}},
		class.Architecture: {{Text: "\x00\x07"}, {Text: "\x00\x09"}},
		class.MAC:          {{Kind: class.Prefix, Text: "\x00\x1b\xfc"}, {Kind: class.Prefix, Text: "\x00\x1c\x42\x00"}},
	}
	if diff := cmp.Diff(want, k[0].Rule); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(class.Rule{class.Enterprise: {{Text: "\x00\x00\x01\x37"}}, class.VendorClass: {{Text: "*"}}}, k[1].Rule); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	if !k[1].Not[dhcp.V4] || k[1].Not[dhcp.V6] || k[2].Not[dhcp.V4] || !k[2].Not[dhcp.V6] || !k[2].Drop || k[3].SubscriberID.String() != "gold-{interface}" {
		t.Errorf("%+v", k)
	}
	in := &c.Policy.Interfaces[0]
	var servers []string
	for _, n := range in.Servers {
		servers = append(servers, c.Policy.Servers[n].Addr.Addr().String())
	}
	if diff := cmp.Diff([]string{"10.9.0.2", "2001:db8:9::2", "10.9.5.2", "10.9.5.3"}, servers); diff != "" || in.ForClasses != 2 {
		t.Errorf("%d for classes, servers (-want +got):\n%s", in.ForClasses, diff)
	}
	if len(in.ClassGroups) != 2 || c.Policy.Groups[in.ClassGroups[0]].Name != "pxe" || len(in.Groups) != 0 {
		t.Errorf("groups %v, those of classes %v of %+v", in.Groups, in.ClassGroups, c.Policy.Groups)
	}
}

func TestClassProblems(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, want string }{
		{"no name", "drop = true", "this class has no name"},
		{"the name of another", "name = \"a\"\nmac = \"00\"\n[[class]]\nname = \"a\"\nmac = \"01\"", `"a" is already`},
		{"a * in the middle", "name = \"a\"\nvendor_class = \"PXE*Client\"", "only at the ends"},
		{"a * at the beginning", "name = \"a\"\nvendor_class = \"*Client\"", `"*Client*"`},
		{"nothing", "name = \"a\"\nvendor_class = \"\"", "no client says nothing"},
		{"a placeholder", "name = \"a\"\nvendor_class = \"{interface}\"", "no placeholder"},
		{"a MAC", "name = \"a\"\nmac = \"voip\"", "no beginning of a MAC"},
		{"half an octet", "name = \"a\"\nmac = \"00:1\"", "no beginning of a MAC"},
		{"an architecture", "name = \"a\"\narchitecture = [65536]", "out of range"},
		{"drop and servers", "name = \"a\"\ndrop = true\nservers = [\"10.9.5.2\"]", "what is dropped goes to no server"},
		{"no such server", "name = \"a\"\nservers = [\"kea\"]", `no server with the name "kea"`},
		{"a server twice", "name = \"a\"\nservers = [\"pxe\", \"10.9.5.2\"]", "on the list twice"},
		{"a pattern", "name = \"a\"\ninterfaces = [\"vlan[\"]", "neither a name"},
		{"too long", "name = \"a\"\nsubscriber_id = \"" + strings.Repeat("x", 240) + "\"", "has room for 255"},
		{"too many servers", "name = \"a\"\nservers = [" + many(16) + "]", "17 servers of one family"},
	} {
		_, err := Parse("relay.toml", []byte("[[class]]\n"+tc.text+"\n"+classServers), testHost())
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q in it", tc.name, err, tc.want)
		}
	}
}

func many(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%q", fmt.Sprintf("10.9.7.%d", i+1))
	}
	return strings.Join(all, ", ")
}

// A class that no request can be of is named.
func TestClassesThatNeverMatch(t *testing.T) {
	t.Parallel()
	const use = "\nservers = [\"pxe\"]\n[[class]]\nname = \"b\"\n"
	for _, tc := range []struct{ name, text, want string }{
		{"different conditions", "name = \"a\"\nvendor_class = \"PXE*\"" + use + "vendor_class = \"HTTP*\"", ""},
		{"a class for all", "name = \"a\"" + use + "vendor_class = \"PXE*\"", `all of them are of "a"`},
		{"a shorter prefix", "name = \"a\"\nmac = \"00:1b\"" + use + "mac = \"00:1b:fc\"\nvendor_class = \"x\"", `all of them are of "a"`},
		{"a longer prefix", "name = \"a\"\nmac = \"00:1b:fc\"" + use + "mac = \"00:1b\"", ""},
		{"on other interfaces", "name = \"a\"\ninterfaces = [\"vlan11\"]" + use, "on no [[interface]]"},
		{"on more interfaces", "name = \"a\"\ninterfaces = [\"vlan*\"]" + use + "interfaces = [\"vlan10\"]", `all of them are of "a"`},
		{"of the other family", "name = \"a\"\nfamily = \"dhcpv6\"" + use + "family = \"dhcpv4\"", "goes to its IPv4 servers"},
		{"of both families after one", "name = \"a\"\nfamily = \"dhcpv4\"" + use, ""},
		{"an option of the other family", "name = \"a\"\nvendor_class = \"PXE*\"" + use + "family = \"dhcpv4\"\nenterprise = [311]", "no request of DHCPv4"},
		{"a text that no option has", "name = \"a\"\nvendor_class = \"PXE*\"" + use + "family = \"dhcpv4\"\nuser_class = \"" + strings.Repeat("x", 300) + "\"", "255 octets"},
	} {
		c, err := Parse("relay.toml", []byte("[[class]]\n"+tc.text+"\n"+classServers), testHost())
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		var got []string
		for _, w := range c.Warnings {
			got = append(got, w.Error())
		}
		if all := strings.Join(got, "\n"); tc.want == "" && all != "" || !strings.Contains(all, tc.want) {
			t.Errorf("%s: warnings %q, want %q in them", tc.name, all, tc.want)
		}
	}
	c, err := Parse("relay.toml", []byte("[[class]]\nname = \"six\"\nfamily = \"dhcpv6\"\n"+strings.ReplaceAll(classServers, ", \"2001:db8:9::2\"", "")+"[[interface]]\nname = \"b\"\nservers = [\"pxe\"]\n"), testHost())
	if err != nil || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Error(), "has servers of its family") {
		t.Errorf("a family without servers: %v, %v", c.Warnings, err)
	}
}

func TestParseText(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]class.Pattern{
		"a": {Kind: class.Exact, Text: "a"}, "a*": {Kind: class.Prefix, Text: "a"}, "*a*": {Kind: class.Substring, Text: "a"}, "*": {Kind: class.Prefix},
		"{hex:00ff}*": {Kind: class.Prefix, Text: "\x00\xff"}, "**": {Kind: class.Prefix},
	} {
		if got, err := parseText(s); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", s, got, err, want)
		}
	}
}
