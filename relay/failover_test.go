package relay_test

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/real"
	"dhcp-relay/relay/observe/status"
	"dhcp-relay/relay/wire/bootp"
)

// A pair is a relay whose group asks Kea, and ISC dhcpd in its place:
//
//	clients: cvlan10 ---- vlan10 :relay: up ---- s ┬ e :Kea, 10.9.0.2, leases 10.1.64.0/18
//	                10.1.0.1/16        10.9.0.1/24 └ e :dhcpd, 10.9.0.3, leases 10.1.128.0/18
type pair struct {
	bed
	network *network
	hosts   [2]*space
	kea     *real.Server
	daemon  *daemon
	xid     uint32
	dir     string
}

const preferred, other = "10.9.0.2", "10.9.0.3"

// newPair makes a pair. Its files are in memory: dhcpd writes each lease to disk.
func newPair(t *testing.T) *pair {
	for _, kind := range []string{"kea", "isc"} {
		if err := real.CheckServer(kind); err != nil {
			netns.Need(t, "the servers that make deps-test installs", err)
		}
	}
	p := &pair{bed: bed{t, newSpace(t), newSpace(t), newSpace(t)}}
	dir, err := os.MkdirTemp("/dev/shm", "failover")
	p.must(err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p.dir = dir
	p.servers.Add(&netlink.Bridge{LinkAttrs: netns.Attrs("wan")})
	p.servers.Up("wan")
	p.relay.Veth("up", p.servers.Space, "s")
	p.servers.port("s", "wan")
	p.relay.Addr("up", "10.9.0.1/24")
	for i := range p.hosts {
		h := newSpace(t)
		port := "s" + strconv.Itoa(i)
		h.Veth("e", p.servers.Space, port)
		p.servers.port(port, "wan")
		if i == 1 {
			// dhcpd hears what a bridge floods, be it to Kea's address. Kea's own port floods, as
			// those of switches do: else what goes to it after an outage is lost until it sends.
			p.servers.Must(p.servers.NL.LinkSetFlood(p.servers.Link(port), false))
		}
		h.Addr("e", fmt.Sprintf("10.9.0.%d/24", 2+i))
		h.Up("e")
		h.Route("10.1.0.0/16", "10.9.0.1")
		// All namespaces of the machine share the kernel's neighbour table, and others fill it.
		h.neighbour("e", "10.9.0.1", p.relay.Link("up").Attrs().HardwareAddr)
		mac := h.Link("e").Attrs().HardwareAddr
		p.relay.neighbour("up", fmt.Sprintf("10.9.0.%d", 2+i), mac)
		p.servers.Must(p.servers.NL.NeighSet(&netlink.Neigh{
			LinkIndex: p.servers.Index(port), Family: unix.AF_BRIDGE, Flags: netlink.NTF_MASTER, State: netlink.NUD_NOARP, HardwareAddr: mac,
		}))
		p.hosts[i] = h
	}
	p.network = p.bed.network("vlan10", "10.1.0.1/16")
	p.serve()
	_ = p.boot(1, "isc")
	p.daemon = p.start(failover)
	return p
}

func (p *pair) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// serve starts Kea.
func (p *pair) serve() { p.kea = p.boot(0, "kea") }

// boot starts a server on a host.
func (p *pair) boot(host int, kind string) *real.Server {
	p.t.Helper()
	s, err := real.StartServer(context.Background(), kind, p.hosts[host].NS(), "e", real.ServerConfig{
		Dir: p.dir, Link: netip.MustParsePrefix(fmt.Sprintf("10.9.0.%d/24", 2+host)),
		Subnets: []real.Subnet{{
			Prefix: netip.MustParsePrefix("10.1.0.0/16"), Router: netip.MustParseAddr("10.1.0.1"),
			First: netip.AddrFrom4([4]byte{10, 1, byte(64 + 64*host), 0}), Last: netip.AddrFrom4([4]byte{10, 1, byte(127 + 64*host), 255}),
		}},
	})
	p.must(err)
	return s
}

// stop kills Kea.
func (p *pair) stop() { p.must(p.kea.Close()) }

// stand puts a program of the test in Kea's place, which answers each message with what
// reply returns, nil for nothing. The function that it returns ends it.
func (p *pair) stand(after time.Duration, reply func(bootp.Packet) []byte) (end func()) {
	p.stop()
	v := listenAt(p.hosts[0], preferred+":67")
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, _, err := v.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			m := bootp.Packet(slices.Clone(b[:n]))
			send := func() {
				if r := reply(m); r != nil {
					_, _ = v.conn.WriteToUDPAddrPort(r, netip.AddrPortFrom(m.Giaddr(), 67)) // as any datagram
				}
			}
			if after > 0 {
				time.AfterFunc(after, send)
			} else {
				send()
			}
		}
	})
	return func() { _ = v.conn.Close(); wg.Wait() }
}

// offered is an address that a client is offered, another one for each.
func offered(m bootp.Packet) string {
	x := m.Xid()
	return netip.AddrFrom4([4]byte{10, 1, byte(192 + x>>8&63), byte(x)}).String()
}

// refusal offers each client an address, and refuses it to who asks this server for it.
func refusal(m bootp.Packet) []byte {
	if typeOf(m) == bootp.Discover {
		return answer(m, bootp.Offer, offered(m))
	}
	if opts, _ := m.Scan(); opts.ServerID == netip.MustParseAddr(preferred) {
		return answer(m, bootp.Nak, "")
	}
	return nil
}

// promise gives each client an address.
func promise(m bootp.Packet) []byte {
	if typeOf(m) == bootp.Discover {
		return answer(m, bootp.Offer, offered(m))
	}
	if opts, _ := m.Scan(); opts.ServerID == netip.MustParseAddr(preferred) {
		return answer(m, bootp.Ack, offered(m))
	}
	return nil
}

// garbage is a reply whose options have no end.
func garbage(m bootp.Packet) []byte {
	b := answer(m, bootp.Offer, offered(m))
	for i := 240; i < len(b); i++ {
		b[i] = 99
	}
	return b
}

// An outage befalls the preferred server.
type outage struct {
	name  string
	state status.ServerState // that status tells of it
	says  string             // the log, if not that it does not answer
	slow  bool               // it answers, later than clients like to wait
	begin func(p *pair) (end func())
}

func outages() []outage {
	return []outage{
		{name: "process killed", state: status.StateUnreachable, begin: func(p *pair) func() { p.stop(); return p.serve }},
		{name: "host gone", state: status.StateSilent, begin: func(p *pair) func() {
			p.must(p.servers.NL.LinkSetDown(p.servers.Link("s0")))
			return func() { p.must(p.servers.NL.LinkSetUp(p.servers.Link("s0"))) }
		}},
		{name: "firewall", state: status.StateSilent, begin: func(p *pair) func() {
			p.nft("add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in udp dport 67 drop")
			return func() { p.nft("delete table ip t") }
		}},
		{name: "answers NAK", state: status.StateRefusing, says: "server refuses its clients addresses", begin: func(p *pair) func() {
			end := p.stand(0, refusal)
			return func() { end(); p.serve() }
		}},
		{name: "answers garbage", state: status.StateDropped, begin: func(p *pair) func() {
			end := p.stand(0, garbage)
			return func() { end(); p.serve() }
		}},
		{name: "3 s slow", state: status.StateSlow, slow: true, begin: func(p *pair) func() {
			end := p.stand(3*time.Second, promise)
			return func() { end(); p.serve() }
		}},
		{name: "6 s slow", state: status.StateSlow, slow: true, begin: func(p *pair) func() {
			end := p.stand(6*time.Second, promise)
			return func() { end(); p.serve() }
		}},
	}
}

// nft loads rules into the preferred server's host.
func (p *pair) nft(rules string) {
	p.t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	p.hosts[0].Do(func() error {
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("nft: %w: %s", err, out)
		}
		return nil
	})
}

// A seeker is a client that wants an address. It asks again after 4 s, once for the
// address that it was offered and then anew, and begins anew a second after it was
// refused.
type seeker struct {
	began, asked time.Time
	xid          uint32
	offer        netip.Addr // zero: it looks for a server
	server       netip.Addr
	waits        time.Duration // from asked on
	silences     int           // messages of it that nobody has answered
	refused      int
	took         time.Duration // 0: it has no address yet
	by           netip.Addr    // who gave it
}

// seekers are clients that begin one after the other.
type seekers struct {
	p       *pair
	mu      sync.Mutex
	clients []seeker
	first   uint32
	over    atomic.Bool // no more begin
	wg      sync.WaitGroup
}

// seek has so many clients begin each second, until done.
func (p *pair) seek(perSecond int) *seekers {
	s := &seekers{p: p, first: p.xid}
	var heard atomic.Bool
	s.wg.Go(func() {
		for !heard.Load() {
			if f, ok := p.network.hear(100 * time.Millisecond); ok {
				s.heard(f.message)
			}
		}
	})
	s.wg.Go(func() {
		defer heard.Store(true)
		began, ended := time.Now(), time.Time{}
		for n := 0; ; time.Sleep(time.Millisecond) {
			if s.over.Load() {
				ended = cmp.Or(ended, time.Now())
			} else {
				n = 1 + int(time.Since(began).Seconds()*float64(perSecond))
			}
			if s.ask(n) == 0 && !ended.IsZero() || !ended.IsZero() && time.Since(ended) > patient {
				return
			}
		}
	})
	return s
}

// ask has the clients send what is due, and returns how many wait.
func (s *seekers) ask(n int) (left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for len(s.clients) < n {
		s.clients = append(s.clients, seeker{began: now, xid: s.first + uint32(len(s.clients))})
	}
	for i := range s.clients {
		c := &s.clients[i]
		if c.took != 0 {
			continue
		}
		left++
		if now.Sub(c.asked) < c.waits {
			continue
		}
		if !c.asked.IsZero() && c.waits == retransmission {
			c.silences++
			c.offer = netip.Addr{}
		}
		s.send(i, now)
	}
	return left
}

// send sends what a client has to say.
func (s *seekers) send(i int, now time.Time) {
	c := &s.clients[i]
	m := discover(c.xid)
	if c.offer.IsValid() {
		m.kind = bootp.DHCPRequest
		m.options = append(append([]byte{50, 4}, c.offer.AsSlice()...), append([]byte{54, 4}, c.server.AsSlice()...)...)
	}
	c.asked, c.waits = now, retransmission
	_ = s.p.network.transmit(frameOf(m.request())) // what is lost is sent again
}

// heard has a client take what it is offered, or its address.
func (s *seekers) heard(m bootp.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := m.Xid() - s.first
	if i >= uint32(len(s.clients)) || s.clients[i].took != 0 {
		return
	}
	c, now := &s.clients[i], time.Now()
	opts, _ := m.Scan()
	switch {
	case opts.Type == bootp.Offer && !c.offer.IsValid() && c.waits == retransmission:
		c.offer, c.server = m.Yiaddr(), opts.ServerID
		s.send(int(i), now)
	case opts.Type == bootp.Ack && c.offer.IsValid():
		c.took, c.by = now.Sub(c.began), opts.ServerID
	case opts.Type == bootp.Nak && opts.ServerID == c.server && c.offer.IsValid():
		c.offer, c.refused = netip.Addr{}, c.refused+1
		c.asked, c.waits = now, time.Second
	}
}

// done has no more clients begin, waits until each has an address, and tells how they
// came to it.
func (s *seekers) done(what string) {
	s.p.t.Helper()
	s.over.Store(true)
	s.wg.Wait()
	s.p.xid += uint32(len(s.clients))
	var none, again, lost, refused int
	var took []time.Duration
	by := make(map[netip.Addr]int)
	for i := range s.clients {
		c := &s.clients[i]
		if c.took == 0 {
			none++
			continue
		}
		took = append(took, c.took)
		by[c.by]++
		refused = max(refused, c.refused)
		if c.silences > 0 {
			again++
		}
		if c.silences > 1 {
			lost++
		}
	}
	if len(took) == 0 {
		s.p.t.Fatalf("%s: none of %d clients has an address", what, none)
	}
	slices.Sort(took)
	s.p.t.Logf("%s: %d clients, %d after one retransmission, slowest %v; refused at most %d times; by %v", what, len(s.clients), again, took[len(took)-1].Round(time.Millisecond), refused, by)
	if none > 0 {
		s.p.t.Errorf("%s: %d of %d clients have no address", what, none, len(s.clients))
	}
	if lost > 0 {
		s.p.t.Errorf("%s: %d clients had to ask more than twice", what, lost)
	}
	if most := load.Bound(2 * retransmission); took[len(took)-1] > most {
		s.p.t.Errorf("%s: a client waits for %v", what, took[len(took)-1])
	}
}

// active returns the servers that the group asks, and the state of the preferred one.
func (p *pair) active() (asked []string, state status.ServerState) {
	r := p.daemon.status()
	for _, g := range r.Groups {
		for _, s := range g.Servers {
			if s.Active {
				asked = append(asked, strings.TrimSuffix(string(s.Address), ":67"))
			}
		}
	}
	for _, s := range r.Servers {
		if strings.TrimSuffix(string(s.Address), ":67") == preferred {
			state = s.State
		}
	}
	return asked, state
}

// told waits until the status, and the log if it is to change, tell how things are.
func (p *pair) told(what string, state status.ServerState, asked, logs string, before int) {
	p.t.Helper()
	began := time.Now()
	var now []string
	var is status.ServerState
	p.daemon.await(what+": told", func() bool {
		now, is = p.active()
		return is == state && slices.Equal(now, []string{asked}) && (logs == "" || p.daemon.log.count(logs) > before)
	})
	took := time.Since(began)
	p.t.Logf("%s: status and log say so after %v: %v, asked %v", what, took.Round(100*time.Millisecond), is, now)
	if most := load.Bound(10 * time.Second); took > most {
		p.t.Errorf("%s: told after %v", what, took)
	}
}

// failoverPlan is how many clients begin each second, and which faults there are: all at
// 1,000 a second by make failover.
func failoverPlan() (perSecond int, all []outage) {
	all = outages()
	if n, err := strconv.Atoi(os.Getenv("RELAY_TEST_FAILOVER")); err == nil && n > 0 {
		if only := os.Getenv("FAULT"); only != "" {
			all = slices.DeleteFunc(all, func(f outage) bool { return !strings.Contains(f.name, only) })
		}
		return n, all
	}
	return 20, all[:1]
}

// The preferred server of a group is stopped in a way, and repaired, while clients log
// in: each has its address within one retransmission, and who looks knows it within ten
// seconds, both times.
func TestFailoverUnderLogins(t *testing.T) {
	perSecond, all := failoverPlan()
	if len(all) == 1 {
		t.Parallel()
	}
	for _, f := range all {
		t.Run(f.name, func(t *testing.T) {
			p := newPair(t)
			s := p.seek(perSecond)
			p.told("at first", status.StateAnswering, preferred, "", 0)
			s.done("both are well")

			s = p.seek(perSecond)
			time.Sleep(time.Second)
			says := cmp.Or(f.says, "server does not answer")
			if f.slow {
				says = "server answers slowly"
			}
			before := p.daemon.log.count(says)
			end := f.begin(p)
			p.told(f.name, f.state, other, says, before)
			time.Sleep(2 * time.Second)
			s.done(f.name)

			s = p.seek(perSecond)
			time.Sleep(time.Second)
			says = "server answers again"
			if f.slow {
				says = "server answers in time again"
			}
			end()
			p.told("repaired", status.StateAnswering, preferred, says, 0)
			time.Sleep(time.Second)
			s.done("repaired")

			s = p.seek(perSecond)
			time.Sleep(time.Second)
			s.done("after it")
			if n := len(s.clients); s.servedBy(preferred) < n*9/10 {
				t.Errorf("after it the preferred server serves %d of %d clients", s.servedBy(preferred), n)
			}
			p.daemon.balanced()
		})
	}
}

// servedBy returns how many clients have their address from a server.
func (s *seekers) servedBy(server string) (n int) {
	a := netip.MustParseAddr(server)
	for i := range s.clients {
		if s.clients[i].by == a {
			n++
		}
	}
	return n
}
