package bench

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// socketBuffer is asked for each socket of the load, in octets: what is lost
// must be lost by the relay.
const socketBuffer = 256 << 20

// Room for one message, in octets. A server's holds what one send with
// UDP_SEGMENT carries, so that it is taken whole and its first message counted; the
// odd line keeps the slots apart in the cache.
const (
	slotClient = 1024
	slotServer = 1<<16 + 320
)

// A listener receives many messages with one system call, and never waits. It
// is for one goroutine.
type listener struct {
	fd    int
	slot  int
	msgs  [batch]mmsghdr
	iovs  [batch]unix.Iovec
	names [batch]unix.RawSockaddrInet6 // large enough for IPv4 as well
	ctls  [batch][64]byte
	store []byte
	got   int  // by the last recv
	full  bool // the last recv has left something, it may be
	tx    answers
}

// listenServer opens the server's socket. With UDP_GRO it sees packets as a packet
// socket does, and as servers do that read frames: what holds several messages is
// one, of which the first is read and the others are lost. Without, the kernel
// would cut it apart, for this socket alone.
func listenServer(n *netns.NS, addr netip.AddrPort) (*listener, error) {
	return listen(n, slotServer, func() (int, error) {
		domain, sa := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()})
		if addr.Addr().Is4() {
			domain, sa = unix.AF_INET, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
		}
		fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return -1, err
		}
		return fd, errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1),
			// One may have one address that another has among all.
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.Bind(fd, sa),
		)
	})
}

// listenClients opens a packet socket on the clients' link.
func listenClients(n *netns.NS, dev string, f dhcp.Family) (*listener, error) {
	return listenFrames(n, dev, slotClient, f)
}

// listenFrames opens a packet socket on a link, with room for frames of a size.
func listenFrames(n *netns.NS, dev string, slot int, f dhcp.Family) (*listener, error) {
	return listen(n, slot, func() (int, error) {
		l, err := net.InterfaceByName(dev)
		if err != nil {
			return -1, err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return -1, err
		}
		etype := uint16(unix.ETH_P_IP)
		if f == dhcp.V6 {
			etype = unix.ETH_P_IPV6
		}
		return fd, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(etype), Ifindex: l.Index})
	})
}

// listen makes a listener of the socket that open opens in the namespace.
func listen(n *netns.NS, slot int, open func() (int, error)) (*listener, error) {
	l := &listener{fd: -1, slot: slot, store: make([]byte, batch*slot)}
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

// recv receives what there is, up to batch packets, and returns how many.
func (l *listener) recv() int {
	for i := range l.msgs {
		l.iovs[i].SetLen(l.slot)
		h := &l.msgs[i].hdr
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(len(l.ctls[i]))
	}
	l.got, _ = recvmmsg(l.fd, l.msgs[:]) // an error is as good as nothing received
	l.full = l.got == batch
	return l.got
}

// control returns the data of a control message, or nothing. Each is a struct
// cmsghdr (8 octets of length, level, type) and the data, filled up to 8.
func (l *listener) control(i int, level, typ int32) []byte {
	b := l.ctls[i][:min(len(l.ctls[i]), int(l.msgs[i].hdr.Controllen))]
	for len(b) >= unix.SizeofCmsghdr {
		n := int(binary.NativeEndian.Uint64(b))
		if n < unix.SizeofCmsghdr || n > len(b) {
			return nil
		}
		if int32(binary.NativeEndian.Uint32(b[8:])) == level && int32(binary.NativeEndian.Uint32(b[12:])) == typ {
			return b[unix.SizeofCmsghdr:n]
		}
		b = b[min(len(b), (n+7)&^7):]
	}
	return nil
}

// data returns the message of packet i of the last recv, the first if it holds
// several.
func (l *listener) data(i int) []byte {
	n := int(l.msgs[i].n)
	if c := l.control(i, unix.SOL_UDP, unix.UDP_GRO); len(c) >= 4 {
		n = min(n, int(binary.NativeEndian.Uint32(c)))
	}
	return l.store[i*l.slot:][:n]
}

// from returns who has sent message i of the last recv.
func (l *listener) from(i int, f dhcp.Family) netip.Addr {
	name := &l.names[i]
	if f == dhcp.V4 {
		return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr)
	}
	return netip.AddrFrom16(name.Addr)
}

// at returns when message i arrived, in nanoseconds since 1970, or 0 if the
// listener is not timed.
func (l *listener) at(i int) int64 {
	c := l.control(i, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS)
	if len(c) < 16 {
		return 0
	}
	return int64(binary.NativeEndian.Uint64(c))*1e9 + int64(binary.NativeEndian.Uint64(c[8:]))
}
