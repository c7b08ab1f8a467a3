package relay

import (
	"sync"
	"time"
)

// How much is told one by one in tellEvery: logLimit of all, and less of each interface, so
// that one that comes and goes does not use up what the others have.
const (
	tellEvery    = time.Minute
	logLimitEach = logLimit / 5
)

// A quota bounds what is told of interfaces, and counts what is not told. The zero
// value is ready.
type quota struct {
	mu       sync.Mutex
	since    time.Time // of the minute at hand
	logged   int       // since then
	of       map[string]int
	unlogged int
	summed   time.Time // when the number of what was not told was told last
}

// spend reports whether one more may be told of an interface.
func (q *quota) spend(now time.Time, name string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.since) >= tellEvery {
		q.since, q.logged, q.of = now, 0, make(map[string]int)
	}
	if q.logged >= logLimit || q.of[name] >= logLimitEach {
		q.unlogged++
		return false
	}
	q.logged++
	q.of[name]++
	return true
}

// leave counts what is not to be told one by one.
func (q *quota) leave(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.unlogged += n
}

// rest returns how much was not told, once in tellEvery; else 0.
func (q *quota) rest(now time.Time) (unlogged int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.unlogged == 0 || now.Sub(q.summed) < tellEvery {
		return 0
	}
	unlogged, q.unlogged, q.summed = q.unlogged, 0, now
	return unlogged
}
