package frame

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func example6() *header {
	h := example()
	h.src, h.dst = server6, client6
	return h
}

func frameOf6(h *header, payload []byte) []byte {
	f := bytes.Repeat([]byte{0xaa}, sizeHeaders6+len(payload)) // what an earlier frame has left
	copy(f[sizeHeaders6:], payload)
	putHeaders6(f, h)
	return f
}

func TestR9915_PutHeaders6(t *testing.T) {
	want := []byte{
		0x02, 0, 0, 0, 0, 0x50, // Ethernet destination
		0x02, 0, 0, 0, 0, 0x01, // source
		0x86, 0xdd, // IPv6

		0x60, 0, 0, 0, // version, class, label
		0x00, 0x0b, 0x11, 0x40, // 11 octets, UDP, hop limit 64
		0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01,
		0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x50,

		0x02, 0x23, 0x02, 0x22, // ports 547, 546
		0x00, 0x0b, 0xf1, 0x3f, // 11 octets, checksum

		7, 1, 6, // payload of an odd length
	}
	if diff := cmp.Diff(want, frameOf6(example6(), []byte{7, 1, 6})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestChecksumsOfAnyPayload6(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := example6()
		a := netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "dst")))
		h.dst = netip.AddrPortFrom(a, 546)
		f := frameOf6(h, rapid.SliceOfN(rapid.Byte(), 0, 1500).Draw(t, "payload"))
		udp := f[offUDP6:]
		pseudo := append([]byte{}, f[offIP+8:offUDP6]...) // addresses
		pseudo = append(pseudo, 0, protocolUDP)
		pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(udp)))
		if s := words(append(pseudo, udp...)); s != 0xffff || udp[6]|udp[7] == 0 {
			t.Errorf("UDP datagram adds up to %#x with checksum %x, want 0xffff", s, udp[6:8])
		}
	})
}

// TestR9915_FramesReachAClientThatAnswersNoSolicitation sends to an address that
// the client's kernel has, and verifies the checksum of, while the relay's kernel
// knows no neighbour.
func TestR9915_FramesReachAClientThatAnswersNoSolicitation(t *testing.T) {
	w := newCable(t)
	w.client.Addr("c0", "fe80::50/64")
	u := w.client.ListenUDP("udp6", "[::]:546")
	w.client.Must(u.SetReadDeadline(time.Now().Add(patient)))
	c := w.open()
	for n := range 64 { // odd and even lengths
		payload := bytes.Repeat([]byte{byte(200 + n)}, 100+n)
		w.relay.Must(c.send(payload, server6, client6, w.c0.Attrs().HardwareAddr))
		hears(t, u, payload, server6)
	}
	ns, err := w.relay.NL.NeighList(w.d0.Attrs().Index, unix.AF_INET6)
	w.relay.Must(err)
	for _, n := range ns {
		if n.IP.String() == client6.Addr().String() {
			t.Errorf("the neighbour table has %v", n)
		}
	}
}

// A reader is what is needed of a socket.
type reader interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
}

// hears fails unless the next datagram is the payload from where it is to come.
func hears(t *testing.T, u reader, payload []byte, from netip.AddrPort) {
	t.Helper()
	b := make([]byte, 1<<16)
	n, src, err := u.ReadFromUDPAddrPort(b)
	if err != nil {
		t.Fatal(err)
	}
	src = netip.AddrPortFrom(src.Addr().WithZone(""), src.Port())
	if !bytes.Equal(payload, b[:n]) || src != from {
		t.Errorf("%d octets from %v, want %d from %v", n, src, len(payload), from)
	}
}

// pattern is n octets of which no two pieces are alike.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>5)
	}
	return b
}

// TestR1122_LargerThanTheMTUIsFragmented has the client's kernel put the fragments
// together, which checks offsets, lengths and the checksum of the whole.
func TestR1122_LargerThanTheMTUIsFragmented(t *testing.T) {
	w := newCable(t)
	w.client.Addr("c0", "192.0.2.50/24")
	w.client.Addr("c0", "fe80::50/64")
	c := w.open()
	for _, fam := range []struct {
		name, network, listen string
		src, dst              netip.AddrPort
		typ                   uint16
		headers, most, least  int // of IP in a fragment; the largest UDP payload, the smallest MTU
	}{
		{"IPv4", "udp4", "0.0.0.0:68", server, client, typeIPv4, sizeIPv4, maxPayload, 68},
		{"IPv6", "udp6", "[::]:546", server6, client6, typeIPv6, sizeIPv6 + sizeFragment, maxPayload6, 1280},
	} {
		u := w.client.ListenUDP(fam.network, fam.listen)
		w.client.Must(u.SetReadBuffer(1 << 20))
		w.client.Must(u.SetReadDeadline(time.Now().Add(patient)))
		in := listenFor(w.client, w.c0.Attrs().Index, fam.typ)
		for _, tc := range []struct{ size, mtu int }{
			{mtu - fam.headers + 1, mtu}, {2000, mtu}, {2001, mtu}, {3000, 1400}, {9000, mtu}, {1500, fam.least}, {fam.most, mtu},
		} {
			payload := pattern(tc.size)
			frame := append(make([]byte, Headroom), payload...)
			if err := c.Send(frame, tc.mtu, fam.src, fam.dst, w.c0.Attrs().HardwareAddr); err != nil {
				t.Fatalf("%s, %d octets, MTU %d: %v", fam.name, tc.size, tc.mtu, err)
			}
			if !bytes.Equal(payload, frame[Headroom:]) {
				t.Errorf("%s, %d octets, MTU %d: the payload was changed", fam.name, tc.size, tc.mtu)
			}
			hears(t, u, payload, fam.src)
			count(t, in, tc.size+sizeUDP, tc.mtu, fam.headers)
		}
	}
}

// count hears all fragments of a datagram, the smallest number of them that the
// MTU allows.
func count(t *testing.T, in ear, size, most, headers int) {
	t.Helper()
	piece := (most - headers) / fragmentUnit * fragmentUnit
	for left := size; left > 0; left -= piece {
		f := in.hear(t)
		for headers > sizeIPv4 && f[offIP+6] != protocolFragment && f[offIP+6] != protocolUDP {
			f = in.hear(t) // the kernels speak of neighbours and groups
		}
		if len(f)-offIP > most || len(f)-offIP != headers+min(left, piece) {
			t.Fatalf("a frame with %d octets of IP, want %d, MTU %d", len(f)-offIP, headers+min(left, piece), most)
		}
	}
}

// TestFragmentHeaders compares what the kernel does not check.
func TestFragmentHeaders(t *testing.T) {
	w := newCable(t)
	for _, tc := range []struct {
		name     string
		src, dst netip.AddrPort
		typ      uint16
		id       func(f []byte) uint32
	}{
		{"IPv4", server, client, typeIPv4, func(f []byte) uint32 { return uint32(binary.BigEndian.Uint16(f[offIP+4:])) }},
		{"IPv6", server6, client6, typeIPv6, func(f []byte) uint32 { return binary.BigEndian.Uint32(f[offUDP6+4:]) }},
	} {
		in := listenFor(w.client, w.c0.Attrs().Index, tc.typ)
		c := w.open()
		w.relay.Must(c.send(pattern(1600), tc.src, tc.dst, w.c0.Attrs().HardwareAddr))
		first, second := in.hear(t), in.hear(t)
		w.relay.Must(c.send(pattern(1600), tc.src, tc.dst, w.c0.Attrs().HardwareAddr))
		next := in.hear(t)
		if tc.id(first) != tc.id(second) || tc.id(first) == tc.id(next) {
			t.Errorf("%s: identifications %x and %x, then %x", tc.name, tc.id(first), tc.id(second), tc.id(next))
		}
		for _, f := range [][]byte{first, second} {
			if !bytes.Equal(f[6:12], w.d0.Attrs().HardwareAddr) || !bytes.Equal(f[:6], w.c0.Attrs().HardwareAddr) {
				t.Errorf("%s: from %x to %x", tc.name, f[6:12], f[:6])
			}
		}
		if tc.typ == typeIPv4 && (words(first[offIP:offUDP]) != 0xffff || words(second[offIP:offUDP]) != 0xffff) {
			t.Errorf("wrong header checksums in %x, %x", first[:offUDP], second[:offUDP])
		}
	}
}

func TestFragmentsOfNothing(t *testing.T) {
	w := newCable(t)
	c := w.open()
	for _, small := range []int{1, 20, 27} { // no room for 8 octets
		frame := make([]byte, Headroom+300)
		if err := c.Send(frame, small, server, client, w.c0.Attrs().HardwareAddr); err != ErrTooBig { //nolint:errorlint // not wrapped
			t.Errorf("MTU %d: %v, want %v", small, err, ErrTooBig)
		}
	}
}

func BenchmarkPutHeaders6(b *testing.B) {
	f, h := make([]byte, sizeHeaders6+300), example6()
	for b.Loop() {
		putHeaders6(f, h)
	}
}
