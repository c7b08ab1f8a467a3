package pending

import (
	"hash/maphash"
	"sync/atomic"

	"dhcp-relay/relay/observe/health"
)

// The identities are what servers that have replied call themselves: by DUID, and by
// address where a reply came from another one. Of two that share a place the last one
// is known, so that a server may be taken for unknown and not the other way round.
type identities struct {
	seed  maphash.Seed
	known [256]atomic.Uint64
	of    [256]atomic.Pointer[health.Server]
}

func (s *identities) place(id []byte) (at int, hash uint64) {
	hash = maphash.Bytes(s.seed, id) | 1 // never that of an empty place
	return int(hash >> 1 % uint64(len(s.known))), hash
}

// add notes that a server has replied, nil for one that is not known, under a name, nil
// for none.
func (s *identities) add(id []byte, of *health.Server) {
	if id == nil {
		return
	}
	at, hash := s.place(id)
	if s.known[at].Load() != hash {
		s.of[at].Store(nil)
		s.known[at].Store(hash)
	}
	if of != nil && s.of[at].Load() != of {
		s.of[at].Store(of)
	}
}

// has reports whether a request for the server of a DUID is for one that is known, or
// for any: nil.
func (s *identities) has(id []byte) bool {
	if id == nil {
		return true
	}
	at, hash := s.place(id)
	return s.known[at].Load() == hash
}

// owner returns the server that has replied under a name, nil if that is not known.
func (s *identities) owner(id []byte) *health.Server {
	if id == nil {
		return nil
	}
	at, hash := s.place(id)
	if s.known[at].Load() != hash {
		return nil
	}
	return s.of[at].Load()
}
