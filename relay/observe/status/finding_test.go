package status

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// Each kind has a name of its own and says what it tells.
func TestKindsAreDocumented(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for k := none + 1; int(k) < numKinds; k++ {
		d := k.doc()
		if d.Name == "" || d.What == "" || seen[d.Name] {
			t.Errorf("kind %d: %+v", k, d)
		}
		seen[d.Name] = true
	}
}

// Findings of one kind fold into one whose subject counts what they are about.
func TestManyFindingsAreCountedInWords(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		spoil func(s *scene, i int)
		want  []string
	}{
		{
			"drops of interfaces and of what no interface is configured for",
			func(s *scene, i int) {
				name := fmt.Sprintf("vlan%d", 30+i)
				if i == 0 {
					name = count.Other
				}
				s.in.Links = append(s.in.Links, Link{Name: name, Family: dhcp.V4, Servers: s.in.Servers[:1]})
				s.drop(name, dhcp.V4, dhcp.Requests, agent.HopLimit, 2)
			},
			[]string{"6 interfaces (vlan31, vlan32, vlan33 and 3 more)", "messages of no configured interface (DHCPv4)"},
		},
		{
			"programs",
			func(s *scene, i int) {
				s.in.Rivals = append(s.in.Rivals, Rival{Port: 67, Who: fmt.Sprintf("dnsmasq (pid %d)", 800+i)})
			},
			[]string{"7 other programs (dnsmasq (pid 800), dnsmasq (pid 801), dnsmasq (pid 802) and 4 more)"},
		},
		{
			"servers",
			func(s *scene, i int) {
				id := count.ServerID{Addr: netip.MustParseAddrPort(fmt.Sprintf("10.9.1.%d:67", i)), VRF: "red"}
				s.in.Servers = append(s.in.Servers, id)
				s.servers = append(s.servers, exchange{ServerID: id, Failures: 3})
			},
			[]string{"7 servers (10.9.1.0 in VRF red, 10.9.1.1 in VRF red, 10.9.1.2 in VRF red and 4 more)"},
		},
		{
			"listeners",
			func(s *scene, i int) {
				s.in.Listeners = append(s.in.Listeners, Listener{Name: "metrics", Address: fmt.Sprintf("192.0.2.%d:9867", i), Error: "no"})
			},
			[]string{"7 listeners (metrics on 192.0.2.0:9867, metrics on 192.0.2.1:9867, metrics on 192.0.2.2:9867 and 4 more)"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := healthy()
			for i := range 7 {
				c.spoil(s, i)
			}
			var got []string
			about := 0
			for _, f := range s.report().Findings {
				got = append(got, f.Subject)
				about += len(f.About)
			}
			slices.Sort(got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("subjects (-want +got):\n%s", diff)
			}
			if about != 7 {
				t.Errorf("the findings are about %d, want 7", about)
			}
		})
	}
}

// Strict rp_filter is a setting of IPv4: a silent DHCPv6 server is no reason to
// tell of it, however its address is written.
func TestSilentIPv6ServerAndStrictFilter(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"[2001:db8:9::2]:547", "[2001:db8:1:2:3:4:5:6]:547", "[2001:db8::2]:1547"} {
		s := healthy()
		silent := server(addr)
		s.in.Servers[1], s.in.Links[2].Servers[0] = silent, silent
		s.servers[1] = exchange{ServerID: silent, Copies: 20, Unanswered: 20}
		s.flow("vlan10", dhcp.V6, 20, 0)
		s.in.StrictPath = []string{"eth0"}
		kinds := make(map[string]bool)
		for _, f := range s.report().Findings {
			kinds[f.Kind] = true
		}
		if !kinds["server_silent"] || kinds["rp_filter_server"] {
			t.Errorf("%s: findings %v", addr, kinds)
		}
	}
}

// Two servers at one address are two: status of an interface shows its own.
func TestOnlyTellsServersApart(t *testing.T) {
	t.Parallel()
	s := healthy()
	for i, id := range []count.ServerID{{Addr: netip.MustParseAddrPort("10.9.0.7:67"), VRF: "red"}, {Addr: netip.MustParseAddrPort("10.9.0.7:67"), VRF: "blue"}} {
		s.in.Servers = append(s.in.Servers, id)
		s.in.Links[i].Servers = []count.ServerID{id}
		s.servers = append(s.servers, exchange{ServerID: id, Failures: 3})
	}
	s.in.Links = s.in.Links[:2]
	all := s.report()
	r, ok := all.Only("vlan10")
	if !ok || len(r.Servers) != 1 || r.Servers[0].VRF != "red" {
		t.Errorf("servers of vlan10: %+v", r.Servers)
	}
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Subject, "server") && f.Subject != "server 10.9.0.7 in VRF red" {
			t.Errorf("a finding about %s", f.Subject)
		}
	}
}

// A subject is the same after JSON, with its family or without.
func TestSubjectsSurviveJSON(t *testing.T) {
	t.Parallel()
	for _, want := range []Subject{{Kind: OfAll}, {Kind: OfBuffer, Family: ScopeOf(dhcp.V4)}, {Kind: OfBuffer, Family: ScopeOf(dhcp.V6)}} {
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Subject
		if err := json.Unmarshal(b, &got); err != nil || got != want {
			t.Errorf("%s is %+v, %v; want %+v", b, got, err, want)
		}
	}
	if err := json.Unmarshal([]byte(`{"family": "ipx"}`), &Subject{}); err == nil {
		t.Error("an unknown family is taken")
	}
}
