package udp

import (
	"net/netip"
	"time"
)

// Limits of one send with UDP_SEGMENT.
const (
	maxSegments = 64    // UDP_MAX_SEGMENTS before Linux 6.9
	maxOctets   = 65507 // what fits into one IPv4 datagram, which the kernel makes of it first
)

// window is how many groups back Add looks for one to join. Requests to a few
// servers in turn find theirs; replies to many clients, which find none, do not
// pay for a long search.
const window = 16

// A Queue collects datagrams and sends them through one Conn together. It is for
// one goroutine; several queues may use one Conn.
type Queue struct {
	c       *Conn
	items   []item
	groups  []group
	again   []group // of one datagram each: their group failed where they may not
	retried []group // what was in again before the last pass
	tx      sender

	sources []source
	now     time.Time // of this flush; zero: nobody has asked yet
}

// An item is one queued datagram.
type item struct {
	payload []byte
	tag     int
	next    int32 // next item of its group, or -1
}

// A flow is what datagrams of one send have in common.
type flow struct {
	dst  netip.AddrPort
	src  netip.Addr
	link int
	seg  *Segmentation // nil: each leaves alone
}

// A group is one or more datagrams of one flow and one length, but that the last
// may be shorter. It leaves as one message.
type group struct {
	flow
	size  int // octets of payload of each
	total int // octets of payload of all
	count int // 0: merged into another group
	first int32
	last  int32
	doubt bool // if it can be sent, then the segmentation was at fault

	chosen  netip.Addr // source that the queue has chosen for a flow without one
	refused bool       // the choice was tried, and is now left to the kernel
}

// NewQueue returns an empty queue.
func NewQueue(c *Conn) *Queue {
	q := &Queue{c: c}
	q.tx.try = q.tx.attempt
	return q
}

// Add queues payload for dst. src is the source address, or invalid for the
// kernel's choice; link is the index of the interface to send on, or 0 for the
// route's; seg says whether it may leave together with others, nil if not.
// payload must stay untouched until Flush returns; tag is handed back then. The
// order within one flow and length is kept.
func (q *Queue) Add(tag int, payload []byte, dst netip.AddrPort, src netip.Addr, link int, seg *Segmentation) {
	i := int32(len(q.items))
	q.items = append(q.items, item{payload: payload, tag: tag, next: -1})
	f := flow{dst, src, link, seg}
	if g := q.find(&f, len(payload)); g != nil {
		q.items[g.last].next = i
		g.last = i
		g.count++
		g.total += len(payload)
		return
	}
	q.groups = append(q.groups, group{
		flow: f, size: len(payload), total: len(payload), count: 1, first: i, last: i,
	})
}

// Empty reports whether nothing waits for Flush.
func (q *Queue) Empty() bool { return len(q.items) == 0 }

// find returns a recent group that a datagram of n octets can join.
func (q *Queue) find(f *flow, n int) *group {
	if n == 0 || !q.together(f) {
		return nil
	}
	for i := len(q.groups) - 1; i >= max(0, len(q.groups)-window); i-- {
		g := &q.groups[i]
		if g.size == n && g.room(n) && g.flow == *f {
			return g
		}
	}
	return nil
}

// room reports whether the group may take another datagram of n octets.
func (g *group) room(n int) bool {
	return g.count < maxSegments && g.total+n <= maxOctets
}

// mergeTails puts datagrams that are alone behind a group of longer ones of the
// same flow: the last segment may be shorter.
func (q *Queue) mergeTails() {
	for i := range q.groups {
		g := &q.groups[i]
		if g.count < 2 {
			continue
		}
		for j := max(0, i-window); j < min(len(q.groups), i+window); j++ {
			t := &q.groups[j]
			if t.count == 1 && 0 < t.size && t.size < g.size && g.room(t.size) && t.flow == g.flow {
				q.items[g.last].next = t.first
				g.last = t.first
				g.count++
				g.total += t.size
				t.count = 0
				break
			}
		}
	}
}
