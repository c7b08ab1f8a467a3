package status

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// What the firewall drops is told in the place of what it explains, and never against
// what was heard just now.
func TestTheFirewall(t *testing.T) {
	t.Parallel()
	l := newTimeline()
	deaf := l.in.Links[0]
	deaf.Name = "vlan20"
	l.in.Links = append(l.in.Links, deaf)
	for range 700 {
		l.second(true, true)
	}
	drops := []FirewallDrop{
		{"vlan10", dhcp.V4, dhcp.Requests, "chain inet filter input drops by policy, and no rule accepts UDP port 67 from vlan10"},
		{"vlan20", dhcp.V4, dhcp.Requests, "chain inet filter input drops by policy, and no rule accepts UDP port 67 from vlan20"},
		{"vlan99", dhcp.V4, dhcp.Requests, "an interface of another daemon"},
	}
	r := l.report()
	r.Firewall(drops)
	if len(r.Findings) != 1 || r.Findings[0].Kind != "firewall" || r.Findings[0].Severity != Error || r.Findings[0].Subject != "interface vlan20 (DHCPv4)" {
		t.Fatalf("%+v", r.Findings)
	}
	if f := r.Findings[0]; !strings.Contains(f.Text, "no rule accepts UDP port 67 from vlan20") || !strings.Contains(f.Do, "deploy/dhcp-relay.nft") {
		t.Errorf("%s -> %s", f.Text, f.Do)
	}
	if i := slices.IndexFunc(r.Interfaces, func(i Interface) bool { return i.Name == "vlan20" }); !strings.Contains(r.Interfaces[i].Reason, "firewall") {
		t.Errorf("the interface says %q", r.Interfaces[i].Reason)
	}
	if r.Exit(FailOnError) != 2 {
		t.Error("status is well")
	}
	l.at += 61 * time.Second
	r = l.report()
	r.Firewall(drops)
	if all := r.of("firewall"); len(all) != 2 {
		t.Errorf("a minute after vlan10 was heard last: %+v", r.Findings)
	}
}

// A firewall that drops replies is told, and not that the server has no subnet.
func TestTheFirewallTowardsServers(t *testing.T) {
	t.Parallel()
	l := newTimeline()
	other := l.in.Links[0]
	other.Name = "vlan20"
	l.in.Links = append(l.in.Links, other)
	for range 60 {
		l.table.Link("vlan20").Count(dhcp.V4, dhcp.Requests, 1, 0)
		l.second(true, true)
	}
	r := l.report()
	if r.of("interface_unanswered") == nil {
		t.Fatalf("%+v", r.Findings)
	}
	r.Firewall([]FirewallDrop{{"vlan20", dhcp.V4, dhcp.Replies, "a rule of chain ip filter input drops UDP port 67 from uplink"}})
	if r.of("interface_unanswered") != nil || len(r.of("firewall")) != 1 {
		t.Errorf("%+v", r.Findings)
	}
}
