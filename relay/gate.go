package relay

import (
	"slices"
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
// that is nil is not there: the loop sheds after it has read. That for requests of DHCPv4
// stays open, for it may have to go in front of another filter, see noteFrames.
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
	g.replies = e.gateOf(p.Replies, shed.NoClients, reply, true)
	if f == dhcp.V4 {
		g.requests = e.gateOf(p.Requests, shed.ByChaddr, reply, false)
	}
	return g
}

// gateOf puts a filter on a socket that lets pass what begins with an octet, or all but
// that. It returns nil if it cannot.
func (e *Engine) gateOf(c *udp.Conn, clients shed.Clients, first byte, only bool) *shed.Gate {
	g, err := shed.New(clients)
	if err == nil {
		err = g.Attach(c.SyscallConn(), first, only)
		if err != nil || only {
			_ = g.Close() // the filter has it now, or nobody wants it
		}
		if err == nil {
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
	gateLasts = 10 * time.Second
	gateAgain = 500 * time.Millisecond
)

// contestFor is how long an interface counts as one that others share the relay with
// after it was heard. Who is alone takes nothing from others, however much it sends, until
// the receive buffer fills: then others may be kept out unheard.
const contestFor = time.Minute

// shutFor is for how long an interface is shut out at most that has sent much of what
// waits, if whoever reads gets no processor meanwhile.
const shutFor = 3 * time.Second

// mostLoud is how many interfaces are shut out at most, each for a share of what waits.
const mostLoud = 8

// fillingFor is for how long what is read may fill the receive buffer, or be of fillingAge,
// where nobody else is heard: a burst may.
const (
	fillingFor = 500 * time.Millisecond
	fillingAge = time.Second
)

// emptiedAfter and emptiedEvery tell when the gate is told that nothing waits: not for
// each message of those that come one by one.
const (
	emptiedAfter = 1024 // messages
	emptiedEvery = 100 * time.Millisecond
)

// A cut sheds what exceeds the share of an interface.
type cut struct {
	share   limit.Share
	rate    limit.Rate
	gate    *shed.Gate     // sheds before messages are read; nil: exceeded does, by buckets
	told    time.Duration  // when the gate was told the rate
	most    int            // messages of an interface that may wait, as the gate was told
	since   int            // messages read since the gate was told that nothing waits
	emptied time.Duration  // when it was
	buckets []limit.Bucket // by shed.Slot

	link    int           // interface that was heard last, 0: none yet
	others  time.Duration // until when others are known beside it
	maybe   time.Duration // until when others may be there that were kept out
	heard   []heard       // by shed.Slot
	all     heard         // of all interfaces
	filling time.Duration // when the receive buffer was not half full last
	shut    []int         // slots that are shut out until what waits is read; room for mostLoud
	loudest int           // messages that waited of one of them, at most, as the gate knows
}

// Heard is how many messages were read of late, each second half as many as before.
type heard struct {
	second   time.Duration
	messages uint32
}

// add counts messages.
func (h *heard) add(n int, now time.Duration) {
	if second := now / time.Second; h.second != second {
		h.second, h.messages = second, h.messages>>min(second-h.second, 32)
	}
	h.messages += uint32(n)
}

func newCut() cut {
	return cut{buckets: make([]limit.Bucket, shed.Slots), heard: make([]heard, shed.Slots), shut: make([]int, 0, mostLoud)}
}

// read takes note of what was read at a time. Filling says that what waits fills the
// receive buffer.
func (c *cut) read(ds []udp.Datagram, more, filling bool, now time.Duration) {
	c.note(ds, now)
	age := ds[len(ds)-1].Age
	if filling = filling || more && age > fillingAge; !filling {
		c.filling = now
	}
	full := filling && (now < c.others || now-c.filling > fillingFor || c.share.InVain(now, age, requestAge))
	if full && now >= c.others {
		c.maybe = now + contestFor
	}
	changed := c.share.Read(now, age, len(ds), more, full, c.besides(now))
	if changed {
		c.rate = c.share.Rate()
	}
	if c.gate != nil {
		c.tell(changed, more, now)
	}
	if c.share.Drains() {
		c.shutOut(ds, now)
	} else {
		c.letIn(now)
	}
}

// tell tells the gate what may pass from now on.
func (c *cut) tell(changed, more bool, now time.Duration) {
	if changed || c.rate.Limits() && now-c.told > gateAgain {
		each, ahead := c.rate.Pace()
		c.gate.Set(each, ahead, gateLasts)
		c.told = now
	}
	if most := c.share.Waiting(c.besides(now), shed.Few, shed.Most); most != c.most {
		c.gate.Bound(most)
		c.most = most
	}
	if !more && (c.since > emptiedAfter || now-c.emptied > emptiedEvery) {
		c.gate.Emptied()
		c.since, c.emptied = 0, now
	}
}

// note counts for each interface what was read.
func (c *cut) note(ds []udp.Datagram, now time.Duration) {
	from := 0
	for i := range ds {
		link := ds[i].Link
		if link == c.link {
			continue
		}
		if c.link != 0 {
			c.others = now + contestFor
		}
		c.noteOf(shed.Slot(c.link), i-from, now)
		from, c.link = i, link
	}
	c.noteOf(shed.Slot(c.link), len(ds)-from, now)
	c.all.add(len(ds), now)
	c.since += len(ds)
}

// noteOf counts what was read of an interface.
func (c *cut) noteOf(slot, n int, now time.Duration) {
	if n == 0 {
		return
	}
	c.heard[slot].add(n, now)
	if c.gate != nil {
		c.gate.Read(slot, n)
	}
}

// besides returns what is known of others than the one that was heard last.
func (c *cut) besides(now time.Duration) limit.Others {
	switch {
	case now < c.others:
		return limit.SomeOthers
	case now < c.maybe:
		return limit.MaybeOthers
	default:
		return limit.NoOthers
	}
}

// shutOut shuts out the interfaces of a batch that have sent much of what waits.
func (c *cut) shutOut(ds []udp.Datagram, now time.Duration) {
	last := 0
	for i := range ds {
		if ds[i].Link == last {
			continue
		}
		last = ds[i].Link
		slot := shed.Slot(last)
		if len(c.shut) < mostLoud && c.loud(slot) && !slices.Contains(c.shut, slot) {
			c.shut = append(c.shut, slot)
		}
	}
	for _, slot := range c.shut {
		c.hold(slot, now, shutFor)
	}
}

// letIn lets in again who is shut out, each within its share from now on.
func (c *cut) letIn(now time.Duration) {
	for _, slot := range c.shut {
		c.hold(slot, now, 0)
	}
	c.shut, c.loudest = c.shut[:0], 0
}

// hold lets nothing of an interface pass for a while, and nothing ahead then.
func (c *cut) hold(slot int, now, lasts time.Duration) {
	if c.gate != nil {
		c.gate.Hold(slot, lasts)
		return
	}
	c.buckets[slot].Hold(now+lasts, c.rate)
}

// leastLoud is how many messages nobody is shut out for that were read of late, or wait.
const leastLoud = 256

// loud reports whether an interface has sent much of what waits, or without a gate that
// knows of what was read of late.
func (c *cut) loud(slot int) bool {
	if c.gate != nil {
		waits := c.gate.Waiting(slot)
		c.loudest = max(c.loudest, waits)
		return waits > leastLoud && waits > c.loudest/2
	}
	h := &c.heard[slot]
	return h.messages > leastLoud && h.messages > c.all.messages/mostLoud && c.all.second-h.second <= 1
}

// How old messages may be of who is shut out that wait already: where it keeps others
// waiting, and where it is alone.
const (
	shutAge      = 250 * time.Millisecond
	shutAgeAlone = time.Second
)

// exceeded reports whether a message of an age exceeds the share of the interface that it
// came by: also what has passed the filter before there was one.
func (c *cut) exceeded(link int, age, now time.Duration) bool {
	slot := shed.Slot(link)
	if c.gate == nil && c.rate.Limits() && !c.buckets[slot].Take(now, c.rate, false) {
		return true
	}
	return age > shutAge && (now < c.others || age > shutAgeAlone) && slices.Contains(c.shut, slot)
}
