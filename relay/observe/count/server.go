package count

import (
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/icmp"
)

// A ServerID tells one server from the others.
type ServerID struct {
	Addr netip.AddrPort
	VRF  string // "" for the default VRF
}

// Family returns the server's family.
func (s ServerID) Family() dhcp.Family { return dhcp.FamilyOf(s.Addr.Addr()) }

// String returns the server's address, with the port if it is an unusual one.
func (s ServerID) String() string {
	if s.Addr.Port() == s.Family().Port() {
		return s.Addr.Addr().String()
	}
	return s.Addr.String()
}

// A Server counts what was sent to one DHCP server and what came back. It is
// safe for concurrent use.
type Server struct {
	ServerID

	Copies   Counter // of requests that were sent to it
	Failures Counter // copies that the kernel refused to send
	Replies  Counter // accepted from it
	Withheld Counter // requests beyond the pace of their interface
	NoReply  Counter // copies that it has not answered
	Response Histogram
	Health   health.Server
	ICMP     [icmp.NumKinds]Counter // errors about requests to it

	trouble atomic.Pointer[Trouble]
	refusal atomic.Uint32 // the latest errno of Failed
	errors  *errors       // shared with every other server

	// Guarded by the mutex of Table, as those of Link.
	use  uint64
	gone time.Time
}

// Sent counts one copy of a message that the kernel took.
func (s *Server) Sent() { s.Copies.Inc() }

// Failed counts one copy that the kernel refused.
func (s *Server) Failed(errno syscall.Errno) {
	s.Failures.Inc()
	s.refusal.Store(uint32(errno))
	s.errors.inc(errno)
}

// Refusal returns why the kernel refused to send last.
func (s *Server) Refusal() syscall.Errno { return syscall.Errno(s.refusal.Load()) }

// Replied counts one reply that was accepted, and is credited to the server.
func (s *Server) Replied() { s.Replies.Inc() }

// Answered notes how long the first reply to a request took.
func (s *Server) Answered(after time.Duration) {
	s.Response.observe(after)
	s.Health.Answered(after)
}

// AnsweredAgain notes the same of a request that was sent again: after the last time, and
// how long the client has waited in all at a moment.
func (s *Server) AnsweredAgain(after, waited, now time.Duration) {
	s.Response.observe(after)
	s.Health.AnsweredAgain(after, waited, now)
}

// Unanswered counts one request that the server has not answered.
func (s *Server) Unanswered() { s.NoReply.Inc() }

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

// A Histogram counts times by bucket, the last of which has no bound. It is safe for
// concurrent use; the zero value is empty.
type Histogram struct {
	buckets [len(bounds) + 1]atomic.Uint64
	sum     atomic.Uint64 // nanoseconds
}

func (h *Histogram) observe(d time.Duration) {
	i := 0
	for i < len(bounds) && d > bounds[i] {
		i++
	}
	h.buckets[i].Add(1)
	h.sum.Add(uint64(d))
}

// Bounds returns the upper bounds of the buckets, but for the last.
func Bounds() []time.Duration { return bounds[:] }

// Read returns how many times are in each bucket, one more than there are bounds,
// and the sum of all times.
func (h *Histogram) Read() (buckets []uint64, sum time.Duration) {
	sum = time.Duration(h.sum.Load())
	buckets = make([]uint64, len(h.buckets))
	for i := range h.buckets {
		buckets[i] = h.buckets[i].Load()
	}
	return buckets, sum
}

// Quantile returns the time within which a share q of all lie, as if those of a
// bucket were spread evenly. What is above the last bound counts as that bound. It
// returns false if there are none.
func (h *Histogram) Quantile(q float64) (time.Duration, bool) {
	counts, _ := h.Read()
	return quantile(counts, q)
}

func quantile(counts []uint64, q float64) (time.Duration, bool) {
	var all uint64
	for _, n := range counts {
		all += n
	}
	if all == 0 {
		return 0, false
	}
	want, before := q*float64(all), 0.0
	var low time.Duration
	for i, high := range bounds {
		n := float64(counts[i])
		if n > 0 && before+n >= want {
			return low + time.Duration(float64(high-low)*(want-before)/n), true
		}
		low, before = high, before+n
	}
	return low, true
}
