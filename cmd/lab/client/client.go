// Package client is a DHCPv4 and BOOTP client for the lab: the state machine of
// RFC 2131, section 4.4, on a packet socket, moved from state to state by calls
// instead of a clock. It checks what a careful client checks, and no more.
package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/wire"
)

// The UDP ports (RFC 2131, section 4.1).
const (
	serverPort = 67
	clientPort = 68
)

// Errors of exchanges.
var (
	ErrNak     = errors.New("server refuses the address")
	ErrSilence = errors.New("no answer")
	ErrState   = errors.New("not possible in this state")
)

// A State is one of RFC 2131, figure 5.
type State uint8

// The states.
const (
	Init State = iota
	Selecting
	Requesting
	InitReboot
	Rebooting
	Bound
	Renewing
	Rebinding
)

// String returns the state as the RFC writes it.
func (s State) String() string {
	names := [...]string{"INIT", "SELECTING", "REQUESTING", "INIT-REBOOT", "REBOOTING", "BOUND", "RENEWING", "REBINDING"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("State(%d)", s)
}

// A Config says how a client behaves.
type Config struct {
	Broadcast bool          // set the broadcast flag, and hear nothing but broadcasts while without an address
	ID        []byte        // option 61; nil: none
	AgentInfo []byte        // an option 82 of the client's own; nil: none
	Scale     float64       // factor on the delays of RFC 2131, section 4.1; 0: 1
	Tries     int           // messages sent before giving up; 0: 4
	Collect   time.Duration // how long to wait for further offers after the first
}

// A Lease is what a client has been given.
type Lease struct {
	Addr   netip.Prefix
	Server netip.Addr // the server identifier
	Router netip.Addr // option 3; invalid: none
	Time   time.Duration
}

// A Client is one host on a link. Its link has no address, and so answers no
// ARP, until the client is bound. It is not safe for concurrent use.
type Client struct {
	ns    *netns.NS
	dev   string
	mac   net.HardwareAddr
	conf  Config
	tap   *wire.Tap
	udp   *net.UDPConn // bound to the lease's address, port 68; nil unless bound
	state State
	lease Lease
}

// New makes a client on a link of a namespace. The caller must Close it.
func New(n *netns.NS, dev string, conf Config) (*Client, error) {
	if conf.Scale == 0 {
		conf.Scale = 1
	}
	if conf.Tries == 0 {
		conf.Tries = 4
	}
	mac, err := n.MAC(dev)
	if err != nil {
		return nil, err
	}
	tap, err := wire.Open(n, dev)
	if err != nil {
		return nil, err
	}
	return &Client{ns: n, dev: dev, mac: mac, conf: conf, tap: tap}, nil
}

// Close ends the client and takes its address away. It tells no server.
func (c *Client) Close() error {
	return errors.Join(c.Unplug(), c.tap.Close())
}

// State returns the state.
func (c *Client) State() State { return c.state }

// Lease returns the lease that the client has, or had last.
func (c *Client) Lease() Lease { return c.lease }

// MAC returns the hardware address.
func (c *Client) MAC() net.HardwareAddr { return c.mac }

// Unplug takes the client off the network without a word: the address goes, the
// client remembers it.
func (c *Client) Unplug() error {
	c.state = Init
	if c.udp == nil {
		return nil
	}
	err := errors.Join(c.udp.Close(), c.ns.DelAddr(c.dev, c.lease.Addr.String()))
	c.udp = nil
	return err
}

// bind gives the link the address of an Ack.
func (c *Client) bind(ack *dhcpv4.DHCPv4) error {
	l := leaseOf(ack)
	if !l.Addr.IsValid() {
		return fmt.Errorf("ack without address or mask: %s", ack.Summary())
	}
	if c.udp != nil && l.Addr != c.lease.Addr {
		if err := c.Unplug(); err != nil {
			return err
		}
	}
	c.lease, c.state = l, Bound
	if c.udp != nil {
		return nil
	}
	if err := c.ns.Addr(c.dev, l.Addr.String()); err != nil {
		return err
	}
	if l.Router.IsValid() {
		if err := c.ns.Route("default", l.Router.String()); err != nil {
			return err
		}
	}
	return c.listen(l.Addr.Addr())
}

// listen opens the socket of a host with an address: unicasts leave by it, and
// the kernel does not answer replies with port unreachable.
func (c *Client) listen(a netip.Addr) error {
	return c.ns.Do(func() (err error) {
		c.udp, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, clientPort)))
		return err
	})
}

// An exchange sends a message until a reply is accepted.
type exchange struct {
	msg    *dhcpv4.DHCPv4
	send   func([]byte) error
	accept func(*dhcpv4.DHCPv4) bool
}

// do runs an exchange with the retransmission of RFC 2131, section 4.1: 4, 8,
// 16, 32, 64 seconds, each give or take one, all by the scale.
func (c *Client) do(ctx context.Context, x exchange) (*dhcpv4.DHCPv4, error) {
	start := time.Now()
	delay := 4.0
	for range c.conf.Tries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x.msg.NumSeconds = uint16(min(time.Since(start).Seconds(), 0xffff))
		if err := x.send(x.msg.ToBytes()); err != nil {
			return nil, err
		}
		wait := time.Duration((delay + rand.Float64()*2 - 1) * c.conf.Scale * float64(time.Second))
		m, err := c.hear(ctx, wait, x)
		if m != nil || err != nil {
			return m, err
		}
		delay = min(2*delay, 64)
	}
	return nil, fmt.Errorf("%s in %s: %w", x.msg.MessageType(), c.ns.Name, ErrSilence)
}

// hear waits for an acceptable reply; nil if there is none in time.
func (c *Client) hear(ctx context.Context, wait time.Duration, x exchange) (*dhcpv4.DHCPv4, error) {
	for end := time.Now().Add(wait); time.Now().Before(end); {
		// In slices, so that a cancelled context is noticed.
		f, err := c.tap.Next(min(time.Until(end), 100*time.Millisecond))
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case isTimeout(err):
			continue
		case err != nil:
			return nil, err
		}
		if m := c.reply(&f, x.msg.TransactionID); m != nil && x.accept(m) {
			return m, nil
		}
	}
	return nil, nil
}

// reply returns the message in a frame if this host would take it: for its
// hardware address, its port, its transaction, with a right checksum, and
// addressed so that a host in this state can hear it (RFC 1542, section 4.1.2).
func (c *Client) reply(f *wire.Frame, xid dhcpv4.TransactionID) *dhcpv4.DHCPv4 {
	if !f.DHCP4() || f.Outgoing || f.DstPort != clientPort || !f.UDPSumOK || !f.IPSumOK {
		return nil
	}
	if to := f.EtherDst.String(); to != c.mac.String() && to != wire.Broadcast().String() {
		return nil
	}
	m, err := dhcpv4.FromBytes(f.Payload)
	if err != nil || m.OpCode != dhcpv4.OpcodeBootReply || m.TransactionID != xid || m.ClientHWAddr.String() != c.mac.String() {
		return nil
	}
	if f.IPDst == everyone() {
		return m
	}
	if c.udp != nil {
		if f.IPDst != c.lease.Addr.Addr() {
			return nil
		}
		return m
	}
	if c.conf.Broadcast || f.IPDst != addr(m.YourIPAddr) {
		return nil
	}
	return m
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func leaseOf(m *dhcpv4.DHCPv4) Lease {
	l := Lease{Server: addr(m.ServerIdentifier()), Time: m.IPAddressLeaseTime(0)}
	if r := m.Router(); len(r) > 0 {
		l.Router = addr(r[0])
	}
	if a, mask := addr(m.YourIPAddr), m.SubnetMask(); a.IsValid() && mask != nil {
		ones, _ := mask.Size()
		l.Addr = netip.PrefixFrom(a, ones)
	}
	return l
}

// addr returns an address of four octets; the zero Addr for 0.0.0.0 and all else.
func addr(b net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(b.To4())
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

func everyone() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }
