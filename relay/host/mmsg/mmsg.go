// Package mmsg moves many messages of a socket in one system call, for which
// golang.org/x/sys/unix has no function. It never waits.
package mmsg

// The kernel reads and writes through the pointers within the headers only during the
// call; they point to what does not move, and is kept alive by the headers or by who
// calls.
//
// The calls are raw: told of a call that takes long, as one of many messages does,
// Go's scheduler hands the processor on and polls for it. The processor is held for
// one batch.

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Message is the kernel's struct mmsghdr.
type Message struct {
	Header unix.Msghdr
	N      uint32 // octets received or sent
}

// Receive receives what there is, at most len(ms) messages, without waiting, and
// returns how many (recvmmsg(2)).
func Receive(fd uintptr, ms []Message) (int, syscall.Errno) {
	return call(unix.SYS_RECVMMSG, fd, ms, unix.MSG_DONTWAIT)
}

// Send sends ms until one fails, without waiting, and returns how many (sendmmsg(2)).
// If the first one fails, the errno is its own; errnos of later ones are got by
// calling again.
func Send(fd uintptr, ms []Message) (int, syscall.Errno) {
	return call(unix.SYS_SENDMMSG, fd, ms, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

func call(number, fd uintptr, ms []Message, flags uintptr) (int, syscall.Errno) {
	for {
		//nolint:gosec // G103: the kernel wants a pointer
		n, _, e := unix.RawSyscall6(number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(ms))), uintptr(len(ms)), flags, 0, 0)
		switch e {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, e
		}
	}
}
