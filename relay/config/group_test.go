package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
)

// Groups and names stand for servers, in the order in which interfaces list them.
func TestParseGroups(t *testing.T) {
	t.Parallel()
	c, err := Parse("f", []byte(`
[[server]]
name = "kea1"
address = "10.9.0.2"
delay = 4

[[server]]
name = "nac"
address = "10.9.0.66"
role = "listen"

[[server_group]]
name = "campus"
servers = ["kea1", "10.9.0.3", "2001:db8:9::2", "2001:db8:9::3"]
mode = "failover"
back = "never"

[[server_group]]
name = "away"
servers = ["10.8.0.2", "10.8.0.3"]
mode = "balance"
split = [200, 56]
late = 3

[[interface]]
name = "vlan10"
servers = ["campus", "away"]
next_after = 3

[[interface]]
name = "vlan20"
servers = ["10.9.0.4", "campus", "nac"]
mode = "hash"

[[interface]]
name = "vlan30"
servers = ["10.9.0.4", "nac"]
mode = "hash"

[[interface]]
name = "vlan40"
servers = ["nac", "kea1"]
`), testHost())
	if err != nil {
		t.Fatal(err)
	}
	wantGroups := []agent.Group{
		{Name: "campus", Mode: agent.Failover, Servers: []int{0, 1, 2, 3}, Back: agent.NeverBack},
		{Name: "away", Mode: agent.Balance, Servers: []int{4, 5}, Back: 30 * time.Second, Split: []uint16{200, 56}, Late: 3 * time.Second},
		{Mode: agent.Hash, Servers: []int{6, 7}, Back: 30 * time.Second},
	}
	if diff := cmp.Diff(wantGroups, c.Policy.Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	for i, want := range []agent.Interface{
		{Servers: []int{0, 1, 2, 3, 4, 5}, Groups: []int{0, 1}, NextAfter: 3},
		{Servers: []int{6, 7, 0, 1, 2, 3}, Groups: []int{2, 0}},
		{Servers: []int{6, 7}, Groups: []int{2}},
		{Servers: []int{7, 0}},
	} {
		got := &c.Policy.Interfaces[i]
		if !slices.Equal(got.Servers, want.Servers) || !slices.Equal(got.Groups, want.Groups) || got.NextAfter != want.NextAfter {
			t.Errorf("interface %d has servers %v, groups %v, next after %d, want %v, %v, %d", i, got.Servers, got.Groups, got.NextAfter, want.Servers, want.Groups, want.NextAfter)
		}
	}
	if s := c.Policy.Servers; s[0].Name != "kea1" || s[0].Delay != 4*time.Second || !s[7].Listens || s[1].Name != "" {
		t.Errorf("servers %+v", s)
	}
}

func TestParseGroupProblems(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, text, want string }{
		{
			"unknown name", "[[server_group]]\nname = \"a\"\nservers = [\"kea1\"]\n[[interface]]\nname = \"x\"\nservers = [\"a\", \"b\"]",
			`f:3:12: server_group[0].servers[0]: there is no server with the name "kea1"; write an address, or one of "a"
f:6:17: interface[0].servers[1]: there is no server with the name "b"; write an address, or one of "a"`,
		},
		{
			"empty group, no name", "[[server_group]]\nname = \"a\"\nservers = []\n[[server_group]]\nservers = [\"10.9.0.2\"]\n" + one,
			`f:1:1: server_group[0]: this group has no servers; write servers = ["10.9.0.2", "10.9.0.3"]
f:4:1: server_group[1]: this group has no name; write name = "campus", as interfaces list it among their servers`,
		},
		{
			"bad values", "[[server_group]]\nname = \"10.9.0.2\"\nservers = [\"10.9.0.2\"]\nback = \"soon\"\nsplit = [1, 2]\n" + one,
			`f:2:8: server_group[0].name: "10.9.0.2" is no name: it needs a letter first, then letters, digits, dots, hyphens and underscores; write a name, such as "campus"
f:4:8: server_group[0].back: "soon" is no time up to 24h; write "at once", "never", or a time such as "30s" or "10m"
f:5:9: server_group[0].split: these are 3 hash buckets, and there are 256; write a list of numbers that sum up to 256, one for each server of a family, or [] for equal parts`,
		},
		{
			"one server in two groups, one name twice, a group in a group",
			`[[server_group]]
name = "a"
servers = ["10.9.0.2", "10.9.0.3"]
[[server_group]]
name = "b"
servers = ["10.9.0.2", "a"]
[[server_group]]
name = "b"
servers = ["10.9.0.2"]
[[interface]]
name = "x"
servers = ["a", "b"]`,
			`f:6:24: server_group[1].servers[1]: "a" is a group, and a group lists servers; list its servers, or list both groups in the interface
f:8:1: server_group[2].name: "b" is already server_group[1]; give one of both another name
f:12:1: interface[0].servers: 10.9.0.2 is on the list twice; remove one`,
		},
		{
			"split among others", "[[server_group]]\nname = \"a\"\nservers = [\"10.9.0.2\", \"10.9.0.3\"]\nmode = \"balance\"\nsplit = [128, 64, 64]\n[[interface]]\nname = \"x\"\nservers = [\"a\"]",
			`f:5:1: server_group[0].split: the hash buckets are split among 3, and there are 2 IPv4 servers; write a number for each`,
		},
		{
			"only listeners", "[[server]]\naddress = \"10.9.0.2\"\nrole = \"listen\"\n[[interface]]\nname = \"x\"\nservers = [\"10.9.0.2\"]",
			`f:6:1: interface[0].servers: no IPv4 server of this interface answers: each has the role "listen"; add one that does`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("f", []byte(tc.text), testHost())
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseGroupWarnings(t *testing.T) {
	t.Parallel()
	c, err := Parse("f", []byte(`
[[server]]
address = "10.9.0.2"
delay = 4
[[server_group]]
name = "a"
servers = ["10.9.0.2"]
mode = "failover"
late = 3
[[server_group]]
name = "b"
servers = ["10.9.0.2"]
[[interface]]
name = "x"
servers = ["a"]
next_after = 2
`), testHost())
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, w := range c.Warnings {
		got += w.Error() + "\n"
	}
	const want = `f:8:1: server_group[0].mode: "failover" chooses among servers of one family, and there is one; add servers, or write mode = "all"
f:9:1: server_group[0].late: this has no effect: the mode of the group is "failover"; write mode = "balance", or remove it
f:10:1: server_group[1]: no interface lists the group "b"; add it to the servers of one, or remove this table
f:15:1: interface[0].servers: each IPv4 server of this interface has a delay, so all are asked at once; leave one of them without
f:16:1: interface[0].next_after: this has no effect: the servers of this interface are one group; list several [[server_group]] in servers, in the order in which they are to be asked
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What servers are to get of link selection and VSS is a chain, and somebody gets it.
func TestLinkSelectionOfServers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, servers, option82, problem, warning string }{
		{"one gets none", "[[server]]\naddress = \"10.9.0.3\"\nlink_selection = false\n", `link_selection = "subnet"`, "", ""},
		{"one gets neither", "[[server]]\naddress = \"10.9.0.3\"\nlink_selection = false\nvss = false\n", "link_selection = \"subnet\"\nvss = \"red\"", "", ""},
		{"nobody gets it", "[[server]]\naddress = \"10.9.0.2\"\nlink_selection = false\n[[server]]\naddress = \"10.9.0.3\"\nlink_selection = false\n", `link_selection = "subnet"`, "", "no IPv4 server of this interface gets it"},
		{"each lacks another", "[[server]]\naddress = \"10.9.0.2\"\nlink_selection = false\n[[server]]\naddress = \"10.9.0.3\"\nvss = false\n", "link_selection = \"subnet\"\nvss = \"red\"", "10.9.0.2 gets VSS and no link selection, and 10.9.0.3 link selection and no VSS", ""},
		{"each would lack another", "[[server]]\naddress = \"10.9.0.2\"\nlink_selection = false\n[[server]]\naddress = \"10.9.0.3\"\nvss = false\n", `vss = "red"`, "", ""},
	} {
		c, err := Parse("f", []byte(tc.servers+"[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"10.9.0.3\"]\n[interface.dhcpv4.option82]\n"+tc.option82), testHost())
		switch {
		case tc.problem != "":
			if err == nil || !strings.Contains(err.Error(), tc.problem) {
				t.Errorf("%s: %v, want %q", tc.name, err, tc.problem)
			}
		case err != nil:
			t.Errorf("%s: %v", tc.name, err)
		case tc.warning == "" && len(c.Warnings) > 0, tc.warning != "" && (len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0].Text, tc.warning)):
			t.Errorf("%s: warnings %v, want %q", tc.name, c.Warnings, tc.warning)
		}
	}
}
