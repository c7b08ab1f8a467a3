package count

import "time"

// Window is how long back "recent" reaches.
const Window = 10 * time.Minute

// A Number is how often something has happened.
type Number struct {
	Total  uint64 `json:"total"`  // since the start of the daemon
	Recent uint64 `json:"recent"` // within Window
}

// minutes is how many buckets make a Window.
const minutes = int32(Window / time.Minute)

// A window is a counter as it was read last, with what it has counted in each of the
// last minutes.
type window struct {
	total  uint64
	last   int64 // second of the last change, since the start of Recent
	minute int32 // that the newest bucket is of
	counts [minutes]uint32
}

// read takes the counter's value at a second since the start, and returns what is
// new.
func (w *window) read(value uint64, second int64) uint64 {
	if value <= w.total {
		return 0
	}
	fresh := value - w.total
	w.total, w.last = value, second
	w.advance(int32(second / 60))
	at := &w.counts[w.minute%minutes]
	*at = uint32(min(uint64(*at)+fresh, 1<<32-1))
	return fresh
}

// advance makes room for a minute.
func (w *window) advance(minute int32) {
	for i := max(w.minute+1, minute-minutes+1); i <= minute; i++ {
		w.counts[i%minutes] = 0
	}
	w.minute = max(w.minute, minute)
}

// moments is what was counted in the last 20 to 30 seconds.
type moments struct {
	slot   int64 // ten seconds, that the newest bucket is of
	counts [3]uint64
}

// add counts n at a second since the start.
func (m *moments) add(n uint64, second int64) {
	m.advance(second)
	m.counts[m.slot%3] += n
}

func (m *moments) advance(second int64) {
	slot := second / 10
	for i := max(m.slot+1, slot-2); i <= slot; i++ {
		m.counts[i%3] = 0
	}
	m.slot = max(m.slot, slot)
}

// at returns the count as it is at a second since the start.
func (m moments) at(second int64) uint64 {
	m.advance(second)
	return m.counts[0] + m.counts[1] + m.counts[2]
}

// at returns the count, as it is at a second since the start.
func (w *window) at(second int64) Number {
	n := Number{Total: w.total}
	now := int32(second / 60)
	for m := max(0, w.minute-minutes+1, now-minutes+1); m <= w.minute; m++ {
		n.Recent += uint64(w.counts[m%minutes])
	}
	return n
}
