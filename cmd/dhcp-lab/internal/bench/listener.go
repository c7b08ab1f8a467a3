package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/dhcp-lab/internal/netns"
	"dhcp-relay/relay/udp"
)

// socketBuffer is asked for each socket of the load, in octets: what is lost
// must be lost by the relay.
const socketBuffer = 256 << 20

// slot is the room for one message, in octets.
const slot = 1024

// A listener receives many messages with one system call, and never waits. It
// is for one goroutine.
type listener struct {
	fd    int
	msgs  [batch]mmsghdr
	iovs  [batch]unix.Iovec
	names [batch]unix.RawSockaddrInet6 // large enough for IPv4 as well
	ctls  [batch][64]byte
	store [batch * slot]byte
}

// listenServer opens the server's socket.
func listenServer(n *netns.NS, addr netip.AddrPort) (*listener, error) {
	return listen(n, func() (int, error) {
		domain, sa := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()})
		if addr.Addr().Is4() {
			domain, sa = unix.AF_INET, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
		}
		fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return -1, err
		}
		return fd, unix.Bind(fd, sa)
	})
}

// listenClients opens a packet socket on the clients' link.
func listenClients(n *netns.NS, dev string, f udp.Family) (*listener, error) {
	return listen(n, func() (int, error) {
		l, err := net.InterfaceByName(dev)
		if err != nil {
			return -1, err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return -1, err
		}
		etype := uint16(unix.ETH_P_IP)
		if f == udp.V6 {
			etype = unix.ETH_P_IPV6
		}
		return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(etype), Ifindex: l.Index})
	})
}

// listen makes a listener of the socket that open opens in the namespace.
func listen(n *netns.NS, open func() (int, error)) (*listener, error) {
	l := &listener{fd: -1}
	err := n.Do(func() (err error) {
		if l.fd, err = open(); err != nil {
			return err
		}
		return errors.Join(
			unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer),
			unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer),
		)
	})
	if err != nil {
		l.close()
		return nil, fmt.Errorf("listen in %s: %w", n.Name, err)
	}
	for i := range l.msgs {
		l.iovs[i].Base = &l.store[i*slot]
		h := &l.msgs[i].hdr
		h.Iov = &l.iovs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&l.names[i]))
		h.Control = &l.ctls[i][0]
	}
	return l, nil
}

func (l *listener) close() {
	if l.fd >= 0 {
		_ = unix.Close(l.fd) // what is not received by now is not waited for
	}
}

// timed switches the kernel's timestamps.
func (l *listener) timed(on bool) error {
	v := 0
	if on {
		v = 1
	}
	return unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, v)
}

// recv receives what there is, up to batch messages.
func (l *listener) recv() int {
	for i := range l.msgs {
		l.iovs[i].SetLen(slot)
		h := &l.msgs[i].hdr
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(len(l.ctls[i]))
	}
	n, _ := recvmmsg(l.fd, l.msgs[:]) // an error is as good as nothing received
	return n
}

// data returns the octets of message i of the last recv.
func (l *listener) data(i int) []byte {
	return l.store[i*slot : i*slot+int(l.msgs[i].n)]
}

// from returns who has sent datagram i of the last recv.
func (l *listener) from(i int, f udp.Family) netip.Addr {
	if f == udp.V4 {
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(&l.names[i])).Addr)
	}
	return netip.AddrFrom16(l.names[i].Addr)
}

// at returns when message i arrived, in nanoseconds since 1970, or 0 if the
// listener is not timed.
func (l *listener) at(i int) int64 {
	// struct cmsghdr (16 octets), struct timespec.
	if l.msgs[i].hdr.Controllen < 32 {
		return 0
	}
	c := l.ctls[i][16:]
	return int64(binary.NativeEndian.Uint64(c))*1e9 + int64(binary.NativeEndian.Uint64(c[8:]))
}

// answer sends the first n messages of the last recv, as they lie in the store
// now, back to where they came from; IPv4 ones to giaddr.
func (l *listener) answer(f udp.Family, n int) (int, error) {
	for i := range n {
		l.iovs[i].SetLen(int(l.msgs[i].n))
		h := &l.msgs[i].hdr
		h.SetControllen(0)
		if f == udp.V4 {
			to := (*unix.RawSockaddrInet4)(unsafe.Pointer(&l.names[i]))
			copy(to.Addr[:], l.data(i)[giaddrAt:])
			to.Port = htons(67)
			h.Namelen = unix.SizeofSockaddrInet4
			continue
		}
		l.names[i].Port = htons(547)
	}
	return sendAll(l.fd, l.msgs[:n])
}
