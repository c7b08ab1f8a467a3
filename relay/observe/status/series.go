package status

import "time"

// minutes is how many buckets make a Window.
const minutes = int32(Window / time.Minute)

// A series is a counter, with what it has counted in each of the last minutes.
type series struct {
	total  uint64
	taken  uint64 // of the sample that is being taken
	last   int64  // second of the last change, since the start of Recent
	minute int32  // that the newest bucket is of
	counts [minutes]uint32
}

// settle ends a sample at a second since the start, and returns what is new.
func (s *series) settle(second int64) uint64 {
	now := s.taken
	s.taken = 0
	if now < s.total && now > 0 {
		s.total = 0 // the interface was gone for so long that it is counted anew
	}
	if now <= s.total {
		return 0 // a counter that another goroutine makes may be missing from a sample
	}
	fresh := now - s.total
	s.total, s.last = now, second
	s.advance(int32(second / 60))
	at := &s.counts[s.minute%minutes]
	*at = uint32(min(uint64(*at)+fresh, 1<<32-1))
	return fresh
}

// advance makes room for a minute.
func (s *series) advance(minute int32) {
	for i := max(s.minute+1, minute-minutes+1); i <= minute; i++ {
		s.counts[i%minutes] = 0
	}
	s.minute = max(s.minute, minute)
}

// at returns the count, as it is at a second since the start.
func (s *series) at(second int64) Count {
	c := Count{Total: s.total}
	now := int32(second / 60)
	for m := max(0, s.minute-minutes+1, now-minutes+1); m <= s.minute; m++ {
		c.Recent += uint64(s.counts[m%minutes])
	}
	return c
}
