package firewall_test

import (
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/host/firewall"
)

// The rules of an input chain, as iptables-legacy-save prints them.
func TestLegacyRules(t *testing.T) {
	t.Parallel()
	const (
		policy = "chain iptables-legacy filter INPUT drops by policy, and no rule accepts UDP port 67 from "
		by     = "a rule of chain iptables-legacy filter INPUT drops UDP port 67 from "
	)
	vlan10, uplink := policy+"vlan10", policy+"uplink"
	for name, c := range map[string]struct {
		rules          string // of INPUT, or of the chain that a rule names; ";" ends one
		discover, told string // why a DHCPDISCOVER is dropped, and a reply to giaddr
	}{
		"a policy":                {discover: vlan10, told: uplink},
		"what is documented":      {rules: "-p udp -m udp --dport 67 -j ACCEPT"},
		"both ports":              {rules: "-p udp -m udp --sport 67:68 --dport 67:68 -j ACCEPT"},
		"by protocol number":      {rules: "-p 17 -j ACCEPT"},
		"a list of ports":         {rules: "-p udp -m multiport --dports 22,60:70 -j ACCEPT"},
		"another list":            {rules: "-p udp -m multiport --dports 22,68:70 -j ACCEPT", discover: vlan10, told: uplink},
		"either port":             {rules: "-p udp -m multiport --ports 67 -j ACCEPT"},
		"state":                   {rules: "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", discover: vlan10, told: uplink},
		"a new one":               {rules: "-m state --state NEW -j ACCEPT"},
		"not one of a connection": {rules: "-m conntrack ! --ctstate ESTABLISHED -j ACCEPT"},
		"interfaces":              {rules: "-i vlan+ -j ACCEPT", told: uplink},
		"all but those":           {rules: "! -i vlan+ -j ACCEPT", discover: vlan10},
		"any interface":           {rules: "-i + -o + -j ACCEPT"},
		"by which it goes out":    {rules: "-o uplink -j ACCEPT", discover: vlan10, told: uplink},
		"by which it does not":    {rules: "! -o uplink -j ACCEPT"},
		"servers":                 {rules: "-s 10.9.0.0/16 -p udp -j ACCEPT", discover: vlan10},
		"all but servers":         {rules: "! -s 10.9.0.0/16 -j ACCEPT", told: uplink},
		"broadcasts":              {rules: "-d 255.255.255.255/32 -j ACCEPT", told: uplink},
		"what is of another":      {rules: "-p tcp -m tcp --dport 67 --tcp-flags SYN SYN -j DROP; -p icmp -m icmp --icmp-type 8 -j DROP; -j ACCEPT"},
		"all but another":         {rules: "! -p tcp -j ACCEPT"},
		"a rule": {
			rules:    "-i vlan10 -p udp -m udp --dport 67 -m comment --comment \"no \\\"DHCP\\\" -j ACCEPT\" -j REJECT --reject-with icmp-port-unreachable; -j ACCEPT",
			discover: by + "vlan10 (-A INPUT -i vlan10 -p udp -m udp --dport 67 -m comment --comment \"no \\\"DHCP\\\" -j ACCEPT\" -j REJECT --reject-with icmp-port-unreachable)",
		},
		"kinds of address":    {rules: "-m addrtype --dst-type LOCAL -j ACCEPT", discover: vlan10},
		"kinds of frame":      {rules: "-m pkttype --pkt-type unicast -j ACCEPT", discover: vlan10},
		"what is only logged": {rules: "-j LOG --log-prefix \"a -j ACCEPT \"; -j MARK --set-xmark 0x7/0xffffffff; -p udp", discover: vlan10, told: uplink},
		"a limit":             {rules: "-m limit --limit 5/min --limit-burst 9 -j ACCEPT"},
		"over a limit":        {rules: "-p udp -m hashlimit --hashlimit-above 5/sec --hashlimit-mode srcip --hashlimit-name x -j DROP; -j ACCEPT"},

		"not understood":                    {rules: "-m mark --mark 0x7 -j ACCEPT"},
		"not understood, and of another":    {rules: "-p tcp -m mark --mark 0x7 -j ACCEPT", discover: vlan10, told: uplink},
		"not understood, and drops":         {rules: "-m set ! --match-set admins src -j DROP; -j ACCEPT"},
		"a target that is not understood":   {rules: "-j TPROXY --on-port 1"},
		"a mask with gaps":                  {rules: "-s 10.0.0.2/255.0.0.255 -j ACCEPT"},
		"fragments, of which these are not": {rules: "-f -j DROP; -j ACCEPT"},

		"chains": {
			rules:    "-i vlan+ -j clients; -g servers; -j ACCEPT; clients -p udp -m udp --dport 67 -j RETURN; clients -j DROP; servers -s 10.9.0.2/32 -j DROP",
			discover: policy + "vlan10", told: "a rule of chain iptables-legacy filter servers drops UDP port 67 from uplink (-A servers -s 10.9.0.2/32 -j DROP)",
		},
		"a chain that comes back": {rules: "-j clients; -j ACCEPT; clients -j RETURN; clients -j DROP"},
		"a chain of itself":       {rules: "-j clients; clients -j clients"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &firewall.Ruleset{}
			r.AddLegacy4([]byte(saved(c.rules)))
			r.AddLegacy6([]byte("*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"))
			for p, want := range map[*firewall.Packet]string{&discover: c.discover, &reply: c.told, &solicit: "", &reply6: ""} {
				if why, drops := r.Drop(*p); why != want || drops != (want != "") {
					t.Errorf("%v: %v %q, want %q", p, drops, why, want)
				}
			}
		})
	}
}

// saved returns rules as they are printed.
func saved(rules string) string {
	var b strings.Builder
	b.WriteString("# Generated\n*filter\n:INPUT DROP [7:420]\n:OUTPUT ACCEPT [0:0]\n:clients - [0:0]\n:servers - [0:0]\n")
	for rule := range strings.SplitSeq(rules, ";") {
		rule = strings.TrimSpace(rule)
		switch {
		case rule == "":
			continue
		case strings.HasPrefix(rule, "-"), strings.HasPrefix(rule, "!"):
			rule = "INPUT " + rule
		}
		b.WriteString("-A " + rule + "\n")
	}
	return b.String() + "COMMIT\n"
}

// Tables are played in the kernel's order, each family by its own program.
func TestLegacyTables(t *testing.T) {
	t.Parallel()
	r := &firewall.Ruleset{}
	r.AddLegacy4([]byte(`*filter
:INPUT DROP [0:0]
[3:984] -A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT
COMMIT
*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -i vlan10 -p udp -m udp --dport 67 -j CT --notrack
COMMIT
`))
	r.AddLegacy6([]byte(`*mangle
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d ff02::1:2/128 -p udp -m udp --dport 547 -j DROP
COMMIT
`))
	for p, want := range map[*firewall.Packet]string{
		&discover: "", &reply6: "",
		&reply:   "chain iptables-legacy filter INPUT drops by policy, and no rule accepts UDP port 67 from uplink",
		&solicit: "a rule of chain ip6tables-legacy mangle PREROUTING drops UDP port 547 from vlan10 (-A PREROUTING -d ff02::1:2/128 -p udp -m udp --dport 547 -j DROP)",
	} {
		if why, drops := r.Drop(*p); why != want || drops != (want != "") {
			t.Errorf("%v: %v %q, want %q", p, drops, why, want)
		}
	}
}

// The rules of a kernel, beside those of nftables.
func TestLegacyOfTheKernel(t *testing.T) {
	for _, tool := range []string{"iptables-legacy", "ip6tables-legacy"} {
		if _, err := exec.LookPath(tool); err != nil {
			netns.Need(t, tool, unix.EOPNOTSUPP)
		}
	}
	n := netns.Test(t, "fw")
	var r *firewall.Ruleset
	err := n.Do(func() error {
		for _, line := range []string{
			"iptables-legacy -w -P INPUT DROP",
			"iptables-legacy -w -A INPUT ! -i uplink -p udp --sport 68 --dport 67:68 -j ACCEPT",
			"ip6tables-legacy -w -A INPUT -i vlan+ -p udp -m multiport --dports 53,547 -j REJECT",
			"nft add table inet filter",
			"nft add chain inet filter input { type filter hook input priority 10; policy accept; }",
			"nft add rule inet filter input udp sport 547 drop",
		} {
			args := strings.Fields(line)
			if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil {
				if text := string(out); strings.Contains(text, "insmod") || strings.Contains(text, "by that name") {
					netns.Need(t, "the tables of "+args[0], unix.EOPNOTSUPP)
				}
				t.Fatalf("%s: %v: %s", line, err, out)
			}
		}
		var err error
		r, err = firewall.Read(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[*firewall.Packet]string{
		&discover: "",
		&reply:    "chain iptables-legacy filter INPUT drops by policy, and no rule accepts UDP port 67 from uplink",
		&solicit:  "a rule of chain ip6tables-legacy filter INPUT drops UDP port 547 from vlan10 (-A INPUT -i vlan+ -p udp -m multiport --dports 53,547 -j REJECT --reject-with icmp6-port-unreachable)",
		&reply6:   "a rule of chain inet filter input drops UDP port 547 from uplink",
	} {
		if why, drops := r.Drop(*p); why != want || drops != (want != "") {
			t.Errorf("%v: %v %q, want %q", p, drops, why, want)
		}
	}
}

func FuzzLegacy(f *testing.F) {
	f.Add(saved("-i vlan+ -p udp -m udp --sport 68 ! --dport 67:68 -j clients; clients -m comment --comment \"a \\\" b\" -j DROP"))
	f.Add("*filter\n:INPUT DROP\n[1:2] -A INPUT \"\" ! -s x -p\n-A INPUT -j\n] \n:\n-A\n*\n\"\" x\n")
	f.Fuzz(func(_ *testing.T, text string) {
		r := &firewall.Ruleset{}
		r.AddLegacy4([]byte(text))
		r.AddLegacy6([]byte(text))
	})
}
