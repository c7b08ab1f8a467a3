package udp

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// AllAgents is All_DHCP_Relay_Agents_and_Servers, ff02::1:2 (RFC 9915, section
// 7.1).
func AllAgents() netip.Addr {
	return netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 13: 1, 15: 2})
}

// groups are the multicast memberships of a socket. What a socket has joined on
// one link it hears from every link on which the host is a member, so others can
// hold the rest of its memberships: the kernel's memory for the options of one
// socket has room for some 2,000, and is where the source addresses of what is sent
// are put together as well. A socket that had used it up could send no more.
type groups struct {
	mu     sync.Mutex
	member map[int]int // link -> index into extra, or itself
	own    int         // memberships that the socket itself holds
	extra  []int       // descriptors

	inherited bool // a former process has joined with these sockets, see Joined
}

// itself stands for the socket among the holders of its memberships.
const itself = -1

// maxOwn is how many memberships a socket holds itself. One would do for it to
// hear, but links go, and each has then to be replaced.
const maxOwn = 16

// Join makes the socket hear DHCPv6 multicasts to ff02::1:2 on a link, by its
// index. To join twice is no error. The error wraps the errno: ENODEV if the
// link is gone, EINVAL if it has no IPv6.
func (c *Conn) Join(link int) error {
	c.groups.mu.Lock()
	defer c.groups.mu.Unlock()
	if c.joined(link) {
		return nil
	}
	holder, err := c.join(link)
	if err != nil {
		return fmt.Errorf("join %v on link %d: %w", AllAgents(), link, err)
	}
	if c.groups.member == nil {
		c.groups.member = make(map[int]int)
	}
	c.groups.note(link, holder)
	return nil
}

// adopt adds a socket of a former process to the holders.
func (g *groups) adopt(f *os.File) error {
	rc, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var fd int
	cerr := rc.Control(func(its uintptr) {
		var domain int
		if domain, err = unix.GetsockoptInt(int(its), unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil && domain != unix.AF_INET6 {
			err = unix.EAFNOSUPPORT
		}
		if err == nil {
			fd, err = unix.FcntlInt(its, unix.F_DUPFD_CLOEXEC, 0)
		}
	})
	if err := errors.Join(cerr, err); err != nil {
		return fmt.Errorf("socket for memberships: %w", err)
	}
	g.extra = append(g.extra, fd)
	return nil
}

// Joined reports whether the socket hears DHCPv6 multicasts on a link, be it that
// a former process has joined there.
func (c *Conn) Joined(link int) bool {
	c.groups.mu.Lock()
	defer c.groups.mu.Unlock()
	return c.joined(link)
}

func (c *Conn) joined(link int) bool {
	if _, ok := c.groups.member[link]; ok || !c.groups.inherited {
		return ok
	}
	for holder := itself; holder < len(c.groups.extra); holder++ {
		if c.isMember(holder, link) {
			if c.groups.member == nil {
				c.groups.member = make(map[int]int)
			}
			c.groups.note(link, holder)
			return true
		}
	}
	return false
}

// isMember asks the kernel for a membership.
func (c *Conn) isMember(holder, link int) (is bool) {
	if holder >= 0 {
		return isMember(uintptr(c.groups.extra[holder]), link)
	}
	err := c.rc.Control(func(fd uintptr) { is = isMember(fd, link) })
	return err == nil && is
}

func (g *groups) note(link, holder int) {
	g.member[link] = holder
	if holder == itself {
		g.own++
	}
}

// join joins with the first holder that has room, and returns which.
func (c *Conn) join(link int) (holder int, err error) {
	holder = itself
	if c.groups.own >= maxOwn {
		holder++
	}
	for ; holder < len(c.groups.extra); holder++ {
		err = c.membership(holder, unix.IPV6_JOIN_GROUP, link)
		if !errors.Is(err, unix.ENOMEM) && !errors.Is(err, unix.ENOBUFS) {
			return holder, err
		}
	}
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	c.groups.extra = append(c.groups.extra, fd)
	return holder, c.membership(holder, unix.IPV6_JOIN_GROUP, link)
}

// Leave undoes Join, also for a link that is gone. To leave what was not joined
// is no error.
func (c *Conn) Leave(link int) error {
	c.groups.mu.Lock()
	defer c.groups.mu.Unlock()
	holder, ok := c.groups.member[link]
	if !ok {
		return nil
	}
	delete(c.groups.member, link)
	if holder == itself {
		c.groups.own--
		if c.groups.own == 0 {
			c.replace()
		}
	}
	// The kernel has forgotten the membership of a link that is gone.
	err := c.membership(holder, unix.IPV6_LEAVE_GROUP, link)
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("leave %v on link %d: %w", AllAgents(), link, err)
	}
	return nil
}

// replace has the socket itself join on a link on which another holds the
// membership: without any of its own it would hear nothing. A link on which that
// fails is gone.
func (c *Conn) replace() {
	for link, holder := range c.groups.member {
		if c.membership(itself, unix.IPV6_JOIN_GROUP, link) == nil {
			c.groups.note(link, itself)
			_ = c.membership(holder, unix.IPV6_LEAVE_GROUP, link) // it does no harm if it stays
			return
		}
	}
}

func (c *Conn) membership(holder, opt, link int) (err error) {
	m := &unix.IPv6Mreq{Multiaddr: AllAgents().As16(), Interface: uint32(link)}
	if holder >= 0 {
		return unix.SetsockoptIPv6Mreq(c.groups.extra[holder], unix.IPPROTO_IPV6, opt, m)
	}
	cerr := c.rc.Control(func(fd uintptr) {
		err = unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, opt, m)
	})
	return errors.Join(cerr, err)
}

func (g *groups) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, fd := range g.extra {
		_ = unix.Close(fd) // nothing was written to it
	}
	g.extra, g.member = nil, nil
}
