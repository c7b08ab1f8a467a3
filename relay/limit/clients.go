package limit

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
	"time"
)

// ways is the number of places that a client may have.
const ways = 4

// Clients are the buckets of the clients that have sent last. A client that it does not
// know has sent nothing, so who makes up clients frees some others of their limit, and
// takes nothing from anybody. It is safe for concurrent use.
type Clients struct {
	seed uint64
	sets []set // a power of two
}

// A set is the places of some clients. A place is one word, so that no lock is needed;
// zero is nobody.
//
//	 63                          44 43                                   0
//	+------------------------------+--------------------------------------+
//	|              tag             |  when the next message is due, in µs |
//	+------------------------------+--------------------------------------+
type set [ways]atomic.Uint64

const (
	tagShift = 44
	dueMask  = 1<<tagShift - 1
)

// NewClients returns a table of at least n clients, 8 octets each.
func NewClients(n int) *Clients {
	size := 1
	for size*ways < n {
		size *= 2
	}
	return &Clients{maphash.Bytes(maphash.MakeSeed(), nil), make([]set, size)}
}

// A Key stands for a client of an interface.
type Key uint64

// Key returns the key of a client by the words that tell it: an address, an interface.
func (c *Clients) Key(link int, lo, hi uint64) Key {
	return Key(mix(mix(mix(c.seed, uint64(link)), lo), hi))
}

// mix folds w into h.
func mix(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
	return hi ^ lo
}

// Take takes the token of a message from the bucket of a client. It reports whether
// there was one, and whether the client was known: that it was one of those that have
// sent last. now counts from any moment, the same for every call.
func (c *Clients) Take(k Key, now time.Duration, r Rate) (ok, known bool) {
	s := &c.sets[uint64(k)&uint64(len(c.sets)-1)]
	tag := max(uint64(k)>>tagShift, 1)
	moment := uint64(now.Microseconds()) & dueMask
	best, was, known := s.place(tag, moment)
	due := moment
	if known {
		if ahead := since(was&dueMask, moment); ahead > 0 {
			if r.Limits() && time.Duration(ahead)*time.Microsecond > r.ahead {
				return false, true
			}
			due = was & dueMask
		}
	}
	next := (due + uint64(r.each.Microseconds())) & dueMask
	// Another loop may be faster, which is as good as if it had been slower.
	s[best].CompareAndSwap(was, tag<<tagShift|next)
	return true, known
}

// place returns the place of a client: its own, or that of the one who has been silent
// for longest.
func (s *set) place(tag, moment uint64) (best int, was uint64, known bool) {
	var oldest int64
	for i := range s {
		w := s[i].Load()
		if w>>tagShift == tag {
			return i, w, true
		}
		due := int64(-1 << 62)
		if w != 0 {
			due = since(w&dueMask, moment)
		}
		if i == 0 || due < oldest {
			best, was, oldest = i, w, due
		}
	}
	return best, was, false
}

// since returns how much later a is than b, less than 102 days, in microseconds.
func since(a, b uint64) int64 { return int64((a-b)<<(64-tagShift)) >> (64 - tagShift) }
