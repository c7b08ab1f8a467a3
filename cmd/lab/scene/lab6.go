package scene

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"dhcp-relay/cmd/lab/real"
	"dhcp-relay/cmd/lab/server6"
)

// The least configurations of the relay with IPv6, and with both families.
const (
	basic6 = `[[interface]]
name = "clients-*"
servers = ["2001:db8:9::2", "2001:db8:9::3"]
`
	basicBoth = `[[interface]]
name = "clients-*"
servers = ["10.9.0.2", "10.9.0.3", "2001:db8:9::2", "2001:db8:9::3"]
`
)

// Numbers of hosts that stand behind a router on a network, or further out.
const (
	routerHost = 1
	behindHost = 9
)

// network6 returns the IPv6 network of a link: 2001:db8:N::/64.
func network6(dev string) netip.Prefix {
	n := map[string]byte{clientsA: 1, clientsB: 2, clientsC: 3, clientsD: 4, servers: 9}[dev]
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, n}), 64)
}

// host6 returns a host's address on a link's network.
func host6(dev string, host byte) netip.Addr {
	b := network6(dev).Addr().As16()
	b[15] = host
	return netip.AddrFrom16(b)
}

func serverID6(i int) netip.Addr { return host6(servers, byte(2+i)) }

// linkLocal returns a node's link-local address, which its name tells where it
// can: a1 is fe80::a1.
func linkLocal(node string) netip.Addr {
	low := map[string]byte{outerNode: 0x99, middleNode: 0x98, "s1": 0x51, "s2": 0x52}[node]
	if low == 0 {
		low = (node[0]-'a'+10)<<4 | (node[1] - '0')
	}
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 15: low})
}

// network6 gives every link its IPv6 addresses: each router is fe80::1 to each of
// its networks, and its members have no address but the link-local one, unless
// they are servers or relays.
func (l *Lab) network6() error {
	var errs []error
	for _, s := range l.segments {
		r := l.ns[s.router]
		errs = append(errs, r.Forward6(), r.Addr(s.dev, "fe80::1/64"), r.Addr(s.dev, host6(s.dev, routerHost).String()+"/64"))
		for _, m := range s.members {
			errs = append(errs, l.ns[m].Addr("eth0", linkLocal(m).String()+"/64"))
			switch m {
			case outerNode, middleNode:
				errs = append(errs, l.ns[m].Addr("eth0", host6(s.dev, behindHost).String()+"/64"))
			case "s1", "s2":
				errs = append(errs, l.ns[m].Addr("eth0", serverID6(int(m[1]-'1')).String()+"/64"),
					l.ns[m].Route("default", host6(s.dev, routerHost).String()))
			}
		}
	}
	return errors.Join(errs...)
}

// A subnet6 is what one server leases of one network, and delegates through it.
type subnet6 struct {
	dev         string
	prefix      netip.Prefix
	first, last netip.Addr
	delegated   netip.Prefix
}

// delegatedBits is the length of the prefixes that clients get.
const delegatedBits = 56

// subnets6 returns what a server leases: the servers share nothing.
func subnets6(i int) []subnet6 {
	var out []subnet6
	for _, dev := range []string{clientsA, clientsB, clientsC} {
		p := network6(dev)
		first := byte(0x10 + 0x40*i)
		b := p.Addr().As16()
		// 2001:db8:N00::/41 or the half after it.
		b[4], b[5] = b[5], byte(i)<<7
		out = append(out, subnet6{
			dev, p, host6(dev, first), host6(dev, first+0x3f), netip.PrefixFrom(netip.AddrFrom16(b), 41),
		})
	}
	return out
}

// startServer6 starts the first or second DHCPv6 server. A lab of its own may
// have it go by Interface-Ids rather than by link-addresses.
func (l *Lab) startServer6(ctx context.Context, i int) error {
	n, dev := l.ns[[...]string{"s1", "s2"}[i]], "eth0"
	if l.opts.Server != Embedded {
		c := real.ServerConfig6{Dir: l.dir, Link: netip.PrefixFrom(serverID6(i), 64)}
		for _, s := range subnets6(i) {
			c.Subnets = append(c.Subnets, real.Subnet6{
				Prefix: s.prefix, First: s.first, Last: s.last, Delegated: s.delegated, Bits: delegatedBits,
			})
		}
		s, err := real.StartServer6(ctx, l.opts.Server, n, dev, c)
		if err != nil {
			return err
		}
		l.onClose(s.Close)
		l.servers6 = append(l.servers6, realServer6{s})
		return nil
	}
	c := server6.Config{
		ID: []byte{0, 3, 0, 1, 2, 0, 0, 0, 9, byte(1 + i)}, DNS: netip.MustParseAddr(dnsAddr), Rapid: true,
	}
	for _, s := range subnets6(i) {
		sub := server6.Subnet{Prefix: s.prefix, First: s.first, Last: s.last, Delegated: s.delegated, Bits: delegatedBits}
		if l.plan.ByID {
			sub.InterfaceID = s.dev
		}
		c.Subnets = append(c.Subnets, sub)
	}
	s, err := server6.Start(n, dev, c)
	if err != nil {
		return err
	}
	e := &embeddedServer6{Server: s}
	l.onClose(e.Close)
	l.servers6 = append(l.servers6, e)
	return nil
}

// startTrio starts three relays in a row, each of its kind: dhcp-relay where it
// is "".
func (l *Lab) startTrio(ctx context.Context, kinds [3]string) error {
	// Servers may answer a relay by unicast only: each knows the next by address.
	for i, r := range []struct {
		name, down, up string
		next           netip.Addr
	}{
		{outerNode, clientsC, "eth0", host6(clientsD, routerHost)},
		{middleNode, clientsD, "eth0", host6(clientsB, routerHost)},
		{relayNode, clientsB, servers, serverID6(0)},
	} {
		if kinds[i] != "" {
			p, err := real.StartRelay6(ctx, kinds[i], l.ns[r.name], real.RelayConfig6{
				Dir: l.dir, Down: r.down, Up: r.up, Link: host6(r.down, routerHost), Next: r.next,
			})
			if err != nil {
				return err
			}
			l.onClose(p.Close)
			continue
		}
		config := fmt.Sprintf("[[interface]]\nname = %q\nservers = [%q]\ntrusted = %v\n", r.down, r.next, r.name != outerNode)
		if id := l.interfaceID(r.down); id != r.down {
			config += fmt.Sprintf("[interface.dhcpv6]\ninterface_id = %q\n", id)
		}
		var err error
		l.relays[r.name], err = l.startRelay(ctx, r.name, config)
		if err != nil {
			return err
		}
	}
	return nil
}

// interfaceID returns the Interface-Id of a link. Dibbler cuts those of other
// relays to four octets on their way back, so they have four in its chains.
func (l *Lab) interfaceID(dev string) string {
	if l.plan.Trio != nil && slices.Contains(l.plan.Trio[:], "dibbler") {
		return "id-" + dev[len(dev)-1:]
	}
	return dev
}
