package relay

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// logLimit is how many changes are told one by one, at once or in a minute. When thousands
// of VLANs come up together, or come and go, the operator gets their number, and Debug
// the rest.
const logLimit = 20

// A subject is one interface in one family.
type subject struct {
	name   string
	family dhcp.Family
}

// A shown is what is told of a subject.
type shown struct {
	state   agent.State
	address string
	index   int
	problem string
	missing string // why, if the state is Missing
	altName string // by which the configuration names it
}

// show tells the operator what has changed since the last state, nil if there is
// none. What was told then is found out again, lest it take memory for each link.
func (e *Engine) show(last, s *state) {
	var was map[subject]shown
	if last != nil {
		was = present(last.Snap)
	}
	now := present(s.Snap)
	at := time.Now()
	e.showLinks(at, was, now)
	e.showProblems(at, s.problems, now)
	e.showRest(at, s.Snap)
}

// showRest tells the number of what was not told one by one, once in a while.
func (e *Engine) showRest(at time.Time, s *agent.Snapshot) {
	if n := e.changes.rest(at); n > 0 {
		e.log.Info("interfaces have changed", append([]any{"changed", n}, tally(present(s))...)...)
	}
	if n := e.doubts.rest(at); n > 0 {
		e.log.Warn("configuration and host disagree in more places", "number", n, "hint", "dhcp-relay check tells all")
	}
}

func (e *Engine) showLinks(at time.Time, was, now map[subject]shown) {
	var changed []subject
	for what, n := range now {
		if was[what] != n {
			changed = append(changed, what)
		}
	}
	for what := range was {
		if _, ok := now[what]; !ok {
			changed = append(changed, what)
		}
	}
	slices.SortFunc(changed, func(a, b subject) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.family, b.family))
	})
	many := len(changed) > logLimit
	if many {
		e.changes.leave(len(changed))
	}
	for _, what := range changed {
		n, ok := now[what]
		most := slog.LevelWarn
		if many || !e.changes.spend(at, what.name) {
			most = slog.LevelDebug
		}
		e.tell(what, n, ok, most)
	}
}

// present returns what there is to tell of each interface in each family that
// it has servers of.
func present(s *agent.Snapshot) map[subject]shown {
	now := make(map[subject]shown, len(s.Links)+len(s.Absent))
	for _, f := range families() {
		for n, i := range s.Absent {
			if s.Serves(i, f) {
				now[subject{i.Name, f}] = shown{state: agent.Missing, missing: s.Why[n].Text}
			}
		}
		for _, l := range s.Links {
			if len(l.Side[f].Servers) > 0 {
				now[subject{l.Host.Name, f}] = presentOf(l, f)
			}
		}
	}
	return now
}

func presentOf(l *agent.Link, f dhcp.Family) shown {
	side := &l.Side[f]
	n := shown{state: side.State, index: l.Host.Index, altName: l.AltName}
	if a := side.Addr(); a.IsValid() {
		n.address = a.String()
	}
	if side.Problem != nil {
		n.problem = side.Problem.Error()
	}
	return n
}

// tally counts interfaces by state.
func tally(now map[subject]shown) []any {
	var count [agent.NumStates]int
	for _, n := range now {
		count[n.state]++
	}
	attrs := make([]any, 0, 2*len(count))
	for s, n := range count {
		attrs = append(attrs, agent.State(s).String(), n)
	}
	return attrs
}

// tell logs one interface, at the level most or below it. One that is missing is
// no reason to worry: it may be about to come.
func (e *Engine) tell(about subject, n shown, served bool, most slog.Level) {
	level, what, attrs := slog.LevelInfo, "interface relays", []any{"link", about.name, "family", about.family.String()}
	if n.altName != "" {
		attrs = append(attrs, "alt_name", n.altName)
	}
	switch {
	case !served:
		what = "interface no longer served"
	case n.state == agent.Missing:
		what = "interface does not exist"
		if n.missing != agent.NoSuchName {
			what, attrs = "interface cannot be served", append(attrs, "why", n.missing)
		}
	case n.state == agent.Standby:
		what, attrs = "interface on standby", append(attrs, "why", n.problem)
	case n.problem != "":
		level, what = slog.LevelWarn, "interface cannot relay"
		attrs = append(attrs, "state", n.state.String(), "err", n.problem)
	default:
		attrs = append(attrs, "address", n.address)
	}
	e.log.Log(context.Background(), min(level, most), what, attrs...)
}

// showProblems logs the problems that are new, but for those that the state of
// their interface tells already.
func (e *Engine) showProblems(at time.Time, ps []agent.Problem, now map[subject]shown) {
	was := e.problems
	e.problems = make(map[agent.Problem]struct{}, len(ps))
	for _, p := range ps {
		if told(p, now) {
			continue
		}
		e.problems[p] = struct{}{}
		if _, old := was[p]; old {
			continue
		}
		if e.doubts.spend(at, p.Interface) {
			e.log.Warn("configuration and host disagree", "link", p.Interface, "problem", p.Text, "hint", p.Hint)
		}
	}
}

// told reports whether the state of an interface tells of a problem already.
func told(p agent.Problem, now map[subject]shown) bool {
	for _, f := range families() {
		if n, ok := now[subject{p.Interface, f}]; ok && (n.state == agent.Missing || n.problem == p.Text) {
			return true
		}
	}
	return false
}

// showFailure tells once that sockets do not work, and once that they do again.
func (e *Engine) showFailure(err error) {
	was, now := e.Failure(), ""
	if err != nil {
		now = err.Error()
	}
	e.failure.Store(&now)
	switch {
	case was == now:
	case err != nil:
		e.log.Error("not all sockets work", "err", err, "retry_every", retryPause)
	default:
		e.log.Info("all sockets work again")
	}
}

// Failure says why not all sockets work, or is "" if they do.
func (e *Engine) Failure() string {
	if f := e.failure.Load(); f != nil {
		return *f
	}
	return ""
}
