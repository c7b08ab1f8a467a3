package udp

import (
	"sync"
	"time"
)

// A counter extends a count of the kernel, which wraps at 32 bits, to 64 and
// keeps it from going back.
type counter struct {
	mu    sync.Mutex
	last  uint32
	total uint64
}

// behind reports whether the kernel has counted more than was advanced to.
func (c *counter) behind(now uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int32(now-c.last) > 0
}

// advance takes what the kernel says now, unless that lies behind what it said
// before.
func (c *counter) advance(now uint32, ok bool) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := now - c.last; ok && int32(d) > 0 {
		c.last = now
		c.total += uint64(d)
	}
	return c.total
}

// Drops returns how many datagrams the kernel has dropped before they could be
// read: those that found a full buffer, and the few with a wrong checksum. After
// Close it returns the last count.
//
// The kernel counts a datagram that a socket's filter rejects among that
// socket's drops, and it clones each IPv4 broadcast to every socket of the port.
// Requests and Replies have complementary filters, so each broadcast is rejected
// by exactly one of them:
//
//	drops(Requests) + drops(Replies) = lost + broadcasts
//
// A third socket of the group, the witness, rejects whatever it is given, and as
// the group's program never picks it for unicasts, that is the broadcasts:
//
//	lost = drops(Requests) + drops(Replies) - drops(witness)
//
// Counting the broadcasts that were read instead would miss those in the buffer
// and those lost. The witness costs a clone and a filter run for each broadcast. It is asked
// last, so that broadcasts which arrive between the three questions make the
// result too small for a moment. One that is being delivered meanwhile may have
// come to Replies and not yet to the witness, so what looks like a loss is
// believed once the witness has had time to hear of it. IPv6 multicasts reach
// only the sockets that have joined the group, so nothing is rejected and
// nothing has to be taken off.
func (p *Pair) Drops() uint64 {
	req, ok1 := p.Requests.kernelDrops()
	rep, ok2 := p.Replies.kernelDrops()
	if p.Shed != nil {
		// It is counted before the kernel counts it, so that the result may be too small
		// for a moment.
		req -= uint32(p.Shed())
	}
	if p.witness == nil {
		return p.drops.advance(req+rep, ok1 && ok2)
	}
	bcast, ok3 := p.witness.kernelDrops()
	ok := ok1 && ok2 && ok3
	if ok && p.drops.behind(req+rep-bcast) {
		time.Sleep(delivery)
		bcast, ok = p.witness.kernelDrops()
	}
	return p.drops.advance(req+rep-bcast, ok)
}

// delivery is longer than the kernel takes to give one broadcast to all sockets,
// which are microseconds, even if the processor is taken from it meanwhile.
const delivery = 2 * time.Millisecond

// Drops returns the kernel's count of drops for this socket alone, which holds
// the broadcasts that its filter rejected: on Replies every broadcast request,
// on Requests only broadcast replies, which hardly exist. Pair.Drops has neither.
func (c *Conn) Drops() uint64 {
	return c.drops.advance(c.kernelDrops())
}

// kernelDrops asks for the socket's count; not ok after Close.
func (c *Conn) kernelDrops() (n uint32, ok bool) {
	err := c.rc.Control(func(fd uintptr) { n, ok = skDrops(fd) })
	return n, ok && err == nil
}
