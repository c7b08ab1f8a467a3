// Package server is a small DHCPv4 and BOOTP server for the lab: it shows what
// it holds, and does at once what a scene asks of it. It must not be used for
// anything else.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
)

// The UDP ports (RFC 2131, section 4.1).
const (
	serverPort = 67
	clientPort = 68
)

// A Subnet is a client network that a server leases addresses for.
type Subnet struct {
	Prefix      netip.Prefix
	First, Last netip.Addr // the addresses that are leased
	Router      netip.Addr // option 3; invalid: none
}

// A Config says what a server serves.
type Config struct {
	ID      netip.Addr // the server identifier: its own address
	Subnets []Subnet
	Lease   time.Duration         // 0: an hour
	Hold    time.Duration         // how long an offer is reserved; 0: a minute
	Bootp   map[string]netip.Addr // addresses of BOOTP clients by MAC, as net.HardwareAddr.String
	NoEcho  bool                  // do not echo option 82
}

// A Server answers clients and relays on one link. It is safe for concurrent use.
type Server struct {
	conf Config
	conn *net.UDPConn
	done chan struct{}

	mu   sync.Mutex
	pool pool
}

// Start starts a server on a link of a namespace, which must have the address
// conf.ID. It runs until Close.
func Start(n *netns.NS, dev string, conf Config) (*Server, error) {
	s := newServer(conf)
	err := n.Do(func() error {
		lc := net.ListenConfig{Control: control(dev)}
		c, err := lc.ListenPacket(context.Background(), "udp4", fmt.Sprintf(":%d", serverPort))
		if err != nil {
			return err
		}
		s.conn = c.(*net.UDPConn)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("server on %s in %s: %w", dev, n.Name, err)
	}
	go s.serve()
	return s, nil
}

func newServer(conf Config) *Server {
	if conf.Lease == 0 {
		conf.Lease = time.Hour
	}
	if conf.Hold == 0 {
		conf.Hold = time.Minute
	}
	return &Server{
		conf: conf,
		done: make(chan struct{}),
		pool: pool{subnets: conf.Subnets, leases: map[netip.Addr]*Lease{}},
	}
}

// Close ends the server: port 67 is closed, as if it had died.
func (s *Server) Close() error {
	err := s.conn.Close()
	<-s.done
	return err
}

// Leases returns everything that the server holds, by address.
func (s *Server) Leases() []Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pool.list()
}

// Lease returns what the server holds for an address; its State is 0 if that is
// nothing.
func (s *Server) Lease(a netip.Addr) Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.pool.at(a, time.Now()); l != nil {
		return *l
	}
	return Lease{Addr: a}
}

// Forget frees an address, as if its lease had expired.
func (s *Server) Forget(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pool.leases, a)
}

func (s *Server) serve() {
	defer close(s.done)
	buf := make([]byte, 1<<16)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error for an earlier reply: the next message may be fine
		}
		m, err := dhcpv4.FromBytes(buf[:n])
		if err != nil {
			continue
		}
		s.mu.Lock()
		r := s.answer(m, time.Now())
		s.mu.Unlock()
		if r == nil {
			continue
		}
		// A reply that cannot be sent is a reply that is lost: clients retry.
		_, _ = s.conn.WriteToUDPAddrPort(r.ToBytes(), destination(m, from))
	}
}

// destination says where the reply to a message goes (RFC 2131, section 4.1).
// A relay that does not use port 67 says so in option 82 (RFC 8357). Clients
// without an address get broadcasts: a plain socket cannot reach them otherwise.
func destination(m *dhcpv4.DHCPv4, from netip.AddrPort) netip.AddrPort {
	if gi := ip(m.GatewayIPAddr); gi.IsValid() {
		if info := m.RelayAgentInfo(); info != nil && info.Has(dhcpv4.RelaySourcePortSubOption) {
			return netip.AddrPortFrom(gi, from.Port())
		}
		return netip.AddrPortFrom(gi, serverPort)
	}
	if ci := ip(m.ClientIPAddr); ci.IsValid() {
		return netip.AddrPortFrom(ci, clientPort)
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), clientPort)
}

// control binds a socket to a link, for broadcasts both ways.
func control(dev string) func(string, string, syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		cerr := c.Control(func(fd uintptr) {
			err = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.BindToDevice(int(fd), dev),
			)
		})
		return errors.Join(cerr, err)
	}
}
