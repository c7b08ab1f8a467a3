package status

import (
	"slices"
	"strings"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
)

const (
	// goesOn is how long after the last drop for a reason the reason holds, if no
	// state tells: so long that a minute after the repair nothing is told of it.
	goesOn = 50 * time.Second
	// repaired is how long messages must have come through for a reason to be over
	// before that.
	repaired = 10 * time.Second
	// starting is how much later than the start a configuration is loaded by a reload.
	starting = 2 * time.Second
)

// now reports whether what has happened last at a time still goes on. What was before
// a reload tells nothing of the configuration that it brought.
func (b *builder) now(last time.Time) bool {
	const reading = time.Second // may be so much later
	if at := b.Config.Loaded; at.After(b.Started.Add(starting)) && !last.After(at.Add(reading)) {
		return false
	}
	return b.Now.Sub(last) <= goesOn
}

// past makes history of drops that have ended: a note that needs nobody to act. Why it
// is over is known if a state has changed.
func (b *builder) past(f found, last time.Time, why string) found {
	f.severity = Info
	over := "No longer so: "
	if why == "" {
		over = "Not seen any more: "
	}
	f.text = over + strings.ToLower(f.text[:1]) + f.text[1:]
	f.detail += ", until " + last.UTC().Format(time.TimeOnly) + " UTC"
	if why != "" {
		f.detail += "; now " + why
		f.do = "Nothing to do."
		return f
	}
	f.do = "Nothing, unless it comes back; then " + strings.ToLower(f.do[:1]) + f.do[1:]
	return f
}

// over says what is so now and contradicts the reason of drops, or nothing. Most
// reasons are of the message rather than of a state.
func (b *builder) over(link string, d *count.OfDrop) (now string) {
	l := b.byName[named{link, d.Family}]
	if l == nil {
		return ""
	}
	switch d.Reason {
	case agent.NoGiaddr, agent.NoLinkAddress:
		if l.Address.IsValid() && l.State == agent.Relaying {
			return "the interface has the address " + l.Address.String()
		}
	case agent.LinkDown:
		if l.State != agent.Down && l.State != agent.Missing {
			return "the interface is up"
		}
	case agent.NoServer:
		if len(l.Servers) > 0 {
			return "the interface has servers of this family"
		}
	case agent.SendFailed:
		c := b.Counts.Links[link]
		if b.Now.Sub(d.Last) >= repaired && c.Lately[d.Family].Relayed[d.Direction].After(d.Last) {
			return "messages are sent on"
		}
	default:
	}
	return ""
}

// refusing returns what the kernel refuses to send these days.
func (b *builder) refusing(towards senderror.Towards) (all []count.OfError) {
	for _, e := range b.Counts.SendErrors {
		if e.Towards == towards && e.Count.Recent > 0 && b.refuses(&e) {
			all = append(all, e)
		}
	}
	return all
}

// refuses reports whether the kernel still refuses to send. That it no longer does so
// towards a server, the server's answers tell.
func (b *builder) refuses(e *count.OfError) bool {
	if !b.now(e.Last) {
		return false
	}
	if e.Towards != senderror.Servers || b.Now.Sub(e.Last) < repaired {
		return true
	}
	known := false
	for i := range b.Counts.Servers {
		s := &b.Counts.Servers[i]
		if s.Failures.Recent == 0 || !slices.Contains(b.Servers, s.ServerID) {
			continue
		}
		if known = true; !s.Health.LastReply.After(e.Last) {
			return true
		}
	}
	return !known
}

// explained puts what the kernel says into a finding about messages that could not be
// sent, so that one cause is told once. It returns false if the kernel says nothing,
// or several things.
func (b *builder) explained(f *found, towards senderror.Towards) bool {
	errs := b.refusing(towards)
	if len(errs) != 1 {
		return false
	}
	what, remedy := errs[0].Error.Doc(towards)
	f.text = what + " (" + errs[0].Error.String() + "), so messages are lost"
	f.do = remedy + strings.TrimSuffix(" "+strings.Replace(f.do, " and what is said of send errors", "", 1), " ")
	return true
}

// sendErrors tells of what the kernel refuses to send, but for what a finding about the
// servers or interfaces concerned says already.
func (b *builder) sendErrors() {
	var said, open [senderror.NumTowards]bool
	for i := range b.found {
		switch f := &b.found[i]; {
		case f.kind == serverUnreachable && f.severity != Info:
			said[senderror.Servers], open[senderror.Servers] = b.explained(f, senderror.Servers), true
		case f.unsent:
			f.do = ""
			said[senderror.Clients] = b.explained(f, senderror.Clients)
		}
	}
	for _, e := range b.Counts.SendErrors {
		what, remedy := e.Error.Doc(e.Towards)
		b.report.SendErrors = append(b.report.SendErrors, SendError{e.Towards, e.Error.String(), what, remedy, e.Count.Total, e.Count.Recent})
		now := b.refuses(&e)
		if e.Count.Recent == 0 || now && said[e.Towards] || !now && open[e.Towards] {
			continue
		}
		f := refused(e, what, remedy, b.window())
		if !now {
			f = b.past(f, e.Last, "")
		}
		b.add(f)
	}
}

// saidOfServers reports whether what is said of servers and send errors says why
// messages were dropped.
func (b *builder) saidOfServers(d *count.OfDrop) bool {
	if d.Reason != agent.SendFailed || d.Direction == dhcp.Replies {
		return false
	}
	return len(b.refusing(senderror.Servers)) > 0 ||
		slices.ContainsFunc(b.found, func(f found) bool { return f.kind == serverUnreachable && f.about.Family == ScopeOf(d.Family) })
}
