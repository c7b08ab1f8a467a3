package explain

import (
	"fmt"
	"math/bits"
	"slices"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/group"
	"dhcp-relay/relay/text"
)

// groupNotes tells which servers of each group a request goes to, and why. Which of
// them answer is known to the daemon alone.
func (r *Relay) groupNotes(v *agent.Verdict, in *agent.Ingress) (notes []string) {
	p := &r.snap.Policy
	for _, g := range r.snap.GroupsOf(v) {
		members := p.Members(g, v.Family)
		n, asked := len(members), uint64(0)
		for i, m := range members {
			asked |= v.Asked >> slices.Index(v.Link.Side[v.Family].Servers, m) & 1 << i
		}
		if n == 0 || v.Class > 0 && p.Groups[g].Name == "" && p.Groups[g].Mode == agent.All {
			continue // a list of servers, each of which gets a copy
		}
		name := fmt.Sprintf("Of the group %s (%s) ", group.Name(p, g), p.Groups[g].Mode)
		if p.Groups[g].Name == "" {
			name = fmt.Sprintf("By the mode %s ", p.Groups[g].Mode)
		}
		var to []string
		for i, m := range members {
			if asked>>i&1 == 1 {
				to = append(to, group.ServerName(&p.Servers[m]))
			}
		}
		switch {
		case asked == 0:
			notes = append(notes, name+"none is asked until the client has asked in vain, see next_after, or none of the groups before answers.")
		case bits.OnesCount64(asked) == n:
			notes = append(notes, name+"each gets it"+r.whyAll(g, v, in)+".")
		default:
			notes = append(notes, name+"it goes to "+text.All(to)+", "+whySome(p.Groups[g].Mode)+".")
		}
	}
	return notes
}

// whyAll says why each server of a group that chooses gets a request.
func (r *Relay) whyAll(g int, v *agent.Verdict, in *agent.Ingress) string {
	switch {
	case r.snap.Policy.Groups[g].Mode == agent.All:
		return ""
	case in.Tries > 0:
		return ", for the client has asked in vain before"
	case v.Elsewhere:
		return ", for it names a server that none is known to be"
	}
	return ""
}

// whySome says why some servers of a group get a request.
func whySome(m agent.Mode) string {
	switch m {
	case agent.All:
		return "for others have a delay that the client has not waited for"
	case agent.Failover:
		return "the most preferred if it answers, which only the daemon knows, and to those that the request names"
	case agent.Hash:
		return "which is the client's while it answers (RFC 1542, section 4.1.1)"
	case agent.Balance:
		return "which holds the client's hash bucket, while it answers (RFC 3074)"
	}
	return ""
}
