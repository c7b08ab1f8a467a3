package status

import (
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A Counts is what Recent knows at one moment. It shares nothing with it.
type Counts struct {
	Window     time.Duration // how long back Count.Recent reaches: Window, or less after the start
	Links      map[string]LinkCounts
	Servers    []ServerCounts // in the order in which they were first seen
	Kernel     [families]Count
	SendErrors []ErrorCounts
}

// A LinkCounts counts the messages of one interface.
type LinkCounts struct {
	Relayed    [families][directions]Count // by agent.Family and agent.Direction
	Unanswered [families]Count             // by agent.Family
	Refusals   Count                       // DHCPNAKs that were relayed
	Drops      []DropCount
}

// A DropCount counts what was dropped for one reason.
type DropCount struct {
	Family    dhcp.Family
	Direction dhcp.Direction
	Reason    agent.Reason
	Count     Count
	Last      time.Time // the sample with the last one
}

// A ServerCounts counts what goes to a server and comes from it.
type ServerCounts struct {
	ServerID
	Copies, Replies, Failures, Unanswered Count
	Response                              Histogram
}

// An ErrorCounts counts what the kernel refused to send for one reason.
type ErrorCounts struct {
	Towards, Error string
	Count          Count
}

// Counts returns what is known at a time that is not before the last sample.
func (r *Recent) Counts(now time.Time) Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := Counts{Links: make(map[string]LinkCounts, len(r.links))}
	if r.start.IsZero() {
		return c
	}
	c.Window = min(Window, max(0, now.Sub(r.start)))
	second := max(r.second, int64(now.Sub(r.start)/time.Second))
	for _, l := range r.inOrder {
		c.Links[l.name] = r.countsOf(l, second)
	}
	for _, s := range r.servers {
		c.Servers = append(c.Servers, ServerCounts{
			s.id, s.copies.at(second), s.replies.at(second), s.failures.at(second), s.unanswered.at(second), s.response,
		})
	}
	for f := range r.kernel {
		c.Kernel[f] = r.kernel[f].at(second)
	}
	for _, e := range r.errors {
		c.SendErrors = append(c.SendErrors, ErrorCounts{e.towards, e.name, e.at(second)})
	}
	return c
}

func (r *Recent) countsOf(l *linkSeries, second int64) (c LinkCounts) {
	c.Refusals = l.refusals.at(second)
	for f, counted := range l.families {
		if counted == nil {
			continue
		}
		c.Unanswered[f] = counted.unanswered.at(second)
		for d := range directions {
			c.Relayed[f][d] = counted.relayed[d].at(second)
		}
	}
	for i := range l.drops {
		d := &l.drops[i]
		last := r.start.Add(time.Duration(d.last) * time.Second)
		c.Drops = append(c.Drops, DropCount{d.family, d.direction, d.reason, d.at(second), last})
	}
	return c
}
