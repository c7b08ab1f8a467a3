package metrics

import "syscall"

// errnoCounts counts errors by slot of errno.
type errnoCounts [len(errnos) + 1]Counter

func (c *errnoCounts) inc(errno syscall.Errno) { c[errnoSlot(errno)].Inc() }

// errnoSlot returns the slot of errno in errnos, or the one behind it.
func errnoSlot(errno syscall.Errno) int {
	for i := range errnos {
		if errnos[i].errno == errno {
			return i
		}
	}
	return len(errnos)
}

// errnoName returns the value that the label "error" has for a slot.
func errnoName(slot int) string {
	if slot < len(errnos) {
		return errnos[slot].name
	}
	return "other"
}

// errnos are the errors that sending by UDP or by a packet socket is known to
// give. The list is closed, so that the label is bounded.
var errnos = [...]struct {
	errno syscall.Errno
	name  string
}{
	{syscall.EACCES, "EACCES"},
	{syscall.EADDRNOTAVAIL, "EADDRNOTAVAIL"},
	{syscall.EAFNOSUPPORT, "EAFNOSUPPORT"},
	{syscall.EAGAIN, "EAGAIN"},
	{syscall.EBADF, "EBADF"},
	{syscall.ECONNREFUSED, "ECONNREFUSED"},
	{syscall.EHOSTDOWN, "EHOSTDOWN"},
	{syscall.EHOSTUNREACH, "EHOSTUNREACH"},
	{syscall.EINVAL, "EINVAL"},
	{syscall.EIO, "EIO"},
	{syscall.EMSGSIZE, "EMSGSIZE"},
	{syscall.ENETDOWN, "ENETDOWN"},
	{syscall.ENETUNREACH, "ENETUNREACH"},
	{syscall.ENOBUFS, "ENOBUFS"},
	{syscall.ENODEV, "ENODEV"},
	{syscall.ENOMEM, "ENOMEM"},
	{syscall.ENXIO, "ENXIO"},
	{syscall.EPERM, "EPERM"},
}
