package agent

import (
	"iter"

	"dhcp-relay/relay/wire/dhcp"
)

// A Serving is an interface in one family that it has servers of.
type Serving struct {
	Name      string // of the link, or as the [[interface]] has it
	Family    dhcp.Family
	State     State
	Link      *Link // nil if State is Missing
	Interface *Interface
	Why       Problem // of what is Missing
}

// Serving yields each client-facing link, and each [[interface]] that no link
// matches, in each family that it has servers of.
func (s *Snapshot) Serving() iter.Seq[Serving] {
	return func(yield func(Serving) bool) {
		for f := range dhcp.Family(dhcp.Families) {
			for _, l := range s.Links {
				side := &l.Side[f]
				if len(side.Servers) > 0 && !yield(Serving{Name: l.Host.Name, Family: f, State: side.State, Link: l, Interface: l.Interface}) {
					return
				}
			}
			for n, i := range s.Absent {
				if s.Serves(i, f) && !yield(Serving{Name: i.Name, Family: f, State: Missing, Interface: i, Why: s.Why[n]}) {
					return
				}
			}
		}
	}
}
