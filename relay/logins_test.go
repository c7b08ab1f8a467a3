package relay_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A rushing is where a client stands: what it sends next, and what it has seen.
type rushing struct {
	began, asked time.Time
	took         time.Duration // until it has its address; 0: it has none yet
	again        int           // messages that were sent again
	bound        bool          // it has an offer
}

// A rush is clients of a network that log in one after the other.
type rush struct {
	t       testing.TB
	mu      sync.Mutex
	clients []rushing
	first   uint32 // xid of the first client
	send    func(xid uint32, bound bool)
	hear    func() (xid uint32, bound, ok bool) // the next offer or address; waits for 100 ms at most
	retry   time.Duration                       // after which a client asks again
}

// run has all clients log in, so many a second begin, and returns how long each took.
func (l *rush) run(n int, first uint32, perSecond int) (took []time.Duration, again int) {
	l.t.Helper()
	l.clients, l.first = make([]rushing, n), first
	var over atomic.Bool
	var hearing sync.WaitGroup
	hearing.Go(func() {
		for !over.Load() {
			if xid, bound, ok := l.hear(); ok {
				l.heard(xid, bound)
			}
		}
	})
	began := time.Now()
	for end := began.Add(patient + time.Duration(n)*time.Second/time.Duration(perSecond)); ; time.Sleep(time.Millisecond) {
		left := l.ask(min(n, 1+int(time.Since(began).Seconds()*float64(perSecond))))
		if left == 0 || time.Now().After(end) {
			break
		}
	}
	over.Store(true)
	hearing.Wait()
	for i := range l.clients {
		c := &l.clients[i]
		again += c.again
		if c.took == 0 {
			l.t.Errorf("client %d has no address after %v", i, time.Since(c.began))
			continue
		}
		took = append(took, c.took)
	}
	slices.Sort(took)
	return took, again
}

// ask has the first due clients send what they have to, and returns how many of all have
// no address.
func (l *rush) ask(due int) (left int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.clients {
		c := &l.clients[i]
		if c.took != 0 {
			continue
		}
		left++
		if i >= due || time.Since(c.asked) < l.retry {
			continue
		}
		now := time.Now()
		if c.began.IsZero() {
			c.began = now
		} else {
			c.again++
		}
		c.asked = now
		l.send(l.first+uint32(i), c.bound)
	}
	return left
}

// heard has a client take an offer or its address.
func (l *rush) heard(xid uint32, bound bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := xid - l.first
	if i >= uint32(len(l.clients)) || l.clients[i].took != 0 || l.clients[i].began.IsZero() {
		return
	}
	c := &l.clients[i]
	switch {
	case bound:
		c.took = time.Since(c.began)
	case !c.bound:
		c.bound, c.asked = true, time.Now()
		l.send(xid, true)
	}
}

// rush4 returns DHCPv4 clients of a network.
func rush4(t testing.TB, n *network) *rush {
	return &rush{
		t: t, retry: retransmission,
		send: func(xid uint32, bound bool) {
			m := discover(xid)
			if bound {
				m.kind = bootp.DHCPRequest
			}
			_ = n.transmit(frameOf(m.request())) // what is lost is sent again
		},
		hear: func() (uint32, bool, bool) {
			f, ok := n.hear(100 * time.Millisecond)
			if !ok {
				return 0, false, false
			}
			return f.message.Xid(), typeOf(f.message) == bootp.Ack, true
		},
	}
}

func typeOf(p bootp.Packet) bootp.Type {
	opts, _ := p.Scan()
	return opts.Type
}

// rush6 returns DHCPv6 clients of a network.
func rush6(t testing.TB, n *network6) *rush {
	b := make([]byte, 1<<16)
	return &rush{
		t: t, retry: time.Second,
		send: func(xid uint32, bound bool) {
			c := client6Of(xid)
			typ := dhcp6.Solicit
			if bound {
				typ = dhcp6.Request
			}
			n.send(c.frame(c.message(typ, 60)))
		},
		hear: func() (uint32, bool, bool) {
			f := n.hear(b)
			if len(f) < 70 || f[0] != 2 {
				return 0, false, false
			}
			m := f[62:]
			return binary.BigEndian.Uint32(f[50:]), dhcp6.Type(m[0]) == dhcp6.Reply, m[0] == byte(dhcp6.Reply) || m[0] == byte(dhcp6.Advertise)
		},
	}
}

// lease answers DISCOVERs and REQUESTs until the server is closed, each client by an
// address of its own.
func (v *server) lease() {
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, _, err := v.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			p, kind := bootp.Packet(b[:n]), bootp.Offer
			if typeOf(p) == bootp.DHCPRequest {
				kind = bootp.Ack
			}
			a := [4]byte{10, 2, byte(p.Xid() >> 8), byte(p.Xid())}
			_, _ = v.conn.WriteToUDPAddrPort(answer(p, kind, netip.AddrFrom4(a).String()), netip.AddrPortFrom(p.Giaddr(), 67)) // as any datagram
		}
	})
	v.t.Cleanup(func() { _ = v.conn.Close(); wg.Wait() })
}

// lease6 answers Solicits and Requests until the socket is closed.
func lease6(t testing.TB, v *net.UDPConn) {
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 1<<16)
		for {
			n, from, err := v.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			inner := bytes.Clone(inside(b[:n]))
			if len(inner) == 0 {
				continue
			}
			if dhcp6.Type(inner[0]) == dhcp6.Solicit {
				inner[0] = byte(dhcp6.Advertise)
			} else {
				inner[0] = byte(dhcp6.Reply)
			}
			_, _ = v.WriteToUDPAddrPort(answer6(b[:n], inner), from) // as any datagram
		}
	})
	t.Cleanup(func() { _ = v.Close(); wg.Wait() })
}

// inundate sends frames one after the other as fast as one processor can, until the
// function that it returns is called, which tells how many a second went out.
func inundate(t testing.TB, send func(frame []byte), frames [][]byte) (end func() int) {
	var over atomic.Bool
	var flood sync.WaitGroup
	sent, began := 0, time.Now()
	flood.Go(func() {
		runtime.LockOSThread() // it ends with the goroutine
		var cpu unix.CPUSet
		cpu.Set(0)
		_ = unix.SchedSetaffinity(0, &cpu) // a container may have others
		for ; !over.Load(); sent++ {
			send(frames[sent%len(frames)])
		}
	})
	end = func() int {
		over.Store(true)
		flood.Wait()
		return int(float64(sent) / time.Since(began).Seconds())
	}
	t.Cleanup(func() { end() })
	return end
}

// floods4 and floods6 are what a network is flooded with: made-up clients, each frame of
// another one.
func floods4() map[string][][]byte {
	all := make(map[string][][]byte)
	for i := range uint32(1 << 14) {
		m := discover(1<<24 + i)
		noise := make([]byte, rand.IntN(400))
		for i := range noise {
			noise[i] = byte(rand.Uint32())
		}
		for name, octets := range map[string][]byte{
			"discovers": m.request(), "replies": m.octets(bootp.Reply), "an octet": {bootp.Request}, "garbage": noise,
		} {
			all[name] = append(all[name], frameOf(octets))
		}
	}
	return all
}

func floods6() map[string][][]byte {
	all := make(map[string][][]byte)
	for i := range uint32(1 << 12) {
		c := client6Of(1<<24 + i)
		noise := make([]byte, 1+rand.IntN(400))
		for i := range noise {
			noise[i] = byte(rand.Uint32())
		}
		for name, octets := range map[string][]byte{
			"solicits": c.message(dhcp6.Solicit, 60), "replies": c.message(dhcp6.RelayReply, 60), "an octet": {byte(dhcp6.Solicit)}, "garbage": noise,
		} {
			all[name] = append(all[name], c.frame(octets))
		}
	}
	return all
}

// Clients of one network log in while another one is flooded as fast as one processor
// can, by a relay that has a part of one: each has its address, and nothing of them is
// lost. With RELAY_TEST_SOAK there are 1,000 of them, of each family, in each flood and
// for each part, and with a whole processor 99 of 100 log in within 100 ms.
func TestLoginsInAFlood(t *testing.T) {
	if os.Getenv("RELAY_TEST_SOAK") == "" {
		t.Run("DHCPv4, discovers, 25 %", func(t *testing.T) { loginScene4(t, floods4()["discovers"], 25, 100) })
		return
	}
	only := os.Getenv("FLOOD")
	for family, floods := range map[string]map[string][][]byte{"DHCPv4": floods4(), "DHCPv6": floods6()} {
		for name, frames := range floods {
			for _, percent := range []int{100, 25, 3} {
				scene := fmt.Sprintf("%s, %s, %d %%", family, name, percent)
				if !strings.Contains(scene, only) {
					continue
				}
				t.Run(scene, func(t *testing.T) {
					if family == "DHCPv4" {
						loginScene4(t, frames, percent, 1000)
					} else {
						loginScene6(t, frames, percent, 1000)
					}
				})
			}
		}
	}
}

func loginScene4(t *testing.T, frames [][]byte, percent, clients int) {
	b := newBed(t)
	loud, quiet := b.network("vlan10", "10.1.0.1/16"), b.network("vlan20", "10.2.0.1/16")
	listenAt(b.servers, "10.9.0.2:67").lease()
	listenAt(b.servers, "10.9.0.3:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.3\"]\n[[interface]]\nname = \"vlan20\"\nservers = [\"10.9.0.2\"]\n")
	d.limitProcessor(percent)
	loginScene(d, rush4(t, quiet), func(f []byte) { _ = loud.transmit(f) }, frames, percent, clients) // what a full queue refuses is sent again
}

func loginScene6(t *testing.T, frames [][]byte, percent, clients int) {
	b := newBed(t)
	v := b.uplink6()
	loud, quiet := b.network6("vlan10", "2001:db8:10::1/64"), b.network6("vlan20", "2001:db8:20::1/64")
	b.servers.ipv6("s", "2001:db8:9::3/64")
	b.acquaint("2001:db8:9::1", "2001:db8:9::3")
	lease6(t, v)
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"2001:db8:9::3\"]\n[[interface]]\nname = \"vlan20\"\nservers = [\"2001:db8:9::2\"]\n")
	d.limitProcessor(percent)
	loginScene(d, rush6(t, quiet), func(f []byte) { _ = unix.Sendto(loud.fd, f, 0, &loud.to) }, frames, percent, clients) // as for DHCPv4
}

// of returns what became of the messages of an interface.
func (s scrape) of(link string) map[string]float64 {
	all := make(map[string]float64)
	for k, v := range s {
		if strings.HasPrefix(k, "dhcp_relay_messages_total{") && strings.Contains(k, `interface="`+link+`"`) && v > 0 {
			all[k] = v
		}
	}
	return all
}

func loginScene(d *daemon, l *rush, send func([]byte), frames [][]byte, percent, clients int) {
	t := d.t
	t.Helper()
	end := inundate(t, send, frames)
	began := time.Now()
	l.run(1, 1, 1) // until then the share of the loud one is not known
	onset := time.Since(began)
	took, again := l.run(clients, 2, clients/map[int]int{100: 5, 25: 5, 3: 20}[percent])
	rate := end()
	if len(took) == 0 {
		return
	}
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	t.Logf("%d messages a second; the first client after %v; %d clients: median %v, 99 of 100 within %v; %d messages sent again",
		rate, onset.Round(time.Millisecond), clients, p50.Round(time.Microsecond), p99.Round(time.Microsecond), again)
	d.await("received = relayed + dropped", func() bool {
		s := d.scrape()
		return s.sum("dhcp_relay_received_total") == s.sum("dhcp_relay_messages_total")
	})
	s := d.scrape()
	if n := s.sum("dhcp_relay_shed_total", `interface="vlan20"`); n != 0 {
		t.Errorf("%d messages of vlan20 are shed", n)
	}
	if os.Getenv("RELAY_TEST_SOAK") == "" {
		return
	}
	if n := s.sum("dhcp_relay_socket_drops_total"); n != 0 {
		t.Errorf("%d messages were lost in a full buffer", n)
	}
	if again > 0 {
		t.Errorf("%d messages of vlan20 had to be sent again: %v", again, s.of("vlan20"))
	}
	if most := load.Bound(100 * time.Millisecond); percent == 100 && p99 > most {
		t.Errorf("99 of 100 clients log in within %v, want %v", p99, most)
	}
}
