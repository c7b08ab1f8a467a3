package daemon

import (
	"context"
	"net/netip"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/check"
	"dhcp-relay/relay/host/firewall"
	"dhcp-relay/relay/observe/status"
)

// LookAtFirewall adds to a report what the firewall of this host keeps from the relay.
// The daemon itself may not look; who may not, either, adds nothing.
func LookAtFirewall(ctx context.Context, r *status.Report) {
	var ways []firewall.Way
	for i := range r.Interfaces {
		n := &r.Interfaces[i]
		if n.State != agent.Relaying {
			continue
		}
		w := firewall.Way{Interface: n.Name, Family: n.Family}
		w.Address, _ = netip.ParseAddr(n.Address)
		for _, s := range n.Servers {
			if a, err := netip.ParseAddrPort(string(s.Address)); err == nil && s.VRF == "" {
				w.Servers = append(w.Servers, a)
			}
		}
		ways = append(ways, w)
	}
	r.Firewall(lost(ctx, ways))
}

// firewallDoubts tells of the same before the daemon runs.
func firewallDoubts(ctx context.Context, s *agent.Snapshot) (all []check.Doubt) {
	var ways []firewall.Way
	for _, l := range linksOf(s) {
		if l.State != agent.Relaying {
			continue
		}
		w := firewall.Way{Interface: l.Name, Family: l.Family, Address: l.Address}
		for _, id := range l.Servers {
			if id.VRF == "" {
				w.Servers = append(w.Servers, id.Addr)
			}
		}
		ways = append(ways, w)
	}
	told := make(map[string]bool)
	for _, f := range lost(ctx, ways) {
		if text := "this host's firewall: " + f.Why + "; deploy/dhcp-relay.nft shows what to accept"; !told[text] {
			told[text] = true
			all = append(all, check.Doubt{Text: text})
		}
	}
	return all
}

// lost plays what the relay is to hear through the firewall of this host.
func lost(ctx context.Context, ways []firewall.Way) []status.FirewallDrop {
	rules, err := firewall.Read(ctx)
	if err != nil {
		return nil
	}
	var all []status.FirewallDrop
	for _, l := range rules.Lost(firewall.Here(ways), firewall.Route) {
		all = append(all, status.FirewallDrop(l))
	}
	return all
}
