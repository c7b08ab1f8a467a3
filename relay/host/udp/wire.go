package udp

import (
	"encoding/binary"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

// A sockaddr holds struct sockaddr_in or sockaddr_in6:
//
//	sockaddr_in    0 family (host order) | 2 port | 4 address
//	sockaddr_in6   0 family (host order) | 2 port | 4 flow label | 8 address | 24 scope (host order)
type sockaddr [unix.SizeofSockaddrInet6]byte

// put sets the address and returns its length. scope is the interface that a
// link-local address is meant for.
func (s *sockaddr) put(a netip.AddrPort, scope int) uint32 {
	binary.BigEndian.PutUint16(s[2:], a.Port())
	if a.Addr().Is4() {
		binary.NativeEndian.PutUint16(s[0:], unix.AF_INET)
		ip := a.Addr().As4()
		copy(s[4:], ip[:])
		return unix.SizeofSockaddrInet4
	}
	binary.NativeEndian.PutUint16(s[0:], unix.AF_INET6)
	ip := a.Addr().As16()
	copy(s[8:], ip[:])
	if !a.Addr().IsLinkLocalUnicast() && !a.Addr().IsLinkLocalMulticast() {
		scope = 0
	}
	binary.NativeEndian.PutUint32(s[24:], uint32(scope))
	return unix.SizeofSockaddrInet6
}

// addr4 returns the address of a sockaddr_in.
func (s *sockaddr) addr4() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s[4:])), binary.BigEndian.Uint16(s[2:]))
}

// addr6 returns the address of a sockaddr_in6, without zone.
func (s *sockaddr) addr6() netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(s[8:])), binary.BigEndian.Uint16(s[2:]))
}

// Octets of struct in_pktinfo and in6_pktinfo, all in host order but addresses:
//
//	in_pktinfo    0 interface | 4 local address | 8 destination in the header
//	in6_pktinfo   0 address | 16 interface
const (
	sizePktinfo4 = 12
	sizePktinfo6 = 20
)

// controlSize is the room for IPV6_PKTINFO and SCM_TIMESTAMPNS, the larger of what
// is sent and what is received.
const controlSize = 72

// A control holds control messages.
type control [controlSize]byte

// message starts a control message of n octets at off and returns its data and
// where the next one starts.
func (c *control) message(off, level, typ, n int) (data []byte, next int) {
	b := c[off:]
	putLong(b, unix.CmsgLen(n))
	at := unix.SizeofCmsghdr
	binary.NativeEndian.PutUint32(b[at-8:], uint32(level))
	binary.NativeEndian.PutUint32(b[at-4:], uint32(typ))
	return b[at : at+n], off + unix.CmsgSpace(n)
}

// putLong writes cmsg_len, which has the size of a pointer.
func putLong(b []byte, v int) {
	if unix.SizeofPtr == 8 {
		binary.NativeEndian.PutUint64(b, uint64(v))
		return
	}
	binary.NativeEndian.PutUint32(b, uint32(v))
}

// put sets what a message to send needs: source address and interface if there
// are any, the segments' size if it is not 0. It returns the octets used.
func (c *control) put(f dhcp.Family, src netip.Addr, link, segment int) int {
	off := 0
	if src.IsValid() || link != 0 {
		off = c.putPktinfo(f, src, link)
	}
	if segment == 0 {
		return off
	}
	b, next := c.message(off, unix.SOL_UDP, unix.UDP_SEGMENT, 2)
	binary.NativeEndian.PutUint16(b, uint16(segment))
	return next
}

func (c *control) putPktinfo(f dhcp.Family, src netip.Addr, link int) int {
	if f == dhcp.V6 {
		b, next := c.message(0, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, sizePktinfo6)
		clear(b)
		if src.IsValid() {
			ip := src.As16()
			copy(b, ip[:])
		}
		binary.NativeEndian.PutUint32(b[16:], uint32(link))
		return next
	}
	b, next := c.message(0, unix.IPPROTO_IP, unix.IP_PKTINFO, sizePktinfo4)
	clear(b)
	binary.NativeEndian.PutUint32(b, uint32(link))
	if src.IsValid() {
		ip := src.As4()
		copy(b[4:], ip[:])
	}
	return next
}

// pktinfo returns where a received datagram arrived and what it was sent to.
// n is how many octets of control messages there are: the time of arrival, if the
// kernel tells it, and this.
func (c *control) pktinfo(f dhcp.Family, n int) (link int, dst netip.Addr) {
	at := 0
	if c.timed(n) {
		at = unix.CmsgSpace(sizeTime)
	}
	b := c[at+unix.SizeofCmsghdr:]
	if f == dhcp.V6 {
		if n < at+unix.CmsgLen(sizePktinfo6) {
			return 0, netip.Addr{}
		}
		return int(binary.NativeEndian.Uint32(b[16:])), netip.AddrFrom16([16]byte(b))
	}
	if n < at+unix.CmsgLen(sizePktinfo4) {
		return 0, netip.Addr{}
	}
	return int(binary.NativeEndian.Uint32(b)), netip.AddrFrom4([4]byte(b[8:]))
}

// sizeTime is that of struct __kernel_timespec: 0 seconds | 8 nanoseconds, of the
// same size on all machines.
const sizeTime = 16

// timed reports whether n octets of control messages begin with a time of arrival,
// which the kernel puts before all others.
func (c *control) timed(n int) bool {
	const at = unix.SizeofCmsghdr
	return n >= unix.CmsgLen(sizeTime) &&
		binary.NativeEndian.Uint32(c[at-8:]) == unix.SOL_SOCKET &&
		binary.NativeEndian.Uint32(c[at-4:]) == unix.SO_TIMESTAMPNS_NEW
}

// arrival returns when a datagram arrived, by the host's clock; n is as for pktinfo.
func (c *control) arrival(n int) (t time.Time, known bool) {
	if !c.timed(n) {
		return t, false
	}
	b := c[unix.SizeofCmsghdr:]
	return time.Unix(int64(binary.NativeEndian.Uint64(b)), int64(binary.NativeEndian.Uint64(b[8:]))), true
}
