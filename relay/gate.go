package relay

import (
	"time"

	"dhcp-relay/relay/host/shed"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/limit"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// Gates are the filters of a pair that shed what exceeds the share of an interface. One
// that is nil is not there: the loop sheds after it has read.
type gates struct{ requests, replies *shed.Gate }

// gate puts filters on a new pair, but for one in a VRF, whose interfaces a filter cannot
// tell apart.
func (e *Engine) gate(f dhcp.Family, vrf int, p *udp.Pair) (g gates) {
	if vrf != 0 {
		return g
	}
	reply := byte(bootp.Reply)
	if f == dhcp.V6 {
		reply = byte(dhcp6.RelayReply)
	}
	g.replies = e.gateOf(p.Replies, reply, true)
	if f == dhcp.V4 {
		g.requests = e.gateOf(p.Requests, reply, false)
	}
	return g
}

// gateOf puts a filter on a socket that lets pass what begins with an octet, or all but
// that. It returns nil if it cannot.
func (e *Engine) gateOf(c *udp.Conn, first byte, only bool) *shed.Gate {
	g, err := shed.New()
	if err == nil {
		defer func() { _ = g.Close() }() // the filter has it now, or nobody wants it
		if err = g.Attach(c.SyscallConn(), first, only); err == nil {
			return g
		}
	}
	e.ungated(err)
	return nil
}

// ungated tells once that what exceeds an interface's share has to be read before it is
// shed.
func (e *Engine) ungated(err error) {
	if !e.shedLate {
		e.shedLate = true
		e.log.Info("what exceeds an interface's share in a flood is read before it is dropped", "err", err)
	}
}

// shedUnread returns how many messages the filters of the pair have shed.
func (g *gates) shedUnread() (sum uint64) {
	for _, g := range []*shed.Gate{g.requests, g.replies} {
		if g != nil {
			sum += g.Shed()
		}
	}
	return sum
}

// collectShed counts for its interface what filters have shed since the last time.
func (e *Engine) collectShed() {
	s := e.state.Load()
	if s == nil {
		return
	}
	for k, sock := range s.sockets {
		for _, g := range []*shed.Gate{sock.gates.requests, sock.gates.replies} {
			if g != nil {
				g.Collect(func(slot int, n uint64) { s.bySlot(slot).ShedUnread(k.Family, n) })
			}
		}
	}
}

// bySlot returns the counters of the link that has a slot of a gate.
func (s *state) bySlot(slot int) *count.Link {
	for _, l := range s.Snap.Links {
		if shed.Slot(l.Host.Index) == slot {
			return s.Links[l.ID]
		}
	}
	return s.Other
}

// gateLasts is for how long a filter sheds without being told again, and gateAgain how
// soon it is told: who is not heard at all does not tell it that the flood is over.
const (
	gateLasts = 2 * time.Second
	gateAgain = gateLasts / 4
)

// contestFor is how long an interface counts as one that others share the relay with
// after it was heard. Who is alone takes nothing from others, however much it sends, until
// the receive buffer fills: then others may be kept out unheard.
const contestFor = time.Minute

// A cut sheds what exceeds the share of an interface.
type cut struct {
	share   limit.Share
	rate    limit.Rate
	gate    *shed.Gate     // sheds before messages are read; nil: exceeded does, by buckets
	told    time.Duration  // when the gate was told the rate
	buckets []limit.Bucket // by shed.Slot

	link      int           // interface that was heard last, 0: none yet
	contested time.Duration // until when others are known beside it
}

// read takes note of what was read at a time.
func (c *cut) read(ds []udp.Datagram, more, filling bool, now time.Duration) {
	for i := range ds {
		if link := ds[i].Link; link != c.link {
			if c.link != 0 {
				c.contested = now + contestFor
			}
			c.link = link
		}
	}
	age := ds[len(ds)-1].Age
	if filling {
		c.contested = now + contestFor
	}
	var changed bool
	switch {
	case now < c.contested:
		if changed = c.share.Read(now, age, len(ds), more); changed {
			c.rate = c.share.Rate()
		}
	default:
		c.share.Restart(now)
		changed, c.rate = c.rate.Limits(), limit.Rate{}
	}
	if c.gate != nil && (changed || c.rate.Limits() && now-c.told > gateAgain) {
		each, ahead := c.rate.Pace()
		c.gate.Set(each, ahead, gateLasts)
		c.told = now
	}
}

// exceeded reports whether a message exceeds the share of the interface that it came by.
func (c *cut) exceeded(link int, now time.Duration) bool {
	return c.gate == nil && c.rate.Limits() && !c.buckets[shed.Slot(link)].Take(now, c.rate)
}
