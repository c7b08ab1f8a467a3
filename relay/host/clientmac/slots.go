package clientmac

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// A set is what the filter writes and look-ups read, at the same time and on
// any CPU. All words are in the host's order:
//
//	  0 cursor     counts the notes ever written; divided by ways it leaves the
//	               number of the oldest, which is the next to be written
//	  8 head 0     0-3 first octets of the message | 4-7 scope
//	 16 head 1 ... 14
//	128 note 0     0 stamp: 0-5 link-layer address | 6-7 cursor, as it was
//	               8 source address
//	152 note 1 ... 14
//	488 label      of set 0 only: what the map is, and its seed
//
// A look-up reads the heads, which are two lines of the cache, and the note of the
// head that it looks for: that another processor has written them is most of what
// it costs. With head and note side by side it read all of the set.
type set struct {
	cursor uint64
	heads  [ways]uint64
	notes  [ways]note
	label  label
}

// A label says in the map itself what a process needs to know that takes it over.
type label struct {
	magic uint64
	seed  uint64
	_     uint64
}

// magic says that a map is made of such sets, and written as they are here. It
// changes with what they hold.
const magic = 0x64686370_6d616301

type note struct {
	stamp uint64
	src   [2]uint64
}

// Sizes and places, in octets.
const (
	ways    = 15
	setSize = 512

	headSize = 8
	offHeads = 8

	noteSize = 24
	offNotes = offHeads + ways*headSize
	offStamp = 0
	offSrc   = 8

	offLabel = offNotes + ways*noteSize
)

// busy is the stamp of a note that is being written. It is the stamp of no
// address that a frame can come from: on some machines it reads as a group
// address, on the others as address zero, which stands for none.
const busy = 1

// sizeHead is how much of a message is part of the key, in octets: message type
// and transaction ID (RFC 9915, section 8).
const sizeHead = 4

// A key says which message is meant. It fits into registers, and its words are
// loaded as they were stored, not put together in memory.
type key struct{ head, src0, src1 uint64 }

func newKey(scope uint32, src netip.Addr, msg []byte) key {
	var a [16]byte
	_, _ = src.AppendBinary(a[:0]) // an address without a zone always fits
	return keyOf(scope, msg, a[:])
}

// newKey4 is newKey for a message of BOOTP, of which its transaction ID and chaddr tell it
// from others: clients send from address zero.
func newKey4(scope uint32, msg []byte) key {
	return keyOf(scope, msg[offXID4:], msg[offChaddr:])
}

// keyOf makes a key of the first sizeHead octets of head and 16 octets.
func keyOf(scope uint32, head, a []byte) key {
	first, second := binary.NativeEndian.Uint32(head), scope
	if cpu.IsBigEndian {
		first, second = second, first
	}
	return key{
		head: uint64(first) | uint64(second)<<32,
		src0: binary.NativeEndian.Uint64(a[:8]),
		src1: binary.NativeEndian.Uint64(a[8:]),
	}
}

// multiplier spreads what is multiplied by it: the golden ratio.
const multiplier = 0x9e3779b97f4a7c15

// index returns the place of a key among 1<<log sets. Clients choose keys, so
// the seed is random, lest they choose whom to displace. The filter computes the
// same.
func (k key) index(seed uint64, log int) uint64 {
	h := (k.head ^ seed) * multiplier
	h = (h ^ h>>32 ^ k.src0) * multiplier
	h = (h ^ h>>32 ^ k.src1) * multiplier
	h = (h ^ h>>32) * multiplier
	return h >> (64 - log)
}

// fetch brings the heads into the processor's cache: they are two lines of it.
func (s *set) fetch() {
	atomic.LoadUint64(&s.heads[0])
	atomic.LoadUint64(&s.heads[ways-1])
}

// match returns which heads are the key's, a bit for each, and brings their notes
// into the cache.
func (s *set) match(k key) (found uint16) {
	for i := range s.heads {
		if atomic.LoadUint64(&s.heads[i]) == k.head {
			found |= 1 << i
			atomic.LoadUint64(&s.notes[i].stamp)
		}
	}
	return found
}

// find returns the one address that the set knows for the key, of those notes that
// match has found. Two addresses for one key are none: either message could be the
// one that is asked for.
func (s *set) find(k key, notes uint16) (mac [6]byte, ok bool) {
	var found uint64
	for ; notes != 0; notes &= notes - 1 {
		stamp, here := s.read(bits.TrailingZeros16(notes), k)
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

// read returns the stamp of note i if it is for the key. The stamp is taken
// before the key and compared after it; if it has changed, the note was being
// written, for another message than the one that was received before.
func (s *set) read(i int, k key) (stamp uint64, here bool) {
	n := &s.notes[i]
	stamp = atomic.LoadUint64(&n.stamp)
	if stamp == 0 || stamp == busy {
		return 0, false
	}
	here = atomic.LoadUint64(&s.heads[i]) == k.head &&
		atomic.LoadUint64(&n.src[0]) == k.src0 &&
		atomic.LoadUint64(&n.src[1]) == k.src1
	return stamp, here && atomic.LoadUint64(&n.stamp) == stamp
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
