package status

import (
	"cmp"
	"slices"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
)

// The bounds of what is logged of drops: a line a minute for each interface and
// kind, some of such lines a minute in all, and a line a minute for each reason
// that sums up the others.
const (
	dropLogEvery = time.Minute
	dropLogLines = 20
)

// A DropLog decides which drops are worth a line in the log: the first of a kind
// at an interface at once, then one line a minute with the count. When more
// interfaces than that drop at once, a line sums them up. The zero value is
// ready; it is not safe for concurrent use.
type DropLog struct {
	kinds   map[place]*droppedAt
	minute  time.Time // since when lines are counted
	lines   int
	summary [agent.NumReasons]time.Time // when the next one is due
}

// A place is a kind of drop at an interface.
type place struct {
	link string
	count.Kind
}

// A droppedAt is what the log says of a place.
type droppedAt struct {
	count uint64    // since the last line
	next  time.Time // when the next line is due; zero before the first
	last  time.Time // drop
}

// A DropLine is a line for the log.
type DropLine struct {
	Interface  string // "" if the line sums up several
	Interfaces int    // that the line is about
	count.Kind
	Count uint64 // since the last line about the same
	First bool   // of its kind at this interface
}

// Lines takes the drops of one sample and returns what is to be logged now. It
// is to be called with each sample, drops or not.
func (d *DropLog) Lines(now time.Time, fresh []count.Dropped) []DropLine {
	if d.kinds == nil {
		d.kinds = make(map[place]*droppedAt)
	}
	for _, n := range fresh {
		if expected(n.Reason) {
			continue
		}
		p := place{n.Interface, n.Kind}
		t := d.kinds[p]
		if t == nil {
			t = &droppedAt{}
			d.kinds[p] = t
		}
		t.count += n.Count
		t.last = now
	}
	if now.Sub(d.minute) >= dropLogEvery {
		d.minute, d.lines = now, 0
	}
	due := d.due(now)
	few := min(len(due), dropLogLines-d.lines)
	lines := make([]DropLine, 0, few)
	for _, p := range due[:few] {
		lines = append(lines, d.line(p, now))
	}
	d.lines += few
	return append(lines, d.summaries(due[few:], now)...)
}

// due returns what there is to tell, what is new first, then what is most. It
// forgets what has been quiet for long: when that comes again, it is new.
func (d *DropLog) due(now time.Time) (due []place) {
	for p, t := range d.kinds {
		switch {
		case t.count > 0 && !now.Before(t.next):
			due = append(due, p)
		case t.count == 0 && now.Sub(t.last) >= count.Window:
			delete(d.kinds, p)
		}
	}
	slices.SortFunc(due, func(a, b place) int {
		s, t := d.kinds[a], d.kinds[b]
		return cmp.Or(
			s.next.Compare(t.next),
			cmp.Compare(t.count, s.count),
			cmp.Compare(a.link, b.link),
			cmp.Compare(a.Family, b.Family),
			cmp.Compare(a.Direction, b.Direction),
			cmp.Compare(a.Reason, b.Reason),
		)
	})
	return due
}

// line tells of a place.
func (d *DropLog) line(p place, now time.Time) DropLine {
	t := d.kinds[p]
	l := DropLine{p.link, 1, p.Kind, t.count, t.next.IsZero()}
	t.count, t.next = 0, now.Add(dropLogEvery)
	return l
}

// summaries tells of many places, one line for each kind of drop.
func (d *DropLog) summaries(due []place, now time.Time) (lines []DropLine) {
	at := make(map[count.Kind]int)
	for _, p := range due {
		if now.Before(d.summary[p.Reason]) {
			continue
		}
		l := d.line(p, now)
		i, ok := at[p.Kind]
		if !ok {
			i = len(lines)
			at[p.Kind] = i
			lines = append(lines, DropLine{Kind: p.Kind})
		}
		lines[i].Interfaces++
		lines[i].Count += l.Count
	}
	for _, l := range lines {
		d.summary[l.Reason] = now.Add(dropLogEvery)
	}
	return lines
}
