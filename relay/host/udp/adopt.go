package udp

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

// A Role is what a socket is for within its pair.
type Role string

// The roles of sockets.
const (
	requests Role = "requests"
	replies  Role = "replies"
	witness  Role = "witness" // IPv4 only, see Pair.Drops
	members  Role = "members" // IPv6 only: each holds multicast memberships of Requests
)

// Roles lists the roles that sockets of a family have.
func Roles(f dhcp.Family) []Role {
	if f == dhcp.V6 {
		return []Role{requests, replies, members}
	}
	return []Role{requests, replies, witness}
}

// Left are the sockets of a pair that a former process has left open, by role.
type Left map[Role][]*os.File

// Close closes the sockets.
func (l Left) Close() {
	for _, fs := range l {
		for _, f := range fs {
			_ = f.Close() // nothing was written to it
		}
	}
}

// Adopt makes a pair of sockets that a former process has left open, with all
// that waits in them. They must be whole, and what Listen would have made; their
// options and filters are set anew; those that hear nothing are new. What the kernel
// dropped before is not counted. It takes what is left.
func Adopt(c Config, left Left) (p *Pair, err error) {
	defer left.Close() // the pair has copies
	if err := c.whole(left); err != nil {
		return nil, err
	}
	p = &Pair{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
			p = nil
		}
	}()
	if p.Requests, err = c.adopt(left[requests][0], c.requests); err != nil {
		return p, fmt.Errorf("socket for requests: %w", err)
	}
	if err = p.Requests.hearRequests(); err != nil {
		return p, fmt.Errorf("socket for requests: %w", err)
	}
	if p.Replies, err = c.adopt(left[replies][0], c.replies); err != nil {
		return p, fmt.Errorf("socket for replies: %w", err)
	}
	if c.Family == dhcp.V4 {
		if p.witness, err = c.adopt(left[witness][0], c.witness); err != nil {
			return p, fmt.Errorf("witness: %w", err)
		}
	}
	if err := c.openSenders(p); err != nil {
		return p, err
	}
	for _, f := range left[members] {
		if err := p.Requests.groups.adopt(f); err != nil {
			return p, err
		}
	}
	p.Requests.groups.inherited = true
	p.forgive()
	return p, nil
}

// whole reports whether there is one socket for each role, and each another one:
// the places of the others in their group depend on it.
func (c Config) whole(left Left) error {
	seen := make(map[uint64]bool)
	for _, r := range Roles(c.Family) {
		if r != members && len(left[r]) != 1 {
			return fmt.Errorf("%d sockets for %s, want one", len(left[r]), r)
		}
		for _, f := range left[r] {
			cookie, err := cookieOf(f)
			if err != nil {
				return fmt.Errorf("%s: %w", r, err)
			}
			if seen[cookie] {
				return fmt.Errorf("%s: the socket has two roles", r)
			}
			seen[cookie] = true
		}
	}
	return nil
}

// adopt makes a Conn of a socket that is what c says, with options and filter as
// open would give it.
func (c Config) adopt(f *os.File, setup func(fd int) error) (*Conn, error) {
	rc, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	cerr := rc.Control(func(fd uintptr) {
		if err = c.fits(int(fd)); err != nil {
			return
		}
		if err = set(int(fd), c.behaviour()); err == nil {
			err = setup(int(fd))
		}
	})
	if err := errors.Join(cerr, err); err != nil {
		return nil, err
	}
	pc, err := net.FilePacketConn(f)
	if err != nil {
		return nil, err
	}
	u, ok := pc.(*net.UDPConn)
	if !ok {
		return nil, errors.Join(errors.ErrUnsupported, pc.Close())
	}
	return c.conn(u)
}

// fits reports what a socket has that Listen would not have given it, and that
// cannot be changed.
func (c Config) fits(fd int) error {
	domain := unix.AF_INET
	if c.Family == dhcp.V6 {
		domain = unix.AF_INET6
	}
	facts := append([]option{
		{"SO_DOMAIN", unix.SOL_SOCKET, unix.SO_DOMAIN, domain},
		{"SO_TYPE", unix.SOL_SOCKET, unix.SO_TYPE, unix.SOCK_DGRAM},
		{"SO_PROTOCOL", unix.SOL_SOCKET, unix.SO_PROTOCOL, unix.IPPROTO_UDP},
		{"SO_BINDTOIFINDEX", unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, c.VRF},
	}, c.identity()...)
	for _, o := range facts {
		got, err := unix.GetsockoptInt(fd, o.level, o.opt)
		if err != nil {
			return fmt.Errorf("get %s: %w", o.name, err)
		}
		if got != o.value {
			return fmt.Errorf("%s is %d, want %d", o.name, got, o.value)
		}
	}
	if err := c.bound(fd); err != nil {
		return err
	}
	return here(fd, domain)
}

// bound reports whether the socket hears all addresses at the port, from anybody.
func (c Config) bound(fd int) error {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("get its address: %w", err)
	}
	var ok bool
	switch a := sa.(type) {
	case *unix.SockaddrInet4:
		ok = a.Port == int(c.Port) && a.Addr == [4]byte{}
	case *unix.SockaddrInet6:
		ok = a.Port == int(c.Port) && a.Addr == [16]byte{}
	}
	if !ok {
		return fmt.Errorf("it is not bound to %v", c.wildcard())
	}
	if _, err := unix.Getpeername(fd); !errors.Is(err, unix.ENOTCONN) {
		return errors.New("it is connected")
	}
	return nil
}

// here reports whether the socket is in the network namespace of this process.
// Kernels before 5.14 cannot tell.
func here(fd, domain int) error {
	its, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if errors.Is(err, unix.ENOPROTOOPT) {
		return nil
	}
	own, oerr := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err := errors.Join(err, oerr); err != nil {
		return fmt.Errorf("get its network namespace: %w", err)
	}
	defer func() { _ = unix.Close(own) }() // it was only asked
	ours, err := unix.GetsockoptUint64(own, unix.SOL_SOCKET, unix.SO_NETNS_COOKIE)
	if err != nil {
		return fmt.Errorf("get the network namespace: %w", err)
	}
	if its != ours {
		return errors.New("it is of another network namespace")
	}
	return nil
}

// cookieOf returns the number that the kernel has for a socket.
func cookieOf(f *os.File) (cookie uint64, err error) {
	rc, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := rc.Control(func(fd uintptr) { cookie, err = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE) })
	if err := errors.Join(cerr, err); err != nil {
		return 0, fmt.Errorf("get SO_COOKIE: %w", err)
	}
	return cookie, nil
}

// Descriptors hands over the descriptors of the sockets with their roles, from
// the first-th on, until give returns an error. It returns how many there are now:
// new ones come behind the others.
func (p *Pair) Descriptors(first int, give func(Role, int) error) (n int, err error) {
	conns := []*Conn{p.Requests, p.Replies}
	if p.witness != nil {
		conns = append(conns, p.witness)
	}
	roles := []Role{requests, replies, witness}
	for i, c := range conns {
		if i < first {
			continue
		}
		cerr := c.rc.Control(func(fd uintptr) { err = give(roles[i], int(fd)) })
		if err := errors.Join(cerr, err); err != nil {
			return i, err
		}
	}
	g := &p.Requests.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, fd := range slices.All(g.extra) {
		if len(conns)+i < first {
			continue
		}
		if err := give(members, fd); err != nil {
			return len(conns) + i, err
		}
	}
	return len(conns) + len(g.extra), nil
}

// forgive takes what the kernel has dropped so far as the former process's affair.
func (p *Pair) forgive() {
	req, _ := p.Requests.kernelDrops()
	rep, _ := p.Replies.kernelDrops()
	p.Requests.drops.last, p.Replies.drops.last = req, rep
	p.drops.last = req + rep
	if p.witness != nil {
		bcast, _ := p.witness.kernelDrops()
		p.drops.last -= bcast
	}
}
