package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"dhcp-relay/relay/built"
	"dhcp-relay/relay/wire/dhcp"
)

// A Config says where to listen.
type Config struct {
	Family dhcp.Family
	Port   uint16
	VRF    int // index of the device to bind to, 0 for none; net.ipv4.udp_l3mdev_accept must be 0
	RcvBuf int // octets of receive buffer per socket; 0: the system's default
}

// sendBuffer is asked for each socket, in octets. What waits for a neighbour to
// answer is charged to the sender, up to 208 KiB per neighbour by default, which
// is the default buffer too: one dead server would stop the sends to all others.
const sendBuffer = built.SendBuffers << 20

// A Pair hears one port of one family in one VRF: requests on one socket and
// replies on the other, so that a flood of requests cannot push replies out of a
// shared buffer. Both are in one SO_REUSEPORT group.
type Pair struct {
	Requests *Conn // all that is no reply, whatever its first octet says
	Replies  *Conn // IPv4: op is BOOTREPLY; IPv6: unicasts whose type is RELAY-REPL

	// These send from the same port and hear nothing.
	ToClients *Conn // replies that the kernel brings: what waits for a client is no request's loss
	Whole     *Conn // IPv4: what exceeds the MTU, in fragments; IPv6 has them anyway, and no such Conn

	// Shed, if there is one, counts what the sockets' filters have rejected that is no
	// reply among requests, nor the other way round. Set it before Drops is called.
	Shed func() uint64

	witness *Conn // IPv4 only, see Drops
	drops   counter
}

// Listen opens the sockets of a pair. The error wraps the errno; EADDRINUSE
// comes with the names of those who hold the port.
func Listen(c Config) (*Pair, error) {
	p := &Pair{}
	var err error
	// The order fixes the places in the group.
	if p.Requests, err = c.open(c.requests); err != nil {
		return nil, err
	}
	if err = p.Requests.hearRequests(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if p.Replies, err = c.open(c.replies); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if err = c.openSenders(p); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	if c.Family == dhcp.V6 {
		return p, nil
	}
	if p.witness, err = c.open(c.witness); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// openSenders opens the sockets that hear nothing.
func (c Config) openSenders(p *Pair) (err error) {
	if p.ToClients, err = c.openSender(); err != nil || c.Family == dhcp.V6 {
		return err
	}
	p.Whole, err = c.openSender()
	return err
}

// Close closes the sockets and ends reads that wait.
func (p *Pair) Close() error {
	var errs []error
	for _, c := range []*Conn{p.Requests, p.Replies, p.ToClients, p.Whole, p.witness} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Wake ends one read of each socket, see Conn.Wake.
func (p *Pair) Wake() {
	p.Requests.Wake()
	p.Replies.Wake()
}

// open opens one socket; setup gives it its filter before it is bound, so that
// it never hears what is not for it.
func (c Config) open(setup func(fd int) error) (*Conn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, rc syscall.RawConn) error {
		var err error
		return errors.Join(rc.Control(func(fd uintptr) {
			if err = c.options(int(fd)); err == nil {
				err = setup(int(fd))
			}
		}), err)
	}}
	pc, err := lc.ListenPacket(context.Background(), network(c.Family), c.wildcard().String())
	if err != nil {
		return nil, c.explain(err)
	}
	return c.conn(pc.(*net.UDPConn))
}

// conn makes a Conn of a socket, which it closes where the error is not nil.
func (c Config) conn(pc *net.UDPConn) (*Conn, error) {
	conn, err := newConn(c.Family, pc)
	if err != nil {
		return nil, errors.Join(err, pc.Close())
	}
	if c.Family == dhcp.V6 {
		if err := conn.probe.open(c.VRF); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	return conn, nil
}

func (c Config) wildcard() netip.AddrPort {
	if c.Family == dhcp.V6 {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), c.Port)
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), c.Port)
}

// explain adds to EADDRINUSE who holds the port.
func (c Config) explain(err error) error {
	if !errors.Is(err, unix.EADDRINUSE) {
		return err
	}
	hs, herr := Holders(c.Family, c.Port)
	if herr != nil || len(hs) == 0 {
		return err
	}
	names := make([]string, len(hs))
	for i, h := range hs {
		names[i] = h.String()
	}
	return fmt.Errorf("%w; held by %s", err, strings.Join(names, ", "))
}

// An option is a socket option with an int for value.
type option struct {
	name              string
	level, opt, value int
}

// options sets what the sockets of a pair have in common.
func (c Config) options(fd int) error {
	if err := set(fd, c.identity()); err != nil {
		return err
	}
	if err := set(fd, c.behaviour()); err != nil {
		return err
	}
	return bind(fd, c.VRF)
}

// identity are the options that a socket must have before it is bound.
func (c Config) identity() []option {
	opts := []option{
		// Others may share the port while they are bound to a device, as dnsmasq
		// under libvirt is.
		{"SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1},
		{"SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
	}
	if c.Family == dhcp.V6 {
		opts = append(opts, option{"IPV6_V6ONLY", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1})
	}
	return opts
}

// behaviour are the options that a socket can be given at any time.
func (c Config) behaviour() []option {
	if c.Family == dhcp.V6 {
		return options6()
	}
	return options4()
}

func set(fd int, opts []option) error {
	for _, o := range opts {
		if err := unix.SetsockoptInt(fd, o.level, o.opt, o.value); err != nil {
			return fmt.Errorf("set %s: %w", o.name, err)
		}
	}
	return nil
}

// bind binds a socket to a device by its index, unless that is 0: by its name it
// might get another one that has come to bear it. The kernel binds to one that does
// not exist, too; here that is ENODEV.
func bind(fd, device int) error {
	if device == 0 {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, device); err != nil {
		return fmt.Errorf("bind to device %d: %w", device, err)
	}
	named, err := unix.NewIfreq("")
	if err != nil {
		return err
	}
	named.SetUint32(uint32(device))
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFNAME, named); err != nil {
		return fmt.Errorf("bind to device %d: %w", device, err)
	}
	return nil
}

// hopLimit is that of multicasts to servers (RFC 9915, section 19).
const hopLimit = 8

// options4 are the options of IPv4. With IP_PMTUDISC_INTERFACE the kernel says
// EMSGSIZE rather than to fragment what the interface cannot carry (RFC 951,
// section 3), and believes no ICMP about smaller MTUs further on.
func options4() []option {
	return []option{
		{"IP_PKTINFO", unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
		{"IP_MTU_DISCOVER", unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_INTERFACE},
		{"SO_BROADCAST", unix.SOL_SOCKET, unix.SO_BROADCAST, 1},
	}
}

// options6 are the options of IPv6. Without IPV6_MULTICAST_ALL a socket hears
// only the groups that it has joined itself, so that multicasts are never cloned
// to Replies. What a relay puts around a message may make it larger than the
// MTU, and nothing of it may be left out, so the kernel fragments it.
// IPV6_PREFER_SRC_PUBLIC keeps servers from seeing another relay each day.
func options6() []option {
	return []option{
		preferPublic(),
		{"IPV6_RECVPKTINFO", unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
		{"IPV6_MULTICAST_HOPS", unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, hopLimit},
		{"IPV6_MULTICAST_ALL", unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0},
	}
}

// preferPublic has the kernel choose no temporary address as source where there
// is another one, be use_tempaddr what it may (RFC 5014, section 4).
func preferPublic() option {
	const ipv6PreferSrcPublic = 2 // linux/in6.h
	return option{"IPV6_ADDR_PREFERENCES", unix.IPPROTO_IPV6, unix.IPV6_ADDR_PREFERENCES, ipv6PreferSrcPublic}
}

// requests sets up the first socket, and by it the group: a program that is
// attached before the bind leaves no moment in which the kernel picks by hash.
func (c Config) requests(fd int) error {
	if err := attach(fd, unix.SO_ATTACH_REUSEPORT_CBPF, steer(c.Family)); err != nil {
		return fmt.Errorf("attach program to group: %w", err)
	}
	if err := c.buffers(fd); err != nil {
		return err
	}
	stampArrivals(fd)
	if c.Family == dhcp.V6 {
		// Unicasts are steered and Replies hears no multicasts, so there is nothing
		// to keep out; and what is not rejected is not counted as a loss.
		return nil
	}
	return filter(fd, noReplies(c.Family))
}

func (c Config) replies(fd int) error {
	if err := c.buffers(fd); err != nil {
		return err
	}
	stampArrivals(fd)
	return filter(fd, onlyReplies(c.Family))
}

func (c Config) witness(fd int) error { return filter(fd, nothing()) }

func filter(fd int, is []bpf.Instruction) error {
	if err := attach(fd, unix.SO_ATTACH_FILTER, is); err != nil {
		return fmt.Errorf("attach filter: %w", err)
	}
	return nil
}

// buffers sets the buffers' sizes: by force beyond the system's limits, and up
// to them without the capability (CAP_NET_ADMIN).
func (c Config) buffers(fd int) error {
	for _, o := range []struct{ force, opt, octets int }{
		{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, c.RcvBuf},
		{unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, sendBuffer},
	} {
		if o.octets == 0 || unix.SetsockoptInt(fd, unix.SOL_SOCKET, o.force, o.octets) == nil {
			continue
		}
		// What a former process has forced is not made smaller; the kernel doubles what it
		// is asked for (socket(7)).
		if has, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, o.opt); err == nil && has/2 >= o.octets {
			continue
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, o.opt, o.octets); err != nil {
			return fmt.Errorf("set buffer of %d octets: %w", o.octets, err)
		}
	}
	return nil
}
