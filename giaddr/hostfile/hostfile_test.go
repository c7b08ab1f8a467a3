package hostfile

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dhcp-relay/giaddr"
)

const ownTOML = `hostname = "router"

[[interface]]
name = "lo"
addresses = ["127.0.0.1/8"]

[[interface]]
name = "vlan20"
addresses = ["192.0.2.1/24", "2001:db8:1::1/64"]
mac = "02:00:00:00:20:01"
vlan = 20
mtu = 1400
vrf = "red"
alias = "second floor"

[[interface]]
name = "red"
is_vrf = true
index = 70

[[interface]]
name = "wg0"
mac = ""
up = false

[[interface]]
name = "br0"
alt_names = ["customers-ten"]

[[interface]]
name = "port0"
master = "br0"

[[interface]]
name = "vrrp.51"
lower = "br0"
`

// ipJSON is the output of iproute2 6.1, shortened.
const ipJSON = `[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"operstate":"UNKNOWN","link_type":"loopback","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo"}]},
{},
{"ifindex":5,"link":"eth0","ifname":"eth0.20","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1400,"master":"red","link_type":"ether","address":"02:00:00:00:20:01","ifalias":"second floor","linkinfo":{"info_kind":"vlan","info_data":{"protocol":"802.1Q","id":20,"flags":["REORDER_HDR"]},"info_slave_kind":"vrf","info_slave_data":{"table":10}},"addr_info":[{"family":"inet","local":"192.0.2.1","prefixlen":24,"broadcast":"192.0.2.255"},{"family":"inet","local":"192.0.2.2","prefixlen":24,"secondary":true},{"family":"inet6","local":"2001:db8:1::1","prefixlen":64,"deprecated":true},{"family":"inet6","local":"fe80::1","prefixlen":64,"tentative":true}]},
{"ifindex":70,"ifname":"red","flags":["NOARP","MASTER","UP","LOWER_UP"],"mtu":65575,"link_type":"ether","address":"02:00:00:00:70:01","linkinfo":{"info_kind":"vrf","info_data":{"table":10}},"addr_info":[]},
{"ifindex":71,"ifname":"ppp0","flags":["POINTOPOINT"],"mtu":1492,"link_type":"ppp","addr_info":[{"family":"inet","local":"10.0.0.1","address":"10.0.0.2","prefixlen":32}]},
{"ifindex":72,"ifname":"vx9","flags":["BROADCAST","UP","LOWER_UP"],"mtu":1450,"link_type":"ether","address":"02:00:00:00:72:01","linkinfo":{"info_kind":"vxlan","info_data":{"id":9000}},"addr_info":[]},
{"ifindex":73,"ifname":"br0","flags":["UP","LOWER_UP"],"mtu":1500,"link_type":"ether","address":"02:00:00:00:73:01","altnames":["customers-ten"],"linkinfo":{"info_kind":"bridge"},"addr_info":[]},
{"ifindex":74,"ifname":"port0","flags":["UP","LOWER_UP"],"mtu":1500,"master":"br0","link_type":"ether","address":"02:00:00:00:74:01","addr_info":[]},
{"ifindex":75,"link":"br0","ifname":"vrrp.51","flags":["UP","LOWER_UP"],"mtu":1500,"link_type":"ether","address":"00:00:5e:00:01:33","linkinfo":{"info_kind":"macvlan","info_data":{"mode":"private"}},"addr_info":[]},
{"ifindex":76,"link":"vx9","ifname":"pt0","flags":["UP","LOWER_UP"],"mtu":1450,"link_type":"ether","address":"02:00:00:00:72:01","linkinfo":{"info_kind":"macvtap","info_data":{"mode":"passthru"}},"addr_info":[]}]`

func addrs(ps ...string) (as []giaddr.Addr) {
	for _, p := range ps {
		as = append(as, giaddr.Addr{Prefix: netip.MustParsePrefix(p)})
	}
	return as
}

func TestParse(t *testing.T) {
	t.Parallel()
	own := Host{Hostname: "router", Links: []giaddr.Link{
		{Index: 1, Name: "lo", Type: 772, MTU: 1500, Up: true, Loopback: true, Addrs: addrs("127.0.0.1/8")},
		{
			Index: 2, Name: "vlan20", Alias: "second floor", Type: 1, MTU: 1400, Up: true, Broadcast: true, VLAN: 20, VRF: 70,
			MAC: []byte{2, 0, 0, 0, 0x20, 1}, Addrs: addrs("192.0.2.1/24", "2001:db8:1::1/64", "fe80::ff:fe00:2001/64"),
		},
		{Index: 70, Name: "red", Type: 1, MTU: 1500, Up: true, Broadcast: true, IsVRF: true, MAC: []byte{2, 0, 0, 0, 0, 70}},
		{Index: 4, Name: "wg0", Type: 0xfffe, MTU: 1500},
		{Index: 5, Name: "br0", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 5}, AltNames: []string{"customers-ten"}, FDB: giaddr.FDB{Bridge: 5}},
		{Index: 6, Name: "port0", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 6}, Master: "br0"},
		{Index: 7, Name: "vrrp.51", Type: 1, MTU: 1500, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0, 7}, Lower: 5, FDB: giaddr.FDB{Bridge: 5}},
	}}
	many := addrs("192.0.2.1/24", "192.0.2.2/24", "2001:db8:1::1/64", "fe80::1/64")
	many[1].Secondary, many[2].Deprecated, many[3].Tentative = true, true, true
	ip := Host{Kernel: true, Links: []giaddr.Link{
		{Index: 1, Name: "lo", Type: 772, MTU: 65536, Up: true, Loopback: true, Addrs: addrs("127.0.0.1/8")},
		{
			Index: 5, Name: "eth0.20", Alias: "second floor", Type: 1, MTU: 1400, Up: true, Broadcast: true, VLAN: 20, VRF: 70,
			MAC: []byte{2, 0, 0, 0, 0x20, 1}, Addrs: many, Kind: "vlan",
		},
		{Index: 70, Name: "red", Kind: "vrf", Type: 1, MTU: 65575, Up: true, IsVRF: true, MAC: []byte{2, 0, 0, 0, 0x70, 1}},
		{Index: 71, Name: "ppp0", Type: 512, MTU: 1492, Addrs: addrs("10.0.0.1/32")},
		{Index: 72, Name: "vx9", Kind: "vxlan", Type: 1, MTU: 1450, Up: true, Broadcast: true, MAC: []byte{2, 0, 0, 0, 0x72, 1}},
		{Index: 73, Name: "br0", Kind: "bridge", Type: 1, MTU: 1500, Up: true, MAC: []byte{2, 0, 0, 0, 0x73, 1}, AltNames: []string{"customers-ten"}, FDB: giaddr.FDB{Bridge: 73}},
		{Index: 74, Name: "port0", Type: 1, MTU: 1500, Up: true, MAC: []byte{2, 0, 0, 0, 0x74, 1}, Master: "br0"},
		{Index: 75, Name: "vrrp.51", Kind: "macvlan", Type: 1, MTU: 1500, Up: true, MAC: []byte{0, 0, 0x5e, 0, 1, 0x33}, Lower: 73, FDB: giaddr.FDB{Bridge: 73}},
		{Index: 76, Name: "pt0", Kind: "macvtap", Type: 1, MTU: 1450, Up: true, MAC: []byte{2, 0, 0, 0, 0x72, 1}, Lower: 72},
	}}
	tests := []struct {
		name, text string
		want       Host
	}{
		{"TOML", ownTOML, own},
		{"output of ip", ipJSON, ip},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse("host", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("host (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"nothing", "", "host: there is no interface in it; write [[interface]] with"},
		{"empty list", "[]", "host: there is no interface in it"},
		{"TOML", "[[interface]]\nname = vlan10\n", "host: line 2: "},
		{"key", "[[interface]]\nname = \"a\"\naddrs = \"10.0.0.1/24\"\n", "host: there is no key interface.addrs; an [[interface]] has name, index, addresses"},
		{"name", "[[interface]]\nname = \"a b\"\n", `host: interface[0] "a b": it has no name that an interface can have; write`},
		{"prefix length", "[[interface]]\nname = \"a\"\naddresses = [\"10.0.0.1\"]\n", `host: interface[0] "a": "10.0.0.1" lacks the length of its prefix; write "10.0.0.1/24"`},
		{"prefix length of IPv6", "[[interface]]\nname = \"a\"\naddresses = [\"2001:db8::1\"]\n", `write "2001:db8::1/64"`},
		{"address", "[[interface]]\nname = \"a\"\naddresses = [\"ten\"]\n", `"ten" is no address with the length of its prefix; write one such as`},
		{"MAC", "[[interface]]\nname = \"a\"\nmac = \"02:0\"\n", `"02:0" is no link-layer address; write one such as`},
		{"VLAN", "[[interface]]\nname = \"a\"\nvlan = 4095\n", "vlan 4095 is no VLAN identifier; write one from 1 to 4094"},
		{"MTU", "[[interface]]\nname = \"a\"\nmtu = -1\n", "mtu -1 is negative"},
		{"index", "[[interface]]\nname = \"a\"\nindex = -1\n", "index -1 is no index"},
		{"VRF", "[[interface]]\nname = \"a\"\nvrf = \"red\"\n", `there is no VRF device "red"; write an [[interface]] with that name and is_vrf = true`},
		{"twice", "[[interface]]\nname = \"a\"\n[[interface]]\nname = \"a\"\n", `host: the interface "a" is there twice`},
		{"same index", "[[interface]]\nname = \"a\"\n[[interface]]\nname = \"b\"\nindex = 1\n", `host: the interfaces "a" and "b" have the same index 1`},
		{"ip link", `[{"ifindex":1,"ifname":"lo"}]`, "host: there are no addresses in it; use the output of ip -j -d address"},
		{"ip: index", `[{"ifname":"lo","addr_info":[]}]`, "host: lo: this is no name or index 0"},
		{"ip: address", `[{"ifindex":1,"ifname":"a","addr_info":[{"local":"10.0.0.1","prefixlen":33}]}]`, `host: a: "10.0.0.1" with prefix length 33 is no address`},
		{"ip: MAC", `[{"ifindex":1,"ifname":"a","link_type":"ether","address":"x","addr_info":[]}]`, `host: a: "x" is no link-layer address`},
		{"ip: VLAN", `[{"ifindex":1,"ifname":"a","linkinfo":{"info_kind":"vlan"},"addr_info":[]}]`, "host: a: its VLAN identifier is "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("host", []byte(tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{ownTOML, ipJSON, "", "[", "[{", "{"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := Parse("host", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "host: ") {
				t.Errorf("no place in %v", err)
			}
			return
		}
		for _, l := range h.Links {
			if !giaddr.ValidName(l.Name) || l.Index <= 0 || l.VLAN > 4094 {
				t.Errorf("%+v", l)
			}
			for _, a := range l.Addrs {
				if !a.Prefix.IsValid() {
					t.Errorf("%+v", l)
				}
			}
		}
	})
}
