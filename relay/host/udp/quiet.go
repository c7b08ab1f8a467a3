package udp

import (
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A quiet is a socket whose datagrams wake nobody while its reader rests. The runtime
// polls an epoll that the socket is in, not the socket: else each datagram wakes a thread
// that waits in the runtime's poller, though no goroutine waits for it.
type quiet struct {
	sock  *os.File // not polled by the runtime
	fd    int      // of sock, for epoll_ctl(2)
	raw   syscall.RawConn
	epoll *epoll

	armed bool // what arrives wakes; for the reader alone
	got   bool // what try has returned
	try   func(fd uintptr) bool
	once  func(fd uintptr)      // attempt, made once
	again func(fd uintptr) bool // attempts, made once
}

// newQuiet makes one of a copy of a socket; the other descriptor is to be closed.
func newQuiet(old syscall.RawConn) (q *quiet, err error) {
	q = &quiet{armed: true}
	q.once, q.again = q.attempt, q.attempts
	cerr := old.Control(func(fd uintptr) { q.sock, q.fd, err = unpolled(fd) })
	if err := errors.Join(cerr, err); err != nil {
		return nil, err
	}
	if q.epoll, err = newEpoll(); err != nil {
		return nil, errors.Join(err, q.sock.Close())
	}
	if q.raw, err = q.sock.SyscallConn(); err == nil {
		err = q.epoll.control(unix.EPOLL_CTL_ADD, q.fd, unix.EPOLLIN)
	}
	if err != nil {
		return nil, errors.Join(err, q.Close())
	}
	return q, nil
}

// unpolled returns a copy of a socket that the runtime does not poll. It blocks while
// os.NewFile looks, which else has it polled, and not for who may adopt it.
func unpolled(old uintptr) (f *os.File, fd int, err error) {
	fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, 0, os.NewSyscallError("fcntl", err)
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		return nil, 0, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(fd))
	}
	f = os.NewFile(uintptr(fd), "socket")
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, 0, errors.Join(os.NewSyscallError("fcntl", err), f.Close())
	}
	return f, fd, nil
}

// arm says whether what arrives wakes the reader from now on. The epoll looks at once
// whether something waits already.
func (q *quiet) arm(yes bool) {
	if q.armed == yes {
		return
	}
	var events uint32
	if yes {
		events = unix.EPOLLIN
	}
	if q.epoll.control(unix.EPOLL_CTL_MOD, q.fd, events) == nil { // it fails on a closed socket alone
		q.armed = yes
	}
}

// Close closes the socket and ends a read that waits.
func (q *quiet) Close() error { return errors.Join(q.epoll.Close(), q.sock.Close()) }

// Control implements syscall.RawConn.
func (q *quiet) Control(f func(fd uintptr)) error { return q.raw.Control(f) }

// Read implements syscall.RawConn, for one goroutine.
func (q *quiet) Read(try func(fd uintptr) bool) error {
	q.try = try
	return q.epoll.rc.Read(q.again)
}

// attempts is what the runtime's poller calls until it returns true.
func (q *quiet) attempts(uintptr) bool {
	if q.attemptOnce() || q.armed {
		return q.got
	}
	q.arm(true)
	return q.attemptOnce()
}

// attemptOnce reports whether the reader has what it wants. A socket that is closed
// meanwhile has its epoll closed, too, which the poller tells.
func (q *quiet) attemptOnce() bool {
	q.got = false
	return q.raw.Control(q.once) == nil && q.got
}

func (q *quiet) attempt(fd uintptr) { q.got = q.try(fd) }

// Write is none of a reader's.
func (q *quiet) Write(func(fd uintptr) bool) error { return errors.ErrUnsupported }

// SetReadDeadline implements poller.
func (q *quiet) SetReadDeadline(t time.Time) error { return q.epoll.SetReadDeadline(t) }
