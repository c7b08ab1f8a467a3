// Package health tells how each DHCP server does by what it was asked lately and
// what came back. The way of a message only stores into atomics; Judge, called each
// second, makes a State of them. It logs nothing, and decides nothing.
package health

import (
	"math/bits"
	"net/netip"
	"sync/atomic"
	"time"
)

// When a server is silent: after both, without a reply. One reply ends it.
const (
	SilentAfter    = 5 * time.Second // from the first request on
	SilentRequests = 4
)

// When requests do not reach a server, as the host or the network says and still says
// after the first of them: after as many as of one that is silent, but sooner, or after
// fewer.
const (
	UnreachableAfter    = 2 * time.Second
	UnreachableRequests = 2
	stillSaid           = time.Second
)

// AloneFor is how long a client must have waited alone before another server is asked in
// place of one that is silent: the server may not want to serve it. If several wait it
// is at once.
const AloneFor = 30 * time.Second

// When a server refuses its clients: after as many refusals of what it has offered, of
// several clients, RefusingAfter from the first on and without a lease granted between.
// It ends with a lease, or RefusingFor after the last refusal.
const (
	RefusingRequests = 4
	RefusingAfter    = time.Second / 2
	RefusingFor      = 30 * time.Second
)

// Late is how long a client waits for a reply that is late. A server that first looks
// whether an address is free takes a second.
const Late = 1500 * time.Millisecond

// idleAfter is how long after its last request nothing is known of a server.
const idleAfter = 10 * time.Minute

// A Server is what is known of one server. It is safe for concurrent use, and the zero
// value is ready: of a server of which nothing is known. Asked, Replied and the like
// belong to the way of a message: they neither lock nor allocate. Moments are counted
// from the start of the engine, as observe.Batch.Now is.
type Server struct {
	asked   atomic.Int64  // requests since the last reply, for which one was due
	first   atomic.Int64  // when the first of them came; not before replied
	last    atomic.Int64  // when the last of them came
	replied atomic.Int64  // when the last reply came; 0: none did
	dropped atomic.Int64  // when the last reply came that was dropped
	refused atomic.Int64  // when the kernel last refused to send to it
	strange atomic.Int64  // when a client of its was last answered by nobody knows whom
	asker   atomic.Uint64 // the client of all those requests; 0: of several
	refusal refusals
	late    atomic.Uint32
	links   [4]atomic.Uint64 // bit n: it has answered clients of a link whose number ends in n
	from    address          // that the last reply came from, unless it is the server's own

	state   atomic.Uint32
	since   atomic.Int64 // when the state began
	fixed   atomic.Bool
	trouble atomic.Pointer[Trouble]
	reading atomic.Pointer[Reading]
}

// State returns how the server does, as of the last Judge. It costs one load.
func (s *Server) State() State { return State(s.state.Load()) }

// Asked notes n requests of a client of a link at one moment, 0 if they are of several,
// each of which the server is to answer. Those of a link that it has never answered do not count against one that
// answers others: it may have no subnet there.
func (s *Server) Asked(n int, link int, client uint64, now time.Duration) {
	if s.replied.Load() != 0 && !s.knows(link) {
		return
	}
	if s.asked.Add(int64(n)) == int64(n) {
		s.first.Store(max(int64(now), s.replied.Load()))
		s.asker.Store(client)
	} else if was := s.asker.Load(); was != 0 && was != client {
		s.asker.Store(0)
	}
	s.last.Store(int64(now))
}

// Unasked takes back n requests that did not leave.
func (s *Server) Unasked(n int) {
	if s.asked.Add(-int64(n)) < 0 {
		s.asked.Store(0) // a reply came between
	}
}

// Refused notes that the kernel has refused to send to the server, so that a request
// stays unanswered.
func (s *Server) Refused(now time.Duration) { s.refused.Store(int64(now)) }

// Replied notes a reply to a client of a link, from an address that is not the server's
// own unless it is the zero one.
func (s *Server) Replied(link int, from netip.Addr, now time.Duration) {
	if s.replied.Load() != int64(now) {
		s.replied.Store(int64(now))
	}
	if s.asked.Load() != 0 {
		s.asked.Store(0)
	}
	if !s.knows(link) {
		w, bit := s.link(link)
		w.Or(bit)
	}
	s.from.set(from)
}

// Answered notes how long the first reply to a request took.
func (s *Server) Answered(after time.Duration) {
	was, late := s.late.Load(), uint32(0)
	if after > Late {
		late = 1
	}
	if was|late != 0 { // else it stays as it is
		s.late.Store(was<<1 | late)
	}
}

// AnsweredAgain notes the same of a request that the client had sent again, and for which
// it has waited in all. The server may answer what it was sent first; one that has
// answered nobody since then has not heard it.
func (s *Server) AnsweredAgain(after, waited, now time.Duration) {
	if s.replied.Load() > int64(now-waited) {
		after = waited
	}
	s.Answered(after)
}

// Dropped notes a reply of the server that was dropped.
func (s *Server) Dropped(now time.Duration) { s.dropped.Store(int64(now)) }

// Strange notes that a request to the server was answered, by nobody who can be told
// to be this server or another one.
func (s *Server) Strange(now time.Duration) { s.strange.Store(int64(now)) }

// Explain notes what the host or the network says of why requests do not reach the
// server. It is believed only while no replies come.
func (s *Server) Explain(t Trouble) { s.trouble.Store(&t) }

// Fix holds the server in a state that does not depend on what it answers: Listening or
// Group.
func (s *Server) Fix(to State) {
	s.fixed.Store(true)
	s.enter(to, s.since.Load())
}

// Forget makes s that of a server of which nothing is known.
func (s *Server) Forget() {
	for _, n := range []*atomic.Int64{&s.asked, &s.first, &s.last, &s.replied, &s.dropped, &s.refused, &s.strange, &s.since} {
		n.Store(0)
	}
	for i := range s.links {
		s.links[i].Store(0)
	}
	s.refusal.end()
	s.late.Store(0)
	s.from.set(netip.Addr{})
	s.state.Store(uint32(Idle))
	s.fixed.Store(false)
	s.trouble.Store(nil)
	s.reading.Store(nil)
}

func (s *Server) link(n int) (w *atomic.Uint64, bit uint64) {
	return &s.links[uint(n)/64%uint(len(s.links))], 1 << (uint(n) % 64)
}

func (s *Server) knows(link int) bool {
	w, bit := s.link(link)
	return w.Load()&bit != 0
}

// lately is how many of the last 8 first replies were late.
func (s *Server) lately() int { return bits.OnesCount32(s.late.Load() & 0xff) }
