package health

import (
	"sync/atomic"
	"time"
)

// refusals are those of a server since it last granted a lease.
type refusals struct {
	n     atomic.Int64
	first atomic.Int64  // when the first of them came
	last  atomic.Int64  // when the last of them came
	of    atomic.Uint64 // the client of all of them; 0: of several
}

// Refuses notes that the server refuses a client what it has offered, or has nothing to
// offer. To refuse what another server has promised, or an address of another network, is right (RFC 2131,
// section 4.3.2), and is not to be noted.
func (s *Server) Refuses(client uint64, now time.Duration) {
	r := &s.refusal
	if r.n.Add(1) == 1 {
		r.first.Store(int64(now))
		r.of.Store(client)
	} else if was := r.of.Load(); was != 0 && was != client {
		r.of.Store(0)
	}
	r.last.Store(int64(now))
}

// Grants notes that the server gives a client its lease.
func (s *Server) Grants() {
	if s.refusal.n.Load() != 0 {
		s.refusal.end()
	}
}

func (r *refusals) end() { r.n.Store(0) }

// refuses reports whether the server refuses its clients.
func (r *refusals) refuses(now int64) bool {
	return r.n.Load() >= RefusingRequests && r.of.Load() == 0 &&
		now-r.first.Load() >= int64(RefusingAfter) && now-r.last.Load() < int64(RefusingFor)
}

// Down reports whether another server is to be asked in place of one, as of the last
// Judge.
func (s *Server) Down() bool {
	is := s.State()
	alone := s.asker.Load() != 0 && s.last.Load()-s.first.Load() < int64(AloneFor)
	return !is.Well() && (is != Silent || !alone)
}
