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
//	 63          52 51                24 23          12 11           0
//	+--------------+--------------------+--------------+--------------+
//	|     link     |       client       |     choice     |    count     |
//	+--------------+--------------------+--------------+--------------+
//	|               tag                 |
//	+-----------------------------------+
const (
	tagShift    = 24
	choiceShift = 12
	field       = 1<<12 - 1 // largest choice and count
	linkShift   = 52 - tagShift
)

// ways is the number of slots that a client may have.
const ways = 4

// A Table remembers which of a link's addresses each client is tried with. All
// methods may be called at once by any number of goroutines; they take no lock
// and allocate nothing. The zero value is not usable.
//
// A Table never grows: a client whose slot another client needs is forgotten,
// and starts again at the first choice. That is one of the link that has most of the set:
// who makes up clients makes the table forget those of his own link. Clients cannot
// choose whose slot they take, since the hash differs in each Table.
type Table struct {
	seed  maphash.Seed
	sets  []set // a power of two
	shift int   // a hash shifted by it is an index of sets
}

// A set is the slots that a client may have.
type set [ways]atomic.Uint64

// New returns a Table for at least slots clients, of 8 octets each, rounded up
// to a power of two.
func New(slots int) *Table {
	width := bits.Len(uint(max(slots, ways)-1) / ways)
	return &Table{
		seed:  maphash.MakeSeed(),
		sets:  make([]set, 1<<width),
		shift: 64 - width,
	}
}

// asked notes a request of the client with the hardware address chaddr on the
// link with the index link, and returns which of the link's n addresses, its
// choice, to use for it. A client stays with its choice for after requests without
// an answer, then goes on to the next, and from the last to the first. With n or
// after below one it is always the first choice, 0, and nothing is noted. n counts
// up to 4,096 and after up to 4,095.
func (t *Table) asked(link int, chaddr []byte, after, n int) (choice int) {
	if n <= 1 || after < 1 {
		return 0
	}
	after, n = min(after, field), min(n, field+1)
	slot, tag := t.find(link, chaddr)
	for {
		old := slot.Load()
		choice, count := next(old, tag, after, n)
		if slot.CompareAndSwap(old, tag<<tagShift|uint64(choice)<<choiceShift|uint64(count+1)) {
			return choice
		}
	}
}

// next returns the choice for the next request of the client with the tag, and how
// often that was tried already.
func next(slot, tag uint64, after, n int) (choice, count int) {
	if slot>>tagShift == tag {
		choice, count = int(slot>>choiceShift&field), int(slot&field)
	}
	if count >= after {
		choice, count = choice+1, 0
	}
	if choice >= n {
		choice = 0
	}
	return choice, count
}

// answered notes that the client was answered: the choice stays, the count is
// cleared.
func (t *Table) answered(link int, chaddr []byte) {
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

// find returns the slot of a client, or the one to take for it, and the tag that tells
// it from others there.
func (t *Table) find(link int, chaddr []byte) (slot *atomic.Uint64, tag uint64) {
	hash := mix(maphash.Bytes(t.seed, chaddr) ^ mix(uint64(link)))
	// The index is of the top bits, the client of the lowest; zero is no link.
	of := max(mix(uint64(link))>>linkShift>>tagShift, 1)
	tag = of<<linkShift | hash&(1<<linkShift-1)
	return t.sets[hash>>t.shift].slot(tag, int(hash>>linkShift)%ways), tag
}

// slot returns the slot with a tag, else a free one, else one of the link that has most
// of the set: its own, if that has as many as any; n chooses among them.
func (s *set) slot(tag uint64, n int) *atomic.Uint64 {
	var links [ways]uint64
	free := -1
	for i := range s {
		v := s[i].Load() >> tagShift
		if v == tag {
			return &s[i]
		}
		if v == 0 {
			free = i
		}
		links[i] = v >> linkShift
	}
	if free >= 0 {
		return &s[free]
	}
	best, most := n, 0
	for k := range ways {
		i, has := (n+k)%ways, 0
		for _, l := range links {
			if l == links[i] {
				has += 2
			}
		}
		if links[i] == tag>>linkShift {
			has++
		}
		if has > most {
			best, most = i, has
		}
	}
	return &s[best]
}

// mix spreads each bit of x over all bits of the result, one to one (the
// finalizer of splitmix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
