package udp

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/host/mmsg"
	"dhcp-relay/relay/wire/dhcp"
)

// ErrWoken says that Read has no datagrams, because of Wake.
var ErrWoken = errors.New("woken")

// A Conn is one socket. One goroutine may read it while others send through
// queues of their own; the other methods may be called at any time.
type Conn struct {
	family dhcp.Family
	ended  atomic.Bool // by Close
	poll   poller      // the socket, or what stands for it, or for those of Bound
	rc     syscall.RawConn
	rx     receiver
	drops  counter
	groups groups
	probe  probe // IPv6 only
}

func newConn(f dhcp.Family, pc *net.UDPConn) (*Conn, error) {
	rc, err := pc.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &Conn{family: f, poll: pc, rc: rc}
	// Made once: a closure for each call would be an allocation for each call.
	c.rx.try = c.rx.receive
	return c, nil
}

// Close closes the socket and ends a read that waits.
func (c *Conn) Close() error {
	c.groups.close()
	c.ended.Store(true)
	return errors.Join(c.poll.Close(), c.probe.close())
}

// hearRequests makes the socket one for requests: bursts are spread, and what comes
// while the reader rests wakes nobody.
func (c *Conn) hearRequests() error {
	q, err := newQuiet(c.rc)
	if err != nil {
		return err
	}
	err = c.poll.Close() // q has a copy
	c.poll, c.rc, c.rx.quiet, c.rx.spread = q, q, q, newSpread()
	return err
}

// Wake ends a read that waits, or else the next one, with ErrWoken; whoever reads
// sees all that was done before. No datagram is lost by it. It does nothing to a
// closed socket.
func (c *Conn) Wake() {
	_ = c.poll.SetReadDeadline(time.Unix(1, 0)) // long ago; it fails on a closed socket alone
}

// A poller is a file or socket that the runtime polls.
type poller interface {
	SetReadDeadline(t time.Time) error
	Close() error
}

// SyscallConn returns the socket itself, for options that concern others.
func (c *Conn) SyscallConn() syscall.RawConn { return c.rc }

// Room returns the octets that wait for a reader at most, as they were asked for; 0 if
// it cannot be told.
func (c *Conn) Room() (octets int) {
	_ = c.rc.Control(func(fd uintptr) { // it fails on a closed socket alone
		octets, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF)
	})
	return octets / 2 // the kernel doubles what it is asked for (socket(7))
}

// A receiver holds what the kernel fills while it receives a batch.
type receiver struct {
	msgs  []mmsg.Message
	iovs  []unix.Iovec
	names []sockaddr
	ctls  []control

	try     func(fd uintptr) bool // receive
	first   *Datagram             // of those that the headers point to; nil: to none
	batch   int                   // datagrams that there is room for
	asked   int                   // datagrams asked for
	n       int                   // datagrams received
	more    bool                  // there may be others
	filling bool                  // the buffer is half full
	rested  time.Duration         // before the datagrams were asked for
	waited  bool                  // there was nothing to receive at first
	read    time.Time             // when datagrams were received last
	yielded time.Time             // when other goroutines have had their turn, by read
	errno   syscall.Errno

	spread spread
	ages   ages
	quiet  *quiet // nil: what arrives wakes the runtime's poller at any time
}

// Read waits for datagrams, fills ds with as many as there are and returns their
// number, which is not 0 unless len(ds) is 0 or there is an error. After Close
// the error is net.ErrClosed, after Wake it is ErrWoken. Each Store must have
// SlotSize octets.
func (c *Conn) Read(ds []Datagram) (int, error) {
	if len(ds) == 0 {
		return 0, nil
	}
	r := &c.rx
	r.pace()
	r.prepare(ds)
	r.waited = false
	r.ages.begin()
	if err := c.rc.Read(r.try); err != nil {
		r.forget()
		return 0, c.woken(err)
	}
	if r.errno != 0 {
		return 0, os.NewSyscallError("recvmmsg", r.errno)
	}
	now := time.Now()
	r.read = now
	if r.waited {
		r.yielded = now
	}
	r.ages.known = r.ages.known || r.waited
	for i := range ds[:r.n] {
		r.fill(&ds[i], i, c.family)
		ds[i].Age = r.ages.of(&r.ctls[i], int(r.msgs[i].Header.Controllen), now)
	}
	if !r.more {
		r.ages.emptied(now)
	}
	return r.n, nil
}

// Filling reports whether the last Read has left half of the receive buffer full.
func (c *Conn) Filling() bool { return c.rx.filling }

// Rested returns for how long the last Read rested of itself before it read.
func (c *Conn) Rested() time.Duration { return c.rx.rested }

// More reports whether others may wait that the last Read has left.
func (c *Conn) More() bool { return c.rx.more }

// woken returns the error of a read that has failed. It takes the deadline of Wake
// away before the reader looks for what is new, so that a later Wake ends another
// read.
func (c *Conn) woken(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		if c.ended.Load() { // a file's own error for that matches nothing
			return net.ErrClosed
		}
		return err
	}
	if err := c.poll.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	return ErrWoken
}

// prepare points the headers at the stores of ds, and undoes what the kernel has
// written into them. Where ds is what it was, that is into those of the last read.
func (r *receiver) prepare(ds []Datagram) {
	if len(ds) > len(r.msgs) {
		r.grow(len(ds))
	}
	if r.first != &ds[0] || r.batch != len(ds) {
		for i := range ds {
			r.iovs[i].Base = &ds[i].Store[Headroom : Headroom+maxRead][0]
		}
		r.first, r.batch, r.n = &ds[0], len(ds), len(ds)
	}
	r.ask()
	for i := range r.msgs[:r.n] {
		h := &r.msgs[i].Header
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(controlSize)
	}
}

// forget forgets the stores, which may go before the socket does.
func (r *receiver) forget() {
	for i := range r.iovs {
		r.iovs[i].Base = nil
	}
	r.first = nil
}

func (r *receiver) grow(n int) {
	r.msgs = make([]mmsg.Message, n)
	r.iovs = make([]unix.Iovec, n)
	r.names = make([]sockaddr, n)
	r.ctls = make([]control, n)
	for i := range r.msgs {
		r.iovs[i].SetLen(maxRead)
		h := &r.msgs[i].Header
		h.Iov = &r.iovs[i]
		h.SetIovlen(1)
		h.Name = &r.names[i][0]
		h.Control = &r.ctls[i][0]
	}
}

// receive is what the runtime's poller calls until it returns true.
func (r *receiver) receive(fd uintptr) bool {
	r.n, r.errno = mmsg.Receive(fd, r.msgs[:r.asked])
	r.more = r.n == r.asked
	r.filling = r.more && halfFull(fd)
	r.waited = r.waited || r.errno == unix.EAGAIN
	return r.errno != unix.EAGAIN
}

// fill tells d what the kernel said of datagram i.
func (r *receiver) fill(d *Datagram, i int, f dhcp.Family) {
	m := &r.msgs[i]
	d.N = int(m.N)
	d.Truncated = m.Header.Flags&unix.MSG_TRUNC != 0
	if f == dhcp.V6 {
		d.Src = r.names[i].addr6()
	} else {
		d.Src = r.names[i].addr4()
	}
	d.Link, d.Dst = r.ctls[i].pktinfo(f, int(m.Header.Controllen))
}
