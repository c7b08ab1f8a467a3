package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/wire"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp6"
)

// least6 is the least configuration with IPv6.
const least6 = "[[interface]]\nname = \"d0\"\nservers = [\"" + server6 + "\"]\n" +
	"[[interface]]\nname = \"d1\"\nservers = [\"" + server6 + "\"]\n"

// trusted6 trusts what is attached to d0.
const trusted6 = "[[interface]]\nname = \"d0\"\nservers = [\"" + server6 + "\"]\ntrusted = true\n" +
	"[[interface]]\nname = \"d1\"\nservers = [\"" + server6 + "\"]\n"

// newWireBed6 is newWireBed for IPv6: R is fe80::1 on each link, and a neighbour
// fe80::2 answers it on each.
func newWireBed6(t *testing.T) *wireBed {
	t.Helper()
	netns.Require(t)
	b := &wireBed{bin: filepath.Join(t.TempDir(), "dhcp-relay"), taps: make(map[string]*wire.Tap)}
	build := exec.Command("go", "build", "-race", "-o", b.bin, "dhcp-relay/cmd/dhcp-relay")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the daemon: %v\n%s", err, out)
	}
	opts := []netns.Option{netns.WithoutDAD(), netns.WithoutLinkLocal()}
	b.r, b.c, b.s = netns.Test(t, "R", opts...), netns.Test(t, "C", opts...), netns.Test(t, "S", opts...)
	for _, l := range []struct {
		name, far, own, peer string
		ns                   *netns.NS
	}{
		{"u0", "s0", addrU6, "2001:db8:ff::2", b.s},
		{"d0", "c0", addrD06, global6, b.c},
		{"d1", "c1", addrD16, "2001:db8:2::abcd", b.c},
	} {
		do(t,
			netns.Veth(b.r, l.name, l.ns, l.far), b.r.SetMAC(l.name, mac(l.name)), l.ns.SetMAC(l.far, macC),
			b.r.Addr(l.name, routerLL+"/64"), b.r.Addr(l.name, l.own+"/64"),
			l.ns.Addr(l.far, client6+"/64"), l.ns.Addr(l.far, l.peer+"/64"),
		)
		tap, err := wire.Open(l.ns, l.far)
		do(t, err)
		t.Cleanup(func() { do(t, tap.Close()) })
		b.taps[l.name] = tap
	}
	do(t, b.s.Addr("lo", server6+"/128"), b.s.Route("default", addrU6), b.r.Route("2001:db8:5::/64", "2001:db8:ff::2"))
	for _, ns := range []*netns.NS{b.s, b.c} {
		sink(t, ns, "udp6", 546, 547, 1000)
	}
	return b
}

// A case6 is one message and what R has to make of it.
type case6 struct {
	name     string
	on       string // the link that it comes by; "": d0
	src, dst string // "": from client6 to all relays, port 547; on u0 from the server to R
	msg      []byte
	alter    func(*wire.Packet)

	up      []byte     // what leaves for the server, from port 547
	upFrom  string     // from another source, with its port
	upTo    string     // to another destination, with its port
	down    *delivery6 // what leaves for a client or relay
	drop    agent.Reason
	ignored bool // the kernel keeps it from the daemon, so it is not even counted
}

// A delivery6 is a message towards the clients.
type delivery6 struct {
	on, dst string // dst with its port; the source is R's address on that link
	msg     []byte
}

// toClient6 is what comes of down6.
func toClient6(inner []byte) *delivery6 { return &delivery6{"d0", "[" + client6 + "]:546", inner} }

// packet is the case's message as it comes onto the link.
func (c *case6) packet() (on string, p wire.Packet) {
	p = wire.Packet{EtherSrc: macC, Payload: c.msg}
	on, p.Src, p.Dst = c.on, addrPort(client6, 546), addrPort(toAll6, 547)
	if on == "" {
		on = "d0"
	}
	if on == "u0" {
		p.Src, p.Dst = addrPort(server6, 547), addrPort(addrU6, 547)
	}
	if c.src != "" {
		p.Src = addrPort(c.src, 546)
	}
	if c.dst != "" {
		p.Dst = addrPort(c.dst, 547)
	}
	if !p.Dst.Addr().IsMulticast() {
		p.EtherDst = mac(on)
	}
	if c.alter != nil {
		c.alter(&p)
	}
	return on, p
}

// A player6 is a player with messages of DHCPv6.
type player6 struct {
	*wireBed
	sentinels counters
}

func newPlayer6(t *testing.T, b *wireBed) *player6 {
	t.Helper()
	p := &player6{wireBed: b}
	p.sentinels = b.dropped(t, p.sendSentinels)
	return p
}

// sendSentinels sends a server's message from a client, and a reply that is too
// short. Both are surely dropped, each by a socket of its own.
func (p *player6) sendSentinels(t *testing.T) {
	t.Helper()
	p.send(t, &case6{msg: msg6(dhcp6.Reply)})
	p.send(t, &case6{on: "u0", msg: []byte{byte(dhcp6.RelayReply)}})
}

// send puts a case's message onto its link, in fragments if it is too long.
func (p *player6) send(t *testing.T, c *case6) {
	t.Helper()
	on, q := c.packet()
	if len(q.Payload)+len(q.Ext) <= 1452 {
		do(t, p.taps[on].Send(q.Frame()))
		return
	}
	q.ID = uint16(len(q.Payload))
	for _, f := range q.Fragments(1400) {
		do(t, p.taps[on].Send(f))
	}
}

// play plays one case.
func (p *player6) play(t *testing.T, c *case6) {
	t.Helper()
	before := p.daemon.http.scrape(t)
	p.send(t, c)
	p.sendSentinels(t)
	n := 3
	if c.ignored {
		n = 2
	}
	after := p.daemon.http.settled(t, before, n)
	p.checkFrames6(t, c)
	p.checkCounters6(t, c, after.minus(before))
}

// heard6 returns the DHCPv6 frames that R sent by a link; it waits for want.
func (b *wireBed) heard6(t *testing.T, link string, want int) []wire.Frame {
	t.Helper()
	var out []wire.Frame
	end := time.Now().Add(patience / 5)
	for {
		fs, err := b.taps[link].Drain()
		do(t, err)
		for _, f := range fs {
			if !f.Outgoing && (f.DHCP6() || f.EtherType == wire.TypeIPv6 && f.Fragment()) {
				out = append(out, f)
			}
		}
		if len(out) >= want || time.Now().After(end) {
			return out
		}
		f, err := b.taps[link].Next(time.Until(end))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return out
		}
		do(t, err)
		if !f.Outgoing && f.DHCP6() {
			out = append(out, f)
		}
	}
}

// checkFrames6 compares what left with what was wanted.
func (p *player6) checkFrames6(t *testing.T, c *case6) {
	t.Helper()
	for link := range p.taps {
		var want []delivery6
		var src string
		switch {
		case c.up != nil && link == "u0":
			want = []delivery6{{"u0", orText(c.upTo, "["+server6+"]:547"), c.up}}
			src = orText(c.upFrom, "["+addrU6+"]:547")
		case c.down != nil && c.down.on == link:
			want = []delivery6{*c.down}
			src = "[" + routerLL + "]:547"
			if d := addrPort(c.down.dst, 0).Addr(); !d.IsLinkLocalUnicast() {
				src = map[string]string{"d0": "[" + addrD06 + "]:547", "d1": "[" + addrD16 + "]:547"}[link]
			}
		}
		got := p.heard6(t, link, len(want))
		if len(got) != len(want) {
			t.Errorf("%d frames on %s, want %d:%s", len(got), link, len(want), describe(got))
			continue
		}
		for i, w := range want {
			checkFrame6(t, &got[i], src, w)
		}
	}
}

func orText(s, otherwise string) string {
	if s != "" {
		return s
	}
	return otherwise
}

// checkFrame6 compares one frame, octet by octet.
func checkFrame6(t *testing.T, f *wire.Frame, src string, w delivery6) {
	t.Helper()
	if f.Src().String() != src || f.Dst().String() != w.dst {
		t.Errorf("from %v to %v, want from %s to %s", f.Src(), f.Dst(), src, w.dst)
	}
	if !f.UDPSumOK || f.UDPSum == 0 {
		t.Errorf("UDP checksum %#04x is wrong or absent", f.UDPSum)
	}
	if !bytes.Equal(f.Payload, w.msg) {
		t.Errorf("octets on %s differ:\nwant % x\ngot  % x", w.on, w.msg, f.Payload)
	}
}

// checkCounters6 wants one outcome more, beside the sentinels'.
func (p *player6) checkCounters6(t *testing.T, c *case6, got counters) {
	t.Helper()
	if r, m := got.sum(receivedTotal), got.sum(messagesTotal); r != m {
		t.Errorf("%v messages received, %v have an outcome", r, m)
	}
	rest := got.only(messagesTotal)
	for k, n := range p.sentinels {
		if rest[k] -= n; rest[k] == 0 {
			delete(rest, k)
		}
	}
	if c.ignored {
		if len(rest) != 0 {
			t.Errorf("counted %v, want nothing", rest)
		}
		return
	}
	want := agent.Relayed
	if c.up == nil && c.down == nil {
		want = c.drop
	}
	labels := []string{fmt.Sprintf("outcome=%q", want), `family="ipv6"`}
	switch {
	case c.up != nil:
		labels = append(labels, fmt.Sprintf("interface=%q", orText(c.on, "d0")), `direction="request"`)
	case c.down != nil:
		labels = append(labels, fmt.Sprintf("interface=%q", c.down.on), `direction="reply"`)
	}
	if len(rest) != 1 || rest.sum(messagesTotal) != 1 || rest.sum(messagesTotal, labels...) != 1 {
		t.Errorf("counted %v, want one with %v", rest, labels)
	}
}

// A group6 is cases under one configuration.
type group6 struct {
	name, toml string
	cases      []case6
}

// groups6 are all cases of DHCPv6.
func groups6() []group6 {
	return slices.Concat(forge6(), sonic6(), basics6(), options6(), access6())
}

// TestWire6 plays the cases of DHCPv6 to the daemon.
func TestWire6(t *testing.T) {
	b := newWireBed6(t)
	for _, g := range groups6() {
		t.Run(g.name, func(t *testing.T) {
			b.start(t, g.toml)
			p := newPlayer6(t, b)
			for _, c := range g.cases {
				t.Run(c.name, func(t *testing.T) { p.play(t, &c) })
			}
		})
	}
	for _, f := range []struct {
		name string
		run  func(*testing.T, *wireBed)
	}{
		{"R9915-1 R9915-2 sockets and groups", testSockets6},
		{"R9915-7 R9915-6 servers by multicast", testMulticast6},
		{"R9915-37 the daemon dies between Solicit and Advertise", testNoState6},
		{"R8200-1 a checksum of zero is sent as all ones", testZeroSum6},
		{"R9915-15 R9915-16 no address but a link-local one T24", testNoAddress6},
		{"R9915-16 link-local by setting", testLinkLocal6},
		{"R4291-1 no link-local address", testNoLinkLocal6},
		{"R9915-15 R9915-27 a link-address that no host has", testForeignLinkAddress6},
		{"R9915-33 larger than the MTU", testFragments6},
		{"R7824-1 log", testLog6},
	} {
		t.Run(f.name, func(t *testing.T) { f.run(t, b) })
	}
}
