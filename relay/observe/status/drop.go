package status

import (
	"strings"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// Meant reports whether drops for a reason are what the configuration asks for,
// so that nobody need be warned of them.
func Meant(r agent.Reason) bool { return r.Doc().Severity == agent.Intended }

// expected reports whether drops for a reason are not worth a word: they are to be
// found among the counts.
func expected(r agent.Reason) bool { return r.Doc().Severity == agent.Expected }

// judgeDrop says what recent drops mean, and what to do.
func (b *builder) judgeDrop(link string, c *count.OfLink, d *count.OfDrop) found {
	doc := d.Reason.DocOf(d.Direction)
	f := found{
		severity: Warn, kind: droppedMessages, of: doc.Name, about: onLink(link, d.Family),
		text:   doc.What,
		detail: plural(d.Count.Recent, d.Direction.String()) + " dropped " + b.window() + ", the last " + span(b.Now.Sub(d.Last)) + " ago",
		do:     doc.Remedy,
	}
	if link == count.Other && d.Direction == dhcp.Replies {
		f.about.Kind = OfReplies
	}
	where, from := b.where(Way{link, d.Kind})
	f.detail += where
	if why := b.over(link, d); why != "" || doc.Severity != agent.Intended && !b.now(d.Last) {
		return b.past(f, d.Last, why)
	}
	switch doc.Severity {
	case agent.Intended:
		f.severity = Info
	case agent.Outage:
		f.severity = Error
		if f.unsent = d.Reason == agent.SendFailed && d.Direction == dhcp.Replies; f.unsent && !b.mute(d) {
			f.severity = Warn // one client that has left is enough for it
		}
	case agent.Partial:
		if link != count.Other && b.nothingElse(c, d) || link == count.Other && b.mute(d) {
			f.severity = Error
		}
	case agent.Minor, agent.Expected:
	}
	if !from {
		f.do += show(doc.See)
	}
	return f
}

// nothingElse reports whether all that an interface hears of a direction these days is
// dropped like this.
func (b *builder) nothingElse(c *count.OfLink, d *count.OfDrop) bool {
	return c.Relayed[d.Family][d.Direction].Recent == 0 ||
		d.Count.Recent >= enough && d.Last.Sub(c.Lately[d.Family].Relayed[d.Direction]) >= repaired
}

// stated reports whether the state of the interface, which is a finding of its own,
// is why messages are dropped.
func (b *builder) stated(link string, d *count.OfDrop) bool {
	l := b.byName[named{link, d.Family}]
	return l != nil && because(l, d.Reason)
}

// because reports whether an interface drops messages for a reason because of its
// state now.
func because(l *Link, r agent.Reason) bool {
	s := r.Doc().State
	return s != agent.Relaying && l.State == s
}

// dropped says how many messages an interface has dropped because of its state, ""
// for none.
func (b *builder) dropped(l *Link) string {
	c := b.Counts.Links[l.Name]
	var said []string
	for i := range c.Drops {
		if d := &c.Drops[i]; d.Family == l.Family && d.Count.Recent > 0 && because(l, d.Reason) {
			said = append(said, plural(d.Count.Recent, d.Direction.String())+" dropped "+b.window()+", the last "+span(b.Now.Sub(d.Last))+" ago")
		}
	}
	return strings.Join(said, "; ")
}

// mute reports whether a drop is of a reply, and no client has had any lately.
func (b *builder) mute(d *count.OfDrop) bool {
	if d.Direction != dhcp.Replies {
		return false
	}
	for _, c := range b.Counts.Links {
		if c.Relayed[d.Family][dhcp.Replies].Recent > 0 {
			return false
		}
	}
	return true
}

// show tells how to see who sent what was dropped.
func show(where agent.Look) string {
	switch where {
	case agent.ByTrace:
		return " dhcp-relay trace shows from which address it came."
	case agent.InSendErrors:
		return " See what is said of send errors."
	case agent.Nowhere:
	}
	return ""
}
