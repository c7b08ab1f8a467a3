// Package server6 is a small DHCPv6 server for the lab, the twin of package
// server: it shows what it holds, and does at once what a scene asks of it. It
// must not be used for anything else.
package server6

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/rkap"
)

// serverPort is where relays and servers listen (RFC 9915, section 7.2).
const serverPort = 547

// A Subnet is a client network that a server leases addresses and delegates
// prefixes for.
type Subnet struct {
	Prefix      netip.Prefix
	First, Last netip.Addr   // the addresses that are leased
	Delegated   netip.Prefix // what prefixes are delegated from; invalid: none
	Bits        int          // length of a delegated prefix
	InterfaceID string       // names the network in place of a link-address; "": the link-address does
}

// A Config says what a server serves.
type Config struct {
	ID      []byte // the server identifier, a DUID
	Subnets []Subnet
	DNS     netip.Addr    // option 23, for everyone who asks
	Lease   time.Duration // 0: an hour
	Hold    time.Duration // how long what was advertised is reserved; 0: a minute
	Rapid   bool          // answer a Solicit with Rapid Commit by a Reply
	NoEcho  bool          // do not echo the Interface-Id
}

// A Server answers clients and relays on one link. It is safe for concurrent use.
type Server struct {
	conf Config
	id   dhcpv6.DUID
	conn *net.UDPConn
	done chan struct{}

	mu      sync.Mutex
	pool    pool
	clients map[string]*peer // by DUID
}

// A peer is a client as the server heard it last.
type peer struct {
	from netip.AddrPort
	path *dhcpv6.RelayMessage // nil: no relay in between
	key  rkap.Key
	told uint64 // messages under the key so far; 0: the client has none
}

// Start starts a server on a link of a namespace. It runs until Close.
func Start(n *netns.NS, dev string, conf Config) (*Server, error) {
	s, err := newServer(conf)
	if err != nil {
		return nil, err
	}
	err = n.Do(func() error {
		lc := net.ListenConfig{Control: control(dev)}
		c, err := lc.ListenPacket(context.Background(), "udp6", fmt.Sprintf("[::]:%d", serverPort))
		if err != nil {
			return err
		}
		s.conn = c.(*net.UDPConn)
		return join(s.conn, dev)
	})
	if err != nil {
		return nil, fmt.Errorf("server on %s in %s: %w", dev, n.Name, err)
	}
	go s.serve()
	return s, nil
}

func newServer(conf Config) (*Server, error) {
	if conf.Lease == 0 {
		conf.Lease = time.Hour
	}
	if conf.Hold == 0 {
		conf.Hold = time.Minute
	}
	id, err := dhcpv6.DUIDFromBytes(conf.ID)
	if err != nil {
		return nil, fmt.Errorf("server identifier: %w", err)
	}
	return &Server{
		conf: conf, id: id,
		done:    make(chan struct{}),
		pool:    pool{leases: map[netip.Prefix]*Lease{}},
		clients: map[string]*peer{},
	}, nil
}

// join hears clients of the server's own link, and relays that know no server's
// address (RFC 9915, section 7.1).
func join(c *net.UDPConn, dev string) error {
	l, err := net.InterfaceByName(dev)
	if err != nil {
		return err
	}
	p := ipv6.NewPacketConn(c)
	return errors.Join(
		p.JoinGroup(l, &net.UDPAddr{IP: net.ParseIP("ff02::1:2")}),
		p.JoinGroup(l, &net.UDPAddr{IP: net.ParseIP("ff05::1:3")}),
	)
}

// Close ends the server: port 547 is closed, as if it had died.
func (s *Server) Close() error {
	err := s.conn.Close()
	<-s.done
	return err
}

// Leases returns everything that the server holds, in order.
func (s *Server) Leases() []Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pool.list()
}

// Lease returns what the server holds for an address, written as a prefix of 128
// bits, or for a delegated prefix; its State is 0 if that is nothing.
func (s *Server) Lease(p netip.Prefix) Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.pool.at(p, time.Now()); l != nil {
		return *l
	}
	return Lease{Prefix: p}
}

// Reconfigure tells a client to send a message of the type: Renew, Rebind or
// Information-request (RFC 9915, section 18.3.11). It goes the way that the
// client's last message came. It fails if the client has accepted no key.
func (s *Server) Reconfigure(client []byte, t dhcpv6.MessageType) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.clients[string(client)]
	if p == nil || p.told == 0 {
		return fmt.Errorf("client %x has accepted no reconfigure key", client)
	}
	m, err := dhcpv6.NewMessage(dhcpv6.WithServerID(s.id))
	if err != nil {
		return err
	}
	id, err := dhcpv6.DUIDFromBytes(client)
	if err != nil {
		return err
	}
	m.MessageType, m.TransactionID = dhcpv6.MessageTypeReconfigure, dhcpv6.TransactionID{}
	m.AddOption(dhcpv6.OptClientID(id))
	m.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionReconfMessage, OptionData: []byte{byte(t)}})
	p.told++
	rkap.Sign(m, p.key, p.told)
	return s.send(m, p)
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
		// Zones are names of the namespace that this process began in; the socket
		// is bound to its link.
		s.hear(buf[:n], netip.AddrPortFrom(from.Addr().WithZone(""), from.Port()))
	}
}

// hear answers one message.
func (s *Server) hear(b []byte, from netip.AddrPort) {
	d, err := dhcpv6.FromBytes(b)
	if err != nil {
		return
	}
	m, path, ok := unwrap(d)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peer(m)
	p.from, p.path = from, path
	r := s.answer(m, p, time.Now())
	if r == nil {
		return
	}
	// A reply that cannot be sent is a reply that is lost: clients retry.
	_ = s.send(r, p)
}

// peer returns what is known of the sender of a message. Who gives no DUID is
// forgotten at once.
func (s *Server) peer(m *dhcpv6.Message) *peer {
	id := m.Options.ClientID()
	if id == nil {
		return &peer{}
	}
	key := string(id.ToBytes())
	if s.clients[key] == nil {
		s.clients[key] = &peer{}
		_, _ = rand.Read(s.clients[key].key[:]) // never fails
	}
	return s.clients[key]
}

// send sends a message to a client the way that it was heard.
func (s *Server) send(m *dhcpv6.Message, p *peer) error {
	to := p.from
	d := dhcpv6.DHCPv6(m)
	if p.path != nil {
		d = s.wrap(p.path, m)
		if p.path.Options.RelayPort() == nil {
			to = netip.AddrPortFrom(to.Addr(), serverPort)
		}
	}
	_, err := s.conn.WriteToUDPAddrPort(d.ToBytes(), to)
	return err
}

// control binds a socket to a link.
func control(dev string) func(string, string, syscall.RawConn) error {
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		cerr := c.Control(func(fd uintptr) {
			err = errors.Join(
				unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
				unix.BindToDevice(int(fd), dev),
			)
		})
		return errors.Join(cerr, err)
	}
}
