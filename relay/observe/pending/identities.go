package pending

import (
	"hash/maphash"
	"sync/atomic"
)

// The identities are the DUIDs of DHCPv6 servers that have replied. Of two that share
// a place the last one is known, so that a server may be taken for unknown and not the
// other way round.
type identities struct {
	seed  maphash.Seed
	known [256]atomic.Uint64
}

func (s *identities) place(duid []byte) (at *atomic.Uint64, hash uint64) {
	hash = maphash.Bytes(s.seed, duid) | 1 // never that of an empty place
	return &s.known[hash>>1%uint64(len(s.known))], hash
}

// add notes that the server of a DUID has replied, nil for none.
func (s *identities) add(duid []byte) {
	if duid == nil {
		return
	}
	if at, hash := s.place(duid); at.Load() != hash {
		at.Store(hash)
	}
}

// has reports whether a request for the server of a DUID is for one that is known, or
// for any: nil.
func (s *identities) has(duid []byte) bool {
	if duid == nil {
		return true
	}
	at, hash := s.place(duid)
	return at.Load() == hash
}
