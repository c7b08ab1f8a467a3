package status

import (
	"slices"
	"sync"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A Recent knows what the counters have counted lately, from a Sample a second:
// in all, and in the last ten minutes. It is safe for concurrent use; the zero
// value is ready. It grows with what is counted only: some 400 octets for an
// interface that relays in one family, and 72 for each reason for which it drops.
type Recent struct {
	mu      sync.Mutex
	start   time.Time
	second  int64 // of the last sample, since the start
	links   map[string]*linkSeries
	inOrder []*linkSeries
	servers []*serverSeries
	kernel  [families]series
	errors  []*errorSeries
}

type linkSeries struct {
	name     string
	missing  int                     // how many samples, with the one that is being taken, lack it
	families [families]*familySeries // nil until something is counted
	refusals series
	drops    []dropSeries
}

// A familySeries is what an interface counts in one family. Most interfaces see
// one family only.
type familySeries struct {
	relayed    [directions]series
	unanswered series
}

type dropSeries struct {
	kind
	series
}

// A kind is what tells the drops of an interface apart.
type kind struct {
	family    dhcp.Family
	direction dhcp.Direction
	reason    agent.Reason
}

type serverSeries struct {
	id                                    ServerID
	copies, replies, failures, unanswered series
	response                              Histogram
}

type errorSeries struct {
	towards, name string
	series
}

// A Dropped counts the new drops of a sample.
type Dropped struct {
	Interface string
	Family    dhcp.Family
	Direction dhcp.Direction
	Reason    agent.Reason
	Count     uint64
}

// Take adds a sample, and returns what was dropped since the one before. Time
// must not run back; what the wall clock says does not matter.
func (r *Recent) Take(now time.Time, s Sample) []Dropped {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.start.IsZero() {
		r.start = now
		r.links = make(map[string]*linkSeries)
	}
	r.second = max(r.second, int64(now.Sub(r.start)/time.Second))
	r.takeMessages(s)
	for _, n := range s.Unanswered {
		l := r.link(n.Interface)
		l.missing = 0
		l.family(n.Family).unanswered.taken += n.Count
	}
	r.takeServers(s.Servers)
	for f, n := range s.Kernel {
		r.kernel[f].taken = n
		r.kernel[f].settle(r.second)
	}
	r.takeErrors(s.SendErrors)
	return r.settleLinks()
}

func (r *Recent) takeMessages(s Sample) {
	if s.Messages == nil {
		return
	}
	var l *linkSeries
	var at *series
	var is kind // what at counts
	for m := range s.Messages {
		if l == nil || l.name != m.Interface {
			l, at = r.link(m.Interface), nil
			l.missing = 0
		}
		if k := (kind{m.Family, m.Direction, m.Outcome}); at == nil || k != is {
			at, is = l.of(k), k
		}
		at.taken += m.Count
		if m.Refusal && m.Outcome == agent.Relayed {
			l.refusals.taken += m.Count
		}
	}
}

// link returns the series of an interface.
func (r *Recent) link(name string) *linkSeries {
	l := r.links[name]
	if l == nil {
		l = &linkSeries{name: name}
		r.links[name] = l
		r.inOrder = append(r.inOrder, l)
	}
	return l
}

// family returns the series of a family.
func (l *linkSeries) family(f dhcp.Family) *familySeries {
	if l.families[f] == nil {
		l.families[f] = new(familySeries)
	}
	return l.families[f]
}

// of returns the series of an outcome.
func (l *linkSeries) of(k kind) *series {
	if k.reason == agent.Relayed {
		return &l.family(k.family).relayed[k.direction]
	}
	i := slices.IndexFunc(l.drops, func(d dropSeries) bool { return d.kind == k })
	if i < 0 {
		i = len(l.drops)
		l.drops = append(l.drops, dropSeries{kind: k})
	}
	return &l.drops[i].series
}

// mostMissing is how many samples in turn may lack an interface: one that more do
// without is gone, and its counts have ended.
const mostMissing = 3

// settleLinks ends a sample of every interface, and forgets those that are gone.
func (r *Recent) settleLinks() (fresh []Dropped) {
	r.inOrder = slices.DeleteFunc(r.inOrder, func(l *linkSeries) bool {
		gone := l.missing > mostMissing
		if gone {
			delete(r.links, l.name)
		}
		l.missing++ // the next sample takes it back
		return gone
	})
	for _, l := range r.inOrder {
		l.refusals.settle(r.second)
		for _, f := range l.families {
			if f == nil {
				continue
			}
			f.unanswered.settle(r.second)
			for d := range f.relayed {
				f.relayed[d].settle(r.second)
			}
		}
		for i := range l.drops {
			d := &l.drops[i]
			if n := d.settle(r.second); n > 0 {
				fresh = append(fresh, Dropped{l.name, d.family, d.direction, d.reason, n})
			}
		}
	}
	return fresh
}

func (r *Recent) takeServers(all []ServerCount) {
	r.servers = slices.DeleteFunc(r.servers, func(s *serverSeries) bool {
		return !slices.ContainsFunc(all, func(n ServerCount) bool { return n.ServerID == s.id })
	})
	for i := range all {
		n := &all[i]
		j := slices.IndexFunc(r.servers, func(s *serverSeries) bool { return s.id == n.ServerID })
		if j < 0 {
			j = len(r.servers)
			r.servers = append(r.servers, &serverSeries{id: n.ServerID})
		}
		s := r.servers[j]
		s.response = n.Response
		s.copies.taken, s.replies.taken, s.failures.taken, s.unanswered.taken = n.Copies, n.Replies, n.Failures, n.Unanswered
		for _, of := range []*series{&s.copies, &s.replies, &s.failures, &s.unanswered} {
			of.settle(r.second)
		}
	}
}

func (r *Recent) takeErrors(all []ErrorCount) {
	for _, n := range all {
		j := slices.IndexFunc(r.errors, func(s *errorSeries) bool { return s.towards == n.Towards && s.name == n.Error })
		if j < 0 {
			j = len(r.errors)
			r.errors = append(r.errors, &errorSeries{towards: n.Towards, name: n.Error})
		}
		r.errors[j].taken = n.Count
		r.errors[j].settle(r.second)
	}
}
