package frame

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/host/mmsg"
)

// A Queue collects datagrams for several Conns and sends those of each together. It is
// for one goroutine; the zero value is an empty one.
type Queue struct {
	items []item
	busy  []*Conn // those that something waits for

	// Of those of one Conn that leave in one frame each.
	msgs  []mmsg.Message
	iovs  []unix.Iovec
	whole []int32 // message -> item
}

// An item is a datagram that waits.
type item struct {
	datagram
	tag  int
	next int32 // next item of its Conn, or -1
}

// waiting are the items of a Conn in its Queue.
type waiting struct {
	count       int
	first, last int32
}

// Add queues a datagram for c, of which it writes the headers: see Conn.Send. All but
// the payload of frame must stay untouched as well until Flush returns; tag is handed
// back then. A Conn must not be in two queues at once.
func (q *Queue) Add(tag int, c *Conn, frame []byte, mtu int, src, dst netip.AddrPort, hw []byte) error {
	d, err := c.datagram(frame, mtu, src, dst, hw)
	if err != nil {
		return err
	}
	i := int32(len(q.items))
	q.items = append(q.items, item{datagram: d, tag: tag, next: -1})
	if c.waits.count == 0 {
		c.waits.first = i
		q.busy = append(q.busy, c)
	} else {
		q.items[c.waits.last].next = i
	}
	c.waits.last = i
	c.waits.count++
	return nil
}

// Flush sends what is queued and calls done once for each Add that had no error, with
// what Send would have returned. An error hits no other datagram, but that there is no
// room for those behind one that found none. Those that take fragments leave first.
func (q *Queue) Flush(done func(tag int, err error)) {
	for _, c := range q.busy {
		q.send(c, done)
		c.waits = waiting{}
	}
	q.items, q.busy = q.items[:0], q.busy[:0]
}

// send sends what waits for one Conn.
func (q *Queue) send(c *Conn, done func(tag int, err error)) {
	q.room(c.waits.count)
	for i := c.waits.first; i >= 0; i = q.items[i].next {
		it := &q.items[i]
		if it.fragmented() {
			done(it.tag, c.transmit(&it.datagram))
			continue
		}
		n := len(q.whole)
		q.whole = append(q.whole, i)
		c.sock.address(&q.msgs[n], &q.iovs[n], it.bytes())
	}
	for at := 0; at < len(q.whole); {
		n, err := c.sock.send(q.msgs[at:len(q.whole)])
		for range n {
			done(q.items[q.whole[at]].tag, nil)
			at++
		}
		if err == nil {
			continue
		}
		it := &q.items[q.whole[at]]
		done(it.tag, c.again(&it.datagram, err))
		at++
		if err != unix.EAGAIN { //nolint:errorlint // the errno itself
			continue
		}
		for ; at < len(q.whole); at++ {
			done(q.items[q.whole[at]].tag, err)
		}
	}
}

// room makes room for n messages.
func (q *Queue) room(n int) {
	if n > len(q.msgs) {
		q.msgs, q.iovs = make([]mmsg.Message, 2*n), make([]unix.Iovec, 2*n)
	}
	q.whole = q.whole[:0]
}
