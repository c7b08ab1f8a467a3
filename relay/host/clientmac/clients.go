package clientmac

import (
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"sync/atomic"

	"golang.org/x/sys/cpu"
)

// Clients remembers from which link-layer address the request of each DHCPv6
// transaction came, so that the reply can go there: by link, source address and
// transaction ID, lest who has another client's address as its source, but not its
// transaction, gets its replies. What two have sent alike is known of neither. A
// note lasts until 15 more have come to its set, some 50,000 transactions; the
// memory is 2 MiB.
//
// It is safe for concurrent use; its methods neither lock nor allocate.
type Clients struct {
	sets []set
	seed uint64
}

// NewClients returns an empty table.
func NewClients() *Clients {
	var seed [8]byte
	_, _ = rand.Read(seed[:]) // never fails
	return &Clients{sets: make([]set, 1<<logSets), seed: binary.NativeEndian.Uint64(seed[:])}
}

// A Place is where a Clients keeps a transaction.
type Place struct {
	key key
	set *set
}

// Place returns the place of the transaction that a message belongs to, which a
// client on a link sends or is sent. It is that of nobody for a message too short
// to have a transaction ID.
func (c *Clients) Place(link int, client netip.Addr, msg []byte) Place {
	if len(msg) < sizeHead {
		return Place{}
	}
	// Request and reply differ in the type.
	k := newKey(uint32(link), client, msg)
	k.head &^= typeOctet()
	return Place{k, &c.sets[k.index(c.seed, logSets)]}
}

// typeOctet is the message type in the head of a key.
func typeOctet() uint64 {
	if cpu.IsBigEndian {
		return 0xff << 56
	}
	return 0xff
}

// Fetch brings into the processor's cache what Note will need. Called for all
// messages of a batch at first, their waits for memory are one.
func (p Place) Fetch() {
	if p.set != nil {
		p.set.fetch()
	}
}

// Note notes where the message of a place came from.
func (p Place) Note(mac [6]byte) {
	if p.set == nil {
		return
	}
	if was, ok := p.Find(); ok && was == mac {
		return // the client asks again
	}
	p.set.write(p.key, mac)
}

// Doubt notes that a message of a place came from an address that is not known, as
// of two that came alike: if it was known who is there, it is no longer.
func (p Place) Doubt() {
	if _, ok := p.Find(); ok {
		p.set.write(p.key, noOne())
	}
}

// noOne is a group address, which sends nothing.
func noOne() [6]byte { return [6]byte{1} }

// Find returns the link-layer address from which the messages of a place came.
func (p Place) Find() (mac [6]byte, ok bool) {
	if p.set == nil {
		return mac, false
	}
	return p.set.find(p.key, p.set.match(p.key))
}

// write writes a note as the filter does.
func (s *set) write(k key, mac [6]byte) {
	cursor := atomic.AddUint64(&s.cursor, 1) - 1
	i := cursor % ways
	n := &s.notes[i]
	was := atomic.LoadUint64(&n.stamp)
	if was == busy || !atomic.CompareAndSwapUint64(&n.stamp, was, busy) {
		return // another is at it; the client asks again
	}
	atomic.StoreUint64(&s.heads[i], k.head)
	atomic.StoreUint64(&n.src[0], k.src0)
	atomic.StoreUint64(&n.src[1], k.src1)
	atomic.StoreUint64(&n.stamp, stampOf(mac, uint16(cursor)))
}

// stampOf returns the stamp of a note.
func stampOf(mac [6]byte, cursor uint16) uint64 {
	var b [8]byte
	copy(b[:], mac[:])
	binary.NativeEndian.PutUint16(b[6:], cursor)
	return binary.NativeEndian.Uint64(b[:])
}
