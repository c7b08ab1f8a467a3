package watch

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	largest  = 64 << 10 // octets of a datagram that can be read
	smallest = 512      // octets of buffer that any message takes, with the kernel's overhead

	// gather is how long messages may wait once some have been read: thousands of
	// links make tens of thousands, and to wake for each costs more than to read it.
	gather = 10 * time.Millisecond
)

// An eventSocket hears what happens to links and addresses. One socket hears
// both, so that they come in the order in which they happened. The library's
// sockets cannot tell an empty queue from a late goroutine, which drain must.
type eventSocket struct {
	file   *os.File
	raw    syscall.RawConn
	queue  int // how many messages the receive buffer can hold
	buf    []byte
	calm   bool // nothing came within gather of what was read last
	closed atomic.Bool
}

// subscribe returns a socket of this network namespace with a receive buffer of
// so many octets.
func subscribe(buffer int) (*eventSocket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	file := os.NewFile(uintptr(fd), "netlink")
	if err := prepare(fd, buffer); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("poll netlink socket: %w", err), file.Close())
	}
	// The kernel makes the buffer twice as large as it is told.
	return &eventSocket{file: file, raw: raw, queue: max(2*buffer/smallest, 64), buf: make([]byte, largest)}, nil
}

func prepare(fd, buffer int) error {
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer)
	if errors.Is(err, unix.EPERM) { // without CAP_NET_ADMIN, as much as the system allows
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
	}
	if err != nil {
		return fmt.Errorf("set netlink receive buffer: %w", err)
	}
	groups := uint32(1<<(unix.RTNLGRP_LINK-1) | 1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1))
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return fmt.Errorf("subscribe to links and addresses: %w", err)
	}
	return nil
}

// receive returns the messages of the next datagram of the kernel, which are
// valid until the next call. It waits until the deadline at most, if that is not
// zero. The error is os.ErrDeadlineExceeded, os.ErrClosed, or says that messages
// were lost.
func (s *eventSocket) receive(deadline time.Time) ([]syscall.NetlinkMessage, error) {
	if err := s.file.SetReadDeadline(deadline); err != nil {
		return nil, s.ended(err)
	}
	for {
		var n int
		var from unix.Sockaddr
		var err error
		readErr := s.raw.Read(func(fd uintptr) bool {
			n, from, err = s.read(fd)
			return !s.calm || !errors.Is(err, unix.EAGAIN)
		})
		if readErr != nil {
			return nil, s.ended(readErr)
		}
		s.calm = errors.Is(err, unix.EAGAIN)
		if s.calm {
			time.Sleep(gather)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("receive link and address events: %w", err)
		}
		if n > len(s.buf) {
			return nil, fmt.Errorf("receive link and address events: %d octets at once", n)
		}
		// Others than the kernel can write to this socket, too.
		if a, ok := from.(*unix.SockaddrNetlink); ok && a.Pid == 0 {
			return syscall.ParseNetlinkMessage(s.buf[:n])
		}
	}
}

// drain discards what the kernel queued before it lost messages. Applied to a
// newer picture, those would bring back what is gone. Once it has lost one, the
// kernel loses all that follow, and without another error, until the queue has
// been empty: so this must not end early.
func (s *eventSocket) drain() error {
	if err := s.file.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	return s.raw.Read(func(fd uintptr) bool {
		for left := s.queue; left > 0; left-- {
			_, _, err := s.read(fd)
			switch {
			case errors.Is(err, unix.ENOBUFS): // again
				left = s.queue
			case err != nil:
				return true
			}
		}
		return true
	})
}

// read reads one datagram without waiting. n is its length, of which the buffer
// may hold only a part.
func (s *eventSocket) read(fd uintptr) (n int, from unix.Sockaddr, err error) {
	for {
		n, from, err = unix.Recvfrom(int(fd), s.buf, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		if !errors.Is(err, unix.EINTR) {
			return n, from, err
		}
	}
}

// ended returns os.ErrClosed if s was closed: what a raw connection then returns
// is no error that can be told from others.
func (s *eventSocket) ended(err error) error {
	if s.closed.Load() {
		return os.ErrClosed
	}
	return err
}

// Close ends receive. It may be called twice.
func (s *eventSocket) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	return s.file.Close()
}
