package udp

import (
	"runtime"
	"time"
)

// While datagrams come faster than they are read, a reader rests after each
// batch, so that the next one is larger: what a send with UDP_SEGMENT costs is
// shared by its segments, and so are the system calls.
//
// A batch of up to few datagrams is followed by no rest but that of a burst (below),
// so clients that come one by one never wait. A full batch is followed by none either.
//
// To sleep by the scheduler, or to wait in recvmmsg on a blocking socket, would cost
// more than is gained, in CPU or in latency at low rates.
const (
	few       = 2
	shortRest = 100 * time.Microsecond
	many      = 16
	longRest  = 300 * time.Microsecond
)

// A burst of requests is spread, for its receivers have less room than this relay:
// with the kernel's default (net.core.rmem_default) a server's socket, or that of the
// next relay, holds some 160 requests. What is sent slower than a server reads costs
// nobody time: it would wait there instead of here.
//
// A flood is not spread: it is no burst of clients, and would fill the relay's own
// buffer. So what is waited for a burst in all is bounded. The next burst is one that
// comes after a pause, at the end of which there was nothing to read: a relay that gets
// no processor for a while has no such pause.
const (
	spreadEach  = 100 * time.Microsecond // for each request
	spreadRead  = 32                     // requests at once
	spreadMost  = 100 * time.Millisecond // for each burst: of 1,000 requests
	spreadQuiet = time.Millisecond       // between bursts, at least
)

// A spread is what is left of the time for spreading a burst. It is for sockets
// that hear requests; the zero value spreads nothing.
type spread struct {
	on    bool
	left  time.Duration
	read  time.Time     // when requests were read last, or the rest after them ended
	ahead time.Duration // how much sooner than spread those have left that had no rest
}

func newSpread() spread { return spread{on: true, left: spreadMost} }

// rest returns how long to rest after n requests, 0 if they are not to be spread;
// waited says whether there was nothing to read before they came. A burst that is
// read one by one, as fast as it comes, is one all the same.
func (s *spread) rest(n int, waited bool, now time.Time) time.Duration {
	pause := max(0, now.Sub(s.read))
	if waited && pause >= spreadQuiet {
		s.left = spreadMost
	}
	s.ahead = max(0, s.ahead-pause) + time.Duration(n)*spreadEach
	s.read = now
	if n <= few && s.ahead <= spreadRead*spreadEach {
		return 0
	}
	d := s.ahead
	s.ahead = 0
	if s.left <= 0 {
		return 0
	}
	s.left -= d
	s.read = now.Add(d)
	return d
}

// yieldEvery is how long a reader that never has to wait keeps other goroutines
// waiting at most, but for what is in hand. To let them have their turn more often
// would cost more than it gains: the scheduler wakes another thread each time.
const yieldEvery = time.Millisecond

// pace comes before a read. It lets other goroutines have their turn first, if they had
// none of late: raw system calls are none of the scheduler's occasions, so that on one
// processor a flood on one socket would keep the others waiting until it interrupts.
func (r *receiver) pace() {
	if r.read.Sub(r.yielded) >= yieldEvery {
		runtime.Gosched()
		r.yielded = r.read
	}
	if r.rested = r.rest(); r.rested == 0 {
		return
	}
	if r.quiet != nil {
		r.quiet.arm(false)
	}
	r.rested = sleep(r.rested)
}

// coarse is how much longer than asked the scheduler sleeps where nothing else wakes it,
// at most: it waits in epoll_wait(2), for whole milliseconds.
const coarse = time.Millisecond

// sleep lets other goroutines have their turn in what is long. It returns how long it took,
// but for what a process waits that gets no processor.
func sleep(d time.Duration) time.Duration {
	began := time.Now()
	if d > coarse {
		time.Sleep(d - coarse)
	}
	if left := d - time.Since(began); left > 0 {
		sleepRaw(left)
	}
	return min(time.Since(began), d+coarse)
}

// rest returns how long to rest before the next read, which is not at all unless
// more came than is read one by one, and not so much that some was left, but that a
// burst is spread.
func (r *receiver) rest() time.Duration {
	if r.spread.on && r.n > 0 {
		if d := r.spread.rest(r.n, r.waited, time.Now()); d > 0 {
			return max(d, shortRest)
		}
	}
	switch {
	case r.n <= few, r.n == r.asked:
		return 0
	case r.n < many:
		return shortRest
	}
	return longRest
}

// ask settles how many datagrams the next read asks for.
func (r *receiver) ask() {
	r.asked = r.batch
	if r.spread.on && r.spread.left > 0 {
		r.asked = min(r.asked, spreadRead)
	}
}
