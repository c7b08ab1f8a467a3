package relay_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/relay/wire/bootp"
)

// A leg is one way of the transactions of a family, by xid: who sent, who heard.
type leg struct{ sent, heard [1 << 20]atomic.Bool }

// lost counts what was sent and not heard.
func (l *leg) lost() (n int) {
	for i := range l.sent {
		if l.sent[i].Load() && !l.heard[i].Load() {
			n++
		}
	}
	return n
}

// A traffic is clients of one family that ask at a steady rate, and a server that
// answers each of them.
type traffic struct {
	requests, replies leg
	asked             atomic.Int64
	bare              atomic.Int64 // Relay-forwards without option 79
	quit              chan struct{}
	ended             sync.Once
	wg                sync.WaitGroup
}

// stop ends the asking.
func (t *traffic) stop() { t.ended.Do(func() { close(t.quit) }) }

// every calls ask with 0, 1, 2 and so on, perSecond times a second, until quit.
func (t *traffic) every(perSecond int, ask func(xid int) error) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for began, xid := time.Now(), 0; ; {
		select {
		case <-t.quit:
			return
		case <-tick.C:
		}
		for due := int(time.Since(began).Seconds() * float64(perSecond)); xid < due && xid < len(t.requests.sent); xid++ {
			if ask(xid) == nil {
				t.requests.sent[xid].Store(true)
				t.asked.Add(1)
			}
		}
	}
}

// end ends the asking, waits until all has come, and returns what has not.
func (t *traffic) end(d *daemon) (requests, replies int) {
	d.t.Helper()
	t.stop()
	for end := time.Now().Add(load.Bound(2 * time.Second)); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if t.requests.lost()+t.replies.lost() == 0 {
			break
		}
	}
	return t.requests.lost(), t.replies.lost()
}

// traffic4 has DHCPv4 clients ask.
func traffic4(n *network, v *server, perSecond int) *traffic {
	t := &traffic{quit: make(chan struct{})}
	f := frameOf(discover(0).request())
	t.wg.Go(func() {
		t.every(perSecond, func(xid int) error {
			binary.BigEndian.PutUint32(f[14+28+4:], uint32(xid))
			return n.transmit(f)
		})
	})
	ended := make(chan struct{})
	t.wg.Go(func() {
		b := make([]byte, 2048)
		for {
			c, _, err := v.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			p := bootp.Packet(b[:c])
			t.requests.heard[p.Xid()].Store(true)
			if _, err := v.conn.WriteToUDPAddrPort(answer(p, bootp.Offer, "10.1.0.77"), netip.AddrPortFrom(p.Giaddr(), 67)); err == nil {
				t.replies.sent[p.Xid()].Store(true)
			}
		}
	})
	t.wg.Go(func() {
		for {
			select {
			case <-ended:
				return
			default:
			}
			if f, ok := n.hear(50 * time.Millisecond); ok {
				t.replies.heard[f.message.Xid()].Store(true)
			}
		}
	})
	n.t.Cleanup(func() { t.stop(); close(ended); _ = v.conn.Close(); t.wg.Wait() })
	return t
}

// traffic6 has DHCPv6 clients ask on a link.
func (b *bed) traffic6(link string, perSecond int) *traffic {
	t := &traffic{quit: make(chan struct{})}
	client := b.clients.ListenUDP("udp6", "[::]:546")
	server := b.servers.ListenUDP("udp6", "[2001:db8:9::2]:547")
	_, _ = client.SetReadBuffer(buffer), server.SetReadBuffer(buffer)
	to := &net.UDPAddr{IP: net.ParseIP("ff02::1:2"), Port: 547, Zone: link}
	t.wg.Go(func() {
		t.every(perSecond, func(xid int) error {
			_, err := client.WriteTo([]byte{1, byte(xid >> 16), byte(xid >> 8), byte(xid), 0, 8, 0, 2, 0, 0}, to)
			return err
		})
	})
	t.wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, from, err := server.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			reply, xid, mac := advertised(b[:n])
			t.requests.heard[xid].Store(true)
			if !mac {
				t.bare.Add(1)
			}
			if _, err := server.WriteToUDPAddrPort(reply, from); err == nil {
				t.replies.sent[xid].Store(true)
			}
		}
	})
	t.wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, _, err := client.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if n >= 4 && b[0] == 2 {
				t.replies.heard[int(b[1])<<16|int(b[2])<<8|int(b[3])].Store(true)
			}
		}
	})
	b.t.Cleanup(func() { t.stop(); _, _ = client.Close(), server.Close(); t.wg.Wait() })
	return t
}

// advertised is a server's ADVERTISE, within a Relay-reply, to a Relay-forward. It
// reports the client's xid, and whether option 79 was there.
func advertised(forward []byte) (reply []byte, xid int, mac bool) {
	reply = append([]byte{13}, forward[1:34]...)
	for o := forward[34:]; len(o) >= 4; {
		code, size := binary.BigEndian.Uint16(o), 4+int(binary.BigEndian.Uint16(o[2:]))
		switch code {
		case 9: // relay message
			m := slices.Clone(o[:size])
			m[4] = 2 // ADVERTISE
			xid = int(m[5])<<16 | int(m[6])<<8 | int(m[7])
			reply = append(reply, m...)
		case 18: // Interface-Id
			reply = append(reply, o[:size]...)
		case 79:
			mac = true
		}
		o = o[size:]
	}
	return reply, xid, mac
}

// restartPlan says how often a daemon is restarted, under how much load.
func restartPlan() (restarts, upgrades, perSecond int) {
	if os.Getenv("RELAY_TEST_RESTARTS") == "full" {
		return 20, 5, 1000
	}
	return 2, 1, 100 // so slow that what waits during a slow start fits the queue of a link
}

// Under a supervisor that keeps the sockets nothing is lost at a restart or an
// upgrade, on either leg, in either family, and option 79 is in each message.
func TestNothingIsLostAtARestart(t *testing.T) {
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	b.relay.ipv6("vlan10", "2001:db8:1::1/64")
	b.clients.ipv6("cvlan10", "")
	b.relay.ipv6("up", "2001:db8:9::1/64")
	b.servers.ipv6("s", "2001:db8:9::2/64")
	// More links than one socket joins itself: the others' memberships are kept, too.
	for i := range 20 {
		b.network("more" + string(rune('a'+i)))
		b.relay.ipv6("more"+string(rune('a'+i)), "")
	}
	s := b.supervise("[[interface]]\nname = \"more*\"\nservers = [\"2001:db8:9::2\"]\n[[interface]]\nname = \"vlan*\"\nservers = [\"10.9.0.2\", \"2001:db8:9::2\"]\n")
	restarts, upgrades, perSecond := restartPlan()
	v := listenAt(b.servers, "10.9.0.2:67")
	t4, t6 := traffic4(n, v, perSecond), b.traffic6("cvlan10", perSecond)
	both := []*traffic{t4, t6}
	flowing := func() {
		t.Helper()
		for _, f := range both {
			goal := f.asked.Load() + int64(perSecond)/4
			s.await("more was asked", func() bool { return f.asked.Load() >= goal })
		}
	}
	relayed := func() { // by this process
		t.Helper()
		s.await("messages are relayed", func() bool { return s.scrape().outcome("relayed") > 0 })
	}
	for range restarts {
		flowing()
		s.restart(syscall.SIGTERM)
		relayed()
	}
	for range upgrades {
		flowing()
		s.replaceProgram(daemonPath)
		s.restart(syscall.SIGTERM)
		relayed()
	}
	for range upgrades { // without the supervisor's help
		flowing()
		pid, begun := s.cmd.Process.Pid, s.log.count("relaying")
		s.replaceProgram(daemonPath)
		s.signal(syscall.SIGUSR2)
		s.awaitReady()
		s.await("another program relays", func() bool { return s.log.count("relaying") > begun })
		if s.cmd.Process.Pid != pid {
			t.Errorf("it does not run in the process")
		}
		relayed()
	}
	flowing()
	for i, f := range both {
		requests, replies := f.end(s.daemon)
		t.Logf("family %d: %d requests; lost %d of them, and %d replies, at %d restarts and %d upgrades", i, f.asked.Load(), requests, replies, restarts, 2*upgrades)
		if requests > 0 || replies > 0 {
			t.Errorf("family %d: %d requests and %d replies are lost of %d", i, requests, replies, f.asked.Load())
		}
	}
	if c := t6.bare.Load(); c > 0 {
		t.Errorf("%d messages without option 79", c)
	}
	s.await("all is counted", func() bool {
		m := s.scrape()
		return m.sum("dhcp_relay_received_total") == m.sum("dhcp_relay_messages_total")
	})
	if m := s.scrape(); m.sum("dhcp_relay_socket_drops_total") > 0 || m.outcome("relayed") != m.sum("dhcp_relay_messages_total") {
		t.Errorf("counters of the last process: %v", m)
	}
	if got, want := s.log.count("sockets taken over, with what waited in them"), restarts+2*upgrades; got != want {
		t.Errorf("sockets were taken over %d times, want %d", got, want)
	}
	s.signal(syscall.SIGTERM)
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("end: %v", err)
	}
}

// A process that is killed loses what it had in hand, and nothing that came later.
func TestWhatComesAfterAKillIsServed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	s := b.supervise("[[interface]]\nname = \"vlan*\"\nservers = [\"10.9.0.2\"]\n")
	n.broadcast(discover(1).request())
	h := v.want()
	s.signal(syscall.SIGKILL)
	_ = s.cmd.Wait() // by the signal
	v.reply(h, bootp.Offer, "10.1.0.77")
	n.broadcast(discover(2).request())
	s.run()
	if got := v.want(); got.Xid() != 2 {
		t.Errorf("request %d, want 2", got.Xid())
	}
	if got := n.want(); got.message.Xid() != 1 {
		t.Errorf("reply %d, want 1", got.message.Xid())
	}
	s.await("the log tells of it", func() bool {
		return s.logged("sockets taken over, with what waited in them", map[string]any{"sockets": 1.0, "of": 1.0})
	})
}

// shared returns a socket that shares its port, as the daemon's do.
func (s *space) shared(port int) *os.File {
	s.T.Helper()
	var fd int
	s.Do(func() (err error) {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1),
			unix.Bind(fd, &unix.SockaddrInet4{Port: port}),
		)
	})
	f := os.NewFile(uintptr(fd), "shared")
	s.T.Cleanup(func() { _ = f.Close() })
	return f
}

// Whatever a supervisor hands over, the relay starts and serves, and keeps nothing
// that it has no need for.
func TestSocketsThatDoNotFitAreOpenedAnew(t *testing.T) {
	t.Parallel()
	const v4, v6 = "[[interface]]\nname = \"vlan*\"\nservers = [\"10.9.0.2\"]\n", "[[interface]]\nname = \"vlan*\"\nservers = [\"2001:db8:9::2\"]\n"
	const requests, replies = "dhcpv4-67-requests", "dhcpv4-67-replies"
	for _, tc := range []struct {
		name  string
		says  string // in the log
		spoil func(b *bed, s *supervisor)
	}{
		{"one is missing", "0 sockets for replies, want one", func(_ *bed, s *supervisor) { s.drop(replies) }},
		{"no socket", "socket operation on non-socket", func(b *bed, s *supervisor) {
			f, err := os.Open(os.DevNull)
			b.relay.Must(err)
			s.put(replies, f)
		}},
		{"other options", "SO_REUSEADDR is 0, want 1", func(b *bed, s *supervisor) {
			f, err := b.relay.ListenUDP("udp4", "0.0.0.0:1067").File()
			b.relay.Must(err)
			s.put(requests, f)
		}},
		{"another port", "it is not bound to 0.0.0.0:67", func(b *bed, s *supervisor) { s.put(requests, b.relay.shared(1067)) }},
		{"another network namespace", "it is of another network namespace", func(b *bed, s *supervisor) { s.put(requests, b.clients.shared(67)) }},
		{"one for both", "the socket has two roles", func(_ *bed, s *supervisor) {
			i := slices.IndexFunc(s.kept, func(f *os.File) bool { return f.Name() == requests })
			s.put(replies, s.kept[i])
		}},
		{"what nobody knows", "", func(b *bed, s *supervisor) {
			f, err := os.Open(os.DevNull)
			b.relay.Must(err)
			s.put("nonsense", f)
		}},
		{"another configuration", "", func(_ *bed, s *supervisor) { s.write(v6) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			n := b.network("vlan10", "10.1.0.1/24")
			s := b.supervise(v4)
			s.signal(syscall.SIGTERM)
			_ = s.cmd.Wait() // the next process tells
			tc.spoil(b, s)
			s.run()
			if tc.says != "" && !strings.Contains(s.log.String(), tc.says) {
				t.Errorf("the log does not say %q", tc.says)
			}
			if tc.name == "another configuration" {
				s.await("IPv4 is given up", func() bool {
					return !slices.ContainsFunc(s.names(), func(n string) bool { return strings.HasPrefix(n, "dhcpv4") })
				})
				s.write(v4)
				s.restart(syscall.SIGTERM)
			}
			v := listenAt(b.servers, "10.9.0.2:67")
			n.broadcast(discover(1).request())
			v.reply(v.want(), bootp.Offer, "10.1.0.77")
			if got := n.want(); got.message.Xid() != 1 {
				t.Errorf("reply %d, want 1", got.message.Xid())
			}
			if slices.Contains(s.names(), "nonsense") {
				t.Error("what nobody knows is kept")
			}
			for _, name := range []string{requests, replies} {
				if got := slices.Collect(func(yield func(string) bool) {
					for _, k := range s.names() {
						if k == name && !yield(k) {
							return
						}
					}
				}); len(got) != 1 {
					t.Errorf("%s is kept %d times, want once", name, len(got))
				}
			}
		})
	}
}
