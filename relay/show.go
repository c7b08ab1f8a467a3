package relay

import (
	"context"
	"log/slog"
	"slices"

	"dhcp-relay/metrics"
	"dhcp-relay/relay/agent"
)

// few is how many changes at once are told one by one. When thousands of VLANs
// come up together, the operator gets their number, and Debug the rest.
const few = 20

// A shown is what was last told of an interface.
type shown struct {
	state   agent.State
	giaddr  string
	index   int
	problem string
}

// show tells the operator what has changed since the last state.
func (e *Engine) show(s *agent.Snapshot, ps []agent.Problem) {
	e.showLinks(s)
	e.showProblems(s, ps)
}

func (e *Engine) showLinks(s *agent.Snapshot) {
	was, now := e.shown, present(s)
	e.shown = now
	var changed []string
	for name, n := range now {
		if was[name] != n {
			changed = append(changed, name)
		}
	}
	for name := range was {
		if _, ok := now[name]; !ok {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	most := slog.LevelWarn
	if len(changed) > few {
		most = slog.LevelDebug
		e.log.Info("interfaces have changed", append([]any{"changed", len(changed)}, tally(now)...)...)
	}
	for _, name := range changed {
		n, ok := now[name]
		e.tell(name, n, ok, most)
	}
}

// present returns what there is to tell of each interface.
func present(s *agent.Snapshot) map[string]shown {
	now := make(map[string]shown, len(s.Links)+len(s.Absent))
	for _, name := range s.Absent {
		now[name] = shown{state: agent.Missing}
	}
	for _, l := range s.Links {
		n := shown{state: l.State, giaddr: giaddrOf(l), index: l.Host.Index}
		if l.Problem != nil {
			n.problem = l.Problem.Error()
		}
		now[l.Host.Name] = n
	}
	return now
}

// tally counts interfaces by state.
func tally(now map[string]shown) []any {
	var count [agent.NumStates]int
	for _, n := range now {
		count[n.state]++
	}
	var attrs []any
	for s, n := range count {
		attrs = append(attrs, agent.State(s).String(), n)
	}
	return attrs
}

// tell logs one interface, at the level most or below it. One that is missing is
// no reason to worry: it may be about to come.
func (e *Engine) tell(name string, n shown, served bool, most slog.Level) {
	level, what, attrs := slog.LevelInfo, "interface relays", []any{"link", name, "giaddr", n.giaddr}
	switch {
	case !served:
		what, attrs = "interface no longer served", attrs[:2]
	case n.state == agent.Missing:
		what, attrs = "interface does not exist", attrs[:2]
	case n.problem != "":
		level, what = slog.LevelWarn, "interface cannot relay"
		attrs = []any{"link", name, "state", n.state.String(), "err", n.problem}
	}
	e.log.Log(context.Background(), min(level, most), what, attrs...)
}

// showProblems logs the problems that are new, but for those that the state of
// their interface tells already.
func (e *Engine) showProblems(s *agent.Snapshot, ps []agent.Problem) {
	was := e.problems
	e.problems = make(map[agent.Problem]struct{}, len(ps))
	fresh := 0
	for _, p := range ps {
		if n := e.shown[p.Interface]; n.state == agent.Missing || n.problem == p.Text {
			continue
		}
		e.problems[p] = struct{}{}
		if _, old := was[p]; old {
			continue
		}
		if fresh++; fresh <= few {
			e.log.Warn("configuration and host disagree", "link", p.Interface, "problem", p.Text, "hint", p.Hint)
		}
	}
	if fresh > few {
		e.log.Warn("configuration and host disagree in more places", "number", fresh-few, "hint", "dhcp-relay check tells all")
	}
}

// showFailure tells once that sockets cannot be opened, and once that they can.
func (e *Engine) showFailure(err error) {
	was := e.failure
	e.failure = ""
	if err != nil {
		e.failure = err.Error()
	}
	switch {
	case was == e.failure:
	case err != nil:
		e.log.Error("sockets cannot be opened", "err", err, "retry_every", retryPause)
	default:
		e.log.Info("sockets are open again")
	}
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
	out := make([]metrics.LinkState, 0, len(s.snap.Links)+len(s.snap.Absent))
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
