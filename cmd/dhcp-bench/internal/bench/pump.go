package bench

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// How long nothing must arrive until what is missing is taken for lost: if the
// relay is idle, and in any case.
const (
	quiet   = 200 * time.Millisecond
	slowest = 5 * time.Second
)

// A tally notes which messages of a run have arrived.
type tally struct {
	run   int
	seen  []uint64 // bits by sequence number
	n     int      // different messages
	again int      // messages that came more than once
	sent  []int64  // when each was sent, by sequence number; nil if not timed
	lat   []int64  // how long each was on its way, in nanoseconds
}

func newTally(run, total int, timed bool) *tally {
	t := &tally{run: run & 0xf, seen: make([]uint64, (total+63)/64)}
	if timed {
		t.sent, t.lat = make([]int64, total), make([]int64, 0, total)
	}
	return t
}

// note notes one arrival; at is when, if the tally is timed. It reports whether
// the message is of this run and new.
func (t *tally) note(x id, at int64) bool {
	i := x.seq()
	if x.run() != t.run || i >= len(t.seen)*64 {
		return false
	}
	bit := uint64(1) << (i % 64)
	if t.seen[i/64]&bit != 0 {
		t.again++
		return false
	}
	t.seen[i/64] |= bit
	t.n++
	if t.sent != nil && i < len(t.sent) && at != 0 {
		t.lat = append(t.lat, at-t.sent[i])
	}
	return true
}

// A flow is what became of a run.
type flow struct {
	Sent, Received, Twice int
	Rate                  float64       // offered, messages a second
	Goodput               float64       // received, messages a second from the first sent to the last received
	Lag                   time.Duration // from the last sent to the last received
	CPU                   time.Duration // of the relay
	Lost                  uint32        // by the load's own sockets, which is not the relay's fault
	latency               []int64       // sorted, in nanoseconds
}

// Loss returns the part of the messages that was lost, from 0 to 1.
func (f *flow) Loss() float64 {
	if f.Sent == 0 {
		return 1
	}
	return 1 - float64(f.Received)/float64(f.Sent)
}

// keptUp reports whether the relay has relayed the load at the rate at which it
// came. What a large buffer takes in during a run and gives out afterwards does
// not count: at this rate it would be full at some time.
func (f *flow) keptUp() bool {
	sending := time.Duration(float64(f.Sent) / f.Rate * float64(time.Second))
	return f.Loss() < lossless && f.Lag < max(30*time.Millisecond, sending/30)
}

// PerMessage returns the relay's CPU time for each message that got through, in
// nanoseconds.
func (f *flow) PerMessage() float64 {
	if f.Received == 0 {
		return 0
	}
	return float64(f.CPU) / float64(f.Received)
}

// Percentile returns a percentile of the latency, in nanoseconds.
func (f *flow) Percentile(p float64) float64 {
	if len(f.latency) == 0 {
		return 0
	}
	return float64(f.latency[min(len(f.latency)-1, int(p/100*float64(len(f.latency))))])
}

// A pump sends messages on one side of a relay and receives them on the other,
// in one thread that never sleeps, so that no wake-up of the load is charged to
// the relay that sends to it.
type pump struct {
	family dhcp.Family
	gen    *generator
	rx     *listener
	client bool // rx is on the clients' side
	runs   *int // of all that share the listener
}

// A load says how much a pump sends.
type load struct {
	rate  float64       // messages a second; 0: as fast as it goes
	total int           // at most maxSeq
	lasts time.Duration // at most; 0: until total is reached
	after time.Duration // how long a relay may go on afterwards; 0: dribble
	timed bool
	relay *process // whose processor time is measured; nil: none
}

// dribble is how long a relay may go on after the load has ended, unless the
// load says so. One that takes milliseconds for each message would be at it for
// many minutes.
const dribble = 20 * time.Second

// over reports whether all is sent that is to be sent.
func (l *load) over(elapsed time.Duration, sent int) bool {
	return sent >= l.total || l.lasts > 0 && elapsed >= l.lasts
}

// deadline returns when what a relay still does no longer counts, if the load
// ends now.
func (l *load) deadline() time.Time { return time.Now().Add(cmp.Or(l.after, dribble)) }

// idle reports whether nothing more is to be expected after a silence. A relay
// that could run but gets no processor is not idle.
func (l *load) idle(silence time.Duration) bool {
	return silence > quiet && (silence > slowest || l.relay == nil || !l.relay.busy())
}

// do sends a load and counts what arrives.
func (p *pump) do(ctx context.Context, l load) (flow, error) {
	l.total = min(l.total, maxSeq)
	*p.runs++
	t := newTally(*p.runs, l.total, l.timed)
	if err := p.rx.timed(l.timed); err != nil {
		return flow{}, fmt.Errorf("timestamps: %w", err)
	}
	p.drain(nil)
	var f flow
	err := pinned(func() error { return p.pump(ctx, l, t, &f) })
	f.Received, f.Twice, f.latency = t.n, t.again, t.lat
	slices.Sort(f.latency)
	return f, err
}

func (p *pump) pump(ctx context.Context, l load, t *tally, f *flow) error {
	lost := drops(p.rx.fd)
	var cpu time.Duration
	if l.relay != nil {
		cpu = l.relay.cpu()
	}
	start := time.Now()
	for elapsed := time.Duration(0); !l.over(elapsed, f.Sent); elapsed = time.Since(start) {
		if n := l.due(elapsed, f.Sent); n > 0 {
			n, err := p.send(t, f.Sent, n)
			if err != nil {
				return err
			}
			f.Sent += n
		}
		p.drain(t)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	sending := time.Since(start)
	last := p.settle(ctx, &l, t, f.Sent)
	if l.relay != nil {
		f.CPU = l.relay.cpu() - cpu
	}
	f.Lost = drops(p.rx.fd) - lost
	f.Lag = last.Sub(start) - sending
	f.Rate = float64(f.Sent) / sending.Seconds()
	f.Goodput = float64(t.n) / last.Sub(start).Seconds()
	return ctx.Err()
}

// due returns how many messages it is time to send.
func (l *load) due(elapsed time.Duration, sent int) int {
	n := l.total
	if l.rate > 0 {
		n = min(n, int(elapsed.Seconds()*l.rate)+1)
	}
	return min(n-sent, batch)
}

func (p *pump) send(t *tally, first, n int) (int, error) {
	if t.sent != nil {
		now := time.Now().UnixNano()
		for i := range n {
			t.sent[first+i] = now
		}
	}
	return p.gen.sendNext(t.run, first, n)
}

// drain receives what there is, and notes it in t unless that is nil.
func (p *pump) drain(t *tally) (progress bool) {
	for {
		n := p.rx.recv()
		for i := range n {
			if t == nil {
				continue
			}
			if x, ok := p.id(p.rx.data(i)); ok && t.note(x, p.rx.at(i)) {
				progress = true
			}
		}
		if !p.rx.full {
			return progress
		}
	}
}

func (p *pump) id(b []byte) (id, bool) {
	if !p.client {
		return relayedID(p.family, b)
	}
	x, _, ok := deliveredID(p.family, b)
	return x, ok
}

// settle waits until all is there, or nothing more comes, and returns when the
// last message came.
func (p *pump) settle(ctx context.Context, l *load, t *tally, sent int) time.Time {
	last := time.Now()
	for end := l.deadline(); t.n < sent && ctx.Err() == nil; {
		now := time.Now()
		if p.drain(t) {
			last = now
		}
		if now.After(end) || l.idle(now.Sub(last)) {
			break
		}
	}
	return last
}

// pinned runs f on a thread of its own.
func pinned(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- f()
	}()
	return <-done
}
