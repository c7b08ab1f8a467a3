package udp

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// An epoll is one that the runtime polls: it stands for the sockets in it.
type epoll struct {
	*os.File
	rc syscall.RawConn
	fd int // of File, for calls in its rc.Read
}

func newEpoll() (*epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // else the runtime does not poll it
		return nil, errors.Join(os.NewSyscallError("fcntl", err), unix.Close(fd))
	}
	e := &epoll{File: os.NewFile(uintptr(fd), "epoll"), fd: fd}
	if e.rc, err = e.SyscallConn(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// control is epoll_ctl(2) for a socket that is open.
func (e *epoll) control(op, fd int, events uint32) (err error) {
	cerr := e.rc.Control(func(own uintptr) {
		err = unix.EpollCtl(int(own), op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
	})
	return errors.Join(cerr, os.NewSyscallError("epoll_ctl", err))
}
