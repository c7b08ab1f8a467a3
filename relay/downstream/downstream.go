// Package downstream remembers which relays nearer to the clients have asked, on
// which link and from which port, so that replies go to those alone. It knows neither
// sockets nor messages, and what it forgets costs a relay one attempt of its client.
package downstream

import (
	"hash/maphash"
	"math/bits"
	"net/netip"
	"sync/atomic"
	"time"
)

// Lately is how long a relay counts as having asked: longer than any exchange, and
// long enough for a server to start a Reconfigure.
const Lately = time.Hour

// A slot is one word, so that no lock is needed. Zero is an empty slot.
//
//	 63                              32 31          16 15           0
//	+----------------------------------+--------------+--------------+
//	|      tag of link and address     |     port     |     time     |
//	+----------------------------------+--------------+--------------+
//
// The time wraps after 48 days.
const (
	tagShift  = 32
	portShift = 16
	timeUnit  = 64 * time.Second
)

// ways is the number of places that one relay may have.
const ways = 4

// A Table is safe for concurrent use. Its methods neither lock nor allocate. The zero
// value is not usable.
//
// It never grows: of the relays that share a place the one that has not asked for the
// longest time is forgotten. Who shares one cannot be chosen, for the hash differs in
// each Table.
type Table struct {
	seed    maphash.Seed
	buckets [][ways]atomic.Uint64 // a power of two
}

// New returns a Table for at least n relays, of 8 octets each.
func New(n int) *Table {
	size := 1 << bits.Len(uint(max(n/ways, 1)-1))
	return &Table{seed: maphash.MakeSeed(), buckets: make([][ways]atomic.Uint64, size)}
}

// Asked notes that a relay on the link with an index has asked from an address and
// port. now counts from any moment, the same for every call.
func (t *Table) Asked(link int, from netip.AddrPort, now time.Duration) {
	b, tag := t.find(link, from.Addr())
	word := tag<<tagShift | uint64(from.Port())<<portShift | uint64(stamp(now))
	oldest, most := &b[0], -1
	for i := range b {
		old := b[i].Load()
		switch {
		case old>>portShift == word>>portShift:
			if old != word {
				b[i].Store(word)
			}
			return
		case old == 0:
			oldest, most = &b[i], 1<<16
		default:
			if a := int(stamp(now) - uint16(old)); a > most {
				oldest, most = &b[i], a
			}
		}
	}
	oldest.Store(word)
}

// MayGet reports whether a relay at an address on a link has asked lately, from the
// port if that is not usual, the port to which relays are sent anyway.
func (t *Table) MayGet(link int, to netip.AddrPort, usual uint16, now time.Duration) bool {
	b, tag := t.find(link, to.Addr())
	for i := range b {
		w := b[i].Load()
		if w == 0 || w>>tagShift != tag || to.Port() != usual && w>>portShift&0xffff != uint64(to.Port()) {
			continue
		}
		if time.Duration(stamp(now)-uint16(w))*timeUnit <= Lately {
			return true
		}
	}
	return false
}

// stamp returns the time as a slot has it.
func stamp(now time.Duration) uint16 { return uint16(now / timeUnit) }

// find returns the bucket of a relay and the tag that tells it from others there.
func (t *Table) find(link int, a netip.Addr) (*[ways]atomic.Uint64, uint64) {
	key := struct {
		addr [16]byte
		link [4]byte
	}{a.As16(), [4]byte{byte(link), byte(link >> 8), byte(link >> 16), byte(link >> 24)}}
	var h maphash.Hash
	h.SetSeed(t.seed)
	_, _ = h.Write(key.addr[:]) // never fails
	_, _ = h.Write(key.link[:])
	sum := h.Sum64()
	return &t.buckets[sum&uint64(len(t.buckets)-1)], max(sum>>tagShift, 1)
}
