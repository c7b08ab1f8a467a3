package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/cmd/lab/netns"
)

const patient = 30 * time.Second

var (
	server = netip.MustParseAddrPort("192.0.2.1:67")
	client = netip.MustParseAddrPort("192.0.2.50:68")

	server6 = netip.MustParseAddrPort("[fe80::1]:547")
	client6 = netip.MustParseAddrPort("[fe80::50]:546")
)

// An ear is a packet socket that hears all IPv4 or IPv6 frames of an interface.
type ear int

func listen(s *netns.Space, index int) ear { return listenFor(s, index, typeIPv4) }

func listenFor(s *netns.Space, index int, typ uint16) ear {
	s.T.Helper()
	proto := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, typ)) // in network order
	var fd int
	s.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	s.T.Cleanup(func() { _ = unix.Close(fd) })
	s.Must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: int64(patient.Seconds())}))
	s.Must(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: index}))
	return ear(fd)
}

// hear returns the next frame.
func (e ear) hear(t *testing.T) []byte {
	t.Helper()
	b := make([]byte, 2048)
	n, err := unix.Read(int(e), b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

const mtu = 1500 // of a cable

// send is Send for a payload alone.
func (c *Conn) send(payload []byte, src, dst netip.AddrPort, hw []byte) error {
	return c.Send(append(make([]byte, Headroom), payload...), mtu, src, dst, hw)
}

func TestR1542_FramesReachAClientThatAnswersNoARP(t *testing.T) {
	w := newCable(t) // the client has no address
	in := listen(w.client, w.c0.Attrs().Index)
	c := w.open()
	all := Broadcast()
	for _, tc := range []struct {
		name    string
		payload []byte
		dst     netip.AddrPort
		hw      []byte
	}{
		{"unicast", bytes.Repeat([]byte{2, 7}, 150), client, w.c0.Attrs().HardwareAddr},
		{"broadcast", bytes.Repeat([]byte{2}, 301), netip.MustParseAddrPort("255.255.255.255:68"), all[:]},
		{"as large as the MTU", bytes.Repeat([]byte{2}, 1472), client, w.c0.Attrs().HardwareAddr},
		{"empty", nil, client, w.c0.Attrs().HardwareAddr},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := c.send(tc.payload, server, tc.dst, tc.hw); err != nil {
				t.Fatal(err)
			}
			got := in.hear(t)
			want := frameOf(&header{
				to: [6]byte(tc.hw), from: [6]byte(w.d0.Attrs().HardwareAddr),
				src: server, dst: tc.dst, id: c.id,
			}, tc.payload)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			checkSums(t, got)
		})
	}
}

// TestT9_TheKernelAcceptsTheChecksums has the client's kernel verify them, which
// it does for frames from a packet socket.
func TestT9_TheKernelAcceptsTheChecksums(t *testing.T) {
	w := newCable(t)
	w.client.Addr("c0", "192.0.2.50/24")
	u := w.client.ListenUDP("udp4", "0.0.0.0:68")
	w.client.Must(u.SetReadDeadline(time.Now().Add(patient)))
	c := w.open()
	for n := range 64 { // odd and even lengths
		payload := bytes.Repeat([]byte{byte(200 + n)}, 300+n)
		if err := c.send(payload, server, client, w.c0.Attrs().HardwareAddr); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 2048)
		got, from, err := u.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(payload, b[:got]) || from.String() != server.String() {
			t.Errorf("%d octets from %v, want %d from %v", got, from, len(payload), server)
		}
	}
}

func TestReceivesNothing(t *testing.T) {
	w := newCable(t)
	c := w.open()
	hears := listen(w.relay, w.d0.Attrs().Index)
	var back *Conn
	w.client.Do(func() (err error) {
		back, err = Open(w.c0.Attrs().Index, w.c0.Attrs().HardwareAddr)
		return err
	})
	t.Cleanup(func() { _ = back.Close() })
	all := Broadcast()
	if err := back.send([]byte{1}, client, server, all[:]); err != nil {
		t.Fatal(err)
	}
	hears.hear(t) // the frame has come
	st, err := c.sock.conn.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if st.Packets != 0 || st.Drops != 0 {
		t.Errorf("the transmit-only socket was given %+v", *st)
	}
	w.relay.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/packet")
		// Columns: sk RefCnt Type Proto Iface R(unning) ...
		var running, idle int
		for _, line := range strings.Split(string(b), "\n")[1:] {
			switch f := strings.Fields(line); {
			case len(f) > 5 && f[3] == "0000" && f[5] == "0":
				idle++
			case len(f) > 5:
				running++
			}
		}
		if idle != 1 || running != 1 {
			t.Errorf("%d idle and %d running packet sockets, want 1 of each:\n%s", idle, running, b)
		}
		return err
	})
}

func TestSendErrors(t *testing.T) {
	w := newCable(t)
	c := w.open()
	hw := w.c0.Attrs().HardwareAddr
	for _, tc := range []struct {
		name     string
		octets   int
		src, dst netip.AddrPort
		hw       []byte
		want     error
	}{
		{"beyond IPv4", maxPayload + 1, server, client, hw, ErrTooBig},
		{"beyond UDP", maxPayload6 + 1, server6, client6, hw, ErrTooBig},
		{"link-layer address too short", 300, server, client, hw[:5], errAddress},
		{"IPv6 source", 300, server6, client, hw, errAddress},
		{"IPv6 destination", 300, server, client6, hw, errAddress},
		{"no source", 300, netip.AddrPort{}, client6, hw, errAddress},
		{"no destination", 300, server, netip.AddrPort{}, hw, errAddress},
		{"still usable", 300, server, client, hw, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := c.send(make([]byte, tc.octets), tc.src, tc.dst, tc.hw); !errors.Is(err, tc.want) {
				t.Errorf("Send: %v, want %v", err, tc.want)
			}
		})
	}
	t.Run("the MTU is smaller than was said", func(*testing.T) {
		for _, said := range []int{0, 9000} {
			frame := make([]byte, Headroom+mtu)
			w.relay.Do(func() error { return c.Send(frame, said, server, client, hw) })
		}
	})
	t.Run("the MTU has become smaller", func(*testing.T) {
		w.relay.Must(w.relay.NL.LinkSetMTU(w.d0, 500))
		frame := make([]byte, Headroom+2*mtu)
		w.relay.Do(func() error { return c.Send(frame, mtu, server, client, hw) })
		w.relay.Must(w.relay.NL.LinkSetMTU(w.d0, mtu))
	})
	t.Run("interface down", func(t *testing.T) {
		w.relay.Must(w.relay.NL.LinkSetDown(w.d0))
		if err := c.send([]byte{2}, server, client, hw); !errors.Is(err, unix.ENETDOWN) {
			t.Errorf("Send: %v, want ENETDOWN", err)
		}
	})
	t.Run("interface up again", func(t *testing.T) {
		w.relay.Must(w.relay.NL.LinkSetUp(w.d0))
		if err := c.send([]byte{2}, server, client, hw); err != nil {
			t.Errorf("Send: %v", err)
		}
	})
	t.Run("interface back from another namespace", func(t *testing.T) {
		w.relay.Must(w.relay.NL.LinkSetNsFd(w.d0, w.client.FD()))
		if err := c.send([]byte{2}, server, client, hw); !errors.Is(err, unix.ENXIO) {
			t.Errorf("Send: %v, want ENXIO", err)
		}
		w.client.Must(w.client.NL.LinkSetNsFd(w.d0, w.relay.FD()))
		w.relay.Must(w.relay.NL.LinkSetUp(w.d0))
		if err := c.send([]byte{2}, server, client, hw); err != nil {
			t.Errorf("Send: %v", err)
		}
	})
	t.Run("interface gone", func(t *testing.T) {
		w.relay.Must(w.relay.NL.LinkDel(w.d0))
		if err := c.send([]byte{2}, server, client, hw); !errors.Is(err, unix.ENXIO) {
			t.Errorf("Send: %v, want ENXIO", err)
		}
	})
}

func TestOpenErrors(t *testing.T) {
	s := netns.NewSpace(t)
	s.Do(func() error {
		if _, err := Open(4711, []byte{2, 0, 0, 0, 0, 1}); !errors.Is(err, unix.ENODEV) {
			t.Errorf("Open: %v, want ENODEV", err)
		}
		if _, err := Open(1, nil); !errors.Is(err, errAddress) {
			t.Errorf("Open: %v, want ErrAddress", err)
		}
		return nil
	})
}

// A token bucket that lets next to nothing pass keeps the frames of one interface,
// until the socket's buffer is full. Nobody waits for it, and others send as ever.
func TestSendNeverWaits(t *testing.T) {
	w := newCable(t)
	w.relay.Veth("d1", w.client, "c1")
	slow := &netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: w.d0.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       1000,     // octets per second
		Buffer:     4e9 / 64, // ticks of 64 ns: 4 s, or 4,000 octets
		Limit:      1 << 30,
	}
	netns.Need(t, "tbf queues (CONFIG_NET_SCH_TBF)", w.relay.NL.QdiscAdd(slow))
	c := w.open()
	const n = 10_000
	refused, longest := 0, time.Duration(0)
	for range n {
		start := time.Now()
		err := c.send(make([]byte, 1000), server, client, w.c0.Attrs().HardwareAddr)
		longest = max(longest, time.Since(start))
		switch {
		case errors.Is(err, unix.EAGAIN):
			refused++
		case err != nil:
			t.Fatalf("Send: %v, want EAGAIN", err)
		}
	}
	if refused < n/2 {
		t.Errorf("%d of %d frames were refused, want most: the buffer holds some %d", refused, n, 2*sendBuffer/2048)
	}
	if longest > load.Bound(time.Second) {
		t.Errorf("one Send took %v", longest)
	}
	var other *Conn
	d1 := w.relay.Link("d1")
	w.relay.Do(func() (err error) {
		other, err = Open(d1.Attrs().Index, d1.Attrs().HardwareAddr)
		return err
	})
	if err := errors.Join(other.send([]byte{2}, server, client, w.c0.Attrs().HardwareAddr), other.Close()); err != nil {
		t.Errorf("Send on another interface: %v", err)
	}
	w.relay.Must(w.relay.NL.QdiscDel(slow))
	if err := c.send([]byte{2}, server, client, w.c0.Attrs().HardwareAddr); err != nil {
		t.Errorf("Send with room again: %v", err)
	}
}

// The library hides the socket by which frames are sent.
func TestSendDoesNotAllocate(t *testing.T) {
	w := newCable(t)
	c := w.open()
	frame, hw := make([]byte, Headroom+300), w.c0.Attrs().HardwareAddr
	for _, to := range [][2]netip.AddrPort{{server, client}, {server6, client6}} {
		n := testing.AllocsPerRun(200, func() {
			if err := c.Send(frame, mtu, to[0], to[1], hw); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("to %v: %v allocations for a Send, want none", to[1], n)
		}
	}
}

// flush flushes a queue and returns the errors by tag.
func flush(q *Queue) map[int]error {
	got := make(map[int]error)
	q.Flush(func(tag int, err error) { got[tag] = err })
	return got
}

// TestQueue sends for two interfaces, of which one is down, in turn.
func TestQueue(t *testing.T) {
	w := newCable(t)
	w.relay.Veth("d1", w.client, "c1")
	other := w.openOn("d1")
	c := w.open()
	in := listen(w.client, w.c0.Attrs().Index)
	w.relay.Must(w.relay.NL.LinkSetDown(w.relay.Link("d1")))
	hw := w.c0.Attrs().HardwareAddr
	var q Queue
	const n = 100
	for round := range 2 {
		for tag := range n {
			to := c
			if tag%2 == 1 {
				to = other
			}
			payload := append(make([]byte, Headroom), byte(round), byte(tag))
			if err := q.Add(tag, to, payload, mtu, server, client, hw); err != nil {
				t.Fatal(err)
			}
		}
		if err := q.Add(n, c, make([]byte, Headroom), mtu, server, client6, hw); !errors.Is(err, errAddress) {
			t.Errorf("Add with addresses of two families: %v", err)
		}
		got := flush(&q)
		for tag := range n {
			err, called := got[tag]
			if down := tag%2 == 1; !called || down != errors.Is(err, unix.ENETDOWN) || !down && err != nil {
				t.Errorf("tag %d: %v, %v", tag, err, called)
			}
		}
		for tag := 0; tag < n; tag += 2 {
			f := in.hear(t)
			if want := []byte{byte(round), byte(tag)}; !bytes.Equal(f[sizeHeaders:], want) {
				t.Fatalf("got payload %v, want %v", f[sizeHeaders:], want)
			}
			checkSums(t, f)
		}
	}
	if got := flush(&q); len(got) > 0 {
		t.Errorf("an empty queue had %v", got)
	}
}

// TestQueueWithSomeTooLarge has datagrams that are larger than the MTU, or than it has
// become, among others.
func TestQueueWithSomeTooLarge(t *testing.T) {
	w := newCable(t)
	c := w.open()
	in := listen(w.client, w.c0.Attrs().Index)
	w.relay.Must(w.relay.NL.LinkSetMTU(w.d0, 1000))
	var q Queue
	sizes := []int{10, 1400, 20, 2000, 30}
	for tag, size := range sizes {
		if err := q.Add(tag, c, make([]byte, Headroom+size), mtu, server, client, w.c0.Attrs().HardwareAddr); err != nil {
			t.Fatal(err)
		}
	}
	var got map[int]error
	w.relay.Do(func() error {
		got = flush(&q)
		return nil
	})
	for tag := range sizes {
		if err, called := got[tag]; err != nil || !called {
			t.Errorf("tag %d: %v, %v", tag, err, called)
		}
	}
	want := 0
	for _, size := range sizes {
		want += size + sizeUDP
	}
	for heard := 0; heard < want; {
		f := in.hear(t)
		heard += int(binary.BigEndian.Uint16(f[offIP+2:])) - sizeIPv4
	}
}

// A queue that is full refuses what there is no room for, and says so of each.
func TestQueueOfASlowInterface(t *testing.T) {
	w := newCable(t)
	slow := &netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: w.d0.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       1000,
		Buffer:     4e9 / 64,
		Limit:      1 << 30,
	}
	netns.Need(t, "tbf queues (CONFIG_NET_SCH_TBF)", w.relay.NL.QdiscAdd(slow))
	c := w.open()
	var q Queue
	const n = 10_000
	for tag := range n {
		if err := q.Add(tag, c, make([]byte, Headroom+1000), mtu, server, client, w.c0.Attrs().HardwareAddr); err != nil {
			t.Fatal(err)
		}
	}
	got, refused := flush(&q), 0
	for tag := range n {
		switch err, called := got[tag]; {
		case !called:
			t.Fatalf("tag %d was not handed back", tag)
		case errors.Is(err, unix.EAGAIN):
			refused++
		case err != nil:
			t.Fatalf("tag %d: %v", tag, err)
		}
	}
	if refused < n/2 || refused == n {
		t.Errorf("%d of %d were refused, want most", refused, n)
	}
}

func TestQueueDoesNotAllocate(t *testing.T) {
	w := newCable(t)
	c := w.open()
	frame, hw := make([]byte, Headroom+300), w.c0.Attrs().HardwareAddr
	var q Queue
	done := func(int, error) {}
	if n := testing.AllocsPerRun(200, func() {
		for range 8 {
			_ = q.Add(0, c, frame, mtu, server, client, hw)
			_ = q.Add(0, c, frame, mtu, server6, client6, hw)
		}
		q.Flush(done)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// BenchmarkQueue is BenchmarkSend for as many as a batch may have.
func BenchmarkQueue(b *testing.B) {
	w := newCable(b)
	c := w.open()
	const n = 128
	frame := make([]byte, Headroom+300)
	hw := w.c0.Attrs().HardwareAddr
	var q Queue
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = q.Add(0, c, frame, mtu, server, client, hw)
		if i%n == n-1 {
			q.Flush(func(int, error) {})
		}
	}
}

// BenchmarkSend includes the transmission over veth, and the other side's work
// up to its drop.
func BenchmarkSend(b *testing.B) {
	w := newCable(b)
	c := w.open()
	frame := make([]byte, Headroom+300)
	hw := w.c0.Attrs().HardwareAddr
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Send(frame, mtu, server, client, hw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPutHeaders(b *testing.B) {
	f, h := make([]byte, sizeHeaders+300), example()
	for b.Loop() {
		putHeaders(f, h)
	}
}
