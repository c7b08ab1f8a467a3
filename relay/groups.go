package relay

import (
	"math/bits"
	"slices"
	"sync"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/group"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/wire/dhcp"
)

// groups are what the engine keeps of groups of servers.
type groups struct {
	mu     sync.Mutex
	keeper group.Keeper
	allOut map[string]bool // groups none of whose servers answer, as it was told last
}

// setGroups gives a state what is known of its groups of servers.
func (e *Engine) setGroups(last, s *state) {
	p := &s.Snap.Policy
	for i := range p.Servers {
		h := &s.servers[i].counts.Health
		switch listens := h.State() == health.Listening; {
		case p.Servers[i].Listens:
			h.Fix(health.Listening)
		case listens:
			h.Forget()
		}
	}
	s.choosing = slices.ContainsFunc(s.Snap.Links, func(l *agent.Link) bool {
		return l.Side[dhcp.V4].Chooses() || l.Side[dhcp.V6].Chooses()
	})
	s.trials = group.NewTrials(p)
	s.serverNames = group.NewNames()
	if last != nil && slices.Equal(last.Snap.Policy.Servers, p.Servers) {
		s.serverNames = last.serverNames
	}
	s.standings.Store(new([]agent.Standing))
	e.standGroups(s, time.Now())
}

// standGroups finds out which servers of groups are down, and which are active. Call it
// each second.
func (e *Engine) standGroups(s *state, now time.Time) {
	p := &s.Snap.Policy
	if len(p.Groups) == 0 {
		e.counts.SetGroups(nil)
		return
	}
	e.groups.mu.Lock()
	defer e.groups.mu.Unlock()
	all, changes := e.groups.keeper.Step(p, now.Sub(e.start), func(n int) group.Condition {
		h := &s.servers[n].counts.Health
		is := h.State()
		return group.Condition{Down: h.Down(), Refuses: is == health.Refusing, Late: is == health.Slow}
	})
	s.trials.Set(all)
	if !slices.Equal(all, *s.standings.Load()) {
		s.standings.Store(&all)
	}
	e.counts.SetGroups(groupServers(p, all))
	for _, c := range changes {
		e.tellActive(p, c)
	}
	e.tellAllOut(p, all)
}

// groupServers tells how requests go to the servers of groups.
func groupServers(p *agent.Policy, standings []agent.Standing) (all []count.GroupServer) {
	for g := range p.Groups {
		for _, f := range families() {
			members := p.Members(g, f)
			st := standings[agent.StandingOf(g, f)]
			out := bits.OnesCount64(st.Down) == answering(p, members)
			for i, n := range members {
				v := &p.Servers[n]
				s := count.GroupServer{Group: group.Name(p, g), Mode: p.Groups[g].Mode.String(), Server: count.ServerID{Addr: v.Addr, VRF: v.VRF}, Down: st.Down>>i&1 == 1, Late: st.Late>>i&1 == 1}
				switch p.Groups[g].Mode {
				case agent.All:
					s.Active = true
				case agent.Failover:
					s.Active = out || v.Listens || i == st.Active
				case agent.Hash, agent.Balance:
					s.Active = out || !s.Down
				}
				all = append(all, s)
			}
		}
	}
	return all
}

// answering returns how many of some servers do not only listen.
func answering(p *agent.Policy, members []int) (n int) {
	for _, i := range members {
		if !p.Servers[i].Listens {
			n++
		}
	}
	return n
}

// Groups tells how requests go to the servers of groups.
func (e *Engine) Groups() []count.GroupServer { return e.counts.Groups() }

// tellActive logs that a group asks another server.
func (e *Engine) tellActive(p *agent.Policy, c group.Change) {
	log := e.log.With("group", group.Name(p, c.Group), "family", c.Family.String(), "server", c.To, "before", c.From)
	switch {
	case c.Failed:
		log.Warn("group asks another server, for the one before does not answer")
	case c.Late:
		log.Warn("group asks another server, for the one before answers late")
	default:
		log.Info("group asks another server, which is preferred")
	}
}

// tellAllOut logs that no server of a group answers, so that all are asked, and when
// that is over.
func (e *Engine) tellAllOut(p *agent.Policy, all []agent.Standing) {
	out := make(map[string]bool)
	for g := range p.Groups {
		for _, f := range families() {
			n := answering(p, p.Members(g, f))
			if n > 0 && bits.OnesCount64(all[agent.StandingOf(g, f)].Down) == n {
				out[group.Name(p, g)] = true
			}
		}
	}
	for name := range out {
		if !e.groups.allOut[name] {
			e.log.Error("no server of the group answers, so all are asked", "group", name)
		}
	}
	for name := range e.groups.allOut {
		if !out[name] {
			e.log.Info("a server of the group answers again", "group", name)
		}
	}
	e.groups.allOut = out
}
