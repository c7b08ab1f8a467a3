package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/real"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// Two routers that both relay: servers see each request twice and clients each reply, with
// the same names of the interface; when a router dies nobody has to ask again.
func TestTwoRoutersRelay(t *testing.T) {
	g := newGateway(t, "recipes/two-routers", nil)
	g.servers.Route("10.1.0.2/32", "10.9.0.11")
	g.servers.Route("10.1.0.3/32", "10.9.0.12")
	g.bothCopies()
	g.oneLease()
	g.serve()
	plan := planVRRP()
	clients, pause := plan.perSecond, 300*time.Millisecond
	if plan.exact {
		clients, pause = 3*plan.perSecond, time.Second
	}
	login := func(what string, copies int, during func()) {
		t.Helper()
		g.heard.reset()
		l := &logins{g: g, every: time.Second / time.Duration(plan.perSecond), again: 4 * time.Second, first: g.xid}
		g.xid += uint32(2 * clients)
		done := make(chan struct{})
		go func() {
			defer close(done)
			time.Sleep(pause)
			during()
		}()
		l.run(clients)
		<-done
		beyond := g.heard.beyondTimes(&l.sent, copies)
		t.Logf("%s: %d clients, at most %d transmissions of a message; %d messages came more than %d times to the server", what, clients, l.most(), beyond, copies)
		if l.most() > 1 && plan.exact || l.most() > plan.transmissions {
			t.Errorf("%s: a client has sent a message %d times", what, l.most())
		}
		if beyond > 0 {
			t.Errorf("%s: %d messages came more than %d times for each transmission", what, beyond, copies)
		}
	}
	login("both are up", 2, func() {})
	login("the second router is killed", 2, func() { g.kill(1) })
	login("it is gone", 1, func() {})
}

// kill takes a router away at once.
func (g *gateway) kill(n int) {
	g.must(g.clients.NL.LinkSetDown(g.clients.Link(fmt.Sprintf("l%d", n))))
	g.must(g.servers.NL.LinkSetDown(g.servers.Link(fmt.Sprintf("w%d", n))))
	g.must(g.routers[n].daemon.cmd.Process.Kill())
}

// bothCopies follows one message of each family to the server and back.
func (g *gateway) bothCopies() {
	t := g.t
	t.Helper()
	v := listenAt(g.servers, "10.9.0.2:67")
	g.network.broadcast(discover(1).request())
	seen := make(map[string]string)
	for range g.routers {
		h := v.want()
		seen[h.Giaddr().String()] = circuit(h.Packet)
		v.reply(h, bootp.Offer, "10.1.77.1")
	}
	if seen["10.1.0.2"] != "vlan10" || seen["10.1.0.3"] != "vlan10" {
		t.Errorf("giaddr and circuit-id of the copies: %v", seen)
	}
	from := make(map[string]bool)
	for range g.routers {
		from[g.network.want().src.String()] = true
	}
	if !from["10.1.0.2:67"] || !from["10.1.0.3:67"] {
		t.Errorf("the client has offers from %v", from)
	}
	_ = v.conn.Close()

	v6 := g.servers.ListenUDP("udp6", "[2001:db8:9::2]:547")
	defer func() { _ = v6.Close() }()
	c := client6Of(1)
	g.network6.send(c.frame(c.message(dhcp6.Solicit, 0)))
	links := make(map[string]string)
	b := make([]byte, 2048)
	g.must(v6.SetReadDeadline(time.Now().Add(patient)))
	for range g.routers {
		n, _, err := v6.ReadFromUDPAddrPort(b)
		if err != nil {
			t.Fatal(err)
		}
		fwd := dhcp6.Message(b[:n])
		opts, _ := fwd.Scan()
		links[netip.AddrFrom16([16]byte(fwd[2:18])).String()] = string(fwd.Value(opts.InterfaceID))
	}
	if links["2001:db8:1::2"] != "vlan10" || links["2001:db8:1::3"] != "vlan10" {
		t.Errorf("link-address and Interface-Id of the copies: %v", links)
	}
}

// oneLease has a real client log in at a real server, which hears of it by both routers.
func (g *gateway) oneLease() {
	t := g.t
	t.Helper()
	if err := errors.Join(real.CheckServer("isc"), real.CheckClient("udhcpc")); err != nil {
		netns.Need(t, "the programs that make deps-test installs", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patient)
	defer cancel()
	s, err := real.StartServer(ctx, "isc", g.servers.NS(), "wan", real.ServerConfig{
		Dir: t.TempDir(), Link: netip.MustParsePrefix("10.9.0.2/24"),
		Subnets: []real.Subnet{{
			Prefix: netip.MustParsePrefix("10.1.0.0/16"), Router: netip.MustParseAddr("10.1.0.1"),
			First: netip.MustParseAddr("10.1.64.0"), Last: netip.MustParseAddr("10.1.127.255"),
		}},
	})
	g.fatal(err)
	defer func() { g.must(s.Close()) }()
	c, err := real.NewClient("udhcpc", g.clients.NS(), "c", t.TempDir())
	g.fatal(err)
	defer func() { g.must(c.Close()) }()
	addr, err := c.Login(ctx)
	g.fatal(err)
	leases, err := s.Leases()
	g.fatal(err)
	mac := g.clients.Link("c").Attrs().HardwareAddr.String()
	leases = slices.DeleteFunc(leases, func(l real.Lease) bool { return l.MAC != mac })
	if len(leases) != 1 || leases[0].Addr != addr.Addr() {
		t.Errorf("the client has %v, and the server these leases of it: %v", addr, leases)
	}
}

func (g *gateway) fatal(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// beyondTimes returns how many messages came more often than so many times for each time
// that they were sent.
func (c *copies) beyondTimes(sent *copies, times int) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent.mu.Lock()
	defer sent.mu.Unlock()
	for key, copies := range c.of {
		if copies > times*sent.of[key] {
			n++
		}
	}
	return n
}

// A fabric is two leaves with one anycast address, and the same MAC for it. VXLAN joins
// their bridges:
//
//	clients: c0 ─ host ─ vlan10 :leaf 0: up ─┐
//	                   10.1.0.1/16           ├── wan :servers
//	clients: c1 ─ host ─ vlan10 :leaf 1: up ─┘   10.9.0.2
//	                   10.1.0.1/16
//
// Leaf 0 has 10.255.0.1 on its loopback, leaf 1 has 10.255.0.2.
type fabric struct {
	t                *testing.T
	clients, servers *space
	leaves           [2]*leaf
	v                *server
	v6               *net.UDPConn
}

// A leaf is one of both, with the clients below it.
type leaf struct {
	bed
	daemon   *daemon
	network  *network
	network6 *network6
	loopback netip.Addr
}

var anycast = net.HardwareAddr{2, 0, 0, 0, 0x0a, 1}

func newFabric(t *testing.T) *fabric {
	t.Helper()
	f := &fabric{t: t, clients: newSpace(t), servers: newWAN(t)}
	config, err := os.ReadFile("../deploy/recipes/evpn/relay.toml")
	if err != nil {
		t.Fatal(err)
	}
	for i := range f.leaves {
		r := &leaf{bed: bed{t, newSpace(t), f.clients, f.servers}, loopback: netip.AddrFrom4([4]byte{10, 255, 0, byte(1 + i)})}
		wan := fmt.Sprintf("w%d", i)
		r.relay.Veth("host", f.clients.Space, fmt.Sprintf("c%d", i))
		r.relay.Veth("up", f.servers.Space, wan)
		f.servers.port(wan, "wan")
		r.relay.Addr("up", fmt.Sprintf("10.9.0.%d/24", 11+i))
		r.relay.Add(&netlink.Vxlan{
			LinkAttrs: netns.Attrs("vxlan10"), VxlanId: 10, VtepDevIndex: r.relay.Index("up"), Port: 4789, Learning: true,
			SrcAddr: net.IPv4(10, 9, 0, byte(11+i)), Group: net.IPv4(10, 9, 0, byte(12-i)),
		})
		r.relay.Must(r.relay.NS().Bridge("vlan10", "host", "vxlan10"))
		r.relay.Must(r.relay.NL.LinkSetHardwareAddr(r.relay.Link("vlan10"), anycast))
		r.relay.Addr("vlan10", "10.1.0.1/16")
		r.relay.ipv6("vlan10", "2001:db8:1::1/64")
		r.relay.ipv6("up", fmt.Sprintf("2001:db8:9::%d/64", 11+i))
		r.relay.Addr("lo", r.loopback.String()+"/32")
		f.servers.Route(r.loopback.String()+"/32", fmt.Sprintf("10.9.0.%d", 11+i))
		r.daemon = r.start(string(config))
		r.network, r.network6 = attach(f.clients, fmt.Sprintf("c%d", i)), attach6(f.clients, fmt.Sprintf("c%d", i))
		f.leaves[i] = r
	}
	f.v, f.v6 = listenAt(f.servers, "10.9.0.2:67"), f.servers.ListenUDP("udp6", "[2001:db8:9::2]:547")
	return f
}

// An anycast gateway: the servers see each leaf by its loopback and learn the subnet and
// the server identifier; replies come back to the leaf that has asked; a client whose leaf
// dies renews at the same address by another one.
func TestAnycastGateway(t *testing.T) {
	t.Parallel()
	f := newFabric(t)
	for i, l := range f.leaves {
		xid := uint32(10 * (i + 1))
		l.network.as(macOf(xid), discover(xid).request())
		h := f.v.want()
		f.sentBy(l, h)
		f.v.reply(h, bootp.Offer, "10.1.77.1")
		if offer := l.network.want(); offer.message.Xid() != xid || relayInfo(offer.message) != nil || [6]byte(anycast) != offer.from {
			t.Errorf("leaf %d: the client hears xid %d from %x with option 82 %x", i, offer.message.Xid(), offer.from, relayInfo(offer.message))
		}
		f.solicit(l, xid)
	}
	// What leaf 1 has brought to its client, leaf 0 has never seen, and of its requests only
	// what the tunnel has brought.
	for i, l := range f.leaves {
		l.daemon.awaitOutcome("ignored_port", 2)
		s := l.daemon.balanced()
		if n := s.outcome("relayed"); n != 4 || s.sum("dhcp_relay_messages_total") != 6 {
			t.Errorf("leaf %d has relayed %d of %d messages, and had 4 of 6", i, n, s.sum("dhcp_relay_messages_total"))
		}
	}
	f.v.silent()

	f.renew(f.leaves[0], 100)
	f.must(f.leaves[0].daemon.cmd.Process.Kill())
	f.must(f.servers.NL.LinkSetDown(f.servers.Link("w0")))
	f.renew(f.leaves[1], 101)
}

// sentBy holds a request against what a leaf says.
func (f *fabric) sentBy(l *leaf, h heard) {
	f.t.Helper()
	info := relayInfo(h.Packet)
	sub := func(code byte) string { v, _ := info.Sub(code); return strings.TrimSpace(fmt.Sprintf("% x", v)) }
	got := fmt.Sprintf("giaddr %v from %v, circuit-id %s, link selection %s, override %s",
		h.Giaddr(), h.from.Addr(), circuit(h.Packet), sub(bootp.SubLinkSelection), sub(bootp.SubServerOverride))
	want := fmt.Sprintf("giaddr %v from %v, circuit-id vlan10, link selection 0a 01 00 00, override 0a 01 00 01", l.loopback, l.loopback)
	if got != want {
		f.t.Errorf("the server hears\n%s, want\n%s", got, want)
	}
}

// solicit has a client of a leaf ask by DHCPv6.
func (f *fabric) solicit(l *leaf, n uint32) {
	f.t.Helper()
	c := client6Of(n)
	l.network6.send(c.frame(c.message(dhcp6.Solicit, 0)))
	b := make([]byte, 2048)
	f.must(f.v6.SetReadDeadline(time.Now().Add(patient)))
	k, from, err := f.v6.ReadFromUDPAddrPort(b)
	if err != nil {
		f.t.Fatal(err)
	}
	fwd := dhcp6.Message(b[:k])
	if link := netip.AddrFrom16([16]byte(fwd[2:18])).String(); link != "2001:db8:1::1" {
		f.t.Errorf("link-address %s", link)
	}
	m := append(dhcp6.Message{}, inside(fwd)...)
	m[0] = byte(dhcp6.Advertise)
	_, err = f.v6.WriteToUDPAddrPort(answer6(fwd, m), from)
	f.must(err)
	l.network6.await(c.addr)
}

// renew has a client with a lease ask the address that it knows as the server's.
func (f *fabric) renew(l *leaf, xid uint32) {
	f.t.Helper()
	m := discover(xid)
	m.kind, m.ciaddr = bootp.Request, netip.MustParseAddr("10.1.77.1")
	frame := append(append([]byte{}, anycast...), m.mac[:]...)
	frame = append(frame, 8, 0)
	frame = append(frame, datagram(netip.MustParseAddrPort("10.1.77.1:68"), netip.MustParseAddrPort("10.1.0.1:67"), m.request())...)
	l.network.must(l.network.transmit(frame))
	h := f.v.want()
	f.sentBy(l, h)
	if flags, _ := relayInfo(h.Packet).Sub(bootp.SubFlags); h.Xid() != xid || len(flags) != 1 || flags[0] != 0x80 {
		f.t.Errorf("xid %d with flags %x", h.Xid(), flags)
	}
	ack := message{xid: xid, kind: bootp.Ack, mac: m.mac, giaddr: h.Giaddr(), ciaddr: m.ciaddr, yiaddr: m.ciaddr}
	info := relayInfo(h.Packet)
	ack.options = append([]byte{54, 4, 10, 1, 0, 1, 82, byte(len(info))}, info...)
	f.v.send(ack.octets(bootp.Reply), netip.AddrPortFrom(h.Giaddr(), 67))
	if a := l.network.want(); a.message.Xid() != xid || a.dst.String() != "10.1.77.1:68" || a.to != m.mac {
		f.t.Errorf("the ACK of xid %d went to %v, %x", a.message.Xid(), a.dst, a.to)
	}
}

func (f *fabric) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Error(err)
	}
}
