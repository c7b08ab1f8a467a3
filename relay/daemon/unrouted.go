package daemon

import (
	"slices"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/host/egress"
	"dhcp-relay/relay/observe/count"
)

// unrouted notes the servers to which no route leads from here now.
func (r *Report) unrouted(cfg *config.Config, s *agent.Snapshot, links []giaddr.Link) {
	h, err := egress.Open()
	if err != nil {
		return // what cannot be looked at is no doubt
	}
	defer func() { _ = h.Close() }() // it was only asked
	ways := relay.Egresses(s, s.Plan(links))
	for n, via := range h.Routes(ways) {
		asked := slices.IndexFunc(s.Policy.Interfaces, func(i agent.Interface) bool { return slices.Contains(i.Servers, n) })
		if !ways[n].Dst.IsValid() || via == nil || len(via) > 0 || asked < 0 {
			continue
		}
		to := s.Policy.Servers[n]
		id := count.ServerID{Addr: to.Addr, VRF: to.VRF}
		r.Findings = append(r.Findings, Finding{Problem: cfg.At(asked, "servers", "no route leads to the server "+id.String()+" now, so requests to it are lost",
			"correct the address, or add a route; nothing to do if it is to come later"), Passing: true})
	}
}
