package relay

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/observe"
)

// batchSize is how many messages a loop takes from the kernel at once.
const batchSize = 128

// A loop moves the messages of one socket, a batch at a time. All that it
// touches belongs to its goroutine, but for the state, which is immutable.
type loop struct {
	engine *Engine
	conn   *udp.Conn
	turns  *atomic.Uint64 // odd while at work on a batch

	state     *state
	data      []udp.Datagram
	batch     observe.Batch
	observers []observe.Observer

	cut     cut
	held    held
	origins origins
	ports   ports
	send    sending
	warned  time.Time // of an error that may last
}

func newLoop(e *Engine, k agent.Socket, c *udp.Conn, turns *atomic.Uint64) *loop {
	l := &loop{
		engine:    e,
		conn:      c,
		turns:     turns,
		data:      udp.NewBatch(batchSize),
		batch:     observe.Batch{Family: k.Family, Port: k.Port},
		observers: e.observers(k.Family),
		send:      newSending(e, k.Family),
		cut:       newCut(),
	}
	l.batch.Messages = make([]observe.Message, batchSize)
	return l
}

// run relays until the engine stops, of which Wake tells, or the socket is closed.
// What was read is sent on before it returns.
func (l *loop) run() {
	defer l.close()
	for !l.engine.stopping.Load() {
		n, err := l.conn.Read(l.data)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil && !errors.Is(err, udp.ErrWoken) {
			l.pause(err)
			continue
		}
		l.turns.Add(1)
		l.follow(l.engine.state.Load(), n > 0)
		l.resume()
		if n > 0 {
			l.cut.share.Rested(l.conn.Rested())
			l.cut.read(l.data[:n], l.conn.More(), l.conn.Filling(), time.Since(l.engine.start))
		}
		l.relay(l.hold(l.engine.probes.take(l.data[:n], l.batch.Family)))
		l.turns.Add(1)
	}
	l.held.end()
	l.resume()
}

// relay moves what was read.
func (l *loop) relay(ds []udp.Datagram) {
	if len(ds) == 0 {
		return
	}
	b := l.receive(ds)
	l.decide(b)
	l.send.batch(b)
	l.report(b)
}

// receive makes a batch of what was read.
func (l *loop) receive(ds []udp.Datagram) *observe.Batch {
	b := &l.batch
	b.At = time.Now()
	b.Now = b.At.Sub(l.engine.start)
	b.Messages = b.Messages[:len(ds)]
	routes, standings := *l.state.routes.Load(), *l.state.standings.Load()
	for i := range ds {
		d, m := &ds[i], &b.Messages[i]
		m.Reset(d.Store, udp.Headroom, d.N)
		in := &m.In
		in.Link, in.Src, in.Dst, in.Truncated = d.Link, d.Src, d.Dst, d.Truncated
		in.Choice, in.MAC, in.Port, in.Routes, in.Unasked = 0, nil, 0, routes, true
		in.Tries, in.Trial, in.Named, in.Standings = 0, false, 0, standings
		in.Refused, m.Greedy = l.refuse(d, m.Received)
	}
	l.origins.ask(b)
	l.ports.ask(b)
	for _, o := range l.observers {
		o.Read(b)
	}
	return b
}

// report tells those who watch what became of a batch.
func (l *loop) report(b *observe.Batch) {
	for i := range b.Messages {
		m := &b.Messages[i]
		m.Outcome = outcome(m)
	}
	for _, o := range l.observers {
		o.Done(b)
	}
}

// outcome returns the one outcome of a message.
func outcome(m *observe.Message) agent.Reason {
	switch {
	case m.Verdict.Reason != agent.Relayed || m.Sent:
		return m.Verdict.Reason
	case m.Paced && m.Refused == 0 && !m.TooBig:
		return agent.ServerPace
	case m.TooBig:
		return agent.Oversize
	case m.Verdict.To != agent.ToServers && (m.Errno == syscall.EAGAIN || m.Errno == syscall.ENOBUFS):
		return agent.QueueFull
	}
	return agent.SendFailed
}

// pause waits after an error of the socket, which stays usable after a passing
// one such as ENOMEM. One that lasts must neither spin nor fill the log.
func (l *loop) pause(err error) {
	if now := time.Now(); now.Sub(l.warned) > time.Minute {
		l.warned = now
		l.engine.log.Warn("messages cannot be received", "err", err)
	}
	time.Sleep(retryPause / 10)
}

// follow makes s the state by which the loop works. Busy says that there is work:
// an idle loop only lets go of the old state, for with thousands of links it is
// millions of octets.
func (l *loop) follow(s *state, busy bool) {
	if s == l.state {
		return
	}
	l.state, l.batch.State = nil, nil
	clear(l.batch.Messages[:cap(l.batch.Messages)])
	l.send.leave(s)
	if !busy && len(l.held.due) == 0 {
		return
	}
	l.state, l.batch.State = s, &s.State
	l.send.adopt(s)
	l.origins.adopt()
	l.ports.adopt(l.engine, s.Snap, l.batch.Family)
}

// close ends what belongs to the loop.
func (l *loop) close() {
	l.send.frames.close()
	l.ports.close()
	for _, o := range l.observers {
		o.Close()
	}
}
