package hwaddr

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"unsafe"
)

// A set is what the filter writes and look-ups read, at the same time and on
// any CPU. All words are in the host's order:
//
//	 0 cursor     counts the entries ever written; its low bits say which slot is
//	              the oldest and so the next to be written
//	 8 slot 0     0 stamp: 0-5 link-layer address | 6-7 cursor, as it was
//	              8 head: 0-3 first octets of the message | 4-7 scope
//	             16 source address
//	40 slot 1 ... 7
type set struct {
	cursor uint64
	slots  [ways]slot
}

type slot struct {
	stamp uint64
	head  uint64
	src   [2]uint64
}

// Sizes and places, in octets.
const (
	ways    = 8
	setSize = 8 + ways*slotSize

	slotSize = 32
	offStamp = 0
	offHead  = 8
	offSrc   = 16
)

// busy is the stamp of a slot that is being written. It is the stamp of no
// address that a frame can come from: on some machines it reads as a group
// address, on the others as address zero, which stands for an empty slot.
const busy = 1

// sizeHead is how much of a message is part of the key, in octets: message type
// and transaction ID (RFC 9915, section 8).
const sizeHead = 4

// A key says which message is meant.
type key struct {
	head uint64
	src  [2]uint64
}

func newKey(scope uint32, src netip.Addr, msg []byte) key {
	var head [8]byte
	copy(head[:sizeHead], msg)
	binary.NativeEndian.PutUint32(head[sizeHead:], scope)
	a := src.As16()
	return key{
		head: binary.NativeEndian.Uint64(head[:]),
		src:  [2]uint64{binary.NativeEndian.Uint64(a[:8]), binary.NativeEndian.Uint64(a[8:])},
	}
}

// multiplier spreads what is multiplied by it: the golden ratio.
const multiplier = 0x9e3779b97f4a7c15

// index returns the place of a key among 1<<log sets. Clients choose keys, so
// the seed is random, lest they choose whom to displace. The filter computes the
// same.
func (k key) index(seed uint64, log int) uint64 {
	h := (k.head ^ seed) * multiplier
	h = (h ^ h>>32 ^ k.src[0]) * multiplier
	h = (h ^ h>>32 ^ k.src[1]) * multiplier
	h = (h ^ h>>32) * multiplier
	return h >> (64 - log)
}

// find returns the one address that the set knows for the key. Two addresses for
// one key are none: either message could be the one that is asked for.
func (s *set) find(k key) (mac [6]byte, ok bool) {
	var found uint64
	for i := range s.slots {
		stamp, here := s.slots[i].read(k)
		if !here {
			continue
		}
		if found != 0 && address(found) != address(stamp) {
			return mac, false
		}
		found = stamp
	}
	if found == 0 {
		return mac, false
	}
	return address(found), true
}

// read returns the stamp of a slot if it holds the key. The stamp is taken
// before the key and compared after it; if it has changed, the slot was being
// written, for another message than the one that was received before.
func (s *slot) read(k key) (stamp uint64, here bool) {
	stamp = atomic.LoadUint64(&s.stamp)
	if stamp == 0 || stamp == busy {
		return 0, false
	}
	here = atomic.LoadUint64(&s.head) == k.head &&
		atomic.LoadUint64(&s.src[0]) == k.src[0] &&
		atomic.LoadUint64(&s.src[1]) == k.src[1]
	return stamp, here && atomic.LoadUint64(&s.stamp) == stamp
}

func address(stamp uint64) [6]byte {
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], stamp)
	return [6]byte(b[:6])
}

// view returns the memory of the filter's map, which begins with a page, as
// 1<<log sets.
func view(mem []byte, log int) []set {
	return unsafe.Slice((*set)(unsafe.Pointer(&mem[0])), 1<<log) //nolint:gosec // the map has that many sets
}
