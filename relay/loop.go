package relay

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/clientmac"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/pending"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// batch is how many messages a loop takes from the kernel at once. 64 took some 5 %
// more CPU under a flood of requests; 256 took as much, and more memory.
const batch = 128

// A loop moves the messages of one socket, a batch at a time. All that it
// touches belongs to its goroutine, but for the state, which is immutable.
type loop struct {
	engine   *Engine
	conn     *udp.Conn
	family   dhcp.Family
	port     uint16
	received *count.Counter
	macs     macTable // nil for DHCPv4 and for replies

	turns *atomic.Uint64 // odd while at work on a batch

	state  *state
	out    outlets
	frames frames

	data     []udp.Datagram
	bufs     []agent.Buf
	verdicts []agent.Verdict
	fates    []fate
	origins  []clientmac.Query  // of the batch, for macs
	clients  *clientmac.Clients // who asked in which transaction; nil if nobody knows
	places   []clientmac.Place  // of the batch, in clients; nil if origins are not noted there
	targets  [][6]byte          // of the batch, link-layer addresses of clients to send to
	held     held
	sight    sight
	noVSS    []int // tags of copies that wait to go out without VSS
	tooBig   []int // tags of copies that wait to go out without option 82, or in fragments
	giant    []int // the same, of the last look
	done     func(tag int, errno syscall.Errno)
	warned   time.Time // of an error that may last
}

// A fate is what became of the copies of one message.
type fate struct {
	sent   bool // at least one copy went out
	bare   bool // at least one went out without option 82, for want of room
	tooBig bool // a copy was larger than the MTU

	outcome agent.Reason
	copies  uint64        // bit n: the link's server n got a copy
	refused uint64        // bit n: the kernel refused to send to it
	errno   syscall.Errno // of the last refusal
	asked   uint64        // the same of those that are to reply
	reply   bool          // it may answer a request
	key     pending.Key   // if asked is not 0, or for a reply
	one     bool          // one reply is enough, if asked is not 0
}

func newLoop(e *Engine, k agent.Socket, c *udp.Conn, turns *atomic.Uint64) *loop {
	l := &loop{
		engine:   e,
		conn:     c,
		family:   k.Family,
		port:     k.Port,
		turns:    turns,
		received: e.metrics.Received(k.Family),
		data:     udp.NewBatch(batch),
		bufs:     make([]agent.Buf, batch),
		verdicts: make([]agent.Verdict, batch),
		fates:    make([]fate, batch),
		targets:  make([][6]byte, batch),
	}
	l.out.family, l.out.log, l.out.queues = k.Family, e.flight, make(map[agent.Socket]*queue)
	l.done = l.copied
	l.sight.writer = e.flight.Writer()
	return l
}

// run relays until the engine stops, of which Wake tells, or the socket is closed.
// What was read is sent on before it returns.
func (l *loop) run() {
	defer l.frames.close()
	defer l.sight.writer.Close()
	for !l.engine.stopping.Load() {
		n, err := l.conn.Read(l.data)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil && !errors.Is(err, udp.ErrWoken) {
			l.endure(err)
			continue
		}
		l.turns.Add(1)
		switch s := l.engine.state.Load(); {
		case s == l.state:
		case n == 0 && len(l.held.due) == 0:
			l.release(s)
		default:
			l.adopt(s)
		}
		l.resume()
		if n > 0 {
			n = l.hold(n)
		}
		if n > 0 {
			l.relay(n)
		}
		l.turns.Add(1)
	}
	l.held.end()
	l.resume()
}

// relay moves a batch of n messages.
func (l *loop) relay(n int) {
	l.received.Add(uint64(n))
	l.see(n)
	l.askMACs(n)
	for i := range n {
		l.keep(i)
		l.decide(i)
	}
	l.await(n)
	l.noteMACs(n)
	l.flush()
	l.settle(n)
	l.conclude(n)
}

// endure waits after an error of the socket, which stays usable after a passing
// one such as ENOMEM. One that lasts must neither spin nor fill the log.
func (l *loop) endure(err error) {
	if now := time.Now(); now.Sub(l.warned) > time.Minute {
		l.warned = now
		l.engine.log.Warn("messages cannot be received", "err", err)
	}
	time.Sleep(retryPause / 10)
}

// adopt takes over a new state.
func (l *loop) adopt(s *state) {
	l.release(s)
	l.state = s
	l.out.adopt(s)
	l.frames.adopt(s.snap)
}

// release lets go of the state at hand and of what the new one has not; the next
// message has the rest adopted. With thousands of links a state is millions of
// octets, and what belongs to a loop thousands more: one that hears nothing needs
// neither.
func (l *loop) release(s *state) {
	l.state = nil
	clear(l.verdicts)
	l.out.release(s)
	l.frames.release(s.snap)
}

// decide asks the core what to do with message i, and queues or sends it.
func (l *loop) decide(i int) {
	d, b, v := &l.data[i], &l.bufs[i], &l.verdicts[i]
	b.Store, b.Off, b.Len = d.Store, udp.Headroom, d.N // as a literal it took 30 ns
	in := agent.Ingress{Link: d.Link, Src: d.Src, Dst: d.Dst, Routes: *l.state.routes.Load(), Unasked: true, Truncated: d.Truncated}
	l.judge(i, &in, v)
	if v.Reason == agent.ReplySource {
		l.stranger(i, &in, v)
	}
	f := &l.fates[i]
	*f = fate{}
	if v.Reason != agent.Relayed {
		return
	}
	switch v.To {
	case agent.ToServers:
		l.asked(d, v, f)
		l.toServers(i, v)
	case agent.ToFrame:
		l.answered(b, v)
		l.replied(d, v, f)
		l.toFrame(i, v)
	case agent.ToHost:
		l.answered(b, v)
		l.replied(d, v, f)
		l.toClient(i, v)
	}
}

// judge asks the core.
func (l *loop) judge(i int, in *agent.Ingress, v *agent.Verdict) {
	d, b := &l.data[i], &l.bufs[i]
	if l.family == dhcp.V6 {
		in.MAC = l.mac(i)
		l.state.snap.Decide6(b, in, v)
		l.downstream(d, v)
		return
	}
	var try bool
	in.Choice, try = l.face(b, in)
	l.state.snap.Decide4(b, in, v)
	if try && v.Reason == agent.Relayed {
		l.tried(b, v)
	}
}

// stranger decides again on a reply of who is no server, if a request waits for it on
// the link that it is for: a server may answer from another of its addresses.
func (l *loop) stranger(i int, in *agent.Ingress, v *agent.Verdict) {
	w := l.waiting(i, v)
	if w == nil {
		return
	}
	in.Unasked = false
	l.judge(i, in, v)
	if v.Reason == agent.Relayed && w.Link != pending.Link(l.state.links[v.Link.ID]) {
		v.Reason = agent.ReplySource
	}
}

// waiting returns the way of the request that a reply answers, nil if there is none.
func (l *loop) waiting(i int, v *agent.Verdict) *pending.Way {
	d := &l.data[i]
	if l.family == dhcp.V6 {
		k, _ := pending.Key6(dhcp6.Message(heard(d)), d.Src.Addr())
		return l.engine.track.Find(k)
	}
	p := bootp.Packet(heard(d))
	w := l.engine.track.Find(pending.Key4(p, bootp.Type(v.Type)))
	if w == nil && bootp.Type(v.Type) == bootp.Ack {
		w = l.engine.track.Find(pending.Key4(p, bootp.Discover)) // RFC 4039
	}
	return w
}

// count notes the one outcome of message i.
func (l *loop) count(i int) {
	v, f := &l.verdicts[i], &l.fates[i]
	r := v.Reason
	switch {
	case r != agent.Relayed || f.sent:
	case f.tooBig:
		r = agent.Oversize
	case v.To != agent.ToServers && (f.errno == syscall.EAGAIN || f.errno == syscall.ENOBUFS):
		r = agent.QueueFull
	default:
		r = agent.SendFailed
	}
	f.outcome = r
	if missed := f.asked &^ f.copies; missed != 0 {
		l.engine.track.Unsent(f.key, missed)
	}
	c := l.state.other
	if v.Link != nil {
		c = l.state.links[v.Link.ID]
	}
	if f.bare {
		c.OmittedOption82()
	}
	if f.sent && v.NoMAC {
		c.OmittedOption79()
	}
	c.Count(l.family, v.Direction, v.Type, r)
}
