package conformance

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/wire"
	"dhcp-relay/relay/agent"
)

// wireOnly are the tests that only frames can show.
func wireOnly() map[string]func(*testing.T, *wireBed) {
	return map[string]func(*testing.T, *wireBed){
		"frames":                               testFrames,
		"transit R1542-2 R2131-11 R3046-14 T6": testTransit,
		"reverse path R1542-3 R1812-1 T20":     testReversePath,
		"MTU R3046-9 R951-2":                   testMTU,
		"no ARP R2131-10 R951-4":               testNoARP,
		"headers":                              testHeaders,
		"hash R1542-22":                        testHash,
		"log R7819-1":                          testLog,
		"no interface R1542-9":                 testNoInterface,
		"other listener T26":                   testOtherListener,
		"checksum offload T9":                  testOffload,
		"address comes and goes T14":           testAddressComes,
		"address goes under load SONiC-108":    testAddressGoesUnderLoad,
		"corpus CVE-2025-30648 CVE-2020-1602 CVE-2018-5732 R-SEC-3": testCorpus,
	}
}

// testFrames are cases that show themselves in frames and packets only: what
// the kernel does below the daemon, and what it must be left to do.
func testFrames(t *testing.T, b *wireBed) {
	b.become(t, bench())
	b.start(t, least)
	p := newPlayer(t, b)
	relayed := toS(discover().up(addrD0, cid("d0")...))
	dgram := wire.Packet{Src: addrPort("0.0.0.0", 68), Dst: addrPort("255.255.255.255", 67), Payload: discover().bytes()}
	tagged := func(vid uint16) []byte {
		f := dgram.Frame()
		return append(append(append([]byte{}, f[:12]...), 0x81, 0, byte(vid>>8), byte(vid)), f[12:]...)
	}
	proto := func(n byte) []byte {
		q := wire.Packet{EtherDst: mac("d0"), Src: addrPort("192.0.2.50", 68), Dst: addrPort(addrD0, 67), Payload: discover().bytes()}
		f := q.Frame()
		f[14+9] = n
		sumIP(f[14:34])
		return f
	}
	with := func(f func(*wire.Packet)) []byte {
		q := dgram
		f(&q)
		return q.Frame()
	}
	for _, c := range []struct {
		name    string
		on      string
		frames  [][]byte
		up      []sent
		ignored bool // the kernel keeps it from the daemon, so it is not even counted
		drop    agent.Reason
	}{
		{name: "R951-3 R1542-24 UDP checksum 0", frames: [][]byte{with(func(q *wire.Packet) { q.UDPSum = new(uint16) })}, up: relayed},
		{name: "R1122-1 R1542-24 wrong UDP checksum", frames: [][]byte{with(func(q *wire.Packet) { q.UDPSum = val(uint16(0x1234)) })}, ignored: true},
		{name: "R1542-23 TTL 1", frames: [][]byte{with(func(q *wire.Packet) { q.TTL = val(uint8(1)) })}, up: relayed},
		{name: "R1542-5 request to port 68", frames: [][]byte{with(func(q *wire.Packet) { q.Dst = addrPort("255.255.255.255:68", 68) })}, ignored: true},
		{name: "R1542-5 reply to port 68", on: "u0", frames: [][]byte{frame("u0", server1, addrU0+":68", offer())}, ignored: true},
		{name: "R1542-5 reply to port 68 among the clients", frames: [][]byte{with(func(q *wire.Packet) {
			q.Dst, q.Payload = addrPort("255.255.255.255:68", 68), offer().bytes()
		})}, ignored: true},
		{name: "R1542-20 port 69 is not forwarded", frames: [][]byte{with(func(q *wire.Packet) { q.Dst = addrPort("255.255.255.255:69", 69) })}, ignored: true},
		{name: "R1542-8 CVE-2015-8605 UDP length beyond the packet", frames: [][]byte{with(func(q *wire.Packet) { q.UDPLen = val(uint16(400)) })}, ignored: true},
		{name: "CVE-2015-8605 UDP length 0", frames: [][]byte{with(func(q *wire.Packet) { q.UDPLen = new(uint16) })}, ignored: true},
		{name: "CVE-2015-8605 UDP length 7", frames: [][]byte{with(func(q *wire.Packet) { q.UDPLen = val(uint16(7)) })}, ignored: true},
		{name: "CVE-2015-8605 UDP length 8", frames: [][]byte{with(func(q *wire.Packet) { q.UDPLen, q.UDPSum = val(uint16(8)), new(uint16) })}, drop: agent.Short},
		{name: "R1542-8 UDP length short of the packet", frames: [][]byte{with(func(q *wire.Packet) { q.UDPLen, q.UDPSum = val(uint16(8+250)), new(uint16) })}, up: toS(discover(size(250)).up(addrD0, cid("d0")...))},
		{name: "R1542-8 trailer of the frame", frames: [][]byte{append(dgram.Frame(), fill(18, 0xee)...)}, up: relayed},
		{name: "R3046-15 ESP", frames: [][]byte{proto(50)}, ignored: true},
		{name: "R3046-15 AH", frames: [][]byte{proto(51)}, ignored: true},
		{name: "T10 frame of VLAN 10 on the parent", frames: [][]byte{tagged(10)}, ignored: true},
		{name: "T10 priority tag is no VLAN", frames: [][]byte{tagged(0)}, up: relayed},
		{name: "R951-2 DF set by the client", frames: [][]byte{with(func(q *wire.Packet) { q.DF = true })}, up: relayed},
		{name: "R951-2 IP options of the client", frames: [][]byte{with(func(q *wire.Packet) { q.IPOptions = []byte{1, 1, 1, 0} })}, up: relayed},
		{name: "R951-2 fragments are put together", frames: fragments(dgram, 1200, 600), up: toS(long(1200).up(addrD0, cid("d0")...))},
		{name: "R951-2 first fragment alone", frames: fragments(dgram, 1200, 600)[:1], ignored: true},
		{name: "R951-2 1460 octets and option 82 fit the MTU", frames: [][]byte{with(func(q *wire.Packet) { q.Payload = long(1460).bytes() })}, up: toS(long(1460).up(addrD0, cid("d0")...))},
		{name: "R3046-9 R951-2 R1542-7 1472 octets without option 82", frames: [][]byte{with(func(q *wire.Packet) { q.Payload = long(1472).bytes() })}, up: toS(long(1472).up(addrD0))},
		{name: "R951-2 ISC-3.0 9000 octets in fragments", frames: fragments(dgram, 9000, 1480), up: inPieces(toS(giant(1, 9000).up(addrD0)))},
		{name: "R951-2 ISC-3.0 65000 octets in fragments", frames: fragments(dgram, 65000, 1480), up: inPieces(toS(giant(1, 65000).up(addrD0)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			on := c.on
			if on == "" {
				on = "d0"
			}
			p.playFrames(t, on, c.frames, tcase{on: on, msg: discover(), up: c.up, drop: c.drop}, c.ignored)
		})
	}
}

// playFrames sends frames as they are and looks at what becomes of them.
func (p *player) playFrames(t *testing.T, on string, frames [][]byte, c tcase, ignored bool) {
	t.Helper()
	before := p.daemon.http.scrape(t)
	for _, f := range frames {
		do(t, p.taps[on].Send(f))
	}
	p.sendSentinels(t)
	n := 3
	if ignored {
		n = 2
	}
	after := p.daemon.http.settled(t, before, n)
	p.checkFrames(t, &c, p.collect(t, c.wants()))
	if !ignored {
		p.checkCounters(t, &c, after.minus(before))
		return
	}
	for k, v := range after.minus(before).only(messagesTotal) {
		if p.sentinels[k] != v {
			t.Errorf("counted %s %v times, want %v", k, v, p.sentinels[k])
		}
	}
}

// testTransit has a client speak to its server directly: the router forwards
// it as it does everything, and the relay takes no notice.
func testTransit(t *testing.T, b *wireBed) {
	b.become(t, bench())
	b.start(t, least)
	for _, c := range []struct {
		name string
		msg  message
	}{
		{"renewal", request(tRequest, ciaddr("192.0.2.50"))},
		{"release", request(tRelease, ciaddr("192.0.2.50"))},
		{"R3046-15 option 82 of a client", request(tRequest, ciaddr("192.0.2.50"), opt(82, 1, 1, 'x'))},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := b.daemon.http.scrape(t)
			b.inject(t, "d0", addrPort("192.0.2.50", 68), addrPort(server1, 67), c.msg.bytes())
			f, err := b.taps["u0"].Find(patience, func(f *wire.Frame) bool { return f.DHCP4() })
			do(t, err)
			if f.Src() != addrPort("192.0.2.50", 68) || f.Dst() != addrPort(server1, 67) || f.TTL != 63 {
				t.Errorf("%v to %v with TTL %d, want what the client sent and TTL 63", f.Src(), f.Dst(), f.TTL)
			}
			if !bytes.Equal(f.Payload, c.msg.bytes()) {
				t.Errorf("octets differ:\nwant %s\ngot  %s", dump(c.msg.bytes()), dump(f.Payload))
			}
			after := b.daemon.http.scrape(t)
			if d := after.minus(before); d.sum(receivedTotal) != 0 || d.sum(messagesTotal) != 0 {
				t.Errorf("the relay took notice: %v", d)
			}
		})
	}
}

// testReversePath has requests come from 0.0.0.0 while the kernel filters
// sources.
func testReversePath(t *testing.T, b *wireBed) {
	b.become(t, bench())
	b.start(t, least)
	p := newPlayer(t, b)
	for _, mode := range []string{"1", "2"} {
		t.Run("rp_filter "+mode, func(t *testing.T) {
			do(t, b.r.Sysctl("net/ipv4/conf/d0/rp_filter", mode), b.r.Sysctl("net/ipv4/conf/all/rp_filter", mode))
			p.play(t, &tcase{msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))})
			p.play(t, &tcase{src: "192.0.2.50", msg: discover(), up: toS(discover().up(addrD0, cid("d0")...))})
		})
	}
}

// testMTU has an uplink that takes less than the client links.
func testMTU(t *testing.T, b *wireBed) {
	h := bench()
	h.mtu["u0"] = 1300
	b.become(t, h)
	b.start(t, least)
	p := newPlayer(t, b)
	for _, c := range []tcase{
		{name: "R3046-9 option 82 fits", msg: long(1266), up: toS(long(1266).up(addrD0, cid("d0")...))},
		{name: "R3046-9 option 82 does not fit", msg: long(1267), up: toS(long(1267).up(addrD0))},
		{name: "R3046-9 as large as the MTU", msg: long(1272), up: toS(long(1272).up(addrD0))},
		{name: "R951-2 the message itself does not fit", msg: long(1273), up: inPieces(toS(long(1273).up(addrD0)))},
		{name: "R3046-9 room in the padding", msg: discover(size(1272)), up: toS(discover(size(1272)).up(addrD0, cid("d0")...))},
	} {
		t.Run(c.name, func(t *testing.T) { p.play(t, &c) })
	}
}

// testNoARP delivers replies to a client that answers nothing, and leaves
// nothing behind in the neighbour table.
func testNoARP(t *testing.T, b *wireBed) {
	b.become(t, bench())
	b.start(t, least)
	m := reply(tAck)
	b.inject(t, "u0", addrPort(server1, 67), addrPort(addrD0, 67), m.bytes())
	var arps int
	_, err := b.taps["d0"].Find(patience, func(f *wire.Frame) bool {
		if f.EtherType == wire.TypeARP && len(f.Raw) >= 42 && netip.AddrFrom4([4]byte(f.Raw[38:])) == m.yiaddr {
			arps++
		}
		return f.DHCP4() && f.Dst() == addrPort("192.0.2.77", 68)
	})
	do(t, err)
	if arps > 0 {
		t.Errorf("%d ARP requests for the client's address", arps)
	}
	do(t, b.r.Do(func() error {
		ns, err := netlink.NeighList(0, netlink.FAMILY_V4)
		for _, n := range ns {
			if a, ok := netip.AddrFromSlice(n.IP); ok && a.Unmap() == m.yiaddr {
				t.Errorf("neighbour entry left: %v", n)
			}
		}
		return err
	}))
}

func val[T any](v T) *T { return &v }

// frame is a unicast message onto a link of R.
func frame(on, src, dst string, m message) []byte {
	p := wire.Packet{EtherDst: mac(on), Src: addrPort(src, 67), Dst: addrPort(dst, 67), Payload: m.bytes()}
	return p.Frame()
}

// fragments is a request of n octets in frames with at most size octets of IP
// payload.
func fragments(p wire.Packet, n, size int) [][]byte {
	p.ID, p.Payload = uint16(n), giant(1, n).bytes()
	if n < 1500 {
		p.Payload = long(n).bytes()
	}
	return p.Fragments(size)
}

// sumIP computes the checksum of an IP header without options anew.
func sumIP(h []byte) {
	h[10], h[11] = 0, 0
	var s uint32
	for i := 0; i < len(h); i += 2 {
		s += uint32(binary.BigEndian.Uint16(h[i:]))
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	binary.BigEndian.PutUint16(h[10:], ^uint16(s))
}
