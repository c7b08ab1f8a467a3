package udp

import (
	"sync/atomic"
	"syscall"
	"time"
)

// pause is how long datagrams leave one by one after the kernel has refused them
// together: what an error has taught holds for a while only, for its cause may
// have been a passing one.
const pause = 10 * time.Second

// A Segmentation says whether datagrams to one place may leave together, with
// UDP_SEGMENT. That is for whoever knows where the way leads: on some links nobody
// takes them apart before they are received. Any number of queues may share one.
// The zero value allows nothing.
type Segmentation struct {
	allowed atomic.Bool
	refusal atomic.Pointer[Refusal]
}

// A Refusal is an answer of the kernel to datagrams that were to leave together.
type Refusal struct {
	Errno syscall.Errno
	Until time.Time // when it is tried again
}

// Allow says whether datagrams may leave together from now on. A refusal of the
// kernel is forgotten where that changes.
func (s *Segmentation) Allow(yes bool) {
	if s.allowed.Swap(yes) != yes {
		s.refusal.Store(nil)
	}
}

// Refusal returns the latest answer of the kernel, if it has refused and has not
// done otherwise since.
func (s *Segmentation) Refusal() (Refusal, bool) {
	if r := s.refusal.Load(); r != nil {
		return *r, true
	}
	return Refusal{}, false
}

// refused notes that the kernel takes no datagrams together now.
func (s *Segmentation) refused(errno syscall.Errno, now time.Time) {
	s.refusal.Store(&Refusal{errno, now.Add(pause)})
}

// taken notes that the kernel has taken datagrams together.
func (s *Segmentation) taken() {
	if s.refusal.Load() != nil {
		s.refusal.Store(nil)
	}
}

// together reports whether datagrams of a flow may leave together now.
func (q *Queue) together(f *flow) bool {
	if f.seg == nil || !f.seg.allowed.Load() {
		return false
	}
	r := f.seg.refusal.Load()
	return r == nil || q.clock().After(r.Until)
}

// clock returns the time of this flush.
func (q *Queue) clock() time.Time {
	if q.now.IsZero() {
		q.now = time.Now()
	}
	return q.now
}
