package udp

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/host/mmsg"
	"dhcp-relay/relay/wire/dhcp"
)

// maxMessages is the most that one sendmmsg takes (UIO_MAXIOV).
const maxMessages = 1024

// A sender holds the headers of the messages to send.
type sender struct {
	msgs  []mmsg.Message
	iovs  []unix.Iovec
	names []sockaddr
	ctls  []control
	live  []int32 // message -> group
	segs  int     // iovs in use

	try func(fd uintptr) // attempt

	next  int // first message not sent yet
	n     int // messages sent by the last attempt
	errno syscall.Errno
}

// Flush sends what is queued and calls done once for each Add, in no particular
// order, with 0 or the errno that the kernel gave: EMSGSIZE if the datagram
// exceeds the interface's MTU, EAGAIN if the send buffer is full, for which it never
// waits, EBADF after Close, EAFNOSUPPORT for addresses that are not of the socket's
// family. An error hits no other datagrams, but those that the kernel judges as
// one: of the same destination, source, link and length. done must not use the
// queue.
func (q *Queue) Flush(done func(tag int, errno syscall.Errno)) {
	if len(q.items) == 0 {
		return
	}
	q.mergeTails()
	q.pass(q.groups, done)
	for len(q.again) > 0 { // twice at most: split, then without the source that was chosen
		q.again, q.retried = q.retried[:0], q.again
		q.pass(q.retried, done)
	}
	q.items, q.groups, q.again, q.now = q.items[:0], q.groups[:0], q.again[:0], time.Time{}
}

// pass sends the groups in as few system calls as it takes.
func (q *Queue) pass(gs []group, done func(tag int, errno syscall.Errno)) {
	t := &q.tx
	t.reset(len(gs), len(q.items))
	for i := range gs {
		g := &gs[i]
		switch {
		case g.count == 0:
		case !g.fits(q.c.family):
			q.finish(g, unix.EAFNOSUPPORT, done)
		default:
			if !g.refused {
				g.chosen = q.source(&g.flow)
			}
			t.add(i, g, q.c.family, q.items)
		}
	}
	for t.next < len(t.live) {
		t.send(q.c)
		for range t.n {
			q.finish(&gs[t.live[t.next]], 0, done)
			t.next++
		}
		switch t.errno {
		case 0:
		case unix.EAGAIN, unix.EBADF:
			for ; t.next < len(t.live); t.next++ {
				q.finish(&gs[t.live[t.next]], t.errno, done)
			}
		default:
			q.finish(&gs[t.live[t.next]], t.errno, done)
			t.next++
		}
	}
}

// finish reports the outcome of a group, or puts its datagrams down to be sent
// one by one if it may have failed only because it was sent as one, or by the
// source address that was chosen for it.
func (q *Queue) finish(g *group, errno syscall.Errno, done func(tag int, errno syscall.Errno)) {
	refused := errno == unix.EINVAL && g.chosen.IsValid()
	if refused {
		q.distrust(&g.flow)
	}
	split := refused || g.count > 1 && q.mayPassAlone(g, errno)
	switch {
	case errno != 0:
	case g.doubt:
		g.seg.refused(unix.EINVAL, q.clock())
	case g.count > 1:
		g.seg.taken()
	}
	for i := g.first; i >= 0; {
		it := &q.items[i]
		next := it.next
		if split {
			it.next = -1
			n := len(it.payload)
			q.again = append(q.again, group{
				flow: g.flow, size: n, total: n, count: 1, first: i, last: i,
				doubt: errno == unix.EINVAL && n == g.size && !refused, refused: refused,
			})
		} else {
			done(it.tag, errno)
		}
		i = next
	}
}

// mayPassAlone reports whether UDP_SEGMENT may be the cause of an error. EIO
// (no checksum offload, or IPsec on the route) and EOPNOTSUPP can have no other
// one, and are remembered. EMSGSIZE, or EINVAL from older kernels, says that a
// segment exceeds the MTU; EINVAL may also mean a bad source address, a neighbour
// table that is full, or a kernel that does not know UDP_SEGMENT.
func (q *Queue) mayPassAlone(g *group, errno syscall.Errno) bool {
	if errno == unix.EIO || errno == unix.EOPNOTSUPP {
		g.seg.refused(errno, q.clock())
		return true
	}
	return errno == unix.EMSGSIZE || errno == unix.EINVAL
}

// fits reports whether the addresses are of the family.
func (f *flow) fits(fam dhcp.Family) bool {
	v4 := fam == dhcp.V4
	if !f.dst.IsValid() || f.dst.Addr().Is4() != v4 {
		return false
	}
	return !f.src.IsValid() || f.src.Is4() == v4
}

// reset makes room for messages and datagrams, so that the headers' pointers
// into the arrays stay good while messages are added.
func (t *sender) reset(messages, datagrams int) {
	if messages > cap(t.msgs) {
		t.msgs = make([]mmsg.Message, 0, 2*messages)
		t.names = make([]sockaddr, 2*messages)
		t.ctls = make([]control, 2*messages)
		t.live = make([]int32, 0, 2*messages)
	}
	if datagrams > len(t.iovs) {
		t.iovs = make([]unix.Iovec, 2*datagrams)
	}
	t.msgs, t.live = t.msgs[:0], t.live[:0]
	t.segs, t.next = 0, 0
}

// add appends the message for a group.
func (t *sender) add(i int, g *group, f dhcp.Family, items []item) {
	m := len(t.msgs)
	t.msgs = t.msgs[:m+1]
	t.live = append(t.live, int32(i))
	h := &t.msgs[m].Header

	h.Name = &t.names[m][0]
	h.Namelen = t.names[m].put(g.dst, g.link)
	segment := 0
	if g.count > 1 {
		segment = g.size
	}
	h.Control = &t.ctls[m][0]
	src := g.src
	if g.chosen.IsValid() {
		src = g.chosen
	}
	h.SetControllen(t.ctls[m].put(f, src, g.link, segment))
	h.Iov = &t.iovs[t.segs]
	h.SetIovlen(g.count)
	for k := g.first; k >= 0; k = items[k].next {
		p := items[k].payload
		iov := &t.iovs[t.segs]
		iov.Base = nil
		if len(p) > 0 {
			iov.Base = &p[0]
		}
		iov.SetLen(len(p))
		t.segs++
	}
}

// send sends as many messages from next on as it can and sets n and errno.
func (t *sender) send(c *Conn) {
	t.n, t.errno = 0, 0
	if c.rc.Control(t.try) != nil {
		t.errno = unix.EBADF
	}
}

// attempt makes one system call.
func (t *sender) attempt(fd uintptr) {
	ms := t.msgs[t.next:min(len(t.msgs), t.next+maxMessages)]
	t.n, t.errno = mmsg.Send(fd, ms)
}
