package check

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// router has clients on vlan10 (index 2), with a macvlan (6) on it, and on vlan20
// in the VRF red; the bridge of virtual machines virbr0 (3) and the uplink (4) are
// none of the relay's.
func router(t *testing.T) (*agent.Snapshot, []giaddr.Link) {
	t.Helper()
	link := func(index int, name string, addrs ...string) giaddr.Link {
		l := giaddr.Link{Index: index, Name: name, Type: 1, MTU: 1500, Up: true, MAC: []byte{2, 0, 0, 0, 0, byte(index)}}
		for _, a := range addrs {
			l.Addrs = append(l.Addrs, giaddr.Addr{Prefix: netip.MustParsePrefix(a)})
		}
		return l
	}
	host := []giaddr.Link{
		link(2, "vlan10", "10.1.0.1/24", "2001:db8:1::1/64"),
		link(3, "virbr0", "192.168.122.1/24"),
		link(4, "up", "10.9.0.1/24", "2001:db8:9::1/64"),
		link(5, "vlan20", "10.2.0.1/24"),
		link(6, "vrrp.1", "10.1.0.254/32"),
		link(7, "red"),
		link(8, "dummy0", "10.3.0.1/32"),
		link(9, "vlan30"),
	}
	host[3].VRF, host[4].Lower, host[4].Kind = 7, 2, "macvlan"
	host[5].IsVRF = true
	p := agent.Policy{
		Servers: []agent.Server{
			{Addr: netip.MustParseAddrPort("10.9.0.2:67")},
			{Addr: netip.MustParseAddrPort("[2001:db8:9::2]:547")},
			{Addr: netip.MustParseAddrPort("10.9.0.3:67"), VRF: "red"},
		},
		Interfaces: []agent.Interface{
			{Name: "vlan10", Servers: []int{0, 1}, V4: agent.Interface4{Common: agent.Common{HopLimit: 4, SourcePort: 67}}, V6: agent.Interface6{Common: agent.Common{SourcePort: 547}}},
			{Name: "vlan20", Servers: []int{2}, V4: agent.Interface4{Common: agent.Common{HopLimit: 4, SourcePort: 67}}},
			{Name: "vlan30", Servers: []int{0}, V4: agent.Interface4{Common: agent.Common{HopLimit: 4, SourcePort: 67, Address: giaddr.Rule{Kind: giaddr.Borrowed, Link: "dummy0"}}}},
		},
	}
	s, _ := agent.Compile(p, host)
	return s, host
}

// T26: who takes part in what the relay does, and who does not.
func TestT26_HarmOfOtherListeners(t *testing.T) {
	t.Parallel()
	s, host := router(t)
	v4, v6 := survey(s, host, dhcp.V4, true), survey(s, host, dhcp.V6, true)
	v4.uplinks = map[int]bool{4: true}
	alone, joined := *v6, *v6
	alone.known, alone.joined = true, nil
	joined.known, joined.joined = true, []string{"vlan10"}
	for _, tc := range []struct {
		name   string
		on     *ground
		addr   string
		link   int
		want   Harm
		serves []string
	}{
		{"every address", v4, "0.0.0.0:67", 0, Doubles, nil},
		{"a bridge of its own", v4, "0.0.0.0:67", 3, None, nil},
		{"the way to a server", v4, "0.0.0.0:67", 4, Steals, nil},
		{"the clients' interface", v4, "0.0.0.0:67", 2, Doubles, []string{"vlan10"}},
		{"a macvlan on the clients' interface", v4, "0.0.0.0:67", 6, Doubles, []string{"vrrp.1"}},
		{"a VRF of the relay's", v4, "0.0.0.0:67", 7, Doubles, nil},
		{"the address of the clients' interface", v4, "10.1.0.1:67", 0, Doubles, []string{"vlan10"}},
		{"the address of the uplink", v4, "10.9.0.1:67", 0, None, nil},
		{"DHCPv6, the address of the uplink", v6, "[2001:db8:9::1]:547", 0, Steals, nil},
		{"a giaddr that is not on the clients' interface", v4, "10.3.0.1:67", 0, Steals, nil},
		{"an address of a bridge of its own", v4, "192.168.122.1:67", 0, None, nil},
		{"loopback", v4, "127.0.0.1:67", 0, None, nil},
		{"an address that is not there", v4, "10.77.0.1:67", 0, None, nil},
		{"DHCPv6, a member elsewhere", &alone, "[::]:547", 0, Steals, nil},
		{"DHCPv6, a member where clients are", &joined, "[::]:547", 0, Doubles, []string{"vlan10"}},
		{"DHCPv6, a link-local address", v6, "[fe80::1]:547", 0, None, nil},
		{"DHCPv6, a bridge of its own", v6, "[::]:547", 3, None, nil},
	} {
		h := udp.Holder{Addr: netip.MustParseAddrPort(tc.addr), Link: tc.link}
		got, serves := tc.on.harm(&h)
		if got != tc.want || !cmp.Equal(serves, tc.serves) {
			t.Errorf("%s: %v on %v, want %v on %v", tc.name, got, serves, tc.want, tc.serves)
		}
	}
}

func TestWhoIsAServer(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]bool{
		"dhcrelay": true, "dhcpd": true, "dnsmasq": true, "dhcp-helper": true, "kea-dhcp4": true, "kea-dhcp6": true, "dhcp-relay": true,
		"socat": false, "tcpdump": false, "": false,
	} {
		if got := serves(command); got != want {
			t.Errorf("%s: %v", command, got)
		}
	}
}

// The kernel's own tables tell who hears frames, and who is a member of a group.
func TestKernelTables(t *testing.T) {
	t.Parallel()
	write := func(text string) string {
		f := filepath.Join(t.TempDir(), "table")
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	got := packetSockets(write(`sk               RefCnt Type Proto  Iface R Rmem   User   Inode
0000000000000000 3      3    0003   2     1 0      0      4711
0000000000000000 3      3    0800   4     1 0      0      4712
0000000000000000 3      3    88cc   2     1 0      0      4713
0000000000000000 3      3    0003   0     1 0      0      4714
`))
	want := map[int]map[uint32]bool{2: {4711: true}, 4: {4712: true}, 0: {4714: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packet sockets (-want +got):\n%s", diff)
	}
	g := &ground{clients: map[int]string{2: "vlan10", 3: "vlan20"}}
	table := write(`1    lo              ff020000000000000000000000000001     1 0000000C 0
2    vlan10          ff020000000000000000000000010002     2 00000004 0
3    vlan20          ff020000000000000000000000010002     1 00000004 0
4    up              ff020000000000000000000000010002     1 00000004 0
`)
	if on, ok := g.members(table, true); !ok || !cmp.Equal(on, []string{"vlan10"}) {
		t.Errorf("members beside the relay: %v, %v", on, ok)
	}
	if on, _ := g.members(table, false); !cmp.Equal(on, []string{"vlan10", "vlan20"}) {
		t.Errorf("members without the relay: %v", on)
	}
	if _, ok := g.members(filepath.Join(t.TempDir(), "none"), true); ok {
		t.Error("members are known without the table")
	}
}
