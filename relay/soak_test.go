package relay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/bootp"
)

// retransmission is when a DHCPv4 client asks again at first (RFC 2131, section 4.1).
const retransmission = 4 * time.Second

// A soak is a relay under load on one network, while faults befall another network,
// the uplink and the process.
type soak struct {
	*bed
	*supervisor
	*rand.Rand
	stirred, calm *network  // faults of links befall the first
	stirred6      *network6 // the same links, for DHCPv6
	calm6         *network6
	busy          *stream // the load
	xid           uint32
	configs       [2]string
	control       string // the path of the control socket
	since         usage  // of the process, after its first client
}

// A fault is something that goes wrong, and what makes it good.
type fault struct {
	name       string
	calm       bool // clients of the other network are served meanwhile
	begin, end func()
}

// TestSoak has each fault befall the relay once, in a random order, and again and
// again for the time that SOAK names. After each one clients have an answer within one
// retransmission; at the end every message that was received is counted once, and
// nothing has leaked.
func TestSoak(t *testing.T) {
	t.Parallel()
	var last time.Duration
	if v := os.Getenv("SOAK"); v != "" {
		var err error
		if last, err = time.ParseDuration(v); err != nil {
			t.Fatalf("SOAK: %v", err)
		}
	}
	s := newSoak(t)
	first := s.delay()
	began := time.Now()
	counts := make(map[string]int)
	for round := 0; round == 0 || time.Since(began) < last; round++ {
		faults := s.faults()
		s.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		for i := range faults {
			s.befall(&faults[i])
			counts[faults[i].name]++
		}
		if round == 0 {
			first = max(first, s.delay())
		}
	}
	if at := s.delay(); at > 3*first+load.Bound(20*time.Millisecond) {
		t.Errorf("a reply takes %v, and took %v at the beginning", at, first)
	}
	s.leaks()
	s.rest()
	t.Logf("%v: faults by name: %v", time.Since(began).Round(time.Second), counts)
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if v := os.Getenv("SOAK_SEED"); v != "" {
		seed, _ = strconv.ParseUint(v, 10, 64) // 0 is one, too
	}
	t.Logf("SOAK_SEED=%d", seed)
	b := newBed(t)
	s := &soak{bed: b, Rand: rand.New(rand.NewPCG(seed, 1))}
	s.stirred, s.calm = b.network("stir", "10.1.0.1/24"), b.network("calm", "10.2.0.1/24")
	busy := b.network("busy", "10.3.0.1/24")
	b.clients.Must(unix.SetsockoptInt(busy.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4096)) // nobody reads there
	lease6(t, b.uplink6())
	s.again6()
	s.stirred6, s.calm6 = attach6(b.clients, "cstir"), attach6(b.clients, "ccalm")
	const one = "[[interface]]\nname = \"%s*\"\nservers = [\"10.9.0.2\", \"2001:db8:9::2\"]\n"
	s.control = filepath.Join(b.t.TempDir(), "c")
	s.configs[0] = fmt.Sprintf("control.socket = %q\n"+one+one+one+one, s.control, "stir", "calm", "busy", "many")
	s.configs[1] = s.configs[0] + "dhcpv4.min_secs = 0\n"
	s.supervisor = b.supervise(s.configs[0])
	listenAt(b.servers, "10.9.0.2:67").answerAll()
	s.busy = busy.stream(200)
	s.born()
	return s
}

// answerAll answers each request until the server is closed.
func (v *server) answerAll() {
	v.answerBy(func(p bootp.Packet) []byte { return answer(p, bootp.Offer, "10.1.0.77") })
}

// answerBy answers each request by what a function returns, until the server is closed.
func (v *server) answerBy(reply func(bootp.Packet) []byte) {
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, _, err := v.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			p := bootp.Packet(b[:n])
			// What does not go out now is lost, as are the requests that found no way.
			_, _ = v.conn.WriteToUDPAddrPort(reply(p), netip.AddrPortFrom(p.Giaddr(), 67))
		}
	})
	v.t.Cleanup(func() { _ = v.conn.Close(); wg.Wait() })
}

// befall plays one fault.
func (s *soak) befall(f *fault) {
	t := s.t
	t.Helper()
	f.begin()
	if f.calm {
		s.served(s.calm, f.name+", on another network")
		s.served6(s.calm6, f.name+", on another network")
	}
	f.end()
	s.again6()
	s.within(s.stirred, s.stirred6, f.name)
	s.within(s.calm, s.calm6, f.name)
	m := s.scrape()
	const inHand = 2 * 256 // a batch of requests and one of replies
	if r, c := m.sum("dhcp_relay_received_total"), m.sum("dhcp_relay_messages_total"); c > r || r > c+inHand {
		t.Errorf("%s: received %d, counted %d", f.name, r, c)
	}
}

// rest ends the load: then every message that was received has had one outcome.
func (s *soak) rest() {
	s.busy.stop()
	s.await("all that was received is counted", func() bool {
		m := s.scrape()
		return m.sum("dhcp_relay_received_total") == m.sum("dhcp_relay_messages_total")
	})
}

// served has a client ask each 50 ms until it is answered, and returns how long that
// took.
func (s *soak) served(n *network, when string) time.Duration {
	t := s.t
	t.Helper()
	for began := time.Now(); time.Since(began) < patient; {
		if _, ok := s.ask(n, 50*time.Millisecond); ok {
			return time.Since(began)
		}
	}
	t.Fatalf("%s: no client is served", when)
	return 0
}

// ask sends a DISCOVER and waits for its answer. The link may be down.
func (s *soak) ask(n *network, wait time.Duration) (took time.Duration, ok bool) {
	s.xid++
	began := time.Now()
	if n.transmit(frameOf(discover(s.xid).request())) != nil {
		time.Sleep(wait)
		return 0, false
	}
	for left := wait; left > 0; left = wait - time.Since(began) {
		if f, ok := n.hear(left); ok && f.message.Xid() == s.xid {
			return time.Since(began), true
		}
	}
	return 0, false
}

// delay returns the median of how long an answer takes.
func (s *soak) delay() time.Duration {
	var all []time.Duration
	for len(all) < 21 {
		if took, ok := s.ask(s.calm, patient); ok {
			all = append(all, took)
		}
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// A usage is what a process uses.
type usage struct{ descriptors, goroutines, octets int }

func (s *soak) usage() usage {
	m := s.scrape()
	return usage{m.sum("process_open_fds"), m.sum("go_goroutines"), m.sum("process_resident_memory_bytes")}
}

// born notes what a process uses once it has served a client of each network.
func (s *soak) born() {
	s.served(s.stirred, "at the start")
	s.served(s.calm, "at the start")
	s.served6(s.stirred6, "at the start")
	s.served6(s.calm6, "at the start")
	s.since = s.usage()
}

// leaks fails if the process uses more than at first, but for what may come and go.
func (s *soak) leaks() {
	t := s.t
	t.Helper()
	var now usage
	s.await("descriptors and goroutines are given back", func() bool {
		now = s.usage()
		return now.descriptors <= s.since.descriptors+8 && now.goroutines <= s.since.goroutines+8
	})
	if most := s.since.octets*3/2 + 32<<20; now.octets > most {
		t.Errorf("%d octets of memory, want at most %d", now.octets, most)
	}
	t.Logf("at first %+v, now %+v", s.since, now)
}

// faults returns all faults, with what is random in them chosen.
func (s *soak) faults() []fault {
	return slices.Concat(s.linkFaults(), s.wayFaults(), s.kernelFaults(), s.processFaults())
}

// linkFaults are of the link to some clients, which others must not notice.
func (s *soak) linkFaults() []fault {
	r := s.relay
	link := func() netlink.Link { return r.Link("stir") }
	up := func() { r.Up("stir"); r.Running("stir") }
	down := func() { r.Must(r.NL.LinkSetDown(link())) }
	return []fault{
		{"down and up", true, down, up},
		{"renamed", true, func() { down(); r.Must(r.NL.LinkSetName(link(), "gone")); r.Up("gone") }, func() {
			r.Must(r.NL.LinkSetDown(r.Link("gone")))
			r.Must(r.NL.LinkSetName(r.Link("gone"), "stir"))
			up()
		}},
		{"deleted", true, func() { r.Must(r.NL.LinkDel(link())) }, func() {
			s.stirred = s.network("stir", "10.1.0.1/24")
			s.stirred6 = attach6(s.clients, "cstir")
		}},
		{"another address", true, func() { r.Addr("stir", "10.4.0.1/24"); r.DelAddr("stir", "10.1.0.1/24") }, func() {
			r.Addr("stir", "10.1.0.1/24")
			r.DelAddr("stir", "10.4.0.1/24")
		}},
		{"no address", true, func() { r.DelAddr("stir", "10.1.0.1/24") }, func() { r.Addr("stir", "10.1.0.1/24") }},
		{"small MTU of the clients", true, func() { r.Must(r.NL.LinkSetMTU(link(), 68)) }, func() { r.Must(r.NL.LinkSetMTU(link(), 1500)) }},
		{"a queue that takes nothing", true, func() {
			netns.Need(s.t, "tbf queues (CONFIG_NET_SCH_TBF)", r.NL.QdiscAdd(s.shut()))
			s.await("what it does not take is counted", func() bool {
				s.ask(s.stirred, time.Millisecond)
				return s.scrape().sum("dhcp_relay_send_errors_total", `error="ENOBUFS"`, `towards="client"`) > 0
			})
		}, func() { r.Must(r.NL.QdiscDel(s.shut())) }},
		{"links come and go", true, func() {
			for i := range 10 + s.IntN(20) { // some 500 a minute while it lasts
				name := "many" + strconv.Itoa(i)
				r.Add(&netlink.Bridge{LinkAttrs: netns.Attrs(name)})
				r.Must(r.NL.LinkDel(r.Link(name)))
			}
		}, func() {}},
	}
}

// shut is a queue of the link to some clients that holds less than a frame.
func (s *soak) shut() netlink.Qdisc {
	return &netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: s.relay.Index("stir"), Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       125_000, Buffer: 20_000_000, Limit: 1, // octets
	}
}

// wayFaults are of the way to the servers: the kernel refuses to send, each time for
// another reason.
func (s *soak) wayFaults() []fault {
	r := s.relay
	up := func() netlink.Link { return r.Link("up") }
	all := []fault{
		{"uplink down", false, func() { r.Must(r.NL.LinkSetDown(up())) }, func() {
			r.Up("up")
			r.Running("up")
			s.acquaint("10.9.0.1", "10.9.0.2", "10.9.0.3")
		}},
		{"small MTU of the uplink", false, func() { r.Must(r.NL.LinkSetMTU(up(), 300)) }, func() { r.Must(r.NL.LinkSetMTU(up(), 1500)) }},
	}
	for name, typ := range map[string]int{"unreachable": unix.RTN_UNREACHABLE, "prohibited": unix.RTN_PROHIBIT, "black hole": unix.RTN_BLACKHOLE} {
		route := &netlink.Route{Type: typ, Dst: &net.IPNet{IP: net.IPv4(10, 9, 0, 2).To4(), Mask: net.CIDRMask(32, 32)}}
		all = append(all, fault{name, false, func() { r.Must(r.NL.RouteAdd(route)) }, func() { r.Must(r.NL.RouteDel(route)) }})
	}
	slices.SortFunc(all, func(a, b fault) int { return len(a.name) - len(b.name) })
	return all
}

// processFaults are of the process, and of those who talk to it.
func (s *soak) processFaults() []fault {
	pause := func(most int) { time.Sleep(time.Duration(s.IntN(most)) * time.Millisecond) } // how long the fault lasts
	var limit unix.Rlimit
	var conns []net.Conn
	hangUp := func() {
		for _, c := range conns {
			_ = c.Close() // it was in the way only
		}
		conns = nil
	}
	var other *os.File
	return []fault{
		{"stopped", false, func() { s.suspend(); pause(2500) }, s.resume},
		{"reloaded", true, func() { s.reload(s.configs[1], "configuration reloaded") }, func() { s.reload(s.configs[0], "configuration reloaded") }},
		{"a configuration that is wrong", true, func() { s.reload("[[interface]]\n", "configuration refused, the former one stays") }, func() { s.reload(s.configs[0], "configuration reloaded") }},
		{"killed", false, func() { pause(200); s.restart(syscall.SIGKILL) }, s.born},
		{"restarted", false, func() { pause(200); s.restart(syscall.SIGTERM) }, s.born},
		{"no descriptors", true, func() {
			s.relay.Must(unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: s.free(), Max: 1 << 10}, &limit))
		}, func() {
			s.relay.Must(unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1 << 10, Max: 1 << 10}, nil))
		}},
		{"no memory", false, s.exhaust, s.replenish},
		{"slow and many askers", true, func() { conns = s.askers("tcp", "127.0.0.1:9867") }, hangUp},
		{"slow and many askers of the control socket", true, func() { conns = s.askers("unix", s.control) }, hangUp},
		{"another process on the port", false, func() { other = s.relay.shared(67); pause(300) }, func() { _ = other.Close() }},
	}
}

// exhaust lets the process have no more memory than it has, and asks for what takes more.
// It may end of that.
func (s *soak) exhaust() {
	s.relay.Must(unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: 1, Max: unix.RLIM_INFINITY}, nil))
	h := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: s.dial}}
	for end := time.Now().Add(time.Second); time.Now().Before(end) && !s.hasEnded(); {
		var asked sync.WaitGroup
		for range 8 {
			asked.Go(func() {
				if resp, err := h.Get("http://127.0.0.1:9867/metrics"); err == nil {
					_ = resp.Body.Close()
				}
			})
		}
		asked.Wait()
	}
}

// replenish starts the process again where it has ended, and else lets it have memory.
func (s *soak) replenish() {
	if !s.hasEnded() {
		s.relay.Must(unix.Prlimit(s.cmd.Process.Pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}, nil))
		return
	}
	s.t.Log("the process has ended for want of memory")
	_ = s.cmd.Wait() // with an error, as its log says
	s.run()
	s.born()
}

// hasEnded reports whether the process has ended, and leaves it to Wait.
func (s *soak) hasEnded() bool {
	var info unix.Siginfo
	s.relay.Must(unix.Waitid(unix.P_PID, s.cmd.Process.Pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil))
	return info.Signo != 0
}

// askers are connections to the daemon by which nothing is asked, half of something, for
// what does not end, and what is no question. Who asks beside them has an answer.
func (s *soak) askers(network, at string) (all []net.Conn) {
	asks := []string{"", "GET /metrics HTT", "GET /api/v1/trace HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x00\xff\r\n\r\n", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n"}
	for i := range 200 {
		c, err := s.dial(s.t.Context(), network, at)
		if err != nil {
			continue // they may be refused
		}
		all = append(all, c)
		_, _ = c.Write([]byte(asks[i%len(asks)])) // may be cut off
	}
	h := http.Client{Timeout: patient, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return s.dial(ctx, network, at)
	}}}
	s.await("who asks beside many has an answer", func() bool {
		resp, err := h.Get("http://localhost/metrics")
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
	return all
}
