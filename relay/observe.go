package relay

import (
	"context"
	"net/netip"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/observe/pending"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// trackSlots is how many requests may wait for replies at once; 32 octets each.
// The table shares the processor's cache with the messages, so it is no larger.
const trackSlots = 1 << 13

// Record makes the engine keep the last messages of each socket. Call it before
// Run.
func (e *Engine) Record(messages int) { e.flight = recorder.NewLog(messages) }

// Recorder returns the flight recorder, nil if there is none.
func (e *Engine) Recorder() *recorder.Log { return e.flight }

// A Tracking is what is known of transactions at one moment.
type Tracking struct {
	Open    [2]int    // that wait for a reply, as of a second ago, by agent.Family
	Evicted [2]uint64 // that were forgotten while they waited
}

// Tracking returns what is known of transactions.
func (e *Engine) Tracking() (t Tracking) {
	for f := range e.open {
		t.Open[f] = int(e.open[f].Load())
		t.Evicted[f] = e.track.Evicted(dhcp.Family(f))
	}
	return t
}

// sweep counts the requests that nobody has answered, and forgets what was counted
// of interfaces and servers that are gone, until ctx ends.
func (e *Engine) sweep(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for f, n := range e.track.Sweep(now.Sub(e.start)) {
				e.open[f].Store(int64(n))
			}
			e.metrics.Sweep(now)
			e.watched(e.watcher.Stats(), now)
		}
	}
}

// A sight is what the observers of a loop know of the batch at hand.
type sight struct {
	writer *recorder.Writer // nil: nothing is recorded
	at     time.Time        // when the batch was read
	now    time.Duration    // the same, since the start of the engine
	taken  bool             // the writer takes the batch
}

// see notes that a batch of n messages was read.
func (l *loop) see(n int) {
	l.sight.at = time.Now()
	l.sight.now = l.sight.at.Sub(l.engine.start)
	w := l.sight.writer
	l.sight.taken = w != nil && w.Begin(n)
}

// keep keeps message i as it was received.
func (l *loop) keep(i int) {
	if l.sight.taken {
		l.sight.writer.Received(heard(&l.data[i]))
	}
}

// asked tells f whose reply a request waits for once it is sent.
func (l *loop) asked(d *udp.Datagram, v *agent.Verdict, f *fate) {
	// One reply is enough for all but what looks for servers.
	if l.family == dhcp.V6 {
		var typ dhcp6.Type
		f.key, typ = pending.Key6(dhcp6.Message(heard(d)), d.Src.Addr())
		f.one = typ != dhcp6.Solicit
	} else {
		p := bootp.Packet(heard(d))
		if !awaits4(p, v) {
			if bootp.Type(v.Type) == bootp.Inform {
				f.key = pending.Key4(p, bootp.Inform) // an answer may come, and need not
			}
			return
		}
		f.key = pending.Key4(p, bootp.Type(v.Type))
		f.one = v.Type != uint8(bootp.Discover)
	}
	f.asked = 1<<len(l.out.of(v.Link)) - 1
	if v.Server >= 0 {
		f.asked = 1 << v.Server
	}
}

// await notes the requests of a batch of n messages before they are sent, for a
// reply may come at once.
func (l *loop) await(n int) {
	t := l.engine.track
	for i := range n {
		if f := &l.fates[i]; f.key != 0 && !f.reply {
			t.Fetch(f.key)
		}
	}
	for i := range n {
		if f := &l.fates[i]; f.key != 0 && !f.reply {
			t.Asked(f.key, l.out.way(l.verdicts[i].Link), f.asked, f.one, l.sight.now)
		}
	}
}

// awaits4 reports whether a request is to be answered to this relay: not if it
// ends a lease or asks for parameters alone (RFC 2131, sections 4.3.3 to 4.3.5),
// and not if another relay's giaddr stands in it.
func awaits4(p bootp.Packet, v *agent.Verdict) bool {
	switch bootp.Type(v.Type) {
	case bootp.Discover, bootp.DHCPRequest, 0:
	default:
		return false
	}
	g := p.Giaddr()
	for i := range v.Link.Side[dhcp.V4].Choices {
		if v.Link.Side[dhcp.V4].Choices[i].Addr == g {
			return true
		}
	}
	return false
}

// replied notes a reply that is relayed.
func (l *loop) replied(d *udp.Datagram, v *agent.Verdict, f *fate) {
	if t := replied(l.out.of(v.Link), d.Src, d.Link); t != nil {
		t.to.metrics.Replied()
	}
	f.reply = true
	if l.family == dhcp.V6 {
		f.key, _ = pending.Key6(dhcp6.Message(heard(d)), d.Src.Addr())
		return
	}
	f.key = pending.Key4(bootp.Packet(heard(d)), bootp.Type(v.Type))
}

// heard returns the octets where a message was received. After the edit they still
// tell its transaction: that leaves xid and chaddr of a DHCPv4 message as they were,
// and of a DHCPv6 message it only moves the beginning.
func heard(d *udp.Datagram) []byte { return d.Store[udp.Headroom : udp.Headroom+d.N] }

// settle notes what the replies of a batch of n messages have answered.
func (l *loop) settle(n int) {
	t := l.engine.track
	for i := range n {
		if f := &l.fates[i]; f.reply {
			t.Fetch(f.key)
		}
	}
	for i := range n {
		f := &l.fates[i]
		if !f.reply || t.Answered(f.key, l.data[i].Src, l.sight.now) {
			continue
		}
		if l.family == dhcp.V4 && bootp.Type(l.verdicts[i].Type) == bootp.Ack {
			// The server has committed at once (RFC 4039).
			t.Answered(pending.Key4(bootp.Packet(heard(&l.data[i])), bootp.Discover), l.data[i].Src, l.sight.now)
		}
	}
}

// conclude counts the n messages of a batch, and records what became of them.
func (l *loop) conclude(n int) {
	if !l.sight.taken {
		for i := range n {
			l.count(i)
		}
		return
	}
	e := recorder.Event{At: l.sight.at.UnixNano(), Done: time.Now().UnixNano(), Family: l.family}
	for i := range n {
		l.count(i)
		l.record(i, &e)
	}
	l.sight.writer.End()
}

// record records what became of message i. Of e, it sets all but what is the same
// for the batch.
func (l *loop) record(i int, e *recorder.Event) {
	l.event(i, e)
	b := &l.bufs[i]
	sent, shift := b.Bytes(), b.Off-udp.Headroom
	if !l.fates[i].sent {
		sent, shift = nil, 0
	}
	l.sight.writer.Sent(e, sent, shift)
}

// event sets all of an event that is message i's own.
func (l *loop) event(i int, e *recorder.Event) {
	d, v, f := &l.data[i], &l.verdicts[i], &l.fates[i]
	e.Direction, e.Type, e.Outcome, e.Omitted = v.Direction, v.Type, f.outcome, f.bare
	e.Heard, e.Link = d.Link, 0
	if v.Link != nil {
		e.Link = v.Link.Host.Index
	}
	e.Src, e.Dst, e.From = d.Src, netip.AddrPortFrom(d.Dst, l.port), v.Src
	e.Servers, e.Copies, e.Refused, e.Errno = 0, f.copies, f.refused, f.errno
	if f.copies|f.refused != 0 {
		e.Servers = l.out.path(v.Link).list
	}
	e.To = v.To
	if v.To == agent.ToServers {
		return
	}
	e.Client, e.HW = netip.AddrPort{}, [6]byte{}
	if f.sent {
		e.Client = netip.AddrPortFrom(v.Dst, v.Port)
		e.HW = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		copy(e.HW[:], v.HW)
	}
}
