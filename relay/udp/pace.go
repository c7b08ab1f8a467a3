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
//     by no rest, so clients that come one by one never wait, not at 1,000 a
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

// pace comes before a read. It lets other goroutines have their turn first: raw
// system calls are none of the scheduler's occasions, so that on one processor a
// flood on one socket would keep the others waiting for the 10 ms after which it
// interrupts. Replies take 8 to 15 % less CPU with it.
func (r *receiver) pace() {
	runtime.Gosched()
	if d := r.rest(); d > 0 {
		sleepRaw(d)
	}
}

// rest returns how long to rest before the next read, which is not at all unless
// more came than is read one by one, and not so much that some was left.
func (r *receiver) rest() time.Duration {
	switch {
	case r.n <= few, r.n == r.batch:
		return 0
	case r.n < many:
		return shortRest
	}
	return longRest
}
