package bench

// The system calls that golang.org/x/sys/unix has no function for. They do not
// wait, so they may keep the scheduler out; the headers' pointers lead into the
// heap, which does not move.

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch is how many messages one system call moves.
const batch = 64

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

func recvmmsg(fd int, ms []mmsghdr) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(ms))),
		uintptr(len(ms)), unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

func sendmmsg(fd int, ms []mmsghdr) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(ms))),
		uintptr(len(ms)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// drops returns how many messages a socket has lost for want of room.
func drops(fd int) uint32 {
	const field, fields = 8, 9 // SK_MEMINFO_DROPS of SK_MEMINFO_VARS
	var info [fields]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, _ = unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return info[field]
}

// sendAll sends the messages, and tries again while buffers are full, for a
// thousand times at most. It returns how many have gone.
func sendAll(fd int, ms []mmsghdr) (int, error) {
	sent, full := 0, 0
	for sent < len(ms) {
		n, e := sendmmsg(fd, ms[sent:])
		sent += n
		switch e {
		case 0, unix.EINTR:
		case unix.EAGAIN, unix.ENOBUFS:
			if full++; full > 1000 {
				return sent, e
			}
		default:
			return sent, e
		}
	}
	return sent, nil
}
