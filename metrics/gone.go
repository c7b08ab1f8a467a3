package metrics

import (
	"cmp"
	"slices"
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// The life of what was counted of interfaces and servers that are gone: long
// enough for several scrapes to see the last values, and bounded where names come
// and go for ever.
const (
	keepGone = 5 * time.Minute
	maxGone  = 4096
	// lateCounts is how long after that a message may still be counted that was
	// under way, and not be lost.
	lateCounts = time.Minute
	sweepEvery = 5 * time.Second
)

// A late is a link whose series have ended, while messages that were under way may
// still be counted on it.
type late struct {
	link  *Link
	until time.Time
}

// InUse tells which links and servers there are now. The series of the others end
// some minutes after they were last in use; those of a name that comes back before
// go on.
func (m *Metrics) InUse(now time.Time, links []*Link, servers []*Server) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.use++
	for _, l := range links {
		l.use = m.use
	}
	for _, s := range servers {
		s.use = m.use
	}
	for _, l := range m.ordered {
		l.gone = since(l.gone, now, l.use == m.use || l.name == other)
	}
	for _, s := range m.inOrder {
		s.gone = since(s.gone, now, s.use == m.use)
	}
	if gone := m.goneLinks(); len(gone) > maxGone {
		m.endLinks(now, gone[:len(gone)-maxGone])
	}
}

// since returns when something has gone that may be in use.
func since(gone, now time.Time, used bool) time.Time {
	switch {
	case used:
		return time.Time{}
	case gone.IsZero():
		return now
	}
	return gone
}

// goneLinks returns the links that are not in use, the longest gone first.
func (m *Metrics) goneLinks() (gone []*Link) {
	for _, l := range m.ordered {
		if !l.gone.IsZero() {
			gone = append(gone, l)
		}
	}
	slices.SortStableFunc(gone, func(a, b *Link) int { return a.gone.Compare(b.gone) })
	return gone
}

// Sweep ends the series of what has been gone for long. Call it each second or so.
func (m *Metrics) Sweep(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Before(m.swept.Add(sweepEvery)) {
		return
	}
	m.swept = now
	m.late = slices.DeleteFunc(m.late, func(l late) bool {
		over := !now.Before(l.until)
		if over {
			m.fold(l.link)
		}
		return over
	})
	old := func(gone time.Time) bool { return !gone.IsZero() && now.Sub(gone) >= keepGone }
	gone := m.goneLinks()
	n, _ := slices.BinarySearchFunc(gone, now.Add(-keepGone), func(l *Link, t time.Time) int {
		return cmp.Or(l.gone.Compare(t), -1) // past those of the same time
	})
	if n > 0 {
		m.endLinks(now, gone[:n])
	}
	if !slices.ContainsFunc(m.inOrder, func(s *Server) bool { return old(s.gone) }) {
		return
	}
	left := make([]*Server, 0, len(m.inOrder)) // scrapes read the former one
	for _, s := range m.inOrder {
		if old(s.gone) {
			delete(m.servers, serverKey{s.addr.GetValue(), s.vrf.GetValue()})
		} else {
			left = append(left, s)
		}
	}
	m.inOrder = left
}

// endLinks ends the series of some links.
func (m *Metrics) endLinks(now time.Time, links []*Link) {
	ended := make(map[*Link]struct{}, len(links))
	for _, l := range links {
		ended[l] = struct{}{}
		delete(m.links, l.name)
		m.late = append(m.late, late{l, now.Add(lateCounts)})
	}
	m.ordered = slices.DeleteFunc(m.ordered, func(l *Link) bool { _, is := ended[l]; return is })
}

// makeRoom ends the series of what has been gone longest, before its time.
func (m *Metrics) makeRoom() {
	gone := m.goneLinks()
	m.endLinks(m.swept, gone[:min(len(gone), maxGone/4)])
}

// fold adds what a link has counted to what is known of those that are gone.
func (m *Metrics) fold(l *Link) {
	for f := range dhcp.Families {
		m.retired[f] += l.total(dhcp.Family(f))
	}
}

// retiredNow returns how many messages were counted on links whose series have
// ended.
func (m *Metrics) retiredNow() (sum [dhcp.Families]uint64) {
	sum = m.retired
	for _, l := range m.late {
		for f := range sum {
			sum[f] += l.link.total(dhcp.Family(f))
		}
	}
	return sum
}

// total returns how many messages of a family a link has counted.
func (l *Link) total(f dhcp.Family) (sum uint64) {
	l.each(f, func(n MessageCount) bool { sum += n.Count; return true })
	return sum
}
