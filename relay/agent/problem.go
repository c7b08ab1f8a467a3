package agent

import (
	"errors"
)

var errDown = errors.New("the interface is down or has no carrier")

// A Problem is something in a policy that does not fit the links of the moment.
// The relay works without what it concerns.
type Problem struct {
	Interface string // the link or pattern concerned
	Text      string // what is wrong
	Hint      string // what to do
	Fatal     bool   // no change of the host can make it right
}

// String returns the problem as one line.
func (p Problem) String() string { return p.Interface + ": " + p.Text + "; " + p.Hint }

type problems []Problem

func (p *problems) add(link, text, hint string) {
	*p = append(*p, Problem{Interface: link, Text: text, Hint: hint})
}

// checkServers tells of servers that are unlikely to be meant.
func (s *Snapshot) checkServers(ps *problems) {
	for _, l := range s.Links {
		for _, i := range l.Interface.Servers {
			a := s.Policy.Servers[i].Addr.Addr()
			if _, ok := s.Out(i); !ok {
				ps.add(l.Host.Name, "the server "+a.String()+" is to be reached on "+s.Policy.Servers[i].Link+", which does not exist now",
					"nothing to do if it is to appear later")
			}
			if vrf, _ := s.vrf(s.Policy.Servers[i].VRF); s.owns(vrf, a) {
				ps.add(l.Host.Name, "the server "+a.String()+" is an address of this host", "name the server's own address")
			}
			faces := l.Faces
			if !a.Is4() {
				faces = []Face{l.Face6}
			}
			for _, f := range faces {
				if f.Subnet.Contains(a) {
					ps.add(l.Host.Name, "the server "+a.String()+" is on the clients' own subnet "+f.Subnet.String(),
						"clients there reach it without a relay; remove it unless broadcasts are filtered")
				}
			}
		}
	}
}
