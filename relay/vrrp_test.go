package relay_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A gateway is two routers with relays on one VLAN. By VRRP one of them is the master, which
// has the virtual addresses:
//
//	                     ┌─ vlan10 :router 0: up ─┐
//	clients: c ── lan ───┤    10.1.0.1 virtual    ├── wan :servers
//	                     └─ vlan10 :router 1: up ─┘   10.9.0.2
type gateway struct {
	t        *testing.T
	clients  *space
	servers  *space
	routers  [2]*router
	network  *network
	network6 *network6
	heard    copies // at the servers
	xid      uint32 // of the next client
}

// A router is one of the two.
type router struct {
	bed
	number     int
	daemon     *daemon
	keepalived *exec.Cmd
	vty        string // where FRR has its sockets
}

// newGateway makes a gateway of routers with a configuration of deploy; join has each take
// part in VRRP, nil: they both relay. Servers are to come.
func newGateway(t *testing.T, config string, join func(*router)) *gateway {
	t.Helper()
	g := &gateway{t: t, clients: newSpace(t), servers: newWAN(t)}
	g.clients.Add(&netlink.Bridge{LinkAttrs: netns.Attrs("lan")})
	g.clients.Up("lan")
	g.clients.Veth("c", g.clients.Space, "cb")
	g.clients.port("cb", "lan")
	for i := range g.routers {
		g.routers[i] = g.router(i, config)
		if join != nil {
			join(g.routers[i])
		}
	}
	g.network, g.network6 = attach(g.clients, "c"), attach6(g.clients, "c")
	return g
}

// byKeepalived is a gateway that keepalived moves.
func byKeepalived(t *testing.T) *gateway {
	t.Helper()
	if _, err := exec.LookPath("keepalived"); err != nil {
		netns.Need(t, "keepalived, which make deps-test installs", err)
	}
	g := newGateway(t, "keepalived", (*router).elect)
	g.servers.Route("10.1.0.0/16", "10.9.0.10")
	return g
}

// port puts a link into a bridge.
func (s *space) port(link, bridge string) {
	s.T.Helper()
	s.Must(s.NL.LinkSetMaster(s.Link(link), s.Link(bridge)))
	s.Up(link)
}

// router makes a router that relays.
func (g *gateway) router(i int, config string) *router {
	g.t.Helper()
	r := &router{bed: bed{g.t, newSpace(g.t), g.clients, g.servers}, number: i}
	lan, wan := "l"+strconv.Itoa(i), "w"+strconv.Itoa(i)
	r.relay.Veth("vlan10", g.clients.Space, lan)
	g.clients.port(lan, "lan")
	r.relay.Veth("up", g.servers.Space, wan)
	g.servers.port(wan, "wan")
	r.relay.Addr("vlan10", fmt.Sprintf("10.1.0.%d/16", 2+i))
	r.relay.Addr("up", fmt.Sprintf("10.9.0.%d/24", 11+i))
	r.relay.ipv6("vlan10", fmt.Sprintf("2001:db8:1::%d/64", 2+i))
	r.relay.ipv6("up", fmt.Sprintf("2001:db8:9::%d/64", 11+i))
	r.relay.Sysctl("ipv4/ip_forward", "1")
	text, err := os.ReadFile("../deploy/" + config + "/relay.toml")
	g.must(err)
	r.daemon = r.start(string(text))
	return r
}

// elect starts keepalived, with the file that deploy has. The first router is to be
// master while it can.
func (r *router) elect() {
	shipped, err := os.ReadFile("../deploy/keepalived/keepalived.conf")
	if err != nil {
		r.t.Fatal(err)
	}
	config := strings.NewReplacer("priority 150", "priority "+strconv.Itoa(150-50*r.number), "advert_int 1\n", "advert_int "+planVRRP().every+"\n").Replace(string(shipped))
	dir := r.t.TempDir()
	file := filepath.Join(dir, "keepalived.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.keepalived = exec.Command("keepalived", "--dont-fork", "--log-console", "--vrrp", "-f", file,
		"--pid="+filepath.Join(dir, "pid"), "--vrrp_pid="+filepath.Join(dir, "vrrp"))
	log := &journal{}
	r.keepalived.Stdout, r.keepalived.Stderr = log, log
	r.keepalived.Cancel = nil
	r.relay.start(r.keepalived)
	r.t.Cleanup(func() {
		if r.t.Failed() {
			r.t.Logf("keepalived of router %d:\n%s", r.number, log)
		}
	})
}

// master reports whether a router serves the clients in both families.
func (r *router) master() bool {
	s := r.daemon.scrape()
	return s[`dhcp_relay_interface_state{family="ipv4",interface="vlan10",state="relaying"}`] == 1 &&
		s[`dhcp_relay_interface_state{family="ipv6",interface="vlan10",state="relaying"}`] == 1
}

// waits reports whether a router is on standby in both families.
func (r *router) waits() bool {
	s := r.daemon.scrape()
	return s[`dhcp_relay_interface_state{family="ipv4",interface="vlan10",state="standby"}`] == 1 &&
		s[`dhcp_relay_interface_state{family="ipv6",interface="vlan10",state="standby"}`] == 1
}

// settle waits until one router is the master and the other one is not.
func (g *gateway) settle(up, other *router) {
	g.t.Helper()
	up.daemon.await("one router relays, the other one waits", func() bool { return up.master() && other.waits() })
}

// A copies counts copies of messages by who sent them and which it is.
type copies struct {
	mu sync.Mutex
	of map[uint64]int
}

func (c *copies) add(key uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = make(map[uint64]int)
	}
	c.of[key]++
}

// beyond returns of how many messages there are more copies than were sent.
func (c *copies) beyond(sent *copies) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent.mu.Lock()
	defer sent.mu.Unlock()
	for key, copies := range c.of {
		if copies > sent.of[key] {
			n++
		}
	}
	return n
}

func (c *copies) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.of)
}

// serve answers all requests, also while a router is away.
func (g *gateway) serve() {
	v4 := listenAt(g.servers, "10.9.0.2:67").conn
	v6 := g.servers.ListenUDP("udp6", "[2001:db8:9::2]:547")
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, _, err := v4.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			p := bootp.Packet(b[:n])
			g.heard.add(uint64(p.Xid()))
			kind := bootp.Offer
			if p.Xid()%2 == 1 {
				kind = bootp.Ack
			}
			_, _ = v4.WriteToUDPAddrPort(answer(p, kind, "10.1.77.1"), netip.AddrPortFrom(p.Giaddr(), 67))
		}
	})
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, from, err := v6.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			m := append(dhcp6.Message{}, inside(b[:n])...)
			if len(m) < 4 {
				continue
			}
			g.heard.add(1<<32 | uint64(m.Xid()))
			m[0] = byte(dhcp6.Advertise)
			if m.Xid()%2 == 1 {
				m[0] = byte(dhcp6.Reply)
			}
			_, _ = v6.WriteToUDPAddrPort(answer6(b[:n], m), from)
		}
	})
	g.t.Cleanup(func() { _, _ = v4.Close(), v6.Close(); wg.Wait() })
}

// logins are clients that log in at a rate, each by two exchanges, and ask again when
// they are not answered.
type logins struct {
	g       *gateway
	every   time.Duration // between two clients
	again   time.Duration // between two transmissions
	clients []login
	first   uint32 // xid of the first one
	sent    copies
	replies copies
	mu      sync.Mutex // guards clients
}

// A login is that of one client.
type login struct {
	step    int // 0: it asks for an offer; 1: for a lease; 2: it has one
	sent    time.Time
	times   int // that the step was sent
	most    int // of times, of both steps
	started bool
}

// transmit sends the message of a step.
func (l *logins) transmit(n int) {
	c := &l.clients[n]
	xid := l.first + uint32(2*n+c.step)
	c.sent = time.Now()
	c.times++
	c.most = max(c.most, c.times)
	l.sent.add(uint64(n%2)<<32 | uint64(xid))
	if n%2 == 0 {
		m := discover(xid)
		m.mac = macOf(uint32(n))
		if c.step == 1 {
			m.kind = bootp.Request
		}
		_ = l.g.network.transmit(frameOf(m.request())) // lost, as on a wire
		return
	}
	c6 := client6Of(uint32(n))
	c6.xid = xid
	t := dhcp6.Solicit
	if c.step == 1 {
		t = dhcp6.Request
	}
	l.g.network6.send(c6.frame(c6.message(t, 0)))
}

// run has so many clients log in, and returns when each has a lease.
func (l *logins) run(clients int) {
	t := l.g.t
	t.Helper()
	l.clients = make([]login, clients)
	var over atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		for !over.Load() {
			if f, ok := l.g.network.hear(100 * time.Millisecond); ok {
				l.answered(f.message.Xid(), 0)
			}
		}
	})
	wg.Go(func() {
		b := make([]byte, 1<<16)
		for !over.Load() {
			if f := l.g.network6.hear(b); len(f) > 66 && f[20] == 17 && binary.BigEndian.Uint16(f[56:]) == 546 {
				l.answered(dhcp6.Message(f[62:]).Xid(), 1)
			}
		}
	})
	defer wg.Wait()
	defer over.Store(true)
	began := time.Now()
	limit := time.Duration(clients)*l.every + 6*l.again + patient
	for done := 0; done < clients; {
		if time.Since(began) > limit {
			t.Fatalf("%d of %d clients have a lease after %v", done, clients, limit)
		}
		time.Sleep(time.Millisecond)
		done = 0
		l.mu.Lock()
		for n := range l.clients {
			c := &l.clients[n]
			switch {
			case c.step == 2:
				done++
			case !c.started && time.Since(began) >= time.Duration(n)*l.every:
				c.started = true
				l.transmit(n)
			case c.started && time.Since(c.sent) > l.again:
				l.transmit(n)
			}
		}
		l.mu.Unlock()
	}
}

// answered has a client go on.
func (l *logins) answered(xid uint32, family int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int(xid-l.first) / 2
	if xid < l.first || n >= len(l.clients) || n%2 != family {
		return
	}
	l.replies.add(uint64(family)<<32 | uint64(xid))
	c := &l.clients[n]
	if int(xid-l.first)%2 != c.step {
		return
	}
	if c.step, c.times = c.step+1, 0; c.step < 2 {
		l.transmit(n)
	}
}

// most returns how often a client has sent one message at most.
func (l *logins) most() (most int) {
	for i := range l.clients {
		most = max(most, l.clients[i].most)
	}
	return most
}

// A vrrpPlan is what is asked of the routers: by make ha more, and to the letter, for the
// machine does nothing else then. Else keepalived, too, may have to wait for a processor.
type vrrpPlan struct {
	perSecond     int    // clients that log in
	every         string // between two advertisements, in seconds
	transmissions int    // of a message at most
	exact         bool   // no message twice but when the addresses are taken back
}

func planVRRP() vrrpPlan {
	if n, err := strconv.Atoi(os.Getenv("RELAY_TEST_HA")); err == nil && n > 0 {
		return vrrpPlan{n, "0.1", 2, true}
	}
	return vrrpPlan{100, "0.4", 4, false}
}

// overlap is how long two routers may both have the virtual addresses, and so relay:
// who takes them back has them a moment before the other one has heard of it.
const overlap = 200 * time.Millisecond

// Two routers serve a VLAN by VRRP. While both are up one of them relays, each message
// once; whatever takes the master away, each client has its lease after one more
// transmission at most.
func TestVRRP(t *testing.T) {
	g := byKeepalived(t)
	g.serve()
	first, second := g.routers[0], g.routers[1]
	g.settle(first, second)
	xid := uint32(0)
	plan := planVRRP()
	perSecond := plan.perSecond
	login := func(what string, mayOverlap bool, during func()) {
		t.Helper()
		g.heard.reset()
		l := &logins{g: g, every: time.Second / time.Duration(perSecond), again: 4 * time.Second, first: xid}
		clients := 3 * perSecond
		xid += uint32(2 * clients)
		done := make(chan struct{})
		go func() {
			defer close(done)
			time.Sleep(time.Second)
			during()
		}()
		l.run(clients)
		<-done
		twice, twiceReplied := g.heard.beyond(&l.sent), l.replies.beyond(&l.sent)
		t.Logf("%s: %d clients, at most %d transmissions of a message; more copies than that of %d at a server and of %d replies at a client", what, clients, l.most(), twice, twiceReplied)
		if l.most() > plan.transmissions {
			t.Errorf("%s: a client has sent a message %d times", what, l.most())
		}
		most := 0
		if mayOverlap || !plan.exact {
			most = int(load.Bound(overlap).Seconds() * float64(2*perSecond))
		}
		if max(twice, twiceReplied) > most {
			t.Errorf("%s: %d messages came twice to a server, %d replies to a client", what, twice, twiceReplied)
		}
	}
	login("both are up", false, func() {})
	if second.daemon.scrape().outcome("standby") == 0 {
		t.Error("the router on standby counts no requests")
	}

	login("keepalived of the master is stopped", false, func() { g.must(first.keepalived.Process.Signal(syscall.SIGTERM)) })
	g.settle(second, first)
	_ = first.keepalived.Wait()
	login("keepalived of the first one is back", true, first.elect)
	g.settle(first, second)

	login("the master's uplink is lost", false, func() { g.must(g.servers.NL.LinkSetDown(g.servers.Link("w0"))) })
	g.settle(second, first)
	login("it is back", true, func() { g.must(g.servers.NL.LinkSetUp(g.servers.Link("w0"))) })
	g.settle(first, second)

	login("the master is killed", false, func() {
		g.must(g.clients.NL.LinkSetDown(g.clients.Link("l0")))
		g.must(g.servers.NL.LinkSetDown(g.servers.Link("w0")))
		g.must(first.keepalived.Process.Kill())
		g.must(first.daemon.cmd.Process.Kill())
	})
	second.daemon.await("the second router relays", second.master)
}

func (g *gateway) must(err error) {
	if err != nil {
		g.t.Error(err)
	}
}
