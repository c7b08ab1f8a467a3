package bench

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

// A pair is an address of each family.
type pair struct{ v4, v6 netip.Addr }

func (p pair) addr(f dhcp.Family) netip.Addr {
	if f == dhcp.V6 {
		return p.v6
	}
	return p.v4
}

func pairOf(v4, v6 string) pair {
	return pair{netip.MustParseAddr(v4), netip.MustParseAddr(v6)}
}

// The names of the links and their addresses.
const (
	loadLink, downLink  = "d0", "d0" // load - relay; like further client links, c1 and so on
	upLink, serverLink  = "u0", "s0" // relay - sink, the virtual uplink
	directTx, directRx  = "x0", "x0" // load - sink, without a relay
	portServer, port547 = 67, 547
)

// A bed is three namespaces: the load's, the relay's and the servers'. Ours to
// make, ours to close.
type bed struct {
	load, relay, sink *netns.NS
	down              pair // the relay's address towards the clients
	direct            pair // the server's address on the link without a relay
	nl                *netlink.Handle
	more              int // further client links, c1 to c<more>
}

// newBed makes the namespaces and the links between them. Segmentation and
// checksum offload are on, as they are on a router's interfaces: without them
// there is no UDP GSO.
func newBed() (*bed, error) {
	b := &bed{
		down:   pairOf("10.67.0.1", "fd67::1"),
		direct: pairOf("10.69.0.2", "fd69::2"),
	}
	tag := fmt.Sprintf("db%d-%s-", os.Getpid(), rand.Text()[:4])
	for _, n := range []struct {
		ns   **netns.NS
		name string
		opts netns.Option
	}{
		// The load needs no IPv6 of the kernel: it sends and hears frames.
		{&b.load, "load", netns.WithoutIPv6()},
		{&b.relay, "relay", netns.WithoutDAD()},
		{&b.sink, "sink", netns.WithoutDAD()},
	} {
		ns, err := netns.New(tag+n.name, n.opts)
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
		*n.ns = ns
	}
	err := b.relay.Do(func() (err error) {
		b.nl, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	if err := b.build(); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bed) close() error {
	if b.nl != nil {
		b.nl.Close()
	}
	var errs []error
	for _, n := range []*netns.NS{b.load, b.relay, b.sink} {
		if n != nil {
			errs = append(errs, n.Close())
		}
	}
	return errors.Join(errs...)
}

func (b *bed) build() error {
	if err := errors.Join(
		b.relay.Forward(), b.relay.Sysctl("net/ipv6/conf/all/forwarding", "1"),
		netns.Veth(b.load, loadLink, b.relay, downLink),
		netns.Veth(b.relay, upLink, b.sink, serverLink),
		netns.Veth(b.load, directTx, b.sink, directRx),
	); err != nil {
		return err
	}
	var errs []error
	for _, l := range []struct {
		ns    *netns.NS
		dev   string
		cidrs []string
	}{
		{b.load, loadLink, nil},
		{b.relay, downLink, []string{"10.67.0.1/16", "fd67::1/64"}},
		{b.relay, upLink, []string{"10.68.0.1/24", "fd68::1/64"}},
		{b.sink, serverLink, []string{"10.68.0.2/24", "fd68::2/64"}},
		{b.sink, directRx, []string{"10.69.0.2/24", "fd69::2/64"}},
	} {
		errs = append(errs, l.ns.Offload(l.dev, true))
		for _, c := range l.cidrs {
			errs = append(errs, l.ns.Addr(l.dev, c))
		}
	}
	errs = append(errs,
		b.sink.Route("10.67.0.0/16", "10.68.0.1"), b.sink.Route("fd67::/64", "fd68::1"),
		b.sink.Route("10.128.0.0/9", "10.68.0.1"), b.neighbours(), b.buildCard())
	return errors.Join(errs...)
}

// neighbours tells the relay's host the link-layer addresses of what does not
// answer for itself: the DHCPv6 clients, which have no stack behind them, and
// the destination of the traffic that is only forwarded, which nobody receives.
// IPv4 clients are not told: how to reach them is a relay's own art.
func (b *bed) neighbours() error {
	down, err := b.nl.LinkByName(downLink)
	if err != nil {
		return fmt.Errorf("link %s: %w", downLink, err)
	}
	up, err := b.nl.LinkByName(upLink)
	if err != nil {
		return fmt.Errorf("link %s: %w", upLink, err)
	}
	add := func(l netlink.Link, ip netip.Addr, mac net.HardwareAddr) error {
		return b.nl.NeighSet(&netlink.Neigh{
			LinkIndex: l.Attrs().Index, IP: ip.AsSlice(), HardwareAddr: mac, State: netlink.NUD_PERMANENT,
		})
	}
	for i := range Clients {
		if err := add(down, clientLocal(i), clientMAC(i)); err != nil {
			return fmt.Errorf("neighbour: %w", err)
		}
	}
	t := transit()
	nobody := net.HardwareAddr{2, 0x66, 0, 0, 0, 1}
	return errors.Join(add(up, t.v4, nobody), add(up, t.v6, nobody))
}

// transit is where the traffic that is only forwarded goes.
func transit() pair { return pairOf("10.68.0.9", "fd68::9") }

// serverPort is the port that servers and relays of a family listen on.
func serverPort(f dhcp.Family) uint16 {
	if f == dhcp.V6 {
		return port547
	}
	return portServer
}
