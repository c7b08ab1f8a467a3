package count

import (
	"cmp"
	"slices"
	"time"

	"dhcp-relay/relay/agent"
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
// some minutes after they were last in use, and what is known of the health of servers
// at once; those of a name that comes back before
// go on.
func (t *Table) InUse(now time.Time, links []*Link, servers []*Server) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.use++
	for _, l := range links {
		l.use = t.use
	}
	for _, s := range servers {
		s.use = t.use
	}
	for _, l := range t.ordered {
		l.gone = since(l.gone, now, l.use == t.use || l.name == Other)
	}
	for _, s := range t.inOrder {
		used := s.use == t.use
		if !used && s.gone.IsZero() {
			s.Health.Forget()
		}
		s.gone = since(s.gone, now, used)
	}
	if gone := t.goneLinks(); len(gone) > maxGone {
		t.endLinks(now, gone[:len(gone)-maxGone])
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
func (t *Table) goneLinks() (gone []*Link) {
	for _, l := range t.ordered {
		if !l.gone.IsZero() {
			gone = append(gone, l)
		}
	}
	slices.SortStableFunc(gone, func(a, b *Link) int { return a.gone.Compare(b.gone) })
	return gone
}

// Sweep ends the series of what has been gone for long. Call it each second or so.
func (t *Table) Sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.swept.Add(sweepEvery)) {
		return
	}
	t.swept = now
	t.late = slices.DeleteFunc(t.late, func(l late) bool {
		over := !now.Before(l.until)
		if over {
			t.fold(l.link)
		}
		return over
	})
	old := func(gone time.Time) bool { return !gone.IsZero() && now.Sub(gone) >= keepGone }
	gone := t.goneLinks()
	n, _ := slices.BinarySearchFunc(gone, now.Add(-keepGone), func(l *Link, t time.Time) int {
		return cmp.Or(l.gone.Compare(t), -1) // past those of the same time
	})
	if n > 0 {
		t.endLinks(now, gone[:n])
	}
	if !slices.ContainsFunc(t.inOrder, func(s *Server) bool { return old(s.gone) }) {
		return
	}
	left := make([]*Server, 0, len(t.inOrder)) // scrapes read the former one
	for _, s := range t.inOrder {
		if old(s.gone) {
			delete(t.servers, s.ServerID)
		} else {
			left = append(left, s)
		}
	}
	t.inOrder = left
}

// endLinks ends the series of some links.
func (t *Table) endLinks(now time.Time, links []*Link) {
	ended := make(map[*Link]struct{}, len(links))
	for _, l := range links {
		ended[l] = struct{}{}
		delete(t.links, l.name)
		t.late = append(t.late, late{l, now.Add(lateCounts)})
	}
	t.ordered = slices.DeleteFunc(t.ordered, func(l *Link) bool { _, is := ended[l]; return is })
}

// makeRoom ends the series of what has been gone longest, before its time.
func (t *Table) makeRoom() {
	gone := t.goneLinks()
	t.endLinks(t.swept, gone[:min(len(gone), maxGone/4)])
}

// fold adds what a link has counted to what is known of those that are gone.
func (t *Table) fold(l *Link) {
	for f := range dhcp.Families {
		t.retired[f] += l.Total(dhcp.Family(f))
	}
}

// retiredNow returns how many messages were counted on links whose series have
// ended.
func (t *Table) retiredNow() (sum [dhcp.Families]uint64) {
	sum = t.retired
	for _, l := range t.late {
		for f := range sum {
			sum[f] += l.link.Total(dhcp.Family(f))
		}
	}
	return sum
}

// Total returns how many messages of a family a link has counted.
func (l *Link) Total(f dhcp.Family) (sum uint64) {
	for d := range dhcp.Direction(dhcp.Directions) {
		for r := range agent.Reason(agent.NumReasons) {
			sum += l.Tally(f, d, r).Sum()
		}
	}
	return sum
}
