package daemon

import (
	"slices"
	"strings"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/egress"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/offload"
	"dhcp-relay/relay/text"
)

// mostNamed is how many servers a line names.
const mostNamed = 8

// segmentations says for the servers of a snapshot whether bursts to them leave
// together, and why; once for those of which the same is to be said.
func segmentations(s *agent.Snapshot, links []giaddr.Link) (lines []string) {
	var texts []string
	names := make(map[string][]string)
	for i, v := range verdicts(s, links) {
		t := v.String()
		if !slices.Contains(texts, t) {
			texts = append(texts, t)
		}
		to := s.Policy.Servers[i]
		names[t] = append(names[t], count.ServerID{Addr: to.Addr, VRF: to.VRF}.String())
	}
	for _, t := range texts {
		lines = append(lines, text.Some(names[t], mostNamed)+": "+t)
	}
	return lines
}

// verdicts looks where the ways to the servers of a snapshot lead now.
func verdicts(s *agent.Snapshot, links []giaddr.Link) []offload.Verdict {
	all := make([]offload.Verdict, len(s.Policy.Servers))
	if s.Policy.Alone {
		for i := range all {
			all[i] = offload.Verdict{Reason: offload.Off}
		}
		return all
	}
	h, err := egress.Open()
	if err != nil {
		for i := range all {
			all[i] = offload.Verdict{Reason: offload.Failed, Err: err.Error()}
		}
		return all
	}
	defer func() { _ = h.Close() }() // it was only asked
	return h.Look(relay.Egresses(s, s.Plan(links)))
}

// waysOf tells of servers as the status calls them.
func waysOf(ways map[agent.Server]offload.Verdict) map[count.ServerID]offload.Verdict {
	all := make(map[count.ServerID]offload.Verdict, len(ways))
	for to, v := range ways {
		v.Device = strings.ToValidUTF8(v.Device, "\uFFFD")
		all[count.ServerID{Addr: to.Addr, VRF: to.VRF}] = v
	}
	return all
}
