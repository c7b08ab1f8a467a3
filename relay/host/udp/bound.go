package udp

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/host/mmsg"
	"dhcp-relay/relay/wire/dhcp"
)

// Bound are sockets that are each bound to one address and read as one Conn. Where
// another program listens on every address as well, the kernel gives a unicast to
// whichever wildcard it prefers, but before all of them to a socket that is bound
// to the destination. Broadcasts and multicasts never come here, and thousands of
// such sockets are no burden to them: the kernel keeps them in lists by address.
type Bound struct {
	Conn *Conn // of all; nothing is to be sent with it

	config Config
	epoll  *epoll

	mu     sync.Mutex // held while the sockets are read, so that none is closed meanwhile
	socks  map[netip.Addr]*boundSocket
	lost   uint64 // of closed sockets
	events [16]unix.EpollEvent
}

type boundSocket struct {
	fd    int
	drops counter
}

// ListenBound returns a set that has no sockets yet.
func ListenBound(c Config) (*Bound, error) {
	e, err := newEpoll()
	if err != nil {
		return nil, err
	}
	b := &Bound{
		Conn: &Conn{family: c.Family, poll: e, rc: e.rc}, config: c, epoll: e,
		socks: make(map[netip.Addr]*boundSocket),
	}
	b.Conn.rx.try = b.receive
	return b, nil
}

// Set makes the addresses those to which sockets are bound. They need not be the
// host's. The error is of those to which none could be bound; they are tried again
// by the next call.
func (b *Bound) Set(addrs []netip.Addr) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for a, s := range b.socks {
		if !slices.Contains(addrs, a) {
			b.close(a, s)
		}
	}
	var errs []error
	for _, a := range addrs {
		if b.socks[a] != nil {
			continue
		}
		if err := b.open(a); err != nil {
			errs = append(errs, fmt.Errorf("listen on %v: %w", netip.AddrPortFrom(a, b.config.Port), err))
		}
	}
	return errors.Join(errs...)
}

// Len returns how many sockets there are.
func (b *Bound) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.socks)
}

// Close closes the sockets and ends a read that waits.
func (b *Bound) Close() error {
	err := b.Conn.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	for a, s := range b.socks {
		b.close(a, s)
	}
	return err
}

// Drops returns how many datagrams the kernel has dropped for want of buffer.
func (b *Bound) Drops() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.lost
	for _, s := range b.socks {
		n += s.lost()
	}
	return n
}

func (s *boundSocket) lost() uint64 { return s.drops.advance(skDrops(uintptr(s.fd))) }

func (b *Bound) close(a netip.Addr, s *boundSocket) {
	b.lost += s.lost()
	_ = unix.Close(s.fd) // nothing was written to it; it leaves the epoll by itself
	delete(b.socks, a)
}

// open binds a socket to an address. It is in no SO_REUSEPORT group: with IPv6
// the kernel would look at it after all older ones.
func (b *Bound) open(a netip.Addr) error {
	domain, opts := unix.AF_INET, options4()
	var at unix.Sockaddr
	if b.config.Family == dhcp.V6 {
		domain, opts = unix.AF_INET6, options6()
		at = &unix.SockaddrInet6{Port: int(b.config.Port), Addr: a.As16()}
		opts = append(opts, option{"IPV6_FREEBIND", unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1})
	} else {
		at = &unix.SockaddrInet4{Port: int(b.config.Port), Addr: a.As4()}
		opts = append(opts, option{"IP_FREEBIND", unix.IPPROTO_IP, unix.IP_FREEBIND, 1})
	}
	opts = append(opts, option{"SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1})
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	if err := b.prepare(fd, opts, at); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	b.socks[a] = &boundSocket{fd: fd}
	return nil
}

func (b *Bound) prepare(fd int, opts []option, at unix.Sockaddr) error {
	for _, o := range opts {
		if err := unix.SetsockoptInt(fd, o.level, o.opt, o.value); err != nil {
			return fmt.Errorf("set %s: %w", o.name, err)
		}
	}
	if err := b.config.buffers(fd); err != nil {
		return err
	}
	stampArrivals(fd)
	if err := bind(fd, b.config.VRF); err != nil {
		return err
	}
	if err := unix.Bind(fd, at); err != nil {
		return os.NewSyscallError("bind", err)
	}
	return b.epoll.control(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN)
}

// receive is what the runtime's poller calls until it returns true: it takes what
// there is of the sockets that have something.
func (b *Bound) receive(uintptr) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &b.Conn.rx
	r.n, r.errno = 0, 0
	ready, err := unix.EpollWait(b.epoll.fd, b.events[:], 0)
	for errors.Is(err, unix.EINTR) {
		ready, err = unix.EpollWait(b.epoll.fd, b.events[:], 0)
	}
	if err != nil {
		r.errno = unix.EBADF
		return true
	}
	for i := range b.events[:ready] {
		if r.n == r.batch {
			break
		}
		n, errno := mmsg.Receive(uintptr(b.events[i].Fd), r.msgs[r.n:r.batch])
		switch errno {
		case 0:
			r.n += n
		case unix.EAGAIN: // another datagram makes it ready again
		default:
			r.errno = errno
		}
	}
	r.more = r.n == r.batch || ready == len(b.events)
	if r.n > 0 {
		r.errno = 0 // the next read finds it again, if it lasts
	}
	return r.n > 0 || r.errno != 0
}
