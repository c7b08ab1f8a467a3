package status

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/offload"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
)

var update = flag.Bool("update", false, "write the expected texts anew")

// troubled is a relay with some of everything.
func troubled() *scene {
	s := healthy()
	s.in.Links[1].State, s.in.Links[1].Address, s.in.Links[1].Problem = agent.NoAddress, netip.Addr{}, "no usable address"
	s.flow("vlan20", dhcp.V4, 0, 0)
	s.drop("vlan20", dhcp.V4, dhcp.Requests, agent.NoGiaddr, 12)
	s.drop("vlan10", dhcp.V4, dhcp.Replies, agent.ReplyFromClient, 1)
	second := count.ServerID{Addr: netip.MustParseAddrPort("10.9.0.3:67"), VRF: "red"}
	s.in.Servers = append(s.in.Servers, second)
	s.in.Ways[second] = offload.Verdict{Reason: offload.Card, Device: "eth0", Kind: "ixgbe"}
	s.in.Links[0].Servers = append(s.in.Links[0].Servers, second)
	s.servers = append(s.servers, exchange{ServerID: second, Copies: 20, Unanswered: 10, Failures: 2})
	s.errors = []count.SendError{{Error: senderror.ENETUNREACH, Towards: senderror.Servers, Count: 2}}
	s.kernel[dhcp.V6] = 7
	return s
}

func TestText(t *testing.T) {
	t.Parallel()
	many := healthy()
	for i := range 4000 {
		many.in.Links = append(many.in.Links, Link{
			Name: fmt.Sprintf("port%d", i), Family: dhcp.V4, Address: netip.MustParseAddr("10.3.0.1"), Servers: many.in.Servers[:1],
		})
	}
	many.in.Links[7].State = agent.Down
	for i := range 30 {
		many.drop(fmt.Sprintf("port%d", i), dhcp.V4, dhcp.Requests, agent.HopLimit, 2)
	}
	cases := []struct {
		name string
		in   *scene
		all  bool
	}{
		{"healthy", healthy(), false},
		{"troubled", troubled(), false},
		{"many", many, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := c.in.report()
			var b strings.Builder
			if err := r.WriteText(&b, c.all); err != nil {
				t.Fatal(err)
			}
			file := "testdata/" + c.name + ".txt"
			if *update {
				if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("%s differs, go test -update writes it (-want +got):\n%s", file, diff)
			}
			for line := range strings.Lines(b.String()) {
				if len([]rune(line)) > 120 {
					t.Errorf("a long line: %s", line)
				}
			}
		})
	}
}

func TestTextListsAll(t *testing.T) {
	t.Parallel()
	s := healthy()
	for i := range 100 {
		name := fmt.Sprintf("port%d", i)
		s.in.Links = append(s.in.Links, Link{Name: name, Family: dhcp.V4, Servers: s.in.Servers[:1]})
		s.drop(name, dhcp.V4, dhcp.Requests, agent.HopLimit, 2)
	}
	r := s.report()
	var b strings.Builder
	if err := r.WriteText(&b, true); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if n := strings.Count(b.String(), fmt.Sprintf("\nport%d ", i)); n != 2 {
			t.Errorf("port%d stands there %d times", i, n)
		}
	}
}

func TestOnly(t *testing.T) {
	t.Parallel()
	all := troubled().report()
	cases := []struct {
		name     string
		kinds    []string
		servers  int
		links    int
		drops    int
		failing  bool
		anything bool
	}{
		{"vlan20", []string{"interface_no_address", "kernel_drops", "send_ENETUNREACH"}, 1, 1, 1, true, true},
		{"vlan10", []string{"kernel_drops", "send_ENETUNREACH", "server_silent", "drop_reply_from_client"}, 3, 2, 1, true, true},
		{"vlan2", []string{"kernel_drops", "send_ENETUNREACH"}, 0, 0, 0, true, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r, ok := all.Only(c.name)
			var kinds []string
			for _, f := range r.Findings {
				kinds = append(kinds, f.Kind)
			}
			if diff := cmp.Diff(c.kinds, kinds); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			got := []any{len(r.Servers), len(r.Interfaces), len(r.Drops), r.Exit(FailOnError) == 2, ok}
			if diff := cmp.Diff([]any{c.servers, c.links, c.drops, c.failing, c.anything}, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if h := healthy().report(); h.Exit(FailOnWarn) != 0 {
		t.Error("a healthy relay fails")
	}
}

func TestUptimeInWords(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{
		1: "1 second", 119: "119 seconds", 120: "2 minutes", 3700: "1 hour 1 minute", 3 * 86400: "3 days 0 hours",
	} {
		if got := uptime(seconds); got != want {
			t.Errorf("%v: %q, want %q", seconds, got, want)
		}
	}
}
