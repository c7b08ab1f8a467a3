package status

import (
	"strings"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// A gravity says what a drop means for the operator.
type gravity uint8

const (
	unset    gravity = iota
	expected         // it is of no consequence at all, and not told
	asked            // the configuration asks for it
	slight           // the sender is broken or hostile; others are not concerned
	grave            // clients get no address
	open             // grave if nothing else was relayed, else of some clients only
)

// gravities returns the gravity of each reason.
func gravities() [agent.NumReasons]gravity {
	return [agent.NumReasons]gravity{
		agent.Relayed:               asked,
		agent.Short:                 open,
		agent.Oversize:              open,
		agent.BadOp:                 slight,
		agent.BadHlen:               slight,
		agent.OptionsMalformed:      slight,
		agent.NotConfigured:         asked,
		agent.SameNetwork:           expected,
		agent.NoGiaddr:              grave,
		agent.NoLinkAddress:         grave,
		agent.NoServer:              asked,
		agent.HopLimit:              open,
		agent.SecsBelow:             asked,
		agent.BootpRefused:          asked,
		agent.UntrustedOption82:     open,
		agent.Option82Malformed:     open,
		agent.GiaddrSpoof:           slight,
		agent.GiaddrInvalid:         slight,
		agent.GiaddrUntrusted:       open,
		agent.GiaddrRefused:         asked,
		agent.OwnMessage:            slight,
		agent.PeerInvalid:           slight,
		agent.ServerMessage:         slight,
		agent.UnicastClient:         open,
		agent.TypeRefused:           asked,
		agent.RelayForwardUntrusted: open,
		agent.RSOORefused:           asked,
		agent.NoRelayMessage:        slight,
		agent.ReplyFromClient:       open,
		agent.ReplySource:           open,
		agent.BogusGiaddr:           open,
		agent.UnknownLink:           open,
		agent.AmbiguousReply:        grave,
		agent.Option82Mismatch:      open,
		agent.Leasequery:            asked,
		agent.VSSIgnored:            grave,
		agent.VSSUnknown:            grave,
		agent.LinkDown:              slight,
		agent.RelayReplyRefused:     open,
		agent.QueueFull:             grave,
		agent.SendFailed:            grave,
	}
}

// Meant reports whether drops for a reason are what the configuration asks for,
// so that nobody need be warned of them.
func Meant(r agent.Reason) bool { return gravities()[r] == asked }

// Untold reports whether drops for a reason are not worth a word: they are to be
// found among the counts.
func Untold(r agent.Reason) bool { return gravities()[r] == expected }

// judgeDrop says what recent drops mean, and what to do.
func (b *builder) judgeDrop(link string, c *count.OfLink, d *count.OfDrop) found {
	doc := d.Reason.DocOf(d.Direction)
	f := found{
		severity: Warn, kind: DroppedMessages, of: doc.Name, about: onLink(link, d.Family),
		text:   doc.What,
		detail: plural(d.Count.Recent, d.Direction.String()) + " dropped " + b.window() + ", the last " + span(b.Now.Sub(d.Last)) + " ago",
		do:     doc.Remedy,
	}
	if link == count.Other && d.Direction == dhcp.Replies {
		f.about.Kind = OfReplies
	}
	where, from := b.where(Way{link, d.Kind})
	f.detail += where
	if now := b.over(link, d); now != "" {
		return past(f, d, now)
	}
	switch gravities()[d.Reason] {
	case asked:
		f.severity = Info
	case grave:
		f.severity = Error
	case open:
		if link != count.Other && c.Relayed[d.Family][d.Direction].Recent == 0 || link == count.Other && b.mute(d) {
			f.severity = Error
		}
	case slight, expected, unset:
	}
	if !from {
		f.do += show(d.Reason)
	}
	return f
}

// past makes history of drops whose cause has ended, so that status tells by
// itself that a repair has worked.
func past(f found, d *count.OfDrop, now string) found {
	f.severity = Info
	f.text = "No longer so: " + strings.ToLower(f.text[:1]) + f.text[1:]
	f.detail += ", until " + d.Last.UTC().Format(time.TimeOnly) + " UTC; now " + now
	f.do = "Nothing to do."
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
	default:
	}
	return ""
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
	switch r {
	case agent.NoGiaddr, agent.NoLinkAddress:
		return l.State == agent.NoAddress
	case agent.LinkDown:
		return l.State == agent.Down
	default:
		return false
	}
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

// show tells how to see who sent what was dropped, where the remedy is to look
// for somebody.
func show(r agent.Reason) string {
	switch r {
	case agent.ReplyFromClient, agent.ReplySource, agent.RelayReplyRefused, agent.ServerMessage, agent.GiaddrSpoof, agent.PeerInvalid,
		agent.BadOp, agent.BadHlen, agent.OptionsMalformed, agent.GiaddrInvalid, agent.NoRelayMessage, agent.Option82Malformed:
		return " dhcp-relay trace shows from which address it came."
	case agent.SendFailed:
		return " See what is said of send errors."
	default:
		return ""
	}
}
