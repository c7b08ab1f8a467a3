package count

import (
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// historyMinutes is how many minutes a History has.
const historyMinutes = int32(60)

// A History is what happened in each of the last minutes, the earliest first; the last
// of them is not over yet.
type History struct {
	Requests [historyMinutes]uint32
	Answers  [historyMinutes]uint32
	Response [historyMinutes]time.Duration // mean time of the answers; 0 if there is none, or nobody takes it
}

// An hour is a counter as it was read last, with what it has counted in each of the
// last minutes.
type hour struct {
	total  uint64
	minute int32 // that the newest bucket is of
	counts [historyMinutes]uint32
}

// read takes the counter's value at a second since the start.
func (h *hour) read(value uint64, second int64) {
	if value <= h.total {
		return
	}
	fresh := value - h.total
	h.total = value
	minute := int32(second / 60)
	for i := max(h.minute+1, minute-historyMinutes+1); i <= minute; i++ {
		h.counts[i%historyMinutes] = 0
	}
	h.minute = max(h.minute, minute)
	at := &h.counts[h.minute%historyMinutes]
	*at = uint32(min(uint64(*at)+fresh, 1<<32-1))
}

// at returns the counts as they are at a second since the start.
func (h *hour) at(second int64) (counts [historyMinutes]uint32) {
	now := int32(second / 60)
	for i := range historyMinutes {
		if m := now - historyMinutes + 1 + i; m >= 0 && m <= h.minute && m > h.minute-historyMinutes {
			counts[i] = h.counts[m%historyMinutes]
		}
	}
	return counts
}

// The linkHours are those of an interface in one family.
type linkHours struct{ expected, answered hour }

// The serverHours are those of a server. Took is in microseconds.
type serverHours struct{ copies, answers, took hour }

// read takes what a server counts.
func (h *serverHours) read(s *Server, second int64) {
	buckets, sum := s.Response.Read()
	var answers uint64
	for _, n := range buckets {
		answers += n
	}
	h.copies.read(s.Copies.Value(), second)
	h.answers.read(answers, second)
	h.took.read(uint64(sum.Microseconds()), second)
}

// at returns the history.
func (h *serverHours) at(second int64) *History {
	n := &History{Requests: h.copies.at(second), Answers: h.answers.at(second)}
	for i, took := range h.took.at(second) {
		if a := n.Answers[i]; a > 0 {
			n.Response[i] = time.Duration(took) * time.Microsecond / time.Duration(a)
		}
	}
	return n
}

// Histories are those of interfaces that were asked for, nil for a family in which one
// has counted nothing, and of all servers.
type Histories struct {
	Links   map[string][dhcp.Families]*History
	Servers map[ServerID]*History
}

// Histories returns the histories of some interfaces, and of all servers, at a time that
// is not before the last reading.
func (r *Recent) Histories(now time.Time, links map[string]struct{}) Histories {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := Histories{make(map[string][dhcp.Families]*History, len(links)), make(map[ServerID]*History, len(r.servers))}
	second := max(r.second, int64(now.Sub(r.start)/time.Second))
	for l, w := range r.links {
		if _, asked := links[l.name]; !asked {
			continue
		}
		var of [dhcp.Families]*History
		for f, fw := range w.families {
			if fw != nil && fw.hours != nil {
				of[f] = &History{Requests: fw.hours.expected.at(second), Answers: fw.hours.answered.at(second)}
			}
		}
		h.Links[l.name] = of
	}
	for _, w := range r.servers {
		h.Servers[w.of.ServerID] = w.hours.at(second)
	}
	return h
}
