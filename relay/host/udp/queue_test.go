package udp

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/dhcp"
)

func itoa(i int) string { return strconv.Itoa(i) }

// A wire is a relay and a server joined by a cable.
type wire struct {
	relay, server *netns.Space
	p, at         *Pair // the relay's sockets and the server's
	link          int   // the relay's interface
	dst, src      netip.AddrPort
}

func newWire(t testing.TB, mtu int) *wire {
	t.Helper()
	w := &wire{relay: netns.NewSpace(t), server: netns.NewSpace(t)}
	w.relay.Veth("u0", w.server, "s0")
	w.relay.Must(w.relay.NL.LinkSetMTU(w.relay.Link("u0"), mtu))
	w.server.Must(w.server.NL.LinkSetMTU(w.server.Link("s0"), mtu))
	w.relay.Addr("u0", "198.51.100.1/24")
	w.relay.Addr("lo", "203.0.113.1/32")
	w.server.Addr("s0", "198.51.100.2/24")
	w.server.Route("203.0.113.1/32", "198.51.100.1")
	w.p = listen(w.relay, Config{Family: dhcp.V4, Port: 67, RcvBuf: 4 << 20})
	w.at = listen(w.server, Config{Family: dhcp.V4, Port: 67, RcvBuf: 4 << 20})
	w.link = w.relay.Index("u0")
	w.dst = netip.MustParseAddrPort("198.51.100.2:67")
	w.src = netip.MustParseAddrPort("198.51.100.1:67")
	return w
}

// message is a request of n octets, the second of which is no.
func message(no byte, n int) []byte {
	b := bytes.Repeat([]byte{no}, n)
	b[0] = 1
	return b
}

// together allows datagrams to leave together.
func together() *Segmentation {
	s := new(Segmentation)
	s.Allow(true)
	return s
}

// outcomes flushes and returns the errno for each tag.
func outcomes(t testing.TB, q *Queue) map[int]syscall.Errno {
	t.Helper()
	got := make(map[int]syscall.Errno)
	q.Flush(func(tag int, errno syscall.Errno) {
		if _, twice := got[tag]; twice {
			t.Errorf("tag %d reported twice", tag)
		}
		got[tag] = errno
	})
	return got
}

// payloads returns what was heard, in order of payload.
func payloads(hs []heard) []string {
	var ps []string
	for _, h := range hs {
		ps = append(ps, h.Payload)
	}
	slices.Sort(ps)
	return ps
}

func TestFlushCoalescesPerFlowAndLength(t *testing.T) {
	w := newWire(t, 1500)
	w.server.Addr("s0", "198.51.100.3/24")
	other := netip.MustParseAddrPort("198.51.100.3:67")
	giaddr := netip.MustParseAddr("203.0.113.1")
	type add struct {
		n   int
		dst netip.AddrPort
		src netip.Addr
	}
	repeat := func(n int, as ...add) (all []add) {
		for range n {
			all = append(all, as...)
		}
		return all
	}
	none := netip.Addr{}
	for _, tc := range []struct {
		name     string
		adds     []add
		messages int
	}{
		{"one", []add{{300, w.dst, none}}, 1},
		{"64 alike", repeat(64, add{300, w.dst, none}), 1},
		{"65 alike", repeat(65, add{300, w.dst, none}), 2},
		{"beyond 65,507 octets", repeat(50, add{1400, w.dst, none}), 2},
		{"copies to two servers in turn", repeat(30, add{300, w.dst, none}, add{300, other, none}), 2},
		{"two sources in turn", repeat(30, add{300, w.dst, none}, add{300, w.dst, giaddr}), 2},
		{"two lengths in turn", repeat(30, add{300, w.dst, none}, add{331, w.dst, none}), 2},
		{"a shorter one joins as the last", append(repeat(5, add{300, w.dst, none}), add{280, w.dst, none}), 1},
		{"a longer one does not", append(repeat(5, add{300, w.dst, none}), add{301, w.dst, none}), 2},
		{"only one shorter one joins", append(repeat(5, add{300, w.dst, none}), add{280, w.dst, none}, add{280, w.dst, giaddr}, add{270, w.dst, none}), 3},
		{"empty ones go alone", repeat(3, add{0, w.dst, none}), 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q, seg := NewQueue(w.p.Requests), together()
			var want []string
			for i, a := range tc.adds {
				b := make([]byte, a.n)
				if a.n > 0 {
					b = message(byte(i+1), a.n)
				}
				want = append(want, string(b))
				q.Add(i, b, a.dst, a.src, 0, seg)
			}
			slices.Sort(want)
			for tag, errno := range outcomes(t, q) {
				if errno != 0 {
					t.Errorf("tag %d: %v", tag, errno)
				}
			}
			if got := len(q.tx.msgs); got != tc.messages {
				t.Errorf("%d messages, want %d", got, tc.messages)
			}
			hs := hear(t, w.at.Requests, len(want), patient)
			if diff := cmp.Diff(want, payloads(hs)); diff != "" {
				t.Errorf("payloads (-want +got)\n%s", diff)
			}
			if r, refused := seg.Refusal(); refused {
				t.Errorf("refused: %v", r)
			}
		})
	}
	silent(t, w.at.Requests, "the server")
}

func TestFlushMakesOneBufferOfAGroup(t *testing.T) {
	w := newWire(t, 1500)
	sent := func() uint64 {
		return w.relay.Link("u0").Attrs().Statistics.TxPackets
	}
	// IPv6 would send something of its own, and ARP if the neighbour is not known.
	w.relay.Sysctl("ipv6/conf/u0/disable_ipv6", "1")
	sendTo(t, w.server.ListenUDP("udp4", "0.0.0.0:0"), request, "198.51.100.1:67")
	hear(t, w.p.Requests, 1, patient)
	q, seg := NewQueue(w.p.Requests), together()
	q.Add(0, message(0, 300), w.dst, netip.Addr{}, 0, seg)
	outcomes(t, q)
	before := sent()
	for i := range 64 {
		q.Add(i, message(byte(i), 300), w.dst, netip.Addr{}, 0, seg)
	}
	outcomes(t, q)
	// veth carries the 64 datagrams as one buffer and counts that.
	if n := sent() - before; n != 1 {
		t.Errorf("the interface sent %d buffers, want 1", n)
	}
	if n := len(hear(t, w.at.Requests, 65, patient)); n != 65 {
		t.Errorf("the server heard %d datagrams, want 65", n)
	}
}

func TestFlushKeepsOrderWithinAFlow(t *testing.T) {
	w := newWire(t, 1500)
	q, seg := NewQueue(w.p.Requests), together()
	var want []string
	for i := range 200 {
		b := message(byte(i), 300)
		want = append(want, string(b))
		q.Add(i, b, w.dst, netip.Addr{}, 0, seg)
	}
	outcomes(t, q)
	var got []string
	for _, h := range hear(t, w.at.Requests, 200, patient) {
		got = append(got, h.Payload)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestFlushSourceAndLink(t *testing.T) {
	w := newWire(t, 1500)
	in := w.server.Index("s0")
	giaddr := netip.MustParseAddr("203.0.113.1")
	all := netip.MustParseAddrPort("255.255.255.255:67")
	for _, tc := range []struct {
		name string
		dst  netip.AddrPort
		src  netip.Addr
		link int
		want heard
	}{
		{"kernel's choice", w.dst, netip.Addr{}, 0, heard{request, in, w.src, w.dst.Addr()}},
		{"given source", w.dst, giaddr, 0, heard{request, in, netip.AddrPortFrom(giaddr, 67), w.dst.Addr()}},
		{"given link", w.dst, netip.Addr{}, w.link, heard{request, in, w.src, w.dst.Addr()}},
		{"broadcast on a link", all, netip.Addr{}, w.link, heard{request, in, w.src, all.Addr()}},
		{"broadcast from giaddr", all, giaddr, w.link, heard{request, in, netip.AddrPortFrom(giaddr, 67), all.Addr()}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q, seg := NewQueue(w.p.Requests), together()
			for i := range 3 {
				q.Add(i, []byte(request), tc.dst, tc.src, tc.link, seg)
			}
			if diff := cmp.Diff(map[int]syscall.Errno{0: 0, 1: 0, 2: 0}, outcomes(t, q)); diff != "" {
				t.Errorf("outcomes (-want +got)\n%s", diff)
			}
			want := []heard{tc.want, tc.want, tc.want}
			if diff := cmp.Diff(want, hear(t, w.at.Requests, 3, patient), opts()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestFlush6(t *testing.T) {
	relay, server := netns.NewSpace(t), netns.NewSpace(t)
	relay.Veth("u0", server, "s0")
	relay.Addr("u0", "fe80::1/64")
	relay.Addr("u0", "2001:db8::1/64")
	relay.Addr("lo", "2001:db8:1::1/128")
	server.Addr("s0", "fe80::2/64")
	server.Addr("s0", "2001:db8::2/64")
	p := listen(relay, Config{Family: dhcp.V6, Port: 547})
	at := listen(server, Config{Family: dhcp.V6, Port: 547})
	server.Must(at.Requests.Join(server.Index("s0")))
	u0, s0 := relay.Index("u0"), server.Index("s0")
	addr := netip.MustParseAddr
	for _, tc := range []struct {
		name     string
		dst, src netip.Addr
		link     int
		from     netip.Addr
	}{
		{"kernel's choice", addr("2001:db8::2"), netip.Addr{}, 0, addr("2001:db8::1")},
		{"given source", addr("2001:db8::2"), addr("2001:db8:1::1"), 0, addr("2001:db8:1::1")},
		{"link-local", addr("fe80::2"), netip.Addr{}, u0, addr("fe80::1")},
		{"multicast", AllAgents(), netip.Addr{}, u0, addr("fe80::1")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			q, seg := NewQueue(p.Replies), together()
			for i := range 3 {
				q.Add(i, []byte(forward), netip.AddrPortFrom(tc.dst, 547), tc.src, tc.link, seg)
			}
			if diff := cmp.Diff(map[int]syscall.Errno{0: 0, 1: 0, 2: 0}, outcomes(t, q)); diff != "" {
				t.Errorf("outcomes (-want +got)\n%s", diff)
			}
			if n := len(q.tx.msgs); n != 1 {
				t.Errorf("%d messages, want 1", n)
			}
			one := heard{forward, s0, netip.AddrPortFrom(tc.from, 547), tc.dst}
			if diff := cmp.Diff([]heard{one, one, one}, hear(t, at.Requests, 3, patient), opts()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	t.Run("fragmented beyond the MTU, also where segmentation would do else", func(t *testing.T) {
		q, seg := NewQueue(p.Requests), together()
		var want []int
		for i, n := range []int{1452, 2000, 2000, 2000} {
			q.Add(i, message(byte(i), n), netip.AddrPortFrom(addr("2001:db8::2"), 547), netip.Addr{}, 0, seg)
			want = append(want, n)
		}
		if diff := cmp.Diff(map[int]syscall.Errno{0: 0, 1: 0, 2: 0, 3: 0}, outcomes(t, q)); diff != "" {
			t.Errorf("outcomes (-want +got)\n%s", diff)
		}
		var got []int
		for _, h := range hear(t, at.Requests, len(want), patient) {
			got = append(got, len(h.Payload))
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("lengths (-want +got)\n%s", diff)
		}
	})
}

func TestR951_2_NothingIsFragmented(t *testing.T) {
	w := newWire(t, 576)
	q, seg := NewQueue(w.p.Requests), together()
	want := make(map[int]syscall.Errno)
	var heard []string
	for i := range 12 {
		// The largest that fits into 576 octets with 20 of IPv4 and 8 of UDP.
		n := 548
		if i%2 == 1 {
			n = 549
			want[i] = unix.EMSGSIZE
		}
		if i == 11 {
			n = 300 // the short last one of the group that does not fit
			want[i] = 0
		}
		b := message(byte(i), n)
		if n <= 548 {
			want[i] = 0
			heard = append(heard, string(b))
		}
		q.Add(i, b, w.dst, netip.Addr{}, 0, seg)
	}
	if diff := cmp.Diff(want, outcomes(t, q)); diff != "" {
		t.Errorf("outcomes (-want +got)\n%s", diff)
	}
	slices.Sort(heard)
	if diff := cmp.Diff(heard, payloads(hear(t, w.at.Requests, len(heard), patient))); diff != "" {
		t.Errorf("heard (-want +got)\n%s", diff)
	}
	if _, refused := seg.Refusal(); refused {
		t.Error("UDP GSO was given up because of the MTU")
	}
}

func TestFlushErrorsHitOnlyTheirOwn(t *testing.T) {
	w := newWire(t, 1500)
	giaddr, none := netip.MustParseAddr("203.0.113.1"), netip.Addr{}
	nowhere := netip.MustParseAddrPort("233.252.0.1:67") // no route
	foreign := netip.MustParseAddr("192.0.2.77")         // no address of this host
	v6 := netip.MustParseAddrPort("[2001:db8::2]:67")
	q, seg := NewQueue(w.p.Requests), together()
	want := make(map[int]syscall.Errno)
	add := func(dst netip.AddrPort, src netip.Addr, link int, errno syscall.Errno) {
		tag := len(want)
		want[tag] = errno
		q.Add(tag, message(byte(tag), 300), dst, src, link, seg)
	}
	for range 3 {
		add(w.dst, none, 0, 0)
		add(nowhere, none, 0, unix.ENETUNREACH)
		add(w.dst, giaddr, 0, 0)
		add(w.dst, foreign, 0, unix.ENETUNREACH)
		add(w.dst, v6.Addr(), 0, unix.EAFNOSUPPORT)
		add(v6, none, 0, unix.EAFNOSUPPORT)
		add(netip.AddrPort{}, none, 0, unix.EAFNOSUPPORT)
		add(w.dst, none, w.link, 0)
	}
	q.Add(len(want), message(99, 3000), w.dst, none, 0, seg)
	want[len(want)] = unix.EMSGSIZE
	got := outcomes(t, q)
	for tag, errno := range got {
		if errno == unix.EINVAL { // what older kernels say of a foreign source
			got[tag] = unix.ENETUNREACH
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes (-want +got)\n%s", diff)
	}
	if n := len(hear(t, w.at.Requests, 9, patient)); n != 9 {
		t.Errorf("the server heard %d, want 9", n)
	}
	if _, refused := seg.Refusal(); refused {
		t.Error("UDP GSO was given up because of a bad source")
	}
	if got := outcomes(t, q); len(got) != 0 {
		t.Errorf("an empty queue reports %v", got)
	}
}

func TestFlushGivesUpSegmentationForAWhile(t *testing.T) {
	for _, tc := range []struct {
		errno   syscall.Errno
		refused bool
	}{
		{unix.EIO, true},
		{unix.EOPNOTSUPP, true},
		{unix.EINVAL, true}, // the datagrams go out alone, so it was the segmentation
		{unix.EMSGSIZE, false},
	} {
		t.Run(tc.errno.Error(), func(t *testing.T) {
			w := newWire(t, 1500)
			q, seg := NewQueue(w.p.Requests), together()
			refuse(q, tc.errno)
			for round := range 2 {
				want := make(map[int]syscall.Errno)
				for i := range 10 {
					want[i] = 0
					q.Add(i, message(byte(i), 300), w.dst, netip.Addr{}, 0, seg)
				}
				if diff := cmp.Diff(want, outcomes(t, q)); diff != "" {
					t.Errorf("outcomes (-want +got)\n%s", diff)
				}
				if n := len(hear(t, w.at.Requests, 10, patient)); n != 10 {
					t.Errorf("round %d: the server heard %d, want 10", round, n)
				}
			}
			r, refused := seg.Refusal()
			if refused != tc.refused {
				t.Errorf("refused: %v, want %v", refused, tc.refused)
			}
			if refused && r.Errno != tc.errno {
				t.Errorf("refused with %v, want %v", r.Errno, tc.errno)
			}
		})
	}
}

// refuse makes the system call fail for groups, as on a kernel or a device
// without UDP_SEGMENT.
func refuse(q *Queue, errno syscall.Errno) {
	attempt := q.tx.try
	q.tx.try = func(fd uintptr) {
		if q.tx.msgs[q.tx.next].Header.Iovlen > 1 {
			q.tx.n, q.tx.errno = 0, errno
			return
		}
		attempt(fd)
	}
}

// TestFlushNeverWaits fills the send buffer with what waits for a
// neighbour that never answers.
func TestFlushNeverWaits(t *testing.T) {
	w := newWire(t, 1500)
	w.p.Requests.must(t, unix.SO_SNDBUF, 1) // the kernel's minimum
	q, seg := NewQueue(w.p.Requests), together()
	dead := netip.MustParseAddrPort("198.51.100.99:67")
	const n = 100
	for i := range n {
		q.Add(i, message(byte(i), 1000+i), dead, netip.Addr{}, 0, seg)
	}
	start := time.Now()
	got := outcomes(t, q)
	if took := time.Since(start); took > load.Bound(time.Second) {
		t.Errorf("took %v", took)
	}
	if len(got) != n || got[0] != 0 || got[n-1] != unix.EAGAIN {
		t.Errorf("%d outcomes, first %v, last %v; want %d, 0, EAGAIN", len(got), got[0], got[n-1], n)
	}
	w.p.Requests.must(t, unix.SO_SNDBUF, 1<<20)
	q.Add(0, []byte(request), w.dst, netip.Addr{}, 0, seg)
	if diff := cmp.Diff(map[int]syscall.Errno{0: 0}, outcomes(t, q)); diff != "" {
		t.Errorf("afterwards (-want +got)\n%s", diff)
	}
}

func (c *Conn) must(t *testing.T, opt, value int) {
	t.Helper()
	var err error
	cerr := c.rc.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, opt, value) })
	if err != nil || cerr != nil {
		t.Fatal(err, cerr)
	}
}

func TestFlushAfterClose(t *testing.T) {
	w := newWire(t, 1500)
	w.relay.Must(w.p.Close())
	q, seg := NewQueue(w.p.Requests), together()
	q.Add(7, []byte(request), w.dst, netip.Addr{}, 0, seg)
	q.Add(8, []byte(request), w.dst, netip.Addr{}, 0, seg)
	want := map[int]syscall.Errno{7: unix.EBADF, 8: unix.EBADF}
	if diff := cmp.Diff(want, outcomes(t, q)); diff != "" {
		t.Errorf("outcomes (-want +got)\n%s", diff)
	}
}

func TestFlushMoreThanOneCallTakes(t *testing.T) {
	w := newWire(t, 1500)
	q := NewQueue(w.p.Requests)
	const n = 2*maxMessages + 1
	for i := range n {
		q.Add(i, []byte(fmt.Sprintf("\x01%08d", i)), w.dst, netip.Addr{}, 0, nil)
	}
	if got := outcomes(t, q); len(got) != n {
		t.Errorf("%d outcomes, want %d", len(got), n)
	}
	if got := len(hear(t, w.at.Requests, n, patient)); got != n {
		t.Errorf("the server heard %d, want %d", got, n)
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	w := newWire(t, 1500)
	for _, seg := range []*Segmentation{together(), nil} {
		q, ds := NewQueue(w.p.Requests), NewBatch(64)
		payload := message(0, 300)
		done := func(int, syscall.Errno) {}
		n := testing.AllocsPerRun(100, func() {
			for i := range 32 {
				q.Add(i, payload, w.dst, w.src.Addr(), w.link, seg)
			}
			q.Flush(done)
			for got := 0; got < 32; {
				k, err := w.at.Requests.Read(ds)
				if err != nil {
					t.Fatal(err)
				}
				got += k
			}
		})
		if n != 0 {
			t.Errorf("together %v: %v allocations, want 0", seg != nil, n)
		}
	}
}
