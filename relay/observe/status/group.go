package status

import (
	"strings"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// A Group is a group of servers in one family.
type Group struct {
	Name    string        `json:"name"` // that of the configuration, or the servers if it has none
	Family  dhcp.Family   `json:"family"`
	Mode    string        `json:"mode"` // "all", "failover", "hash" or "balance"
	Servers []GroupServer `json:"servers"`
}

// A GroupServer is a server of a group.
type GroupServer struct {
	Address api.Endpoint `json:"address"`
	VRF     string       `json:"vrf,omitempty"`
	Active  bool         `json:"active"` // requests go to it, or in a mode that chooses by the client may go to it
	Down    bool         `json:"down"`   // it does not answer
	Late    bool         `json:"late"`   // it answers late, so that in failover mode another one is asked
}

// groupsOf tells of the groups in the order of the configuration.
func groupsOf(all []count.GroupServer) (groups []Group) {
	for _, s := range all {
		f := s.Server.Family()
		if n := len(groups); n == 0 || groups[n-1].Name != s.Group || groups[n-1].Family != f {
			groups = append(groups, Group{Name: s.Group, Family: f, Mode: s.Mode})
		}
		g := &groups[len(groups)-1]
		g.Servers = append(g.Servers, GroupServer{Address: endpoint(s.Server), VRF: s.Server.VRF, Active: s.Active, Down: s.Down, Late: s.Late})
	}
	return groups
}

// writeGroups writes which servers of each group are asked, and which do not answer, or late.
func (r *Report) writeGroups(b *strings.Builder) {
	if len(r.Groups) == 0 {
		return
	}
	rows := [][]string{{"GROUP", "FAMILY", "MODE", "ASKED", "NOT ASKED", "ANSWERS LATE", "DOES NOT ANSWER"}}
	for _, g := range r.Groups {
		var asked, not, down, late []string
		for _, s := range g.Servers {
			name := ServerName{s.Address, s.VRF}.String()
			switch {
			case s.Down:
				down = append(down, name)
			case s.Late:
				late = append(late, name)
			case !s.Active:
				not = append(not, name)
			}
			if s.Active {
				asked = append(asked, name)
			}
		}
		rows = append(rows, []string{g.Name, g.Family.IP(), g.Mode, dash(asked), dash(not), dash(late), dash(down)})
	}
	table(b, rows)
}

func dash(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ", ")
}
