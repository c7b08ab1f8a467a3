package count

import (
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// A Lately is what tells whether what an interface has counted in one family still
// goes on. Times are those of readings; zero: never.
type Lately struct {
	Heard   time.Time                  // the last request, whatever became of it
	Relayed [dhcp.Directions]time.Time // the last message that was relayed
	Unmet   uint64                     // requests to servers that none has answered since a reply was relayed last

	// Of the last one to two minutes.
	Requests, Replies uint64                  // that were relayed
	Refusals          uint64                  // DHCPNAKs among Replies
	Lost              uint64                  // sent requests that nobody has answered while others were: not those of an outage that is over
	Counts            [NumLinkCounters]uint64 //

	Last [NumLinkCounters]time.Time // when each was last counted
}

// lately returns what there is in the present minute and in the one before, as it is
// at a second since the start.
func (w *window) lately(second int64) (n uint64) {
	now := int32(second / 60)
	for m := max(0, now-1); m <= w.minute; m++ {
		n += uint64(w.counts[m%minutes])
	}
	return n
}

// lateLoss is how long after a reply a request may be found unanswered that was heard
// before it, in seconds: it waits for transaction.Timeout.
const lateLoss = 11

// outage is how many requests without any reply to others make an outage.
const outage = 4

// lose counts requests to servers that none has answered.
func (w *familyWindows) lose(n uint64, second int64) {
	if second >= w.resumed+lateLoss || w.resumed == 0 {
		w.losses += n
		w.lost.read(w.losses, second)
	}
	if replied := &w.relayed[dhcp.Replies]; replied.total == 0 || second-replied.last >= lateLoss {
		w.unmet += n
	}
}

// answer notes that replies came. What was lost in an outage tells nothing any more once
// that is over.
func (w *familyWindows) answer(second int64) {
	if w.unmet >= outage {
		w.resumed = max(1, second)
		w.lost, w.losses = window{}, 0
	}
	w.unmet = 0
}

// moment returns the time of a second since the start.
func (r *Recent) moment(second int64) time.Time {
	return r.start.Add(time.Duration(second) * time.Second)
}

// lately tells what goes on of a family.
func (r *Recent) lately(w *linkWindows, f dhcp.Family, second int64) (l Lately) {
	if of := w.families[f]; of != nil {
		l.Unmet, l.Lost = of.unmet, of.lost.lately(second)
		for d := range of.relayed {
			if n := &of.relayed[d]; n.total > 0 {
				l.Relayed[d] = r.moment(n.last)
			}
		}
		l.Heard = l.Relayed[dhcp.Requests]
		l.Requests, l.Replies = of.relayed[dhcp.Requests].lately(second), of.relayed[dhcp.Replies].lately(second)
		for c, n := range of.counts {
			if n != nil {
				l.Counts[c] = n.lately(second)
				if n.total > 0 {
					l.Last[c] = r.moment(n.last)
				}
			}
		}
	}
	for i := range w.drops {
		d := &w.drops[i]
		if last := r.moment(d.last); d.Family == f && d.Direction == dhcp.Requests && last.After(l.Heard) {
			l.Heard = last
		}
	}
	if f == dhcp.V4 {
		l.Refusals = w.refusals.lately(second)
	}
	return l
}
