package daemon

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/wire/dhcp"
)

// A firewall that lets broadcasts in and drops replies to giaddr is named before the
// daemon runs and while it does, and nobody is sent to the server.
func TestTheFirewallIsNamed(t *testing.T) {
	t.Parallel()
	n := netns.Test(t, "fw")
	for name, addr := range map[string]string{"vlan10": "10.1.0.1/24", "uplink": "10.9.0.1/24"} {
		netns.Need(t, "veth", netns.Veth(n, name, n, name+"p"))
		for _, err := range []error{n.Up(name), n.Up(name + "p"), n.Addr(name, addr)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "relay.toml")
	if err := os.WriteFile(file, []byte("metrics.listen = \"\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	relay := func() status.Report {
		return status.Report{Interfaces: []status.Interface{{
			Name: "vlan10", Family: dhcp.V4, State: agent.Relaying, Address: "10.1.0.1", Servers: []status.ServerName{{Address: api.Endpoint("10.9.0.2:67")}},
		}}}
	}
	found := new(Report)
	closed, elsewhere := relay(), relay()
	elsewhere.Interfaces[0].Address = "10.1.0.77" // of a daemon in another network namespace
	err := n.Do(func() error {
		if out, err := exec.CommandContext(t.Context(), "nft", `add table inet t; add chain inet t in { type filter hook input priority 0; policy drop; };
			add rule inet t in ip daddr 255.255.255.255 udp dport 67 accept`).CombinedOutput(); err != nil {
			t.Errorf("nft: %s", out)
			return err
		}
		LookAtFirewall(t.Context(), &closed)
		LookAtFirewall(t.Context(), &elsewhere)
		l, err := Load(file)
		if err != nil {
			return err
		}
		return found.onHost(l.Config)
	})
	if err != nil {
		t.Fatal(err)
	}
	const why = "chain inet t in drops by policy, and no rule accepts UDP port 67 from uplink"
	if f := closed.Findings; len(f) != 1 || f[0].Kind != "firewall" || !strings.Contains(f[0].Text, "drops the replies of its servers: "+why) {
		t.Errorf("status: %+v", f)
	}
	if f := elsewhere.Findings; len(f) != 0 {
		t.Errorf("status of another host's daemon: %+v", f)
	}
	if !slices.ContainsFunc(found.Findings, func(f Finding) bool { return !f.Fatal && strings.Contains(f.Text, why) }) {
		t.Errorf("check: %+v", found.Findings)
	}
}
