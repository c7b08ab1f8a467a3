package status

import (
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// notes tells what is odd about an interface that relays, beside what keeps it from
// serving clients.
func (b *builder) notes(l *Link) {
	if l.State != agent.Relaying {
		return
	}
	c := b.Counts.Links[l.Name]
	b.quiet(l, &c)
	if l.Family == dhcp.V4 {
		b.cleared(l, &c)
		b.bare(l, &c)
	}
}

// repeats is how many requests of clients that were answered tell that they do not see
// the answers.
const repeats = 3

// cleared tells of clients that never see what the server sends them. A client that
// sets the broadcast flag cannot take unicast before it has an address, and servers
// return the flag as they got it (RFC 2131, section 4.1).
func (b *builder) cleared(l *Link, c *count.OfLink) {
	n := c.Lately[l.Family].Counts[count.BroadcastCleared]
	if n < repeats || b.Now.Sub(c.Lately[l.Family].Last[count.BroadcastCleared]) > losing {
		return
	}
	b.add(found{
		severity: Warn, kind: broadcastCleared, about: onLink(l.Name, l.Family),
		text:   "Clients ask again although they are answered: they ask for broadcast, and the server clears the flag in its replies, so that these go by unicast and are not seen",
		detail: plural(n, "repeated request") + " in the last minute or two",
		do:     "Set broadcast = true in [interface.dhcpv4] of " + l.Name + ", or have the server return the flags as it gets them (RFC 2131, section 4.1).",
	})
}

// bare tells of requests that went out without option 82.
func (b *builder) bare(l *Link, c *count.OfLink) {
	if last := c.Lately[l.Family].Last[count.Option82Omitted]; last.IsZero() || b.Now.Sub(last) > losing {
		return
	}
	b.add(found{
		severity: Warn, kind: option82Omitted, about: onLink(l.Name, l.Family),
		text:   "Requests go out without option 82, for which they have no room, so that servers may take these clients for others",
		detail: plural(c.Counts[count.Option82Omitted][l.Family].Recent, "request") + " " + b.window(),
		do:     "Raise dhcpv4.max_message_size or the MTU towards the servers, or shorten circuit_id and remote_id; set dhcpv4.oversize = \"drop\" if such clients are rather to get nothing.",
	})
}

const (
	// quietAfter is how long an interface hears nothing after the start before that
	// is worth a word: clients renew at intervals, and new ones come by and by.
	quietAfter = count.Window
	// quietFor is how long one hears nothing that did before.
	quietFor = 24 * time.Hour
)

// causes names what keeps requests from the relay.
const causes = "this host's firewall (its input chain must let in what deploy/dhcp-relay.nft does; dhcp-relay status as root looks), a VLAN that is not allowed on the trunk or a port in another one, and DHCP snooping that holds requests back"

// quiet tells of an interface that hears nothing, while others may hear.
func (b *builder) quiet(l *Link, c *count.OfLink) {
	heard, since := c.Lately[l.Family].Heard, b.Started
	if b.Config.Loaded.After(since) {
		since = b.Config.Loaded
	}
	f := found{severity: Info, kind: interfaceQuiet, about: onLink(l.Name, l.Family)}
	switch {
	case len(b.Counts.Links) == 0:
		return // see heardNothing
	case heard.IsZero() && b.Now.Sub(since) >= quietAfter:
		f.text = "No request was ever heard from its clients, though it relays"
		f.detail = span(b.Now.Sub(since)) + " since the start"
	case !heard.IsZero() && b.Now.Sub(heard) >= quietFor:
		f.text = "No request was heard from its clients for a day, where there were some"
		f.detail = "the last " + uptime(b.Now.Sub(heard).Seconds()) + " ago"
	default:
		return
	}
	f.do = "Nothing, if it has no " + l.Family.Protocol() + " clients. Else look at " + causes + "; tcpdump -i " + l.Name + " " + filter67(l.Family) + " shows whether requests arrive."
	b.add(f)
}

// filter67 is the capture filter for what clients send.
func filter67(f dhcp.Family) string {
	if f == dhcp.V6 {
		return "udp port 547"
	}
	return "udp port 67"
}
