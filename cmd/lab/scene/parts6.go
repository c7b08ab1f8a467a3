package scene

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"dhcp-relay/cmd/lab/client6"
	"dhcp-relay/cmd/lab/real"
	"dhcp-relay/cmd/lab/server"
	"dhcp-relay/cmd/lab/server6"
)

// dnsAddr is the DNS server that the lab's own servers tell of.
const dnsAddr = "2001:db8:9::53"

// A Lease6 is an address, as a prefix of 128 bits, or a delegated prefix that a
// server of any kind has given away.
type Lease6 struct {
	Prefix netip.Prefix
	DUID   string // of the client, in hexadecimal
}

// A Server6 is a DHCPv6 server of any kind.
type Server6 interface {
	Leases6() ([]Lease6, error) // those that are bound
	Close() error               // ends it at once; again does nothing
}

// An embeddedServer6 is the lab's own server.
type embeddedServer6 struct {
	*server6.Server

	closed bool
}

// Leases6 implements Server6.
func (s *embeddedServer6) Leases6() ([]Lease6, error) {
	var out []Lease6
	for _, l := range s.Leases() {
		if l.State == server.Bound {
			out = append(out, Lease6{l.Prefix, hex.EncodeToString(l.Client)})
		}
	}
	return out, nil
}

// Close implements Server6.
func (s *embeddedServer6) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	return s.Server.Close()
}

// A realServer6 is a program.
type realServer6 struct{ *real.Server6 }

// Leases6 implements Server6.
func (s realServer6) Leases6() ([]Lease6, error) {
	list, err := s.Leases()
	out := make([]Lease6, len(list))
	for i, l := range list {
		out[i] = Lease6(l)
	}
	return out, err
}

// Lacks says why a family's scenes cannot be played with programs that do not
// know it, or nothing.
func (f Family) Lacks(o Options) string {
	if f == 0 {
		f = IPv4
	}
	for _, x := range []struct {
		family Family
		name   string
		knows  func(string) bool
	}{{IPv4, "DHCPv4", real.HasClient}, {IPv6, "DHCPv6", real.HasClient6}} {
		if f&x.family != 0 && o.Client != Embedded && !x.knows(o.Client) {
			return o.Client + " speaks no " + x.name
		}
	}
	return ""
}

// Client6 returns a new embedded DHCPv6 client on a node, which has none yet.
func (l *Lab) Client6(node string, conf client6.Config) (*client6.Client, error) {
	if conf.Scale == 0 {
		conf.Scale = 2 * calm
	}
	c, err := client6.New(l.ns[node], "eth0", conf)
	if err != nil {
		return nil, err
	}
	l.onClose(c.Close)
	return c, nil
}

// Login6 lets a client of the chosen kind get an address, and a prefix if it is
// to, on a node that has no DHCPv6 client yet.
func (l *Lab) Login6(ctx context.Context, node string, prefix bool) (addr netip.Addr, delegated netip.Prefix, err error) {
	if l.opts.Client == Embedded {
		c, err := l.Client6(node, client6.Config{Prefix: prefix})
		if err != nil {
			return addr, delegated, err
		}
		lease, err := c.Login(ctx)
		return lease.Addr, lease.Prefix, err
	}
	c, err := real.NewClient6(l.opts.Client, l.ns[node], "eth0", l.dir, prefix)
	if err != nil {
		return addr, delegated, err
	}
	l.onClose(c.Close)
	addr, delegated, err = c.Login(ctx)
	if err != nil {
		return addr, delegated, fmt.Errorf("%s on %s: %w", l.opts.Client, node, err)
	}
	return addr, delegated, nil
}

// embedded6 returns the first or second DHCPv6 server, which must be the lab's
// own.
func (l *Lab) embedded6(i int) *server6.Server { return l.servers6[i].(*embeddedServer6).Server }

// holder6 returns the name of the server that has bound an address or prefix,
// and to whom; or nobody.
func (l *Lab) holder6(p netip.Prefix) (name, duid string, err error) {
	for i, s := range l.servers6 {
		list, err := s.Leases6()
		if err != nil {
			return "", "", err
		}
		for _, lease := range list {
			if lease.Prefix == p {
				return [...]string{"s1", "s2"}[i], lease.DUID, nil
			}
		}
	}
	return "nobody", "", nil
}

// bound6 checks that a client's address is of its own network, and that a server
// has leased it to somebody. It returns the server's name. A lab's own client is
// known by its DUID, which holds its hardware address.
func (st *stage) bound6(node string, a netip.Addr) (string, error) {
	if want := network6(network(node)); !want.Contains(a) {
		return "", fmt.Errorf("address of %s: expected one of %s, seen %s", node, want, a)
	}
	return st.leased6(node, netip.PrefixFrom(a, 128))
}

// delegated6 checks that a client's prefix is delegated through its network, and
// that a server has bound it.
func (st *stage) delegated6(node string, p netip.Prefix) (string, error) {
	for i := range 2 {
		for _, s := range subnets6(i) {
			if s.dev == network(node) && s.delegated.Contains(p.Addr()) && p.Bits() == delegatedBits {
				return st.leased6(node, p)
			}
		}
	}
	return "", fmt.Errorf("prefix of %s: expected one of %d bits for its network, seen %s", node, delegatedBits, p)
}

func (st *stage) leased6(node string, p netip.Prefix) (string, error) {
	var name, duid string
	var err error
	// Servers that are programs write their files in their own time.
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if name, duid, err = st.holder6(p); err != nil {
			return "", err
		}
		if name != "nobody" && (st.opts.Client != Embedded || duid == st.duidOf(node)) {
			return name, nil
		}
	}
	return "", fmt.Errorf("lease of %s: expected bound to %s, seen %s with %q", p, st.duidOf(node), name, duid)
}

// duidOf returns the DUID of a node's embedded client, in hexadecimal.
func (l *Lab) duidOf(node string) string {
	return hex.EncodeToString(append([]byte{0, 3, 0, 1}, l.nodeMAC(node)...))
}
