// Package scenes plays the relay's job on networks that routers have and most
// containers have not: VRFs, 802.1Q trunks, tunnels, firewalls, losses. Each
// subtest is one scene, held against the wire, the servers' leases and the
// relay's counters. The virtual machine of package vm has all that they need.
package scenes

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/client"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/server"
	"dhcp-relay/cmd/lab/wire"
)

// patience bounds every wait for something that must come.
const patience = 30 * time.Second

// daemonPath is the daemon under test.
var daemonPath = os.Getenv("DHCP_RELAY")

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run builds the daemon where it is not given.
func run(m *testing.M) int {
	if daemonPath != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "dhcp-relay-scenes")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	daemonPath = filepath.Join(dir, "dhcp-relay")
	// In a container it finds no libraries.
	build := exec.Command("go", "build", "-o", daemonPath, "dhcp-relay/cmd/dhcp-relay")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the daemon: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// need skips a scene for want of something. With RELAY_TEST_NOSKIP=1 only what
// the kernel lacks may be missing, with RELAY_TEST_NOSKIP=all nothing.
func need(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	noSkip := os.Getenv("RELAY_TEST_NOSKIP")
	if noSkip == "all" || noSkip != "" && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EPROTONOSUPPORT) && !errors.Is(err, unix.ENOENT) {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("SKIPPED, not shown here: %s: %v", what, err)
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// A scene is one story.
type scene struct {
	name string
	play func(*testing.T)
}

// A bed is a router with the relay, and what is attached to it.
type bed struct {
	t      *testing.T
	router *netns.NS
	daemon *daemon
	option netns.Option   // of all namespaces
	want   map[string]int // what the counters must show at the end
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := bedWith(t, netns.WithoutIPv6())
	must(t, b.router.Forward())
	return b
}

func bedWith(t *testing.T, option netns.Option) *bed {
	t.Helper()
	netns.Require(t)
	return &bed{t: t, router: netns.Test(t, "r", option), option: option, want: map[string]int{}}
}

// vrf makes a VRF on the router.
func (b *bed) vrf(name string, table uint32) {
	b.t.Helper()
	need(b.t, "VRF devices", b.router.VRF(name, table))
}

// enslave puts a link of the router into a VRF, or into the default one.
func (b *bed) enslave(dev, vrf string) { b.t.Helper(); must(b.t, b.router.Master(dev, vrf)) }

// cable joins a link of the router to eth0 of a new namespace.
func (b *bed) cable(dev string) *netns.NS {
	b.t.Helper()
	n := netns.Test(b.t, dev, b.option)
	must(b.t, netns.Veth(b.router, dev, n, "eth0"))
	return n
}

// A host is a client, with a tap on its link.
type host struct {
	*client.Client

	ns  *netns.NS
	dev string
	tap *ear
}

// client returns a client on a link of a namespace. It is calm: it sends nothing
// twice unless the machine is very slow.
func (b *bed) client(n *netns.NS, dev string) *host {
	return b.clientWith(n, dev, client.Config{Scale: 1})
}

func (b *bed) clientWith(n *netns.NS, dev string, conf client.Config) *host {
	b.t.Helper()
	c, err := client.New(n, dev, conf)
	must(b.t, err)
	b.t.Cleanup(func() { _ = c.Close() }) // its link may be gone
	return &host{c, n, dev, b.tap(n, dev)}
}

// An ear is a tap on a link, which may be one without Ethernet headers.
type ear struct {
	*wire.Tap

	bare bool
}

func (b *bed) tap(n *netns.NS, dev string) *ear {
	b.t.Helper()
	tap, err := wire.Open(n, dev)
	must(b.t, err)
	b.t.Cleanup(func() { must(b.t, tap.Close()) })
	mac, err := n.MAC(dev)
	must(b.t, err)
	return &ear{tap, len(mac) != 6}
}

// Drain returns the frames heard so far; those without headers get one.
func (e *ear) Drain() ([]wire.Frame, error) {
	frames, err := e.Tap.Drain()
	if !e.bare {
		return frames, err
	}
	header := [14]byte{12: wire.TypeIPv4 >> 8, 13: wire.TypeIPv4 & 0xff}
	for i, f := range frames {
		frames[i], _ = wire.Decode(append(header[:], f.Raw...)) // what does not decode is no DHCP
		frames[i].Outgoing = f.Outgoing
	}
	return frames, err
}

// attach cables a namespace to a new link of the router, in a VRF unless that is "",
// with the router's address on it.
func (b *bed) attach(dev, vrf, prefix string) *netns.NS {
	b.t.Helper()
	n := b.cable(dev)
	if vrf != "" {
		b.enslave(dev, vrf)
	}
	must(b.t, b.router.Addr(dev, prefix))
	return n
}

// network attaches a client network, and returns a client there.
func (b *bed) network(dev, vrf, prefix string) *host {
	b.t.Helper()
	return b.client(b.attach(dev, vrf, prefix), "eth0")
}

// A dhcpd is a server with a tap on its link.
type dhcpd struct {
	*server.Server

	ns  *netns.NS
	id  netip.Addr
	tap *ear
}

// server cables a server to a new link of the router. Its default route leads to
// the router.
func (b *bed) server(dev, vrf, routerPrefix, id string, subnets ...string) *dhcpd {
	b.t.Helper()
	n := b.cable(dev)
	if vrf != "" {
		b.enslave(dev, vrf)
	}
	p := netip.MustParsePrefix(routerPrefix)
	must(b.t, b.router.Addr(dev, routerPrefix),
		n.Addr("eth0", netip.PrefixFrom(netip.MustParseAddr(id), p.Bits()).String()),
		n.Route("default", p.Addr().String()))
	return b.serve(n, "eth0", id, subnets...)
}

// serve starts a server on a link of a namespace.
func (b *bed) serve(n *netns.NS, dev, id string, subnets ...string) *dhcpd {
	b.t.Helper()
	return &dhcpd{b.program(n, dev, id, subnets...), n, netip.MustParseAddr(id), b.tap(n, dev)}
}

// program starts a server that is bound to a link, or to none.
func (b *bed) program(n *netns.NS, dev, id string, subnets ...string) *server.Server {
	b.t.Helper()
	conf := server.Config{ID: netip.MustParseAddr(id), Lease: time.Hour}
	for _, s := range subnets {
		conf.Subnets = append(conf.Subnets, subnet(netip.MustParsePrefix(s)))
	}
	d, err := server.Start(n, dev, conf)
	must(b.t, err)
	b.t.Cleanup(func() { _ = d.Close() }) // a scene may have closed it
	return d
}

// subnet leases the addresses .100 to .199 of a subnet whose router is p.
func subnet(p netip.Prefix) server.Subnet {
	at := func(last byte) netip.Addr {
		a := p.Addr().As4()
		a[3] = last
		return netip.AddrFrom4(a)
	}
	return server.Subnet{Prefix: p.Masked(), First: at(100), Last: at(199), Router: p.Addr()}
}

// leak lets what arrives by one VRF for a prefix of another one reach it: a
// route in the table of the first that leads to the VRF device of the second.
func (b *bed) leak(table int, prefix, vrf string) {
	b.t.Helper()
	must(b.t, b.router.Do(func() error {
		l, err := netlink.LinkByName(vrf)
		if err != nil {
			return err
		}
		dst, err := netlink.ParseIPNet(prefix)
		if err != nil {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{Table: table, LinkIndex: l.Attrs().Index, Dst: dst})
	}))
}

// within returns a context for what must not last.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}
