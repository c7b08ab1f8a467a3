// Package scene builds the lab's network around the relay under test and plays
// scenes in it: each drives clients and servers, and then holds what crossed
// the wires, the servers' leases and the relay's counters against what should
// be.
package scene

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"dhcp-relay/cmd/lab/ladder"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/real"
	"dhcp-relay/cmd/lab/server"
	"dhcp-relay/cmd/lab/wire"
)

// Embedded is the kind of clients and servers that are part of the lab.
const Embedded = "embedded"

// Options say what the lab is built of.
type Options struct {
	Prefix string   // of the namespaces' names; at most 11 octets
	Relay  string   // path of the program dhcp-relay
	Server string   // Embedded, or a kind of package real
	Client string   // Embedded, or a kind of package real
	Env    []string // of the relays, beside that of this process
}

// Names of the lab's links on the relays; a link's IPv6 network is that of
// network6.
const (
	clientsA = "clients-a" // 10.1.0.0/24: a1 to a4
	clientsB = "clients-b" // 10.2.0.0/24: b1, and the next relay of a chain
	clientsC = "clients-c" // 10.3.0.0/24: c1, behind the outer relay
	clientsD = "clients-d" // 10.4.0.0/24: between the outer and the middle relay
	servers  = "servers"   // 10.9.0.0/24: s1 and s2
)

// Names of the nodes.
const (
	relayNode  = "relay"
	middleNode = "middle"
	outerNode  = "outer"
)

// A Family is one address family, or both.
type Family uint8

// The families.
const (
	IPv4 Family = 1 << iota
	IPv6
	Both = IPv4 | IPv6
)

// A Plan says which lab to build. The zero value is the least one.
type Plan struct {
	Family Family     // 0: IPv4
	Config string     // of the relay; "": the least configuration
	Chain  bool       // with the outer relay and its client
	ByID   bool       // servers choose the network by Interface-Id
	Trio   *[3]string // with a middle relay, too: the kinds of outer, middle and relay, "" for dhcp-relay
}

// basic is the least configuration of the relay.
const basic = `[[interface]]
name = "clients-*"
servers = ["10.9.0.2", "10.9.0.3"]
`

// A Lab is a network of namespaces with a relay in the middle: a router with
// two client networks and a server network. Build makes it.
type Lab struct {
	opts     Options
	plan     Plan
	dir      string
	ns       map[string]*netns.NS
	nodes    []ladder.Node
	links    []ladder.Link
	segments []segment
	macs     byte // of devices so far
	servers  []Server
	servers6 []Server6
	relays   map[string]*Relay

	mu      sync.Mutex // clients log in at once
	closers []func() error
}

// A segment is one network of the lab.
type segment struct {
	router, dev string
	members     []string
}

// Build makes the network, and starts servers and relays. The caller must Close
// the lab.
func Build(ctx context.Context, o Options, p Plan) (*Lab, error) {
	if p.Family == 0 {
		p.Family = IPv4
	}
	p.Chain = p.Chain || p.Trio != nil
	l := &Lab{opts: o, plan: p, ns: map[string]*netns.NS{}, relays: map[string]*Relay{}}
	if err := l.build(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("build the lab: %w", err), l.Close())
	}
	return l, nil
}

func (l *Lab) build(ctx context.Context) error {
	var err error
	if l.dir, err = os.MkdirTemp("", "dhcp-lab-"); err != nil {
		return err
	}
	l.onClose(func() error { return os.RemoveAll(l.dir) })
	err = errors.Join(l.network(), ctx.Err())
	if err != nil {
		return err
	}
	for i := range 2 {
		if l.has(IPv4) {
			if err := l.startServer(ctx, i); err != nil {
				return err
			}
		}
		if l.has(IPv6) {
			if err := l.startServer6(ctx, i); err != nil {
				return err
			}
		}
	}
	return l.startRelays(ctx)
}

// has reports whether the lab has the family.
func (l *Lab) has(f Family) bool { return l.plan.Family&f != 0 }

// startRelays starts the relays, from the servers outwards.
func (l *Lab) startRelays(ctx context.Context) (err error) {
	if l.plan.Trio != nil {
		return l.startTrio(ctx, *l.plan.Trio)
	}
	config := l.plan.Config
	if config == "" {
		config = map[Family]string{IPv4: basic, IPv6: basic6, Both: basicBoth}[l.plan.Family]
	}
	if l.relays[relayNode], err = l.startRelay(ctx, relayNode, config); err != nil {
		return err
	}
	if l.plan.Chain {
		l.relays[outerNode], err = l.startRelay(ctx, outerNode, `[[interface]]
name = "clients-c"
servers = ["10.2.0.1"]
`)
	}
	return err
}

// Close stops everything and deletes the namespaces.
func (l *Lab) Close() error {
	var errs []error
	for _, f := range slices.Backward(l.closers) {
		errs = append(errs, f())
	}
	l.closers = nil
	return errors.Join(errs...)
}

func (l *Lab) onClose(f func() error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closers = append(l.closers, f)
}

// network makes namespaces, links, addresses and routes.
func (l *Lab) network() error {
	column := 1
	if l.plan.Chain {
		column++
	}
	if l.plan.Trio != nil {
		column++
	}
	for _, name := range []string{"a1", "a2", "a3", "a4", "b1"} {
		if err := l.node(name, 0); err != nil {
			return err
		}
	}
	err := errors.Join(l.node(relayNode, column), l.node("s1", column+1), l.node("s2", column+1))
	if err != nil {
		return err
	}
	onB, err := l.chain()
	if err != nil {
		return err
	}
	err = errors.Join(
		l.ns[relayNode].Forward(),
		l.segment(relayNode, clientsA, "10.1.0.1/24", "a1", "a2", "a3", "a4"),
		l.segment(relayNode, clientsB, "10.2.0.1/24", append([]string{"b1"}, onB...)...),
		l.segment(relayNode, servers, "10.9.0.1/24", "s1", "s2"),
	)
	for i, name := range []string{"s1", "s2"} {
		err = errors.Join(err, l.ns[name].Addr("eth0", serverID(i).String()+"/24"), l.ns[name].Route("default", "10.9.0.1"))
	}
	if l.plan.Chain && l.plan.Trio == nil {
		o := l.ns[outerNode]
		err = errors.Join(err, o.Forward(), l.segment(outerNode, clientsC, "10.3.0.1/24", "c1"),
			o.Addr("eth0", "10.2.0.9/24"), o.Route("default", "10.2.0.1"),
			l.ns[relayNode].Route("10.3.0.0/24", "10.2.0.9"))
	}
	if l.plan.Trio != nil {
		err = errors.Join(err, l.segment(middleNode, clientsD, "10.4.0.1/24", outerNode), l.segment(outerNode, clientsC, "10.3.0.1/24", "c1"))
	}
	if l.has(IPv6) {
		err = errors.Join(err, l.network6())
	}
	return err
}

// chain makes the nodes of the further relays and their client, and returns which
// of them is attached to the relay.
func (l *Lab) chain() ([]string, error) {
	switch {
	case l.plan.Trio != nil:
		return []string{middleNode}, errors.Join(l.node("c1", 0), l.node(outerNode, 1), l.node(middleNode, 2))
	case l.plan.Chain:
		return []string{outerNode}, errors.Join(l.node("c1", 0), l.node(outerNode, 1))
	}
	return nil, nil
}

// node makes a namespace.
func (l *Lab) node(name string, column int) error {
	opts := []netns.Option{netns.WithoutIPv6()}
	if l.has(IPv6) {
		opts = []netns.Option{netns.WithoutDAD(), netns.WithoutLinkLocal()}
	}
	n, err := netns.New(l.opts.Prefix+name, opts...)
	if err != nil {
		return err
	}
	l.ns[name] = n
	l.nodes = append(l.nodes, ladder.Node{Name: name, Column: column})
	l.onClose(n.Close)
	return nil
}

// segment makes a bridge on a router with the members' eth0 behind it, and taps it.
func (l *Lab) segment(router, dev, addr string, members ...string) error {
	l.segments = append(l.segments, segment{router, dev, members})
	r := l.ns[router]
	var ports []string
	for _, m := range members {
		port := "to-" + m
		if err := netns.Veth(l.ns[m], "eth0", r, port); err != nil {
			return err
		}
		if err := l.mac(m, "eth0"); err != nil {
			return err
		}
		ports = append(ports, port)
	}
	if err := errors.Join(r.Bridge(dev, ports...), l.mac(router, dev), r.Addr(dev, addr)); err != nil {
		return err
	}
	tap, err := wire.Open(r, dev)
	if err != nil {
		return err
	}
	l.onClose(tap.Close)
	l.links = append(l.links, ladder.Link{Name: dev, Tap: tap, Owner: router})
	return nil
}

// mac gives a device an address of its own that stays, and makes it known.
func (l *Lab) mac(node, dev string) error {
	l.macs++
	mac := net.HardwareAddr{2, 0, 0, 0, 0, l.macs}
	i := slices.IndexFunc(l.nodes, func(n ladder.Node) bool { return n.Name == node })
	l.nodes[i].MACs = append(l.nodes[i].MACs, mac)
	return l.ns[node].SetMAC(dev, mac)
}

// macOf returns the first hardware address of a node.
func (l *Lab) macOf(node string) string { return l.nodeMAC(node).String() }

func (l *Lab) nodeMAC(node string) net.HardwareAddr {
	i := slices.IndexFunc(l.nodes, func(n ladder.Node) bool { return n.Name == node })
	return l.nodes[i].MACs[0]
}

func serverID(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 9, 0, byte(2 + i)}) }

// subnets returns what a server leases: the servers share no address.
func subnets(i int) []server.Subnet {
	var out []server.Subnet
	for n := byte(1); n <= 3; n++ {
		first := byte(100 + 50*i)
		at := func(b byte) netip.Addr { return netip.AddrFrom4([4]byte{10, n, 0, b}) }
		out = append(out, server.Subnet{
			Prefix: netip.PrefixFrom(at(0), 24), First: at(first), Last: at(first + 49), Router: at(1),
		})
	}
	return out
}

// startServer starts the first or second server.
func (l *Lab) startServer(ctx context.Context, i int) error {
	n, dev := l.ns[[...]string{"s1", "s2"}[i]], "eth0"
	if l.opts.Server == Embedded {
		s, err := server.Start(n, dev, server.Config{
			ID: serverID(i), Subnets: subnets(i), Lease: time.Hour,
			Bootp: map[string]netip.Addr{l.macOf("a3"): netip.MustParseAddr(bootpAddr)},
		})
		if err != nil {
			return err
		}
		e := &embeddedServer{Server: s}
		l.onClose(e.Close)
		l.servers = append(l.servers, e)
		return nil
	}
	c := real.ServerConfig{Dir: l.dir, Link: netip.PrefixFrom(serverID(i), 24)}
	for _, s := range subnets(i) {
		c.Subnets = append(c.Subnets, real.Subnet{Prefix: s.Prefix, First: s.First, Last: s.Last, Router: s.Router})
	}
	s, err := real.StartServer(ctx, l.opts.Server, n, dev, c)
	if err != nil {
		return err
	}
	l.onClose(s.Close)
	l.servers = append(l.servers, realServer{s})
	return nil
}
