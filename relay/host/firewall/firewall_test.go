package firewall_test

import (
	"net/netip"
	"os/exec"
	"strings"
	"testing"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/host/firewall"
)

func port(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

var (
	discover = firewall.Packet{Interface: "vlan10", Src: port("0.0.0.0:68"), Dst: port("255.255.255.255:67")}
	reply    = firewall.Packet{Interface: "uplink", Src: port("10.9.0.2:67"), Dst: port("10.1.0.1:67")}
	solicit  = firewall.Packet{Interface: "vlan10", Src: port("[fe80::1]:546"), Dst: port("[ff02::1:2]:547")}
	reply6   = firewall.Packet{Interface: "uplink", Src: port("[2001:db8:9::2]:547"), Dst: port("[2001:db8:9::1]:547"), Answers: true}
)

// Each ruleset is loaded into a kernel and read back, as nft prints it.
func TestRulesets(t *testing.T) {
	const policy, byRule = "chain inet filter input drops by policy, and no rule accepts ", "a rule of chain inet filter input drops "
	for name, c := range map[string]struct {
		rules string // of an input chain that drops
		plain string // in place of that, a whole ruleset
		drops map[*firewall.Packet]string
	}{
		"nothing at all":       {plain: " "},
		"a policy":             {drops: map[*firewall.Packet]string{&discover: policy + "UDP port 67 from vlan10", &reply: policy + "UDP port 67 from uplink", &solicit: policy + "UDP port 547 from vlan10", &reply6: policy + "UDP port 547 from uplink"}},
		"what is documented":   {rules: "udp dport { 67, 547 } accept"},
		"state":                {rules: "ct state established,related accept; udp dport 67 accept", drops: map[*firewall.Packet]string{&solicit: policy + "UDP port 547 from vlan10"}},
		"state, in a map":      {rules: "ct state vmap { established : accept, invalid : drop }; iifname vlan10 accept", drops: map[*firewall.Packet]string{&reply: policy + "UDP port 67 from uplink"}},
		"broadcasts only":      {rules: "ip daddr 255.255.255.255 udp dport 67 accept; ip6 daddr ff02::/16 accept; udp dport 547 accept", drops: map[*firewall.Packet]string{&reply: policy + "UDP port 67 from uplink"}},
		"the client's port":    {rules: "udp sport 68 udp dport 67 accept; udp dport 547 accept", drops: map[*firewall.Packet]string{&reply: policy + "UDP port 67 from uplink"}},
		"some interfaces":      {rules: `iifname { "lo", "vlan2*" } accept; iifname "up*" accept`, drops: map[*firewall.Packet]string{&discover: policy + "UDP port 67 from vlan10", &solicit: policy + "UDP port 547 from vlan10"}},
		"all but one":          {rules: `iifname != "vlan10" accept; udp dport 547 accept`, drops: map[*firewall.Packet]string{&discover: policy + "UDP port 67 from vlan10"}},
		"a subnet of servers":  {rules: "ip saddr 10.9.0.0/16 udp sport 67 udp dport 67 accept; udp dport 1-66 accept; udp sport 68 accept; meta nfproto ipv6 accept"},
		"a rule":               {rules: "udp dport 547 accept; iifname vlan10 udp dport 60-70 drop; accept", drops: map[*firewall.Packet]string{&discover: byRule + "UDP port 67 from vlan10"}},
		"by the kind of frame": {rules: "meta pkttype broadcast drop; meta pkttype multicast reject; accept", drops: map[*firewall.Packet]string{&discover: byRule + "UDP port 67 from vlan10", &solicit: byRule + "UDP port 547 from vlan10"}},
		"by the kind of address": {rules: "fib daddr type local accept; udp dport 547 accept", drops: map[*firewall.Packet]string{
			&discover: policy + "UDP port 67 from vlan10",
		}},
		"a concatenation":           {rules: "ip saddr . udp dport vmap { 10.9.0.2 . 67 : accept }; iifname . udp dport { vlan10 . 67 } accept; meta l4proto udp udp dport 547 accept"},
		"what is of another":        {rules: "tcp dport 67 drop; icmp type echo-request drop; udp dport { 67, 547 } accept"},
		"a limit":                   {rules: "limit rate over 1000/second drop; udp dport 67 limit rate 100/second accept; counter udp dport 547 accept"},
		"what is not understood":    {rules: "meta mark 7 accept"},
		"not understood, and drops": {rules: "meta mark 7 drop; udp dport { 67, 547 } accept"},
		"chains": {plain: `table inet filter {
			set ports { type inet_service; flags interval; elements = { 22, 60-80 }; }
			map zones { type ifname : verdict; elements = { "vlan10" : jump clients, "uplink" : goto servers }; }
			chain clients { udp dport @ports return; drop; }
			chain servers { udp dport 547 accept; }
			chain input { type filter hook input priority 0; policy drop; iifname vmap @zones; iifname vlan10 accept; accept; }
		}`, drops: map[*firewall.Packet]string{
			&solicit: "a rule of chain inet filter clients drops UDP port 547 from vlan10", &reply: policy + "UDP port 67 from uplink",
		}},
		"two tables": {
			plain: `table inet first { chain in { type filter hook input priority -10; accept; }; };
			table ip filter { chain input { type filter hook input priority 0; policy drop; }; };
			table inet raw { chain pre { type filter hook prerouting priority raw; udp dport { 67, 547 } notrack; }; };`,
			drops: map[*firewall.Packet]string{
				&discover: "chain ip filter input drops by policy, and no rule accepts UDP port 67 from vlan10", &reply: "chain ip filter input drops by policy, and no rule accepts UDP port 67 from uplink",
			},
		},
		"without tracking": {
			plain: `table inet raw { chain pre { type filter hook prerouting priority raw; udp dport { 67, 547 } notrack; }; };
			table inet filter { chain input { type filter hook input priority 0; policy drop; ct state established accept; udp dport 67 ct state untracked accept; }; };`,
			drops: map[*firewall.Packet]string{&solicit: policy + "UDP port 547 from vlan10", &reply6: policy + "UDP port 547 from uplink"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := c.plain
			if text == "" {
				text = "table inet filter { chain input { type filter hook input priority 0; policy drop; " + c.rules + "; }; }"
			}
			r := load(t, text)
			for _, p := range []*firewall.Packet{&discover, &reply, &solicit, &reply6} {
				why, drops := r.Drop(*p)
				if want := c.drops[p]; why != want || drops != (want != "") {
					t.Errorf("%v: %v %q, want %q", p, drops, why, want)
				}
			}
		})
	}
}

// load has a kernel take a ruleset, and reads it.
func load(t *testing.T, text string) (r *firewall.Ruleset) {
	t.Helper()
	n := netns.Test(t, "fw")
	var out []byte
	err := n.Do(func() (err error) {
		c := exec.CommandContext(t.Context(), "nft", "-f", "-")
		c.Stdin = strings.NewReader(strings.ReplaceAll(text, ";", "\n"))
		if out, err = c.CombinedOutput(); err != nil {
			return err
		}
		r, err = firewall.Read(t.Context())
		return err
	})
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

func TestBrokenRulesets(t *testing.T) {
	t.Parallel()
	if _, err := firewall.Parse([]byte("{")); err == nil {
		t.Error("half a document was read")
	}
	// What has no sense lets pass.
	for _, expr := range []string{`{"match": 7}`, `{"match": {"op": "=="}}`, `{"vmap": {}}`, `{"jump": {"target": "none"}}`, `{"xt": {"type": "match"}}, {"accept": null}`} {
		r, err := firewall.Parse([]byte(`{"nftables": [
			{"chain": {"family": "ip", "table": "t", "name": "in", "hook": "input", "policy": "drop"}},
			{"rule": {"family": "ip", "table": "t", "chain": "in", "expr": [` + expr + `, {"accept": null}]}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if why, drops := r.Drop(discover); drops {
			t.Errorf("%s: %s", expr, why)
		}
	}
}
