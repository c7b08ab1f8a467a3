// Package limit keeps one interface, or one client, from taking what others need of a
// relay: by token buckets in memory of fixed size. It is told the time, knows nothing of
// sockets and messages, and neither locks nor allocates once it is made.
package limit

import (
	"sync/atomic"
	"time"
)

// A Rate is how many messages may pass. The zero value lets all pass.
type Rate struct {
	each  time.Duration // between messages; 0: no limit
	ahead time.Duration // how far messages may be ahead of that
}

// PerSecond returns a rate of n messages a second, no limit if n is 0. Who has been
// silent may send burst of them at once.
func PerSecond(n, burst int) Rate {
	if n <= 0 {
		return Rate{}
	}
	each := time.Second / time.Duration(n)
	return Rate{each, each * time.Duration(max(burst, 1)-1)}
}

// Limits reports whether there is a limit.
func (r Rate) Limits() bool { return r.each != 0 }

// Pace returns the time between messages, and how far they may be ahead of that.
func (r Rate) Pace() (each, ahead time.Duration) { return r.each, r.ahead }

// A Bucket holds the tokens of one sender. The zero value is full. It is safe for
// concurrent use.
type Bucket struct{ due atomic.Int64 } // when the next message is due that is not ahead; since any moment, nanoseconds

// Take takes the token of a message. It reports whether there was one: who is greedy gets
// none of the last half of a burst. now counts from any moment, the same for every call.
func (b *Bucket) Take(now time.Duration, r Rate, greedy bool) bool {
	if !r.Limits() {
		return true
	}
	ahead := int64(r.ahead)
	if greedy {
		ahead /= 2
	}
	for {
		was := b.due.Load()
		due := max(was, int64(now))
		if due-int64(now) > ahead {
			return false
		}
		if b.due.CompareAndSwap(was, due+int64(r.each)) {
			return true
		}
	}
}

// Hold lets nothing pass until a time, and from then on what the rate is, with none of it
// at once.
func (b *Bucket) Hold(until time.Duration, r Rate) { b.due.Store(int64(until + r.ahead)) }
