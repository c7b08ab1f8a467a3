package bench

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

// answers are what a listener sends back, with headers of their own.
type answers struct {
	msgs  []mmsghdr
	iovs  []unix.Iovec
	names []unix.RawSockaddrInet6
}

// room makes room for n answers.
func (a *answers) room(n int) {
	if n <= len(a.msgs) {
		return
	}
	a.msgs, a.iovs, a.names = make([]mmsghdr, n), make([]unix.Iovec, n), make([]unix.RawSockaddrInet6, n)
	for i := range a.msgs {
		h := &a.msgs[i].hdr
		h.Iov = &a.iovs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&a.names[i]))
	}
}

// answer sends the messages of the last recv, as they lie in the store now, back
// to where they came from; IPv4 ones to giaddr.
func (l *listener) answer(f dhcp.Family) (int, error) {
	a := &l.tx
	a.room(l.got)
	for i := range l.got {
		b := l.data(i)
		a.iovs[i].Base = unsafe.SliceData(b)
		a.iovs[i].SetLen(len(b))
		h := &a.msgs[i].hdr
		if f == dhcp.V4 {
			to := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.names[i]))
			to.Family, to.Port = unix.AF_INET, htons(portServer)
			copy(to.Addr[:], b[giaddrAt:])
			h.Namelen = unix.SizeofSockaddrInet4
			continue
		}
		a.names[i] = l.names[i]
		a.names[i].Port = htons(port547)
		h.Namelen = unix.SizeofSockaddrInet6
	}
	return sendAll(l.fd, a.msgs[:l.got])
}
