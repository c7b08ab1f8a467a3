package conformance

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/wire"
	"dhcp-relay/relay/agent"
)

// TestWire plays the cases to the daemon: frames go in, and what leaves on any
// link is compared, octets, addresses and counters.
func TestWire(t *testing.T) {
	b := newWireBed(t)
	for _, g := range groups() {
		t.Run(g.name, func(t *testing.T) {
			b.become(t, g.router())
			b.start(t, g.toml)
			p := newPlayer(t, b)
			for _, c := range g.cases {
				if !c.core {
					t.Run(c.name, func(t *testing.T) { p.play(t, &c) })
				}
			}
		})
	}
	for name, f := range wireOnly() {
		t.Run(name, func(t *testing.T) { f(t, b) })
	}
}

// A player plays cases to a daemon. After each message it sends two sentinels, a
// request and a reply that are surely dropped: once they are counted, the message
// before them has come to its end too, also if nothing was sent.
type player struct {
	*wireBed
	sentinels counters // what the sentinels add to the counters
}

func newPlayer(t *testing.T, b *wireBed) *player {
	t.Helper()
	p := &player{wireBed: b}
	p.sentinels = b.dropped(t, p.sendSentinels)
	return p
}

// dropped sends two sentinels and returns what they add to the counters.
func (b *wireBed) dropped(t *testing.T, send func(*testing.T)) counters {
	t.Helper()
	before := b.daemon.http.scrape(t)
	send(t)
	sentinels := b.daemon.http.settled(t, before, 2).minus(before).only(messagesTotal)
	if n := sentinels.sum(messagesTotal, `outcome="relayed"`); n != 0 {
		t.Fatalf("sentinels are relayed: %v", sentinels)
	}
	b.drain(t)
	return sentinels
}

// sendSentinels sends a request with 255 hops and a reply for nobody.
func (p *player) sendSentinels(t *testing.T) {
	t.Helper()
	req := bootp(hops(255), chaddr(2, 0, 0, 0, 0, 0xee))
	rep := bootpReply().with(giaddrOf("10.255.255.254"))
	p.inject(t, "d0", addrPort("0.0.0.0", 68), addrPort("255.255.255.255", 67), req.bytes())
	p.inject(t, "u0", addrPort(server1, 67), addrPort(addrU0, 67), rep.bytes())
}

// play plays one case.
func (p *player) play(t *testing.T, c *tcase) {
	before := p.daemon.http.scrape(t)
	on, src, dst := c.ingress()
	p.inject(t, on, src, dst, c.msg.bytes())
	p.sendSentinels(t)
	after := p.daemon.http.settled(t, before, 3)
	got := p.collect(t, c.wants())
	p.checkFrames(t, c, got)
	p.checkCounters(t, c, after.minus(before))
}

// wants returns how many frames a case makes leave on each link.
func (c *tcase) wants() map[string]int {
	n := make(map[string]int)
	for _, s := range c.up {
		n[linkTo(s.server)]++
	}
	if c.down != nil {
		n[c.down.on]++
	}
	return n
}

// linkTo returns the link of R that leads to a server.
func linkTo(server string) string {
	if strings.HasPrefix(server, "198.51.101.") {
		return "d1"
	}
	return "u0"
}

// collect returns the DHCP frames that R sent, by link. It waits for as many as
// are wanted.
func (p *player) collect(t *testing.T, want map[string]int) map[string][]wire.Frame {
	t.Helper()
	got := make(map[string][]wire.Frame)
	for link, tap := range p.taps {
		fs, err := tap.Drain()
		do(t, err)
		var ps pieces
		keep := func(f wire.Frame) {
			if f.Fragment() && !f.Outgoing {
				f = ps.add(f)
			}
			if !f.Outgoing && f.DHCP4() || f.Fragment() {
				got[link] = append(got[link], f)
			}
		}
		for _, f := range fs {
			keep(f)
		}
		for end := time.Now().Add(patience / 5); len(got[link]) < want[link]; {
			f, err := tap.Next(time.Until(end))
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			do(t, err)
			keep(f)
		}
	}
	return got
}

// pieces are the fragments of one packet, in order.
type pieces struct{ raw []byte }

// add returns the packet once it is complete, still with MF, and nothing before;
// what is not in order, as it is.
func (p *pieces) add(f wire.Frame) wire.Frame {
	const headers = 34
	if f.FragOffset == 0 {
		p.raw = bytes.Clone(f.Raw[:headers])
	}
	if len(p.raw) != headers+int(f.FragOffset) {
		return f
	}
	p.raw = append(p.raw, f.Raw[headers:14+int(f.IPLen)]...)
	if f.MF {
		return wire.Frame{}
	}
	binary.BigEndian.PutUint16(p.raw[16:], uint16(len(p.raw)-14))
	p.raw[20], p.raw[21] = 0, 0
	sumIP(p.raw[14:headers])
	whole, _ := wire.Decode(p.raw)
	whole.MF = true
	return whole
}

// checkFrames compares what left with what was wanted.
func (p *player) checkFrames(t *testing.T, c *tcase, got map[string][]wire.Frame) {
	t.Helper()
	for _, w := range c.up {
		link := linkTo(w.server)
		i := slices.IndexFunc(got[link], func(f wire.Frame) bool { return f.Dst() == addrPort(w.server, 67) })
		if i < 0 {
			t.Errorf("no copy to %s", w.server)
			continue
		}
		p.checkRequestFrame(t, w, &got[link][i])
		got[link] = slices.Delete(got[link], i, i+1)
	}
	if w := c.down; w != nil {
		if len(got[w.on]) == 0 {
			t.Errorf("no reply on %s", w.on)
		} else {
			p.checkReplyFrame(t, w, &got[w.on][0])
			got[w.on] = got[w.on][1:]
		}
	}
	for link, fs := range got {
		if len(fs) > 0 {
			t.Errorf("%d frames on %s that were not to be:%s", len(fs), link, describe(fs))
		}
	}
}

// checkRequestFrame looks at a copy for a server.
func (p *player) checkRequestFrame(t *testing.T, w sent, f *wire.Frame) {
	t.Helper()
	src := addrPort("203.0.113.1", 67)
	if linkTo(w.server) == "d1" {
		src = addrPort(addrD1, 67)
	}
	if w.src != "" {
		src = addrPort(w.src, 67)
	}
	if w.sport != 0 {
		src = netip.AddrPortFrom(src.Addr(), w.sport)
	}
	if w.pieces != f.Fragment() {
		t.Errorf("copy to %s in fragments: %t, want %t", w.server, f.Fragment(), w.pieces)
	}
	f.MF = false
	if f.Src() != src {
		t.Errorf("copy to %s from %v, want %v", w.server, f.Src(), src)
	}
	checkHeaders(t, f)
	if f.TTL < 16 {
		t.Errorf("copy to %s with TTL %d", w.server, f.TTL)
	}
	same(t, w.msg, f.Payload)
}

// checkReplyFrame looks at a reply for a client.
func (p *player) checkReplyFrame(t *testing.T, w *delivered, f *wire.Frame) {
	t.Helper()
	if f.SrcPort != 67 || f.Dst() != addrPort(w.ip, 68) {
		t.Errorf("reply from %v to %v, want port 67 to %s:68", f.Src(), f.Dst(), w.ip)
	}
	hw := w.hw
	switch {
	case w.arp:
		hw = p.farMAC(t, w.on)
	case hw == nil:
		hw = wire.Broadcast()
	}
	if !bytes.Equal(f.EtherDst, hw) || !bytes.Equal(f.EtherSrc, mac(w.on)) {
		t.Errorf("frame from %v to %v, want % x to % x", f.EtherSrc, f.EtherDst, mac(w.on), hw)
	}
	checkHeaders(t, f)
	same(t, w.msg, f.Payload)
}

// farMAC returns the link-layer address of the kernel at a link's far end.
func (p *player) farMAC(t *testing.T, link string) []byte {
	t.Helper()
	m, err := p.c.MAC("c" + link[1:])
	do(t, err)
	return m
}

// checkHeaders looks at what every frame that leaves has in common.
func checkHeaders(t *testing.T, f *wire.Frame) {
	t.Helper()
	switch {
	case f.Fragment():
		t.Error("a fragment left")
	case !f.IPSumOK:
		t.Error("wrong IP header checksum")
	case f.UDPSum == 0 || !f.UDPSumOK:
		t.Errorf("UDP checksum %#04x is wrong or absent", f.UDPSum)
	case f.IPSrc.IsUnspecified():
		t.Error("source address 0.0.0.0 left")
	case f.VLAN != 0:
		t.Errorf("VLAN tag %d left", f.VLAN)
	}
}

// checkCounters wants one outcome more, beside the sentinels'.
func (p *player) checkCounters(t *testing.T, c *tcase, got counters) {
	t.Helper()
	if err := got.balanced(); err != nil {
		t.Error(err)
	}
	rest := got.only(messagesTotal)
	for k, n := range p.sentinels {
		if rest[k] -= n; rest[k] == 0 {
			delete(rest, k)
		}
	}
	want := agent.Relayed
	if c.up == nil && c.down == nil {
		want = c.drop
	}
	labels := []string{fmt.Sprintf("outcome=%q", want), `family="ipv4"`}
	switch on, _, _ := c.ingress(); {
	case c.up != nil:
		labels = append(labels, fmt.Sprintf("interface=%q", on), `direction="request"`)
	case c.down != nil:
		labels = append(labels, fmt.Sprintf("interface=%q", c.down.on), `direction="reply"`)
	}
	if len(rest) != 1 || rest.sum(messagesTotal) != 1 || rest.sum(messagesTotal, labels...) != 1 {
		t.Errorf("counted %v, want one with %v", rest, labels)
	}
}
