package metrics

import (
	"sync/atomic"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// A Server counts what was sent to one DHCP server and what came back. It is
// safe for concurrent use.
type Server struct {
	addr, vrf  *dto.LabelPair
	copies     Counter
	failures   Counter
	replies    Counter
	unanswered Counter
	response   histogram
	errors     *errnoCounts // shared with every other server

	// Guarded by the mutex of Metrics, as those of Link.
	use  uint64
	gone time.Time
}

// Sent counts one copy of a message that the kernel took.
func (s *Server) Sent() { s.copies.Inc() }

// Failed counts one copy that the kernel refused.
func (s *Server) Failed(errno syscall.Errno) {
	s.failures.Inc()
	s.errors.inc(errno)
}

// Replied counts one reply that was accepted from the server.
func (s *Server) Replied() { s.replies.Inc() }

// Answered notes how long the first reply to a request took.
func (s *Server) Answered(after time.Duration) { s.response.observe(after) }

// Unanswered counts one request that the server has not answered.
func (s *Server) Unanswered() { s.unanswered.Inc() }

// bounds are the upper bounds of the histogram's buckets. Servers on the same
// site answer within a millisecond; one that first looks whether an address is
// free takes a second and more.
var bounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second,
}

// A histogram counts times by bucket, the last of which has no bound.
type histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64
	sum     atomic.Uint64 // nanoseconds
}

func (h *histogram) observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(uint64(d))
}

// A Histogram is a histogram at one moment.
type Histogram struct {
	Bounds []time.Duration // upper bounds of the buckets but for the last, which has none
	Counts []uint64        // by bucket, not cumulative; one more than Bounds
	Sum    time.Duration
}

// read returns the histogram of this moment.
func (h *histogram) read() Histogram {
	out := Histogram{Bounds: bounds[:], Counts: make([]uint64, len(h.buckets)), Sum: time.Duration(h.sum.Load())}
	for i := range h.buckets {
		out.Counts[i] = h.buckets[i].Load()
	}
	return out
}

// exposed returns the histogram as Prometheus has it.
func (h *Histogram) exposed() *dto.Histogram {
	out := &dto.Histogram{SampleSum: new(h.Sum.Seconds()), SampleCount: new(uint64)}
	for i, n := range h.Counts {
		*out.SampleCount += n
		if i < len(h.Bounds) {
			out.Bucket = append(out.Bucket, &dto.Bucket{
				UpperBound: new(h.Bounds[i].Seconds()), CumulativeCount: new(*out.SampleCount),
			})
		}
	}
	return out
}
