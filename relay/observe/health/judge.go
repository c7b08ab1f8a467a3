package health

import (
	"net/netip"
	"time"
)

// A Reading is what is known of a server at one moment.
type Reading struct {
	State     State
	Since     time.Time  // when the state began; of one that does not answer, the first request without a reply
	LastReply time.Time  // zero: there was none
	Requests  uint64     // since then, for which a reply was due
	First     time.Time  // of those; zero: there are none
	From      netip.Addr // that the last reply came from, if it is not the server's own
	Trouble   *Trouble   // of the last minute, nil if there is none
}

// Read returns what was known at the last Judge.
func (s *Server) Read() Reading {
	if r := s.reading.Load(); r != nil {
		return *r
	}
	return Reading{State: s.State()}
}

// Judge makes a state of what has happened until a moment, at what time it is then. It
// returns the state that was before and the present one. Call it each second, from one
// goroutine.
func (s *Server) Judge(now time.Duration, at time.Time) (was, is State) {
	was = s.State()
	r := Reading{State: was, Requests: uint64(max(0, s.asked.Load())), From: s.from.get(), Trouble: s.current(at)}
	if !s.fixed.Load() {
		var begun int64
		if r.State, begun = s.judge(int64(now), at, r.Trouble); r.State != was || s.since.Load() == 0 {
			s.enter(r.State, begun)
		}
	}
	wall := func(moment int64) time.Time { return at.Add(time.Duration(moment) - now) }
	r.Since = wall(s.since.Load())
	if last := s.replied.Load(); last != 0 {
		r.LastReply = wall(last)
	}
	if r.Requests > 0 {
		r.First = wall(s.first.Load())
	}
	s.reading.Store(&r)
	return was, r.State
}

// judge returns the state that the server is in, and when it began if it is a new one.
func (s *Server) judge(now int64, at time.Time, why *Trouble) (is State, begun int64) {
	first, replied, last := s.first.Load(), s.replied.Load(), max(s.last.Load(), s.replied.Load())
	switch {
	case last == 0, now-last > int64(idleAfter):
		s.asked.Store(0)
		return Idle, now
	case first >= replied && s.overdue(time.Duration(now-first), at, why):
		return s.without(first, why), first
	case s.refusal.refuses(now):
		return Refusing, s.refusal.first.Load()
	case replied == 0:
		return Waiting, now
	case s.slow():
		return Slow, now
	}
	return Answering, now
}

// overdue reports whether requests wait for too long at a time, the first of them for so
// long. What was said of it only at first may be over.
func (s *Server) overdue(waited time.Duration, at time.Time, why *Trouble) bool {
	n := s.asked.Load()
	if why != nil && why.At.Sub(at.Add(-waited)) >= stillSaid {
		if n >= SilentRequests && waited >= UnreachableAfter || n >= UnreachableRequests && waited >= SilentAfter {
			return true
		}
	}
	return n >= SilentRequests && waited >= SilentAfter
}

// without tells apart the servers that do not answer requests from a moment on.
func (s *Server) without(first int64, why *Trouble) State {
	switch {
	case s.dropped.Load() >= first:
		return Dropped
	case s.strange.Load() >= first:
		return Elsewhere
	case why != nil, s.refused.Load() >= max(first, s.last.Load()):
		return Unreachable
	}
	return Silent
}

// slow reports whether most first replies are late: 6 of the last 8, until it is but 2.
func (s *Server) slow() bool {
	n := s.lately()
	return n >= 6 || n > 2 && s.State() == Slow
}

// enter begins a state.
func (s *Server) enter(to State, begun int64) {
	s.state.Store(uint32(to))
	s.since.Store(begun)
}
