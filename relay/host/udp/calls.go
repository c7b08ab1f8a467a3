package udp

// The system calls that golang.org/x/sys/unix has no function for, and all that
// is unsafe in the package. The kernel reads and writes through pointers only during
// the call.

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sleepRaw sleeps and keeps the processor: for a sleep of which the scheduler
// knows, it would look for other work, and wake its monitor.
func sleepRaw(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	// A signal may end it early, which does no harm.
	//nolint:gosec // G103: the kernel wants a pointer
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// A groupFilter is the kernel's struct group_filter for a group of IPv6, without
// sources.
type groupFilter struct {
	link  uint32
	_     uint32
	group struct {
		addr unix.RawSockaddrInet6
		_    [128 - unix.SizeofSockaddrInet6]byte // of sockaddr_storage
	}
	mode    uint32
	sources uint32
	_       [128]byte // room for one, which is not asked for
}

// isMember reports whether a socket has joined ff02::1:2 on a link: the kernel
// tells the sources that a member wants to hear, and EADDRNOTAVAIL to others.
func isMember(fd uintptr, link int) bool {
	const mcastMsfilter = 48
	f := groupFilter{link: uint32(link)}
	f.group.addr.Family, f.group.addr.Addr = unix.AF_INET6, AllAgents().As16()
	size := uint32(unsafe.Sizeof(f))
	//nolint:gosec // G103: the kernel wants pointers
	_, _, e := unix.RawSyscall6(unix.SYS_GETSOCKOPT, fd, unix.IPPROTO_IPV6, mcastMsfilter,
		uintptr(unsafe.Pointer(&f)), uintptr(unsafe.Pointer(&size)), 0)
	return e == 0
}

// disconnect undoes a connect, and with it the choice of source and port.
func disconnect(fd uintptr) {
	sa := unix.RawSockaddr{Family: unix.AF_UNSPEC}
	//nolint:gosec // G103: the kernel wants a pointer
	_, _, _ = unix.Syscall(unix.SYS_CONNECT, fd, uintptr(unsafe.Pointer(&sa)), unsafe.Sizeof(sa))
}

// Fields of what the kernel says of a socket's memory (linux/sock_diag.h).
const (
	memWaiting = 0 // SK_MEMINFO_RMEM_ALLOC: octets of what waits to be read, with all that it takes
	memRoom    = 1 // SK_MEMINFO_RCVBUF: how much of that there may be
	memDrops   = 8 // SK_MEMINFO_DROPS
	memFields  = 9 // SK_MEMINFO_VARS
)

func memory(fd uintptr) (info [memFields]uint32, ok bool) {
	size := uint32(unsafe.Sizeof(info))
	//nolint:gosec // G103: the kernel wants pointers
	_, _, e := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	return info, e == 0 && size > memDrops*4
}

// skDrops returns the socket's count of drops. SO_RXQ_OVFL would bring the same
// number, but as a control message with each datagram.
func skDrops(fd uintptr) (n uint32, ok bool) {
	info, ok := memory(fd)
	return info[memDrops], ok
}

// halfFull reports whether what waits to be read takes half of the room for it.
func halfFull(fd uintptr) bool {
	info, ok := memory(fd)
	return ok && info[memWaiting] > info[memRoom]/2
}
