package udp

import (
	"runtime"
	"time"
)

// While datagrams come faster than they are read, a reader rests after each
// batch, so that the next one is larger: what a send with UDP_SEGMENT costs is
// shared by its segments, and so are the system calls. A flood of requests then
// takes 3.1 µs of CPU each instead of 4.5, and 2.7 with a longer rest after batches
// of many (medians of 7 and 11 rounds, in turn).
//
//   - It is not felt where it matters: a batch of up to two datagrams is followed
//     by no rest but that of a burst (below), so clients that come one by one never wait, not at 1,000 a
//     second and hardly at 10,000; nor does one that comes into a pause of the
//     load, for which nobody rests. A full batch is followed by none either. The
//     longer rest takes 16 in a batch, which 10,000 a second do not bring.
//   - After batches of a few, 50 µs took 3.3 µs of CPU, 200 µs took 2.9 but twice
//     the latency at 10,000 a second. After batches of many, 500 µs took 3 % less
//     than 300. The kernel's timer adds up to 50 µs.
//   - To begin with batches of 8 and more gave nothing: at 190,000 a second they
//     have 3 or 4 without a rest.
//   - time.Sleep gave nothing, and a sleep that the scheduler knows of half of
//     this: to park a goroutine and to wake it costs more than is gained.
//   - To wait in recvmmsg itself, on a blocking socket that the runtime's poller
//     does not know, took 10 % less under flood, but 50 µs more for each message
//     at 100 and at 1,000 a second, where each wait ends with the scheduler
//     looking for its processor; latency was the same.
const (
	few       = 2
	shortRest = 100 * time.Microsecond
	many      = 16
	longRest  = 300 * time.Microsecond
)

// A burst of requests is spread, for its receivers have less room than this relay:
// with the kernel's default of 208 KiB (net.core.rmem_default) a server's socket, or
// that of the next relay, holds 166 requests, and a server takes 50 to 200 µs for
// each. Where 200 clients asked at once, as after a power cut, every sixth was lost
// in front of the server, by a relay of any make. What is sent slower than a server
// reads costs nobody time: it would wait there instead of here.
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

// pace comes before a read. It lets other goroutines have their turn first: raw
// system calls are none of the scheduler's occasions, so that on one processor a
// flood on one socket would keep the others waiting for the 10 ms after which it
// interrupts. Replies take 8 to 15 % less CPU with it.
func (r *receiver) pace() {
	runtime.Gosched()
	switch d := r.rest(); {
	case d > longRest:
		time.Sleep(d)
	case d > 0:
		sleepRaw(d)
	}
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
