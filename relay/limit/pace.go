package limit

import (
	"sync/atomic"
	"time"
)

// What makes a Pace.
const (
	paceFrom  = 500 // requests a second below which no server is too slow
	leastPace = 200 // requests a second that each interface may send to any server
	muchLess  = 0.6 // of the usual share of answers, is too few
	less      = 0.8 // the same while there is a pace
	faster    = 1.05
	paceCalm  = 5     // judgements with nothing held back that end a pace
	fewest    = 0.4   // what is taken for the usual share before it is known: several servers may share the clients
	forget    = 0.999 // of the usual share, per judgement
)

// A Pace is how much each of the interfaces that share a server may send to it, once it
// answers far fewer requests than it gets and than it usually does: so that they wait for
// each other no longer than the server's own queue is. A server that answers nothing has
// none, for it may be another's standby. Judge is for one goroutine; Take is safe for
// concurrent use.
type Pace struct {
	now atomic.Pointer[paced] // nil: no limit

	sent, replies, held uint64  // at the last judgement
	per                 float64 // requests a second; 0: no limit
	usual               float64 // share of requests that are answered
	slow, calm          int     // judgements in a row
}

// A paced is a pace in force.
type paced struct {
	rate    Rate
	buckets []Bucket
}

// Take takes the token of a request of the interface with a number, whose client may be
// greedy. It reports whether there was one.
func (p *Pace) Take(number int, now time.Duration, greedy bool) bool {
	q := p.now.Load()
	return q == nil || q.buckets[number%len(q.buckets)].Take(now, q.rate, greedy)
}

// Judge sets the pace by what was sent so far, answered and held back, of which the
// server has got the last in took. Interfaces tells how many share the server.
func (p *Pace) Judge(took time.Duration, sent, replies, held uint64, interfaces int) {
	s, r := float64(sent-p.sent)/took.Seconds(), float64(replies-p.replies)/took.Seconds()
	holds := held != p.held
	p.sent, p.replies, p.held = sent, replies, held
	share := min(1, r/max(s, 1))
	switch usual := max(p.usual, fewest); {
	case interfaces < 2:
		p.set(0)
	case p.per != 0:
		p.adapt(s, r, share, holds)
	case s >= paceFrom && r > 0 && share < muchLess*usual:
		if p.slow++; p.slow > 1 {
			p.set(r * less)
		}
	default:
		p.slow = 0
		if r > 0 && s > 10 {
			p.usual = max(p.usual*forget, share)
		}
	}
}

// adapt makes a pace slower while the server answers less than it usually does, and
// faster while it keeps up.
func (p *Pace) adapt(s, r, share float64, holds bool) {
	p.calm++
	if holds {
		p.calm = 0
	}
	switch {
	case p.calm >= paceCalm:
		p.set(0)
	case s > leastPace && share < less*max(p.usual, fewest):
		p.set(min(p.per, r) * less)
	default:
		p.usual = max(p.usual*forget, share)
		p.set(p.per * faster)
	}
}

// set sets the requests a second of each interface, 0 for no limit.
func (p *Pace) set(per float64) {
	if per == 0 {
		p.per, p.slow, p.calm = 0, 0, 0
		p.now.Store(nil)
		return
	}
	p.per = max(leastPace, per)
	next := &paced{rate: PerSecond(int(p.per), leastPace)}
	if was := p.now.Load(); was != nil {
		next.buckets = was.buckets
	} else {
		next.buckets = make([]Bucket, paceSlots)
	}
	p.now.Store(next)
}

// paceSlots is by how many remainders of their numbers interfaces are told apart.
const paceSlots = 1 << 12

// PerSecond returns how many requests a second each interface may send, 0 for no limit.
func (p *Pace) PerSecond() int {
	if q := p.now.Load(); q != nil {
		return int(time.Second / q.rate.each)
	}
	return 0
}
