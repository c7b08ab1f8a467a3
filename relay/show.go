package relay

import (
	"slices"

	"dhcp-relay/metrics"
	"dhcp-relay/relay/agent"
)

// A shown is what was last logged of a link.
type shown struct {
	state  string
	giaddr string
	index  int
}

// show logs what has changed for the operator since the last state.
func (e *Engine) show(s *agent.Snapshot, ps []agent.Problem) {
	now := make(map[string]shown)
	for _, l := range s.Links {
		n := shown{l.State.String(), giaddrOf(l), l.Host.Index}
		now[l.Host.Name] = n
		if e.shown[l.Host.Name] == n {
			continue
		}
		if l.Problem != nil {
			e.log.Warn("interface cannot relay", "link", l.Host.Name, "state", n.state, "err", l.Problem)
			continue
		}
		e.log.Info("interface relays", "link", l.Host.Name, "giaddr", n.giaddr, "servers", len(l.Interface.Servers))
	}
	for name := range e.shown {
		if _, ok := now[name]; !ok {
			e.log.Info("interface is gone", "link", name)
		}
	}
	e.shown = now
	for _, p := range ps {
		if !slices.Contains(e.problems, p) {
			e.log.Warn("policy and host disagree", "link", p.Interface, "problem", p.Text, "hint", p.Hint)
		}
	}
	e.problems = ps
}

func giaddrOf(l *agent.Link) string {
	if len(l.Faces) == 0 {
		return ""
	}
	return l.Faces[0].Giaddr.String()
}

// Links tells the state of each client-facing link, and of each [[interface]]
// that no link matches.
func (e *Engine) Links() []metrics.LinkState {
	s := e.state.Load()
	if s == nil {
		return nil
	}
	var out []metrics.LinkState
	for _, l := range s.snap.Links {
		out = append(out, metrics.LinkState{
			Name: l.Host.Name, State: l.State.String(), Giaddr: giaddrOf(l), Servers: len(l.Interface.Servers),
		})
	}
	for _, name := range s.snap.Absent {
		out = append(out, metrics.LinkState{Name: name, State: agent.Missing.String()})
	}
	return out
}
