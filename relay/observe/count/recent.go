package count

import (
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// A Recent knows what a Table has counted lately: in all, and within Window. It is
// safe for concurrent use; the zero value is ready. It grows with what is counted
// only.
type Recent struct {
	mu      sync.Mutex
	start   time.Time
	second  int64 // of the last reading, since the start
	reading uint64
	links   map[*Link]*linkWindows
	servers []*serverWindows
	kernel  [dhcp.Families]window
	errors  []errorWindow
}

type linkWindows struct {
	reading  uint64                        // the latest that has it
	families [dhcp.Families]*familyWindows // nil until something is counted
	refusals window
	drops    []dropWindow
}

// The familyWindows are what an interface counts in one family. Most interfaces see
// one family only.
type familyWindows struct {
	relayed [dhcp.Directions]window
	counts  [NumLinkCounters]*window // nil until something is counted
	hours   *linkHours               // nil until something is counted
	unmet   uint64                   // requests that nobody has answered, since a reply was relayed last
	losses  uint64                   // the same, since the last outage was over
	lost    window                   // of losses
	resumed int64                    // second in which an outage was over; 0: there was none
}

type dropWindow struct {
	Kind
	window
}

// A Kind is what tells the drops of an interface apart.
type Kind struct {
	Family    dhcp.Family
	Direction dhcp.Direction
	Reason    agent.Reason
}

type serverWindows struct {
	of                                 *Server
	copies, replies, failures, noReply window
	now                                struct{ copies, replies moments }
	hours                              serverHours
}

type errorWindow struct {
	error   senderror.Error
	towards senderror.Towards
	window
}

// A Dropped counts the new drops of a reading.
type Dropped struct {
	Interface string
	Kind
	Count uint64
}

// Read reads the table, with the errors of sending as they are told apart, and
// returns what was dropped since the last time. Time must not run back; what the wall
// clock says does not matter.
func (r *Recent) Read(now time.Time, t *Table, errors []SendError) (fresh []Dropped) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.start.IsZero() {
		r.start = now
		r.links = make(map[*Link]*linkWindows)
	}
	r.second = max(r.second, int64(now.Sub(r.start)/time.Second))
	r.reading++
	links, _ := t.Links()
	for _, l := range links {
		fresh = r.readLink(l, fresh)
	}
	maps.DeleteFunc(r.links, func(_ *Link, w *linkWindows) bool { return w.reading != r.reading })
	r.readServers(t.Servers())
	for f := range r.kernel {
		n, _ := t.SocketDrops(dhcp.Family(f))
		r.kernel[f].read(n, r.second)
	}
	r.readErrors(errors)
	return fresh
}

// readLink reads what an interface counts, and adds what it has dropped.
func (r *Recent) readLink(l *Link, fresh []Dropped) []Dropped {
	w := r.links[l]
	if w == nil {
		if !l.anything() {
			return fresh
		}
		w = new(linkWindows)
		r.links[l] = w
	}
	for kind, tally := range l.outcomes() {
		n := tally.Sum()
		if kind.Reason == agent.Relayed {
			of := w.family(kind.Family)
			if of.relayed[kind.Direction].read(n, r.second) > 0 && kind.Direction == dhcp.Replies {
				of.answer(r.second)
			}
			continue
		}
		if n := w.drop(kind).read(n, r.second); n > 0 {
			fresh = append(fresh, Dropped{l.name, kind, n})
		}
	}
	w.reading = r.reading
	w.refusals.read(l.refusals(), r.second)
	for c := range l.counts {
		for f := range l.counts[c] {
			if n := l.counts[c][f].Value(); n > 0 {
				of := w.family(dhcp.Family(f))
				fresh := of.counter(LinkCounter(c)).read(n, r.second)
				of.remember(LinkCounter(c), n, r.second)
				if LinkCounter(c) == Unanswered {
					of.lose(fresh, r.second)
				}
			}
		}
	}
	return fresh
}

// anything reports whether the interface has counted anything.
func (l *Link) anything() bool {
	for range l.outcomes() {
		return true
	}
	for c := range l.counts {
		for f := range l.counts[c] {
			if l.counts[c][f].Value() > 0 {
				return true
			}
		}
	}
	return false
}

// outcomes yields what was counted, by what became of it.
func (l *Link) outcomes() iter.Seq2[Kind, *Tally] {
	return func(yield func(Kind, *Tally) bool) {
		for f := range dhcp.Family(dhcp.Families) {
			for d := range dhcp.Direction(dhcp.Directions) {
				if t := l.relayed[f][d].Load(); t != nil && !yield(Kind{f, d, agent.Relayed}, t) {
					return
				}
				all := l.dropped[f][d].Load()
				if all == nil {
					continue
				}
				for r := range all {
					if t := all[r].Load(); t != nil && !yield(Kind{f, d, agent.Reason(r)}, t) {
						return
					}
				}
			}
		}
	}
}

// refusals returns how many DHCPNAKs were relayed.
func (l *Link) refusals() uint64 {
	t := l.relayed[dhcp.V4][dhcp.Replies].Load()
	if t == nil {
		return 0
	}
	return t[l.types[dhcp.V4].slot[bootp.Nak]].Load()
}

// family returns the windows of a family.
func (w *linkWindows) family(f dhcp.Family) *familyWindows {
	if w.families[f] == nil {
		w.families[f] = new(familyWindows)
	}
	return w.families[f]
}

// remember keeps the hour of the counters that have one.
func (w *familyWindows) remember(c LinkCounter, n uint64, second int64) {
	switch {
	case c != Expected && c != Answered:
		return
	case w.hours == nil:
		w.hours = new(linkHours)
	}
	if c == Expected {
		w.hours.expected.read(n, second)
		return
	}
	w.hours.answered.read(n, second)
}

// counter returns the window of a counter.
func (w *familyWindows) counter(c LinkCounter) *window {
	if w.counts[c] == nil {
		w.counts[c] = new(window)
	}
	return w.counts[c]
}

// drop returns the window of a kind of drops.
func (w *linkWindows) drop(k Kind) *window {
	i := slices.IndexFunc(w.drops, func(d dropWindow) bool { return d.Kind == k })
	if i < 0 {
		i = len(w.drops)
		w.drops = append(w.drops, dropWindow{Kind: k})
	}
	return &w.drops[i].window
}

func (r *Recent) readServers(all []*Server) {
	r.servers = slices.DeleteFunc(r.servers, func(w *serverWindows) bool { return !slices.Contains(all, w.of) })
	for _, s := range all {
		i := slices.IndexFunc(r.servers, func(w *serverWindows) bool { return w.of == s })
		if i < 0 {
			i = len(r.servers)
			r.servers = append(r.servers, &serverWindows{of: s})
		}
		w := r.servers[i]
		w.now.copies.add(w.copies.read(s.Copies.Value(), r.second), r.second)
		w.now.replies.add(w.replies.read(s.Replies.Value(), r.second), r.second)
		w.failures.read(s.Failures.Value(), r.second)
		w.noReply.read(s.NoReply.Value(), r.second)
		w.hours.read(s, r.second)
	}
}

func (r *Recent) readErrors(all []SendError) {
	for _, e := range all {
		i := slices.IndexFunc(r.errors, func(w errorWindow) bool { return w.error == e.Error && w.towards == e.Towards })
		if i < 0 {
			i = len(r.errors)
			r.errors = append(r.errors, errorWindow{error: e.Error, towards: e.Towards})
		}
		r.errors[i].read(e.Count, r.second)
	}
}
