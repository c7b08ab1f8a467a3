package udp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

// fresh is how long a chosen source address is used without being chosen anew.
const fresh = time.Second

// A source is the address that the kernel chooses for what goes to a place.
//
// Left to choose for each send, the kernel looks at every address of every
// interface each time (RFC 6724, section 4, has it so), which is dear with thousands
// of them. IPv4 needs nothing of the kind, as there a route knows its source.
//
// The choice follows changes of routes and addresses within a second; one that
// the kernel refuses meanwhile is left to it.
type source struct {
	dst  netip.AddrPort
	link int
	addr netip.Addr // invalid: left to the kernel
	at   time.Time
}

// maxSources is how many choices a queue keeps: enough for all servers of most.
const maxSources = 16

// source returns the address to send to f from, or an invalid one where that is
// left to the kernel.
func (q *Queue) source(f *flow) netip.Addr {
	a := f.dst.Addr()
	if q.c.family != dhcp.V6 || f.src.IsValid() || !a.Is6() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return netip.Addr{}
	}
	now := q.clock()
	oldest := 0
	for i := range q.sources {
		s := &q.sources[i]
		if s.dst == f.dst && s.link == f.link {
			if now.Sub(s.at) >= fresh {
				*s = q.choose(f)
			}
			return s.addr
		}
		if s.at.Before(q.sources[oldest].at) {
			oldest = i
		}
	}
	switch {
	case len(q.sources) < maxSources:
		q.sources = append(q.sources, source{})
		oldest = len(q.sources) - 1
	case now.Sub(q.sources[oldest].at) < fresh:
		// More places than there is room for: no choice is worth its price.
		return netip.Addr{}
	}
	q.sources[oldest] = q.choose(f)
	return q.sources[oldest].addr
}

// choose asks the kernel.
func (q *Queue) choose(f *flow) source {
	return source{dst: f.dst, link: f.link, addr: q.c.probe.ask(f.dst, f.link), at: q.now}
}

// distrust leaves the choice of a source that the kernel has refused to it until
// the next is due.
func (q *Queue) distrust(f *flow) {
	for i := range q.sources {
		if s := &q.sources[i]; s.dst == f.dst && s.link == f.link {
			s.addr = netip.Addr{}
		}
	}
}

// A probe is a socket that asks the kernel for sources and is otherwise not used.
type probe struct {
	file *os.File // counts those who use the descriptor
	rc   syscall.RawConn

	mu sync.Mutex // one asks at a time; each queue does once a second for each place
}

// open opens the probe, bound to a device by its index, 0 for none.
func (p *probe) open(device int) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), "probe")
	rc, err := f.SyscallConn()
	if err := errors.Join(err, bind(fd, device)); err != nil {
		return errors.Join(err, f.Close())
	}
	p.file, p.rc = f, rc
	o := preferPublic()
	if err := unix.SetsockoptInt(fd, o.level, o.opt, o.value); err != nil {
		return errors.Join(fmt.Errorf("set %s: %w", o.name, err), p.close())
	}
	return nil
}

func (p *probe) close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

// Source returns what the kernel would send to dst from now, on the interface with
// the index link if that is not 0; an invalid address if it knows no way, or for
// IPv4.
func (c *Conn) Source(dst netip.AddrPort, link int) netip.Addr { return c.probe.ask(dst, link) }

// ask returns what the kernel would send to dst from, or an invalid address if
// it knows no way: the send itself will tell why.
func (p *probe) ask(dst netip.AddrPort, link int) (from netip.Addr) {
	if p.rc == nil {
		return from
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	// An error says that the socket is closed, of which the send will tell too.
	_ = p.rc.Control(func(fd uintptr) {
		oif := int(binary.NativeEndian.Uint32(binary.BigEndian.AppendUint32(nil, uint32(link))))
		if unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_UNICAST_IF, oif) != nil {
			return
		}
		// To connect sends nothing.
		if unix.Connect(int(fd), &unix.SockaddrInet6{Port: int(dst.Port()), Addr: dst.Addr().As16()}) != nil {
			return
		}
		if sa, err := unix.Getsockname(int(fd)); err == nil {
			from = netip.AddrFrom16(sa.(*unix.SockaddrInet6).Addr)
		}
		disconnect(fd)
	})
	return from
}
