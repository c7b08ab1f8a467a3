// Package smartrelay remembers how often clients have asked without an answer, so
// that a link's further addresses get their turn as giaddr. It knows neither
// sockets nor time, and what it forgets only costs a client some attempts.
package smartrelay

import (
	"hash/maphash"
	"math/bits"
	"sync/atomic"
)

// A slot is one word, so that no lock is needed. Zero is an empty slot.
//
//	 63                              24 23          12 11           0
//	+----------------------------------+--------------+--------------+
//	|               tag                |     face     |    count     |
//	+----------------------------------+--------------+--------------+
const (
	tagShift  = 24
	faceShift = 12
	field     = 1<<12 - 1 // largest face and count
)

// A Table remembers which of a link's addresses each client is tried with. All
// methods may be called at once by any number of goroutines; they take no lock
// and allocate nothing. The zero value is not usable.
//
// A Table never grows: a client whose slot another client needs is forgotten,
// and starts again at the first face. Clients cannot choose whose slot they
// take, since the hash differs in each Table.
type Table struct {
	seed  maphash.Seed
	slots []atomic.Uint64 // a power of two
	shift int             // a hash shifted by it is an index of slots
}

// New returns a Table for at least slots clients, of 8 octets each, rounded up
// to a power of two.
func New(slots int) *Table {
	width := bits.Len(uint(max(slots, 1) - 1))
	return &Table{
		seed:  maphash.MakeSeed(),
		slots: make([]atomic.Uint64, 1<<width),
		shift: 64 - width,
	}
}

// Asked notes a request of the client with the hardware address chaddr on the
// link with the index link, and returns which of the link's n addresses, its
// face, to use for it. A client stays with its face for after requests without
// an answer, then goes on to the next, and from the last to the first. With n or
// after below one it is always the first face, 0, and nothing is noted. n counts
// up to 4,096 and after up to 4,095.
func (t *Table) Asked(link int, chaddr []byte, after, n int) (face int) {
	if n <= 1 || after < 1 {
		return 0
	}
	after, n = min(after, field), min(n, field+1)
	slot, tag := t.find(link, chaddr)
	for {
		old := slot.Load()
		face, count := next(old, tag, after, n)
		if slot.CompareAndSwap(old, tag<<tagShift|uint64(face)<<faceShift|uint64(count+1)) {
			return face
		}
	}
}

// next returns the face for the next request of the client with the tag, and how
// often that was tried already.
func next(slot, tag uint64, after, n int) (face, count int) {
	if slot>>tagShift == tag {
		face, count = int(slot>>faceShift&field), int(slot&field)
	}
	if count >= after {
		face, count = face+1, 0
	}
	if face >= n {
		face = 0
	}
	return face, count
}

// Answered notes that the client was answered: the face stays, the count is
// cleared.
func (t *Table) Answered(link int, chaddr []byte) {
	slot, tag := t.find(link, chaddr)
	for {
		old := slot.Load()
		if old>>tagShift != tag || old&field == 0 {
			return
		}
		if slot.CompareAndSwap(old, old&^field) {
			return
		}
	}
}

// find returns the slot of a client and the tag that tells it from others there.
func (t *Table) find(link int, chaddr []byte) (slot *atomic.Uint64, tag uint64) {
	hash := mix(maphash.Bytes(t.seed, chaddr) ^ mix(uint64(link)))
	// The index is of the top bits and the tag of the lowest 40; zero is no tag.
	return &t.slots[hash>>t.shift], max(hash<<tagShift>>tagShift, 1)
}

// mix spreads each bit of x over all bits of the result, one to one (the
// finalizer of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
