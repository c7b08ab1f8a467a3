// Package pending matches replies with requests in a table of fixed size, to tell
// how soon each server answers and which requests nobody has answered. No message
// waits for it, and what it cannot keep it counts as evicted; on what it knows depend
// only replies of those that are no configured servers.
package pending

import (
	"hash/maphash"
	"math"
	"net/netip"
	"sync/atomic"
	"time"

	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/observe/transaction"
	"dhcp-relay/relay/wire/dhcp"
)

// MaxServers is how many servers of a request are watched; more are not.
const MaxServers = 16

// ways is the number of places that one key may have.
const ways = 4

// A Server is told what comes of the requests that it got.
type Server interface {
	// Answered tells of the first reply to a request, and how long it took.
	Answered(after time.Duration)
	// AnsweredAgain tells the same of a request that the client had sent again without
	// an answer: after the last time, and how long it has waited in all at a moment.
	AnsweredAgain(after, waited, now time.Duration)
	// Unanswered tells of a request without a reply of this server, though one
	// was due.
	Unanswered()
	// Replied tells of a reply that is credited to the server.
	Replied()
}

// A Link is told of requests that expect an answer, and of what became of each:
// Answered, Unanswered or Unsent, once it is known.
type Link interface {
	// Expected tells of a request to which an answer is due.
	Expected(dhcp.Family)
	// Answered tells of the first reply to one.
	Answered(dhcp.Family)
	// Unanswered tells of one that no server has answered, as far as is known.
	Unanswered(dhcp.Family)
	// Unsent tells of one that no server was sent.
	Unsent(dhcp.Family)
	// BroadcastCleared tells of a DHCPv4 client that asks again although it was
	// answered: it had asked for broadcast, and was answered by unicast.
	BroadcastCleared()
}

// A Way is where requests of one link and family go. It is immutable and shared
// by many requests.
type Way struct {
	Link    Link
	Index   int // of the link
	Family  dhcp.Family
	Addrs   []netip.AddrPort // of the servers
	Servers []Server         // as long as Addrs
	Health  []*health.Server // of Servers
	Aliases []Alias          // from where else they answer
}

// An Alias is where a server of a Way answers from, too.
type Alias struct {
	From   netip.Prefix
	Server int // index into Servers
}

// A Table is safe for concurrent use. Its methods neither lock nor allocate.
type Table struct {
	buckets []bucket
	evicted [2]atomic.Uint64 // by agent.Family
	seen    identities
}

// A bucket is the slots that one key may be in, by number. All that a search reads
// is one cache line: that line is most of what a request costs here.
//
// Who changes a meta by compare and swap owns the change; way and key are written
// only while meta says busy, so they belong to the meta that was read before and
// after them.
type bucket struct {
	meta [ways]atomic.Uint64 // see meta
	key  [ways]atomic.Uint64
	way  [ways]atomic.Pointer[Way]

	first [ways]atomic.Int64 // when the client sent it for the first time; no answer came since
}

// A meta is the state of a slot:
//
//	bit 63..24  when the request was heard, microseconds; wraps after 12 days
//	bit 23..8   servers that have yet to answer
//	bit 7       the client asks for what a server has offered or given it
//	bit 6       a client that wants broadcast was answered by unicast
//	bit 5       the client wants broadcast
//	bit 4       no answer is not amiss: the client has chosen a server that is not known
//	bit 3       one answer is enough: the request is for one server, or any
//	bit 2       someone has answered
//	bit 1       busy: about to be written
//	bit 0       used
type meta uint64

const (
	used     meta = 1 << 0
	busy     meta = 1 << 1
	answered meta = 1 << 2
	anyone   meta = 1 << 3
	strange  meta = 1 << 4
	wants    meta = 1 << 5
	cleared  meta = 1 << 6
	chosen   meta = 1 << 7

	pendingShift = 8
	timeShift    = 24
	pendingMask  = meta(1<<MaxServers-1) << pendingShift
)

// stamp returns the meta of a moment.
func stamp(now time.Duration) meta { return meta(now.Microseconds()) << timeShift }

// age returns how long before now the request of m was heard, less than 6 days. It
// is negative if another loop has heard it since.
func (m meta) age(now meta) time.Duration {
	const low = meta(1)<<timeShift - 1
	return time.Duration(int64(now&^low-m&^low)>>timeShift) * time.Microsecond
}

func (m meta) pending() uint64 { return uint64(m&pendingMask) >> pendingShift }

// open reports whether an answer is still due.
func (m meta) open() bool { return m.pending() != 0 }

// New returns a table for at least n requests at once, 32 octets each.
func New(n int) *Table {
	size := ways
	for size < n {
		size *= 2
	}
	return &Table{buckets: make([]bucket, size/ways), seen: identities{seed: maphash.MakeSeed()}}
}

func (t *Table) bucket(k transaction.Key) *bucket {
	return &t.buckets[uint64(k)&uint64(len(t.buckets)-1)]
}

// fetch brings into the processor's cache what Asked or Answered will need for k.
// Called for all messages of a batch at first, their waits for memory are one.
func (t *Table) fetch(k transaction.Key) {
	b := t.bucket(k)
	b.meta[0].Load()
	b.way[0].Load() // on a line of its own
}

// Asked notes that a request went to the servers of w whose bits are set in to.
// one says that a single answer is all that it asks for. now counts from any
// moment, the same for every call.
func (t *Table) Asked(k transaction.Key, w *Way, to uint64, one bool, now time.Duration) {
	var how meta
	if one {
		how = anyone
	}
	t.ask(k, w, to, how, now)
}

// ask notes a request with the bits of how.
func (t *Table) ask(k transaction.Key, w *Way, to uint64, how meta, now time.Duration) {
	m := used | how | stamp(now) | meta(to)<<pendingShift&pendingMask
	if m.counts() {
		w.Link.Expected(w.Family)
	}
	b := t.bucket(k)
	for range ways { // another loop may be faster, hardly more often than that
		n, old := b.place(k, m, w)
		if old&busy != 0 || !b.meta[n].CompareAndSwap(uint64(old), uint64(used|busy)) {
			continue
		}
		again := t.leave(b, n, old, k)
		if b.way[n].Load() != w {
			b.way[n].Store(w)
		}
		if !again || old&answered != 0 {
			b.first[n].Store(int64(now))
		}
		b.key[n].Store(uint64(k))
		b.meta[n].Store(uint64(m))
		return
	}
	t.evict(w, m)
}

// counts reports whether an answer is due to a request of which nobody has been told
// what became of it.
func (m meta) counts() bool { return m.open() && m&(strange|answered) == 0 }

// evict forgets a request that waits. What comes of it nobody will know, so that it
// is unanswered: in an outage that is what it would be.
func (t *Table) evict(w *Way, m meta) {
	t.evicted[w.Family].Add(1)
	if m.counts() {
		w.Link.Unanswered(w.Family)
	}
}

// leave settles what was in a slot before k comes into it, and reports whether that is a
// request which still waits and is sent again.
func (t *Table) leave(b *bucket, n int, old meta, k transaction.Key) (again bool) {
	if !old.open() && old&cleared == 0 {
		return false
	}
	w := b.way[n].Load()
	again = b.key[n].Load() == uint64(k)
	if again && old&cleared != 0 {
		w.Link.BroadcastCleared()
	}
	switch {
	case !old.open():
	case again:
		w.missing(old)
	default:
		t.evict(w, old)
	}
	return again && old.open()
}

// place returns the slot for a key: its own, else a free one, one that waits for
// nothing, the oldest of those of the same link, or the oldest: who makes up requests
// makes the table forget those of his own link. now has the present moment.
func (b *bucket) place(k transaction.Key, now meta, w *Way) (best int, was meta) {
	best = -1
	var least int64
	for n := range ways {
		m := meta(b.meta[n].Load())
		if m&used != 0 && b.key[n].Load() == uint64(k) {
			return n, m
		}
		rank := m.rank(now)
		if of := b.way[n].Load(); m.open() && of != w && of.Link != w.Link {
			rank += foreign
		}
		if best < 0 || rank < least {
			best, was, least = n, m, rank
		}
	}
	return best, was
}

// foreign is how much more is lost with a request of another link.
const foreign = math.MaxInt64 / 2

// rank orders slots by how little is lost with them.
func (m meta) rank(now meta) int64 {
	switch {
	case m&used == 0:
		return 0
	case m&busy != 0:
		return math.MaxInt64
	case !m.open():
		return 1
	}
	return math.MaxInt64/4 - int64(m.age(now))
}

// find returns the slot that holds a key, -1 if none does.
func (b *bucket) find(k transaction.Key) (n int, m meta) {
	for n := range ways {
		// In this order: a meta that is still the same later had this key.
		m := meta(b.meta[n].Load())
		if m&(used|busy) == used && b.key[n].Load() == uint64(k) {
			return n, m
		}
	}
	return -1, 0
}

// latest returns which of two exchanges a reply answers, the last one that has a
// request: early is 0 if there is only one, see transaction.Key.Early.
func (t *Table) latest(k, early transaction.Key, now time.Duration) transaction.Key {
	if early == 0 {
		return k
	}
	n, m := t.bucket(k).find(k)
	o, e := t.bucket(early).find(early)
	if moment := stamp(now); o >= 0 && (n < 0 || e.age(moment) < m.age(moment)) {
		return early
	}
	return k
}

// Answered notes a reply from an address. It reports whether there is a request
// that it may answer.
func (t *Table) Answered(k transaction.Key, from netip.AddrPort, now time.Duration) bool {
	w, _ := t.answered(k, &replier{from: from}, now)
	return w != nil
}

// answered notes a reply. It returns the way of the request that it may answer, nil if
// there is none, and to which of its servers it is credited.
func (t *Table) answered(k transaction.Key, r *replier, now time.Duration) (w *Way, of credit) {
	b := t.bucket(k)
	for range ways { // replies of several servers may come at once
		n, m := b.find(k)
		if n < 0 || m.age(stamp(now)) > transaction.Timeout {
			return nil, credit{server: -1}
		}
		w = b.way[n].Load()
		of = t.credit(w, m.pending(), r)
		of.chosen = m&chosen != 0
		next := m | answered
		if r.unicast && m&wants != 0 {
			next |= cleared
		}
		first := of.server >= 0 && m.pending()>>of.server&1 == 1
		if first {
			next &^= 1 << (pendingShift + of.server)
		}
		if m&anyone != 0 {
			next &^= pendingMask
		}
		if next == m {
			return w, of
		}
		waited := now - time.Duration(b.first[n].Load())
		if !b.meta[n].CompareAndSwap(uint64(m), uint64(next)) {
			continue
		}
		if m.counts() {
			w.Link.Answered(w.Family)
		}
		if first {
			after := max(0, m.age(stamp(now)))
			if waited > after+time.Millisecond && m&answered == 0 {
				w.Servers[of.server].AnsweredAgain(after, waited, now)
			} else {
				w.Servers[of.server].Answered(after)
			}
		}
		return w, of
	}
	return w, of
}

// find returns the way of a request that a reply with the key may answer, nil if there
// is none.
func (t *Table) find(k transaction.Key) *Way {
	b := t.bucket(k)
	n, m := b.find(k)
	if n < 0 {
		return nil
	}
	w := b.way[n].Load()
	const settled = answered | cleared | pendingMask // what a reply may change
	if meta(b.meta[n].Load())&^settled != m&^settled {
		return nil // another request has its place by now
	}
	return w
}

// Unsent notes that the servers whose bits are set in to did not get the request
// after all, so that no reply is due.
func (t *Table) Unsent(k transaction.Key, to uint64) {
	b := t.bucket(k)
	n, m := b.find(k)
	if n < 0 {
		return
	}
	w := b.way[n].Load()
	left := m &^ (meta(to) << pendingShift & pendingMask)
	// Who has changed it meanwhile has written a newer request.
	if b.meta[n].CompareAndSwap(uint64(m), uint64(left)) && m.counts() && !left.open() {
		w.Link.Unsent(w.Family)
	}
}

// missing tells whom a request has waited for in vain.
func (w *Way) missing(m meta) {
	if m&strange != 0 {
		return
	}
	if m.counts() {
		w.Link.Unanswered(w.Family)
	}
	for n := range min(len(w.Servers), MaxServers) {
		if m.pending()>>n&1 == 1 {
			w.Servers[n].Unanswered()
		}
	}
}

// Sweep frees the requests that have waited for more than transaction.Timeout, and returns
// how many of each family still wait. Call it about once a second.
func (t *Table) Sweep(now time.Duration) (waiting [2]int) {
	moment := stamp(now)
	for i := range t.buckets {
		b := &t.buckets[i]
		for n := range ways {
			m := meta(b.meta[n].Load())
			if m&(used|busy) != used {
				continue
			}
			w := b.way[n].Load()
			if m.age(moment) <= transaction.Timeout {
				if m.open() {
					waiting[w.Family]++
				}
				continue
			}
			if b.meta[n].CompareAndSwap(uint64(m), 0) && m.open() {
				w.missing(m)
			}
		}
	}
	return waiting
}

// Evicted returns how many requests of a family have left the table, or have
// found no place in it, while they waited.
func (t *Table) Evicted(f dhcp.Family) uint64 { return t.evicted[f].Load() }
