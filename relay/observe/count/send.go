package count

import "syscall"

// errors counts errors by slot of errno.
type errors [len(errnos) + 1]Counter

func (c *errors) inc(errno syscall.Errno) { c[errnoSlot(errno)].Inc() }

// errnoSlot returns the slot of errno in errnos, or the one behind it.
func errnoSlot(errno syscall.Errno) int {
	for i := range errnos {
		if errnos[i].errno == errno {
			return i
		}
	}
	return len(errnos)
}

// errnoName returns the name of a slot.
func errnoName(slot int) string {
	if slot < len(errnos) {
		return errnos[slot].name
	}
	return "other"
}

// A SendError is how often the kernel refused to send for one reason.
type SendError struct {
	Error   string // the name of the errno, or "other"
	Towards string // "server" or "client"
	Count   uint64
}

// SendErrors returns the errors that have happened.
func (t *Table) SendErrors() (all []SendError) {
	for _, side := range []struct {
		name   string
		counts *errors
	}{{"server", &t.toServers}, {"client", &t.toClients}} {
		for slot := range side.counts {
			if n := side.counts[slot].Value(); n > 0 {
				all = append(all, SendError{errnoName(slot), side.name, n})
			}
		}
	}
	return all
}

// errnos are the errors that sending by UDP or by a packet socket is known to
// give. The list is closed, so that their number is bounded.
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
