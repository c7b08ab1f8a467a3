package status

import (
	"slices"

	"dhcp-relay/relay/wire/dhcp"
)

// A FirewallDrop is what this host's firewall keeps from the relay, of one interface.
type FirewallDrop struct {
	Interface string
	Family    dhcp.Family
	Direction dhcp.Direction
	Why       string
}

// Firewall adds what the firewall drops, in the place of findings that such drops
// explain. What has been heard just now says better than the rules that it passes.
func (r *Report) Firewall(drops []FirewallDrop) {
	var all []found
	for _, d := range drops {
		at := slices.IndexFunc(r.Interfaces, func(i Interface) bool { return i.Name == d.Interface && i.Family == d.Family })
		if at < 0 {
			continue
		}
		n := &r.Interfaces[at]
		f := found{
			severity: Error, kind: firewallDrops, about: onLink(d.Interface, d.Family),
			text: "This host's firewall drops the requests of its clients", detail: d.Why,
			do: "Accept UDP port " + portOf(d.Family) + " in that chain, from the clients' interfaces and from those towards the servers; deploy/dhcp-relay.nft shows the rules.",
		}
		last := n.LastHeard
		if d.Direction == dhcp.Replies {
			f.text, last = "This host's firewall drops the replies of its servers", n.LastReply
		}
		if !last.IsZero() && r.Time.Sub(last) <= goesOn {
			continue
		}
		if n.Reason == "" || d.Direction == dhcp.Replies {
			n.Reason, n.Do = f.sentence(), f.do
		}
		all = append(all, f)
	}
	if len(all) == 0 {
		return
	}
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool {
		switch f.Kind {
		case interfaceQuiet.doc().Name, interfaceUnanswered.doc().Name, nothingHeard.doc().Name:
			return !slices.ContainsFunc(f.About, func(s Subject) bool {
				return s.Kind == OfInterface && !slices.ContainsFunc(all, func(f found) bool { return f.about == s })
			})
		}
		return false
	})
	r.Findings = append(fold(all), r.Findings...)
	slices.SortStableFunc(r.Findings, func(a, b Finding) int { return rank(a.Severity) - rank(b.Severity) })
}

// portOf is the port that a relay hears.
func portOf(f dhcp.Family) string {
	if f == dhcp.V6 {
		return "547"
	}
	return "67"
}
