package count

import (
	"time"

	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
)

// A Reading is what Recent knows at one moment.
type Reading struct {
	Window     time.Duration // how long back Number.Recent reaches: Window, or less after the start
	Links      map[string]OfLink
	Servers    []OfServer // in the order in which they were first seen
	Kernel     [dhcp.Families]Number
	KernelLast [dhcp.Families]time.Time // the reading with the last one
	SendErrors []OfError
}

// An OfLink counts the messages of one interface.
type OfLink struct {
	Relayed  [dhcp.Families][dhcp.Directions]Number
	Counts   [NumLinkCounters][dhcp.Families]Number
	Refusals Number // DHCPNAKs that were relayed
	Drops    []OfDrop
	Lately   [dhcp.Families]Lately
}

// An OfDrop counts what was dropped for one reason.
type OfDrop struct {
	Kind
	Count Number
	Last  time.Time // the reading with the last one
}

// An OfServer counts what goes to a server and comes from it.
type OfServer struct {
	ServerID
	Copies, Replies, Failures, NoReply Number
	Response                           *Histogram
	Trouble                            *Trouble // nil: nothing is known to stand in the way to it
	Health                             health.Reading
	Lately                             ServerLately
}

// A ServerLately is what tells whether what a server has counted still goes on: in the
// present minute and in the one before, and in the last 20 to 30 seconds.
type ServerLately struct {
	Copies, Replies, NoReply uint64
	CopiesNow, RepliesNow    uint64
}

// An OfError counts what the kernel refused to send for one reason.
type OfError struct {
	Error   senderror.Error
	Towards senderror.Towards
	Count   Number
	Last    time.Time // the reading with the last one
}

// At returns what is known at a time that is not before the last reading.
func (r *Recent) At(now time.Time) Reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := Reading{Links: make(map[string]OfLink, len(r.links))}
	if r.start.IsZero() {
		return c
	}
	c.Window = min(Window, max(0, now.Sub(r.start)))
	second := max(r.second, int64(now.Sub(r.start)/time.Second))
	for l, w := range r.links {
		c.Links[l.name] = r.ofLink(w, second)
	}
	for _, w := range r.servers {
		of := OfServer{
			ServerID: w.of.ServerID,
			Copies:   w.copies.at(second), Replies: w.replies.at(second), Failures: w.failures.at(second), NoReply: w.noReply.at(second),
			Response: &w.of.Response, Health: w.of.Health.Read(),
			Lately: ServerLately{w.copies.lately(second), w.replies.lately(second), w.noReply.lately(second), w.now.copies.at(second), w.now.replies.at(second)},
		}
		if t, is := w.of.Trouble(now); is {
			of.Trouble = &t
		}
		c.Servers = append(c.Servers, of)
	}
	for f := range r.kernel {
		c.Kernel[f] = r.kernel[f].at(second)
		if c.Kernel[f].Total > 0 {
			c.KernelLast[f] = r.moment(r.kernel[f].last)
		}
	}
	for i := range r.errors {
		e := &r.errors[i]
		c.SendErrors = append(c.SendErrors, OfError{e.error, e.towards, e.at(second), r.moment(e.last)})
	}
	return c
}

func (r *Recent) ofLink(w *linkWindows, second int64) (c OfLink) {
	c.Refusals = w.refusals.at(second)
	for f, of := range w.families {
		if of == nil {
			continue
		}
		for k, n := range of.counts {
			if n != nil {
				c.Counts[k][f] = n.at(second)
			}
		}
		for d := range of.relayed {
			c.Relayed[f][d] = of.relayed[d].at(second)
		}
	}
	for i := range w.drops {
		d := &w.drops[i]
		c.Drops = append(c.Drops, OfDrop{d.Kind, d.at(second), r.moment(d.last)})
	}
	for f := range dhcp.Family(dhcp.Families) {
		c.Lately[f] = r.lately(w, f, second)
	}
	return c
}
