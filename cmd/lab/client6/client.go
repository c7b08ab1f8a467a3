// Package client6 is a DHCPv6 client for the lab, the twin of package client: it
// is moved from state to state by calls instead of a clock. It speaks by a UDP
// socket on its link-local address, as hosts do, and checks what a careful
// client checks, and no more.
package client6

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/rkap"
)

// The UDP ports (RFC 9915, section 7.2).
const (
	clientPort = 546
	serverPort = 547
)

// What callers branch on.
var (
	ErrSilence = errors.New("no reply")
	ErrStatus  = errors.New("refused")
	ErrState   = errors.New("impossible in this state")
)

// A State is what a client does or has.
type State uint8

// The states.
const (
	Idle State = iota
	Soliciting
	Requesting
	Bound
	Renewing
	Rebinding
)

// String returns the state in lower case.
func (s State) String() string {
	names := [...]string{"idle", "soliciting", "requesting", "bound", "renewing", "rebinding"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("State(%d)", s)
}

// A Config says how a client behaves.
type Config struct {
	Prefix      bool          // ask for a delegated prefix, too
	Rapid       bool          // ask for Rapid Commit
	Reconfigure bool          // accept Reconfigures
	Scale       float64       // factor on the delays of RFC 9915, section 7.6; 0: 1
	Tries       int           // messages sent before giving up; 0: 4
	Collect     time.Duration // how long to wait for further Advertises after the first
}

// A Lease is what a client has been given.
type Lease struct {
	Addr   netip.Addr
	Prefix netip.Prefix // delegated; invalid: none
	Server []byte       // the DUID of the server
	T1, T2 time.Duration
}

// A Client is one host on a link, which must have a link-local address. It is
// not safe for concurrent use.
type Client struct {
	ns    *netns.NS
	dev   string
	mac   net.HardwareAddr
	local netip.Addr
	id    dhcpv6.DUID
	conf  Config
	udp   *net.UDPConn
	buf   []byte

	state State
	lease Lease
	held  bool // the link has the lease's address
	key   *rkap.Key
}

// New makes a client on a link of a namespace. The caller must Close it.
func New(n *netns.NS, dev string, conf Config) (*Client, error) {
	if conf.Scale == 0 {
		conf.Scale = 1
	}
	if conf.Tries == 0 {
		conf.Tries = 4
	}
	c := &Client{ns: n, dev: dev, conf: conf, buf: make([]byte, 1<<16)}
	var err error
	if c.mac, err = n.MAC(dev); err != nil {
		return nil, err
	}
	c.id = &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: c.mac}
	index, err := n.Index(dev)
	if err != nil {
		return nil, err
	}
	if c.local, err = n.LinkLocal(dev); err != nil {
		return nil, err
	}
	err = n.Do(func() (err error) {
		c.udp, err = listen(c.local, index)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("client on %s in %s: %w", dev, n.Name, err)
	}
	return c, nil
}

// listen opens a socket on a link-local address. The number of the link goes to
// the kernel as it is: package net would look its name up, and takes names to
// mean the same in every namespace.
func listen(a netip.Addr, index int) (*net.UDPConn, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_IF, index),
		unix.Bind(fd, &unix.SockaddrInet6{Port: clientPort, ZoneId: uint32(index), Addr: a.As16()}),
	)
	f := os.NewFile(uintptr(fd), "dhcpv6 client")
	c, ferr := net.FilePacketConn(f)
	if err := errors.Join(err, ferr, f.Close()); err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}

// Close ends the client and takes its address away. It tells no server.
func (c *Client) Close() error { return errors.Join(c.Unplug(), c.udp.Close()) }

// State returns the state.
func (c *Client) State() State { return c.state }

// Lease returns the lease that the client has, or had last.
func (c *Client) Lease() Lease { return c.lease }

// ID returns the client's DUID.
func (c *Client) ID() []byte { return c.id.ToBytes() }

// MAC returns the hardware address.
func (c *Client) MAC() net.HardwareAddr { return c.mac }

// Local returns the link-local address.
func (c *Client) Local() netip.Addr { return c.local }

// Unplug takes the client off the network without a word: the address goes, the
// client remembers it.
func (c *Client) Unplug() error {
	c.state = Idle
	if !c.held {
		return nil
	}
	c.held = false
	return c.ns.DelAddr(c.dev, c.lease.Addr.String()+"/128")
}

// bind takes over what a Reply gives.
func (c *Client) bind(m *dhcpv6.Message) error {
	l, err := c.leaseOf(m)
	if err != nil {
		return err
	}
	if k, ok := rkap.KeyOf(m); ok && c.conf.Reconfigure {
		c.key = &k
	}
	if c.held && l.Addr != c.lease.Addr {
		if err := c.Unplug(); err != nil {
			return err
		}
	}
	c.lease, c.state = l, Bound
	if c.held {
		return nil
	}
	c.held = true
	return c.ns.Addr(c.dev, l.Addr.String()+"/128")
}

// leaseOf reads what a message gives, which must be all that was asked for.
func (c *Client) leaseOf(m *dhcpv6.Message) (Lease, error) {
	l := Lease{}
	if id := m.Options.ServerID(); id != nil {
		l.Server = id.ToBytes()
	}
	na := m.Options.OneIANA()
	if na == nil || na.Options.OneAddress() == nil {
		return l, fmt.Errorf("%w: %s without an address: %s", ErrStatus, m.MessageType, m.Summary())
	}
	l.Addr, _ = netip.AddrFromSlice(na.Options.OneAddress().IPv6Addr.To16())
	l.T1, l.T2 = na.T1, na.T2
	if !c.conf.Prefix {
		return l, nil
	}
	pd := m.Options.OneIAPD()
	if pd == nil || len(pd.Options.Prefixes()) == 0 || pd.Options.Prefixes()[0].Prefix == nil {
		return l, fmt.Errorf("%w: %s without a prefix: %s", ErrStatus, m.MessageType, m.Summary())
	}
	p := pd.Options.Prefixes()[0].Prefix
	a, _ := netip.AddrFromSlice(p.IP.To16())
	ones, _ := p.Mask.Size()
	l.Prefix = netip.PrefixFrom(a, ones)
	return l, nil
}

// do sends a message until a reply is accepted: after one second, two, four, and
// so on, each give or take a tenth, all by the scale (RFC 9915, section 15).
func (c *Client) do(ctx context.Context, m *dhcpv6.Message, accept func(*dhcpv6.Message) bool) (*dhcpv6.Message, error) {
	delay := 1.0
	start := time.Now()
	for range c.conf.Tries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m.UpdateOption(dhcpv6.OptElapsedTime(time.Since(start)))
		if err := c.send(m); err != nil {
			return nil, err
		}
		wait := time.Duration(delay * (0.9 + rand.Float64()/5) * c.conf.Scale * float64(time.Second))
		r, err := c.hear(ctx, wait, func(raw []byte) *dhcpv6.Message { return c.reply(raw, m, accept) })
		if r != nil || err != nil {
			return r, err
		}
		delay *= 2
	}
	return nil, fmt.Errorf("%s in %s: %w", m.MessageType, c.ns.Name, ErrSilence)
}

// send sends to all relays and servers of the link.
func (c *Client) send(m *dhcpv6.Message) error {
	_, err := c.udp.WriteToUDPAddrPort(m.ToBytes(), netip.MustParseAddrPort(fmt.Sprintf("[ff02::1:2]:%d", serverPort)))
	return err
}

// hear waits for a message that take takes; nil if there is none in time.
func (c *Client) hear(ctx context.Context, wait time.Duration, take func([]byte) *dhcpv6.Message) (*dhcpv6.Message, error) {
	for end := time.Now().Add(wait); time.Now().Before(end); {
		// In slices, so that a cancelled context is noticed.
		slice := time.Now().Add(min(time.Until(end), 100*time.Millisecond))
		if err := c.udp.SetReadDeadline(slice); err != nil {
			return nil, err
		}
		n, _, err := c.udp.ReadFromUDPAddrPort(c.buf)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case isTimeout(err):
			continue
		case err != nil:
			return nil, err
		}
		if m := take(c.buf[:n]); m != nil {
			return m, nil
		}
	}
	return nil, nil
}

// reply returns a message if it answers m and is for this client (RFC 9915,
// section 16).
func (c *Client) reply(raw []byte, m *dhcpv6.Message, accept func(*dhcpv6.Message) bool) *dhcpv6.Message {
	r, err := dhcpv6.MessageFromBytes(raw)
	if err != nil || r.TransactionID != m.TransactionID || !c.mine(r) || r.Options.ServerID() == nil || !accept(r) {
		return nil
	}
	return r
}

// mine reports whether a message names this client.
func (c *Client) mine(m *dhcpv6.Message) bool {
	id := m.Options.ClientID()
	return id != nil && id.Equal(c.id)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
