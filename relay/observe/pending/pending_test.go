package pending_test

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dhcp-relay/relay/observe/pending"
	"dhcp-relay/relay/observe/transaction"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// A book is a way's servers and link: what they were told, in order.
type book struct{ told []string }

type server struct {
	book *book
	name string
}

func (s server) Answered(d time.Duration) {
	s.book.told = append(s.book.told, fmt.Sprintf("%s after %v", s.name, d))
}

func (s server) AnsweredAgain(d, waited, _ time.Duration) {
	s.book.told = append(s.book.told, fmt.Sprintf("%s after %v, %v in all", s.name, d, waited))
}

func (s server) Unanswered() { s.book.told = append(s.book.told, s.name+" silent") }
func (server) Replied()      {}

func (b *book) Expected(dhcp.Family) {}
func (b *book) Answered(dhcp.Family) {}
func (b *book) Unsent(f dhcp.Family) { b.told = append(b.told, f.String()+" unsent") }
func (b *book) BroadcastCleared()    { b.told = append(b.told, "cleared") }

func (b *book) Unanswered(f dhcp.Family) {
	b.told = append(b.told, f.String()+" nobody")
}

var (
	srvA  = netip.MustParseAddrPort("10.9.0.1:67")
	srvB  = netip.MustParseAddrPort("10.9.0.2:67")
	other = netip.MustParseAddrPort("10.9.0.9:67")
)

func (b *book) way() *pending.Way {
	return &pending.Way{
		Link: b, Addrs: []netip.AddrPort{srvA, srvB}, Servers: []pending.Server{server{b, "a"}, server{b, "b"}},
	}
}

const both = 3

func TestTable(t *testing.T) {
	t.Parallel()
	const s = time.Second
	for name, c := range map[string]struct {
		play    func(tb *pending.Table, w *pending.Way)
		told    []string
		waiting int // after 11 s
		evicted uint64
	}{
		"each server answers": {
			play: func(tb *pending.Table, w *pending.Way) {
				tb.Asked(7, w, both, false, s)
				tb.Answered(7, srvB, s+3*time.Millisecond)
				tb.Answered(7, srvA, s+5*time.Millisecond)
			},
			told: []string{"b after 3ms", "a after 5ms"},
		},
		"one of two is silent": {
			play: func(tb *pending.Table, w *pending.Way) {
				tb.Asked(7, w, both, false, 0)
				tb.Answered(7, srvA, time.Millisecond)
			},
			told: []string{"a after 1ms", "b silent"},
		},
		"all are silent": {
			play: func(tb *pending.Table, w *pending.Way) { tb.Asked(7, w, both, false, 0) },
			told: []string{"ipv4 nobody", "a silent", "b silent"},
		},
		"the client asks again": {
			play: func(tb *pending.Table, w *pending.Way) {
				tb.Asked(7, w, both, false, 0)
				tb.Asked(7, w, both, false, 4*s)
				tb.Answered(7, srvA, 4*s+time.Millisecond)
				tb.Answered(7, srvB, 4*s+time.Millisecond)
			},
			told: []string{"ipv4 nobody", "a silent", "b silent", "a after 1ms, 4.001s in all", "b after 1ms"},
		},
		"one answer is enough": {
			play: func(tb *pending.Table, w *pending.Way) {
				tb.Asked(7, w, both, true, 0)
				tb.Answered(7, srvB, time.Millisecond)
			},
			told: []string{"b after 1ms"},
		},
		"another address of the only server": {
			play: func(tb *pending.Table, w *pending.Way) {
				tb.Asked(7, w, 1, true, 0)
				tb.Answered(7, other, time.Millisecond)
			},
			told: []string{"a after 1ms"},
		},
		"another address of the last one that waits": {
			play: func(tb *pending.Table, w *pending.Way) {
				tb.Asked(7, w, both, false, 0)
				tb.Answered(7, srvA, time.Millisecond)
				tb.Answered(7, other, 2*time.Millisecond)
			},
			told: []string{"a after 1ms", "b after 2ms"},
		},
		"another address of nobody knows whom": {
			play: func(tb *pending.Table, w *pending.Way) {
				tb.Asked(7, w, both, false, 0)
				tb.Answered(7, other, time.Millisecond)
			},
			told: []string{"a silent", "b silent"},
		},
		"the reply comes twice": {
			play: func(tb *pending.Table, w *pending.Way) {
				tb.Asked(7, w, 1, false, 0)
				tb.Answered(7, srvA, time.Millisecond)
				tb.Answered(7, srvA, 2*time.Millisecond)
			},
			told: []string{"a after 1ms"},
		},
		"a reply that nobody has asked for": {
			play: func(tb *pending.Table, _ *pending.Way) { tb.Answered(7, srvA, time.Millisecond) },
		},
		"the copy was not sent": {
			play: func(tb *pending.Table, w *pending.Way) {
				tb.Asked(7, w, both, false, 0)
				tb.Unsent(7, 2)
				tb.Answered(7, srvA, time.Millisecond)
			},
			told: []string{"a after 1ms"},
		},
		"it still waits": {
			play:    func(tb *pending.Table, w *pending.Way) { tb.Asked(7, w, both, false, 2*s) },
			waiting: 1,
		},
		"the oldest makes room": {
			play: func(tb *pending.Table, w *pending.Way) {
				for k := range transaction.Key(5) {
					tb.Asked(k, w, 1, false, time.Duration(k+1))
				}
				for k := range transaction.Key(5) {
					tb.Answered(k, srvA, time.Millisecond)
				}
			},
			told: []string{"ipv4 nobody", "a after 1ms", "a after 1ms", "a after 1ms", "a after 1ms"}, evicted: 1,
		},
		"what was answered makes room first": {
			play: func(tb *pending.Table, w *pending.Way) {
				for k := range transaction.Key(4) {
					tb.Asked(k, w, 1, false, time.Duration(k+1))
				}
				tb.Answered(3, srvA, time.Millisecond)
				tb.Asked(4, w, 1, false, 9)
				for k := range transaction.Key(5) {
					tb.Answered(k, srvA, 2*time.Millisecond)
				}
			},
			told: []string{"a after 1ms", "a after 2ms", "a after 2ms", "a after 2ms", "a after 2ms"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := new(book)
			tb := pending.New(4) // one bucket
			for i := range 4 {
				tb.Sweep(time.Duration(i)) // an empty table has nothing to tell
			}
			c.play(tb, b.way())
			waiting := tb.Sweep(11 * s)
			for i := range b.told {
				b.told[i] = round(b.told[i])
			}
			if d := cmp.Diff(c.told, b.told); d != "" {
				t.Errorf("told (-want +got):\n%s", d)
			}
			if waiting != [2]int{c.waiting, 0} || tb.Evicted(dhcp.V4) != c.evicted {
				t.Errorf("%v wait and %d were evicted, want %d and %d", waiting, tb.Evicted(dhcp.V4), c.waiting, c.evicted)
			}
		})
	}
}

// The table's clock begins anew after months; what waits meanwhile must not notice.
func TestMonthsOfUptime(t *testing.T) {
	t.Parallel()
	const wrap, s = (1 << 44) * time.Microsecond, time.Second
	for _, start := range []time.Duration{wrap / 2, wrap - 2*s, wrap, 5*wrap + 3*s} {
		t.Run(start.String(), func(t *testing.T) {
			t.Parallel()
			b := new(book)
			tb, w := pending.New(4), b.way() // one bucket
			for k := range transaction.Key(5) {
				tb.Asked(k, w, 1, false, start+time.Duration(k)*s)
			}
			tb.Answered(4, srvA, start+5*s)
			tb.Answered(3, srvA, start+2*s) // read in the batch before
			waiting := tb.Sweep(start + 11*s)
			tb.Answered(2, srvA, start+12*s)
			tb.Answered(1, srvA, start+12*s) // a second too late
			if waiting[dhcp.V4] != 2 {
				t.Errorf("%d wait, want 2", waiting[dhcp.V4])
			}
			if d := cmp.Diff([]string{"ipv4 nobody", "a after 1s", "a after 0s", "a after 10s"}, b.told); d != "" {
				t.Errorf("told (-want +got):\n%s", d)
			}
			if n := tb.Evicted(dhcp.V4); n != 1 {
				t.Errorf("%d evicted, want the oldest", n)
			}
			tb.Asked(9, w, 1, false, start+13*s)
			if waiting := tb.Sweep(start + 24*s); waiting[dhcp.V4] != 0 {
				t.Errorf("%d wait after their time, want none", waiting[dhcp.V4])
			}
		})
	}
}

// round hides the nanoseconds by which the tests tell keys apart.
func round(s string) string {
	var name string
	var d string
	if n, _ := fmt.Sscanf(s, "%s after %s", &name, &d); n != 2 {
		return s
	}
	v, err := time.ParseDuration(d)
	if err != nil {
		return s
	}
	return fmt.Sprintf("%s after %v", name, v.Round(time.Millisecond))
}

// A counter is a server and a link that count.
type counter struct{ answered, silent, nobody, expected, met, unsent atomic.Int64 }

func (c *counter) Answered(time.Duration)              { c.answered.Add(1) }
func (c *counter) AnsweredAgain(_, _, _ time.Duration) { c.answered.Add(1) }
func (c *counter) Unanswered()                         { c.silent.Add(1) }
func (c *counter) Replied()                            {}
func (c *counter) nobodyLink() pending.Link            { return link{c} }

type link struct{ c *counter }

func (l link) Expected(dhcp.Family)   { l.c.expected.Add(1) }
func (l link) Answered(dhcp.Family)   { l.c.met.Add(1) }
func (l link) Unanswered(dhcp.Family) { l.c.nobody.Add(1) }
func (l link) Unsent(dhcp.Family)     { l.c.unsent.Add(1) }
func (l link) BroadcastCleared()      {}

// Whatever loops do at the same time, each copy is answered, unanswered or
// evicted, and never two of these.
func TestTableBalances(t *testing.T) {
	t.Parallel()
	const loops, each = 4, 20000
	tb := pending.New(256)
	c := new(counter)
	w := &pending.Way{Link: c.nobodyLink(), Addrs: []netip.AddrPort{srvA}, Servers: []pending.Server{c}}
	var wg sync.WaitGroup
	for n := range loops {
		wg.Go(func() {
			for i := range each {
				tb.Asked(transaction.Key(n*each+i)*0x9e3779b1, w, 1, false, time.Duration(i)*time.Microsecond)
			}
		})
		wg.Go(func() {
			for i := range each {
				tb.Answered(transaction.Key(n*each+i)*0x9e3779b1, srvA, time.Duration(i)*time.Microsecond)
			}
		})
	}
	wg.Wait()
	tb.Sweep(time.Hour)
	got := uint64(c.answered.Load()+c.silent.Load()) + tb.Evicted(dhcp.V4)
	if got != loops*each {
		t.Errorf("%d answered, %d unanswered and %d evicted are not the %d that were asked",
			c.answered.Load(), c.silent.Load(), tb.Evicted(dhcp.V4), loops*each)
	}
	if got, want := uint64(c.nobody.Load()), uint64(c.silent.Load())+tb.Evicted(dhcp.V4); got != want {
		t.Errorf("the link was told of %d unanswered requests, want %d: what is evicted is not known to be answered", got, want)
	}
	if c.expected.Load() != loops*each || c.met.Load()+c.nobody.Load()+c.unsent.Load() != loops*each {
		t.Errorf("%d expected, %d answered, %d unanswered and %d unsent, want %d in all", c.expected.Load(), c.met.Load(), c.nobody.Load(), c.unsent.Load(), loops*each)
	}
}

func TestTableDoesNotAllocate(t *testing.T) {
	tb := pending.New(1024)
	c := new(counter)
	w := &pending.Way{Link: c.nobodyLink(), Addrs: []netip.AddrPort{srvA}, Servers: []pending.Server{c}}
	n := testing.AllocsPerRun(1000, func() {
		tb.Asked(9, w, 1, false, 1)
		tb.Answered(9, srvA, 2)
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkTable(b *testing.B) {
	for _, size := range []int{1 << 13, 1 << 15} {
		tb := pending.New(size)
		c := new(counter)
		w := &pending.Way{Link: c.nobodyLink(), Addrs: []netip.AddrPort{srvA}, Servers: []pending.Server{c}}
		var k transaction.Key
		b.Run(fmt.Sprintf("asked/%d", size), func(b *testing.B) {
			for b.Loop() {
				k += 0x9e3779b97f4a7c15
				tb.Asked(k, w, 1, false, time.Duration(k&0xffff))
			}
		})
		b.Run(fmt.Sprintf("answered/%d", size), func(b *testing.B) {
			for b.Loop() {
				tb.Answered(k, srvA, time.Second)
				k -= 0x9e3779b97f4a7c15
			}
		})
	}
}

// Whether a reply answers a request that is known is told each time, for what
// comes unasked is no answer: the second reply of a server too, one of a server
// that was not asked, and one that comes when nobody waits any more.
func TestAnsweredTellsOfTheRequest(t *testing.T) {
	t.Parallel()
	b := new(book)
	tb, w := pending.New(4), b.way()
	reply := func(k transaction.Key, from netip.AddrPort, at time.Duration, want bool) {
		t.Helper()
		if got := tb.Answered(k, from, at); got != want {
			t.Errorf("key %d from %v after %v: %v, want %v", k, from, at, got, want)
		}
	}
	reply(7, srvA, 0, false)
	tb.Asked(7, w, both, false, 0)
	reply(8, srvA, time.Millisecond, false)
	reply(7, srvB, time.Millisecond, true)
	reply(7, srvB, 2*time.Millisecond, true)
	reply(7, other, 3*time.Millisecond, true)
	reply(7, srvA, 4*time.Millisecond, true)
	reply(7, srvA, 5*time.Millisecond, true)
	tb.Sweep(11 * time.Second)
	reply(7, srvA, 12*time.Second, false)
	if d := cmp.Diff([]string{"b after 1ms", "a after 3ms"}, b.told); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
}

// A request none of whose copies has left waits for nobody: neither its servers
// nor its link are told of silence, and it makes room before those that wait.
func TestNoCopyHasLeft(t *testing.T) {
	t.Parallel()
	b := new(book)
	tb, w := pending.New(4), b.way() // one bucket
	for k := range transaction.Key(4) {
		tb.Asked(k, w, both, false, time.Duration(k)*time.Millisecond)
	}
	tb.Unsent(2, both)
	tb.Unsent(99, both) // of nobody
	if d := cmp.Diff([]string{"ipv4 unsent"}, b.told); d != "" {
		t.Errorf("told (-want +got):\n%s", d)
	}
	if n := tb.Sweep(time.Second); n != [2]int{3, 0} {
		t.Errorf("%v wait, want 3", n)
	}
	tb.Asked(4, w, both, false, time.Second)
	if n := tb.Evicted(dhcp.V4); n != 0 {
		t.Errorf("%d evicted, want none", n)
	}
	for _, k := range []transaction.Key{0, 1, 3, 4} {
		tb.Answered(k, srvA, time.Second)
		tb.Answered(k, srvB, time.Second)
	}
	b.told = nil
	if n := tb.Sweep(time.Minute); n != [2]int{} || b.told != nil {
		t.Errorf("%v wait, told %v, want none and nothing", n, b.told)
	}
	if tb.Answered(2, srvA, time.Minute) {
		t.Error("the request is known after all")
	}
}

// Both families are counted apart, and a table for none has room for some.
func TestFamiliesApart(t *testing.T) {
	t.Parallel()
	b := new(book)
	four, six := b.way(), b.way()
	six.Family = dhcp.V6
	tb := pending.New(0)
	tb.Asked(1, four, 1, false, 0)
	tb.Asked(2, six, 1, false, 0)
	tb.Asked(3, six, 1, false, 0)
	if n := tb.Sweep(time.Second); n != [2]int{1, 2} {
		t.Errorf("%v wait, want 1 and 2", n)
	}
	tb.Asked(4, six, 1, false, time.Second)
	tb.Asked(5, six, 1, false, time.Second)
	if v4, v6 := tb.Evicted(dhcp.V4), tb.Evicted(dhcp.V6); v4 != 1 || v6 != 0 {
		t.Errorf("%d and %d evicted, want the oldest, 1 and 0", v4, v6)
	}
}

// Time runs out after Timeout, not before.
func TestTimeout(t *testing.T) {
	t.Parallel()
	b := new(book)
	tb, w := pending.New(4), b.way()
	tb.Asked(7, w, 1, false, time.Second)
	if n := tb.Sweep(time.Second + transaction.Timeout); n != [2]int{1, 0} || b.told != nil {
		t.Errorf("after %v %v wait, told %v", transaction.Timeout, n, b.told)
	}
	if n := tb.Sweep(time.Second + transaction.Timeout + time.Microsecond); n != [2]int{} || len(b.told) != 2 {
		t.Errorf("a moment later %v wait, told %v", n, b.told)
	}
}

// Of more servers than can be watched, the first are.
func TestManyServers(t *testing.T) {
	t.Parallel()
	b := new(book)
	w := &pending.Way{Link: b}
	for n := range pending.MaxServers + 2 {
		w.Addrs = append(w.Addrs, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 1, byte(n)}), 67))
		w.Servers = append(w.Servers, server{b, fmt.Sprint(n)})
	}
	tb := pending.New(4)
	tb.Asked(7, w, ^uint64(0), false, 0)
	for n := range pending.MaxServers + 2 {
		if !tb.Answered(7, w.Addrs[n], time.Millisecond) {
			t.Errorf("server %d: no such request", n)
		}
	}
	if len(b.told) != pending.MaxServers {
		t.Errorf("told %d times, want %d: %v", len(b.told), pending.MaxServers, b.told)
	}
	if n := tb.Sweep(time.Second); n != [2]int{} {
		t.Errorf("%v wait for a server that is not watched", n)
	}
}

// Two servers at one address are told apart by the ports that they answer from, or
// else by which of them has yet to answer.
func TestServersAtOneAddress(t *testing.T) {
	t.Parallel()
	at := netip.MustParseAddrPort
	for _, c := range []struct {
		name string
		from []netip.AddrPort
		want []int // answers of each server
	}{
		{"by port", []netip.AddrPort{at("10.9.0.2:1067"), at("10.9.0.2:1067"), at("10.9.0.2:67")}, []int{1, 1}},
		{"the second alone", []netip.AddrPort{at("10.9.0.2:1067")}, []int{0, 1}},
		{"both from another port", []netip.AddrPort{at("10.9.0.2:5000"), at("10.9.0.2:5000")}, []int{1, 1}},
		{"from another address", []netip.AddrPort{at("10.9.0.3:1067")}, []int{0, 0}},
	} {
		first, second := new(counter), new(counter)
		w := &pending.Way{
			Link: first.nobodyLink(), Addrs: []netip.AddrPort{at("10.9.0.2:67"), at("10.9.0.2:1067")},
			Servers: []pending.Server{first, second},
		}
		tb := pending.New(4)
		tb.Asked(7, w, both, false, 0)
		for _, from := range c.from {
			tb.Answered(7, from, time.Millisecond)
		}
		if got := []int{int(first.answered.Load()), int(second.answered.Load())}; !slices.Equal(got, c.want) {
			t.Errorf("%s: answers %v, want %v", c.name, got, c.want)
		}
	}
}

// message4 returns a DHCPv4 message with an xid and a client's MAC.
func message4(op byte, xid byte, mac byte) bootp.Packet {
	p := make(bootp.Packet, 300)
	p[0], p[1], p[2] = op, 1, 6                            // op, htype, hlen
	p[7] = xid                                             // the last octet of xid
	p[28], p[33] = 2, mac                                  // chaddr
	copy(p[236:], []byte{99, 130, 83, 99, 53, 1, op, 255}) // cookie, option 53, END
	return p
}
