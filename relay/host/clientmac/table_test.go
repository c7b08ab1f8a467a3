package clientmac

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"dhcp-relay/relay/host/udp"
)

// A seen is what a look-up says of a message.
type seen struct {
	MAC   mac
	Known bool
}

// ask returns from where one message came, if that is known.
func (s *Source) ask(d *udp.Datagram) (mac, bool) {
	q := []Query{{Link: d.Link, Src: d.Src.Addr(), Message: payload(d)}}
	s.Answer(q)
	return q[0].MAC, q[0].Known
}

// look looks up the next n messages.
func look(t testing.TB, c *udp.Conn, s *Source, n int) []seen {
	t.Helper()
	var all []seen
	read(t, c, n, func(d *udp.Datagram) {
		m, ok := s.ask(d)
		all = append(all, seen{m, ok})
	})
	return all
}

func TestR6939_1_FirstSolicitOfUnknownClient(t *testing.T) {
	r := newSpace(t)
	w := r.cable("client0")
	c := r.relay("", w.link)
	s := needTable(t, logSets).mustAttach(t, c)

	w.send(nth(7).solicit())
	want := []seen{{nth(7).mac, true}}
	if diff := cmp.Diff(want, look(t, c, s, 1)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	ns, err := r.NL.NeighList(w.link, netlink.FAMILY_V6)
	r.Must(err)
	for _, n := range ns {
		if n.IP.Equal(nth(7).src.AsSlice()) {
			t.Errorf("the neighbour table has the client, so this shows nothing: %v", n)
		}
	}
}

func TestKindsOfLink(t *testing.T) {
	for _, tc := range []struct {
		name string
		vrf  string
		make func(r *space, port int) (link int)
	}{
		{"veth", "", func(_ *space, port int) int { return port }},
		{"macvlan", "", func(r *space, port int) int {
			return r.add(&netlink.Macvlan{LinkAttrs: attrs("mv0", port), Mode: netlink.MACVLAN_MODE_BRIDGE})
		}},
		{"bridge", "", func(r *space, port int) int {
			br := r.add(&netlink.Bridge{LinkAttrs: attrs("br0", 0)})
			r.enslave(port, br)
			return br
		}},
		{"bound to the device", "client0", func(_ *space, port int) int { return port }},
		{"VRF", "red", func(r *space, port int) int {
			r.enslave(port, r.add(&netlink.Vrf{LinkAttrs: attrs("red", 0), Table: 100}))
			return port
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newSpace(t)
			w := r.cable("client0")
			link := tc.make(r, w.link)
			c := r.relay(tc.vrf, link)
			s := needTable(t, logSets).mustAttach(t, c)
			w.send(nth(1).solicit(), nth(2).solicit())
			want := []seen{{nth(1).mac, true}, {nth(2).mac, true}}
			if diff := cmp.Diff(want, look(t, c, s, 2)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestVLAN(t *testing.T) {
	r := newSpace(t)
	w := r.cable("client0")
	link := r.add(&netlink.Vlan{LinkAttrs: attrs("vlan10", w.link), VlanId: 10})
	c := r.relay("", link)
	s := needTable(t, logSets).mustAttach(t, c)
	w.send(tagged(nth(1).solicit(), 10))
	if diff := cmp.Diff([]seen{{nth(1).mac, true}}, look(t, c, s, 1)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// tagged puts an 802.1Q tag into a frame.
func tagged(f []byte, vid byte) []byte {
	return append(append(append([]byte{}, f[:12]...), 0x81, 0x00, 0, vid), f[12:]...)
}

func TestKindsOfFrame(t *testing.T) {
	one := nth(1)
	group, zero := nth(2), nth(3)
	group.mac, zero.mac = mac{3, 0, 0, 0, 0, 2}, mac{}
	global := nth(4)
	global.src = netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 15: 4})
	for _, tc := range []struct {
		name   string
		frames [][]byte
		want   seen
	}{
		{"plain", [][]byte{one.solicit()}, seen{one.mac, true}},
		{"other source address than that of the MAC", [][]byte{global.solicit()}, seen{global.mac, true}},
		{"priority tag, which the kernel takes off", [][]byte{tagged(one.solicit(), 0)}, seen{one.mac, true}},
		{"fragments", one.fragments(), seen{one.mac, true}},
		{"transaction ID alone", [][]byte{one.frame([]byte{1, 0, 0, 1})}, seen{one.mac, true}},
		{"Relay-forward", [][]byte{one.frame(one.message(typeRelayForward))}, seen{}},
		{"Relay-reply", [][]byte{one.frame(one.message(typeRelayReply))}, seen{}},
		{"no payload", [][]byte{one.frame(nil)}, seen{}},
		{"payload of 3 octets", [][]byte{one.frame([]byte{1, 0, 0})}, seen{}},
		{"from a group address", [][]byte{group.solicit()}, seen{}},
		{"from address zero", [][]byte{zero.solicit()}, seen{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newSpace(t)
			w := r.cable("client0")
			c := r.relay("", w.link)
			s := needTable(t, logSets).mustAttach(t, c)
			w.send(tc.frames...)
			if diff := cmp.Diff([]seen{tc.want}, look(t, c, s, 1)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// fragments is a Solicit in two frames (RFC 8200, section 4.5).
func (c client) fragments() [][]byte {
	d := datagram(c.src, c.message(typeSolicit))
	eth := c.solicit()[:14]
	one := append([]byte{17, 0, 0, 0<<3 | 1, 0, 0, 0, 9}, d[:8]...) // offset 0, more
	two := append([]byte{17, 0, 0, 1 << 3, 0, 0, 0, 9}, d[8:]...)   // offset 8, last
	return [][]byte{
		append(append([]byte{}, eth...), packet(c.src, one, 44)...),
		append(append([]byte{}, eth...), packet(c.src, two, 44)...),
	}
}

func TestBurstOfManyClients(t *testing.T) {
	const clients = 10_000
	r := newSpace(t)
	w := r.cable("client0")
	c := r.relay("", w.link)
	s := needTable(t, logSets).mustAttach(t, c)
	for n := range clients {
		w.send(nth(n).solicit())
	}
	var unknown, wrong int
	var next int
	read(t, c, clients, func(d *udp.Datagram) {
		m, ok := s.ask(d)
		switch {
		case !ok:
			unknown++
		case m != nth(next).mac:
			wrong++
		}
		next++
	})
	if unknown != 0 || wrong != 0 {
		t.Errorf("%d unknown and %d wrong of %d", unknown, wrong, clients)
	}
}

func TestOneSourceOnTwoLinks(t *testing.T) {
	r := newSpace(t)
	w0, w1 := r.cable("client0"), r.cable("client1")
	c := r.relay("", w0.link, w1.link)
	s := needTable(t, logSets).mustAttach(t, c)
	a, b := nth(1), nth(1)
	b.mac = mac{2, 9, 9, 9, 9, 9}
	w0.send(a.solicit())
	w1.send(b.solicit())
	want := []seen{{a.mac, true}, {b.mac, true}}
	if diff := cmp.Diff(want, look(t, c, s, 2)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestOneSourceOfTwoClients(t *testing.T) {
	a, b := nth(1), nth(1)
	b.mac = mac{2, 9, 9, 9, 9, 9}
	later := b
	later.xid++
	for _, tc := range []struct {
		name   string
		frames [][]byte
		want   []seen
	}{
		{"transactions differ", [][]byte{a.solicit(), later.solicit()}, []seen{{a.mac, true}, {b.mac, true}}},
		{
			"types differ",
			[][]byte{a.solicit(), b.frame(b.message(typeRequest))},
			[]seen{{a.mac, true}, {b.mac, true}},
		},
		{"nothing differs", [][]byte{a.solicit(), b.solicit()}, []seen{{}, {}}},
		{"nothing differs, MACs neither", [][]byte{a.solicit(), a.solicit()}, []seen{{a.mac, true}, {a.mac, true}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newSpace(t)
			w := r.cable("client0")
			c := r.relay("", w.link)
			s := needTable(t, logSets).mustAttach(t, c)
			w.send(tc.frames...)
			if diff := cmp.Diff(tc.want, look(t, c, s, len(tc.frames))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// Two sets for all, and two CPUs that write them while they are read: each
// address is the right one or unknown. The socket's buffer is small, so that what
// is read was just written.
func TestOverwrittenWhileRead(t *testing.T) {
	const messages = 5_000
	r := newSpace(t)
	ws := []*wire{r.cable("client0"), r.cable("client1")}
	c := r.listen(udp.Config{RcvBuf: 8 << 10}, ws[0].link, ws[1].link)
	s := needTable(t, 1).mustAttach(t, c)
	var stop atomic.Bool
	var senders sync.WaitGroup
	for i, w := range ws {
		senders.Go(func() {
			for n := i; !stop.Load(); n += len(ws) {
				_ = w.trySend(nth(n & 0xffffff).solicit()) // else nothing comes
			}
		})
	}
	var torn atomic.Int64
	senders.Go(func() {
		for !stop.Load() {
			torn.Add(inconsistent(s.notes.sets))
		}
	})
	var known, wrong int
	read(t, c, messages, func(d *udp.Datagram) {
		m, ok := s.ask(d)
		if ok {
			known++
		}
		if ok && linkLocal(m) != d.Src.Addr() {
			wrong++
		}
	})
	stop.Store(true)
	senders.Wait()
	if known == 0 || wrong != 0 || torn.Load() != 0 {
		t.Errorf("%d of %d known, %d wrong, %d torn", known, messages, wrong, torn.Load())
	}
}

// inconsistent counts the notes that say, to one who reads them as Lookup does,
// that a client has another's address.
func inconsistent(sets []set) (n int64) {
	for i := range sets {
		for j := range sets[i].notes {
			s := &sets[i]
			k := key{
				head: atomic.LoadUint64(&s.heads[j]),
				src0: atomic.LoadUint64(&s.notes[j].src[0]),
				src1: atomic.LoadUint64(&s.notes[j].src[1]),
			}
			stamp, here := s.read(j, k)
			if here && linkLocal(address(stamp)) != k.addr() {
				n++
			}
		}
	}
	return n
}

func (k key) addr() netip.Addr {
	var a [16]byte
	binary.NativeEndian.PutUint64(a[:8], k.src0)
	binary.NativeEndian.PutUint64(a[8:], k.src1)
	return netip.AddrFrom16(a)
}

func TestRejects(t *testing.T) {
	r := newSpace(t)
	w := r.cable("client0")
	c := r.relay("", w.link)
	needTable(t, logSets, 13, 7).mustAttach(t, c)
	var want []byte
	for typ := range 256 {
		w.send(nth(1).frame([]byte{byte(typ)}), nth(1).frame(nth(1).message(byte(typ))))
		if typ != 13 && typ != 7 {
			want = append(want, byte(typ), byte(typ))
		}
	}
	var got []byte
	read(t, c, len(want), func(d *udp.Datagram) { got = append(got, payload(d)[0]) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLookupAfterClose(t *testing.T) {
	r := newSpace(t)
	w := r.cable("client0")
	c := r.relay("", w.link)
	table := needTable(t, logSets)
	s := table.mustAttach(t, c)
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	w.send(nth(1).solicit())
	if diff := cmp.Diff([]seen{{nth(1).mac, true}}, look(t, c, s, 1)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	r := newSpace(t)
	w := r.cable("client0")
	c := r.relay("", w.link)
	s := needTable(t, logSets).mustAttach(t, c)
	a := nth(1)
	qs := []Query{{Link: w.link, Src: a.src, Message: a.message(typeSolicit)}}
	w.send(a.solicit())
	if diff := cmp.Diff([]seen{{a.mac, true}}, look(t, c, s, 1)); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	if n := testing.AllocsPerRun(1000, func() { s.Answer(qs) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
