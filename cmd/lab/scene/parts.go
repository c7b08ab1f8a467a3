package scene

import (
	"context"
	"fmt"
	"net/netip"

	"dhcp-relay/cmd/lab/client"
	"dhcp-relay/cmd/lab/real"
	"dhcp-relay/cmd/lab/server"
)

// A Lease is what a server of any kind has given away.
type Lease struct {
	Addr netip.Addr
	MAC  string
}

// A Server is a DHCP server of any kind.
type Server interface {
	Leases() ([]Lease, error) // those that are bound
	Close() error             // ends it at once; again does nothing
}

// An embeddedServer is the lab's own server.
type embeddedServer struct {
	*server.Server

	closed bool
}

// Leases implements Server.
func (s *embeddedServer) Leases() ([]Lease, error) {
	var out []Lease
	for _, l := range s.Server.Leases() {
		if l.State == server.Bound {
			out = append(out, Lease{l.Addr, l.MAC.String()})
		}
	}
	return out, nil
}

// Close implements Server.
func (s *embeddedServer) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return s.Server.Close()
}

// A realServer is a program.
type realServer struct{ *real.Server }

// Leases implements Server.
func (s realServer) Leases() ([]Lease, error) {
	list, err := s.Server.Leases()
	out := make([]Lease, len(list))
	for i, l := range list {
		out[i] = Lease(l)
	}
	return out, err
}

// Client returns a new embedded client on a node, which has none yet.
func (l *Lab) Client(node string, conf client.Config) (*client.Client, error) {
	c, err := client.New(l.ns[node], "eth0", conf)
	if err != nil {
		return nil, err
	}
	l.onClose(c.Close)
	return c, nil
}

// Login lets a client of the chosen kind get an address on a node that has no
// client yet. The broadcast flag is as the kind of client has it, or as asked.
func (l *Lab) Login(ctx context.Context, node string, broadcast bool) (netip.Prefix, error) {
	if l.opts.Client == Embedded {
		c, err := l.Client(node, client.Config{Broadcast: broadcast, Scale: calm})
		if err != nil {
			return netip.Prefix{}, err
		}
		lease, err := c.Login(ctx)
		return lease.Addr, err
	}
	c, err := real.NewClient(l.opts.Client, l.ns[node], "eth0", l.dir)
	if err != nil {
		return netip.Prefix{}, err
	}
	l.onClose(c.Close)
	p, err := c.Login(ctx)
	if err != nil {
		return p, fmt.Errorf("%s on %s: %w", l.opts.Client, node, err)
	}
	return p, nil
}

// embedded returns the first or second server, which must be the lab's own.
func (l *Lab) embedded(i int) *server.Server { return l.servers[i].(*embeddedServer).Server }

// holder returns which server has bound the address, and to whom.
func (l *Lab) holder(a netip.Addr) (index int, mac string, err error) {
	for i, s := range l.servers {
		list, err := s.Leases()
		if err != nil {
			return 0, "", err
		}
		for _, lease := range list {
			if lease.Addr == a {
				return i, lease.MAC, nil
			}
		}
	}
	return -1, "", nil
}
