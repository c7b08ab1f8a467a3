package relay

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/senderror"
)

// An outage of a server is told once, with its cause where that is known.
type outage struct {
	since     time.Time
	explained bool
}

// judgeServers judges how the servers do, and tells what has changed.
func (e *Engine) judgeServers(now time.Time) {
	s := e.state.Load()
	if len(e.silent) > 0 {
		maps.DeleteFunc(e.silent, func(v *count.Server, _ outage) bool { return !slices.Contains(s.Servers, v) })
	}
	for n, v := range s.Servers {
		was, is := v.Health.Judge(now.Sub(e.start), now)
		if was != is {
			e.showServer(now, s, n, was)
		} else {
			e.showCause(now, v)
		}
	}
}

// needs reports whether a link has no other server that does well. Where servers are
// chosen among, one that was not asked lately takes the place of this one.
func (s *state) needs(server int) bool {
	f := s.Servers[server].Family()
	for _, l := range s.Snap.Links {
		var has, other bool
		for _, n := range l.Side[f].Servers {
			has = has || n == server
			is := s.Servers[n].Health.State()
			other = other || n != server && (answers(is) || is == health.Idle && l.Side[f].Chooses())
		}
		if has && !other {
			return true
		}
	}
	return false
}

// answers reports whether a server in a state answers clients.
func answers(s health.State) bool { return s == health.Answering || s == health.Slow }

// showServer tells of a server that does otherwise than before: once that it does not
// answer, or answers slowly, and once that this is over. Whether it is, is not known of
// one that nothing is asked of.
func (e *Engine) showServer(now time.Time, s *state, n int, was health.State) {
	v := s.Servers[n]
	r := v.Health.Read()
	out, silent := e.silent[v]
	switch {
	case !r.State.Well() || r.State == health.Elsewhere:
		if silent {
			e.showCause(now, v)
			return
		}
		why := causeOf(now, v, &r)
		e.silent[v] = outage{since: r.Since, explained: why != nil}
		level := slog.LevelWarn
		if s.needs(n) {
			level = slog.LevelError
		}
		text := "server does not answer"
		if r.State == health.Refusing {
			text = "server refuses its clients addresses"
		}
		e.logServer(now, level, text, v, append(silence(&r), why...)...)
	case silent && answers(r.State):
		delete(e.silent, v)
		e.logServer(now, slog.LevelInfo, "server answers again", v, "silent_for", now.Sub(out.since).Round(time.Second))
		if r.State == health.Slow {
			e.showSlow(now, v)
		}
	case r.State == health.Slow:
		e.showSlow(now, v)
	case was == health.Slow:
		e.logServer(now, slog.LevelInfo, "server answers in time again", v)
	}
}

// showSlow tells that a server answers late.
func (e *Engine) showSlow(now time.Time, v *count.Server) {
	e.logServer(now, slog.LevelWarn, "server answers slowly", v, "later_than", health.Late)
}

// showCause tells what keeps requests from a server once it is known, if it was not when
// the server's silence was told.
func (e *Engine) showCause(now time.Time, v *count.Server) {
	out, silent := e.silent[v]
	if !silent || out.explained {
		return
	}
	r := v.Health.Read()
	if why := causeOf(now, v, &r); why != nil {
		out.explained = true
		e.silent[v] = out
		e.logServer(now, slog.LevelWarn, "requests do not reach a server", v, why...)
	}
}

// silence says what is known of a server that does not answer.
func silence(r *health.Reading) []any {
	last := "never"
	if !r.LastReply.IsZero() {
		last = r.LastReply.Format(time.RFC3339)
	}
	return []any{"state", r.State.String(), "last_reply", last, "requests_since", r.Requests}
}

// causeOf says what keeps requests from a server, nil if nobody knows.
func causeOf(now time.Time, v *count.Server, r *health.Reading) []any {
	if t, is := v.Trouble(now); is {
		return []any{"why", t.String(), "hint", t.Remedy()}
	}
	if r.State == health.Unreachable {
		what, remedy := senderror.Explain(senderror.Servers, v.Refusal())
		return []any{"why", what + " (" + senderror.Name(v.Refusal()) + ")", "hint", remedy}
	}
	return nil
}

// logServer logs one line of a server, at Debug if there were many.
func (e *Engine) logServer(now time.Time, level slog.Level, text string, v *count.Server, attrs ...any) {
	if !e.serverChanges.spend(now, v.String()+v.VRF) {
		level = slog.LevelDebug
	}
	all := []any{"server", v.String()}
	if v.VRF != "" {
		all = append(all, "vrf", v.VRF)
	}
	e.log.Log(context.Background(), level, text, append(all, attrs...)...)
}
