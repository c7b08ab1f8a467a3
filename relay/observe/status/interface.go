package status

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// An Interface is a client-facing interface in one family that it has servers of.
type Interface struct {
	Name        string       `json:"name"`                  // or the pattern that no interface matches
	AltName     string       `json:"alt_name,omitempty"`    // the alternative name of it that the configuration names
	Description string       `json:"description,omitempty"` // what the configuration says it is for
	Family      dhcp.Family  `json:"family"`                // "ipv4" or "ipv6"
	State       agent.State  `json:"state"`
	Address     string       `json:"address,omitempty"` // giaddr or link-address; "" if there is none
	Servers     []ServerName `json:"servers"`
	Reason      string       `json:"problem,omitempty"`   // why it does not relay, or relays badly; "" if all is well
	Do          string       `json:"remedy,omitempty"`    // what to do about Problem
	Requests    Flow         `json:"requests"`            // what its clients sent
	Replies     Flow         `json:"replies"`             // what the servers sent for its clients
	LastHeard   time.Time    `json:"last_heard,omitzero"` // when its clients were heard last; absent if they never were
	LastReply   time.Time    `json:"last_reply,omitzero"` // when its clients were sent a reply last; absent if they never were
	Expected    count.Number `json:"expected"`            // requests that expect an answer, relayed or not
	Answered    count.Number `json:"answered"`            // those of them that a server answered
	Unanswered  count.Number `json:"unanswered"`          // those of them that none answered, or that could not be sent
	History     *History     `json:"history,omitempty"`   // if it was asked for, and there is any
}

// sum adds two counts.
func sum(a, b count.Number) count.Number {
	return count.Number{Total: a.Total + b.Total, Recent: a.Recent + b.Recent}
}

// interfaces tells of the interfaces.
func (b *builder) interfaces() {
	for i := range b.Links {
		l := &b.Links[i]
		n := Interface{
			Name: l.Name, AltName: l.AltName, Description: l.Description, Family: l.Family, State: l.State, Servers: make([]ServerName, 0, len(l.Servers)),
		}
		if l.Address.IsValid() {
			n.Address = l.Address.String()
		}
		for _, s := range l.Servers {
			n.Servers = append(n.Servers, ServerName{endpoint(s), s.VRF})
		}
		c := b.Counts.Links[l.Name]
		n.Requests, n.Replies = flow(&c, l.Family, dhcp.Requests), flow(&c, l.Family, dhcp.Replies)
		now := &c.Lately[l.Family]
		n.LastHeard, n.LastReply = now.Heard, now.Relayed[dhcp.Replies]
		n.Expected, n.Answered = c.Counts[count.Expected][l.Family], c.Counts[count.Answered][l.Family]
		n.Unanswered = sum(c.Counts[count.Unanswered][l.Family], c.Counts[count.Unsent][l.Family])
		f := b.judge(l, &n)
		if lost, ok := b.losing[onLink(l.Name, l.Family)]; ok && f.kind == none {
			n.Reason, n.Do = lost.sentence(), lost.do
		} else if f.text != "" {
			n.Reason, n.Do = f.sentence(), f.do
		}
		if f.kind != none {
			b.add(f)
		}
		b.notes(l)
		b.report.Interfaces = append(b.report.Interfaces, n)
	}
}

func (r *Report) writeInterfaces(b *strings.Builder, all bool) {
	if len(r.Interfaces) == 0 {
		return
	}
	n := len(r.Interfaces)
	if !all {
		n = min(n, mostRows)
	}
	rows := [][]string{{"INTERFACE", "FAMILY", "STATE", "ADDRESS", "REQUESTS", "REPLIES", "DROPPED", "UNANSWERED"}}
	for i := range r.Interfaces[:n] {
		l := &r.Interfaces[i]
		address := l.Address
		if address == "" {
			address = "-"
		}
		name := l.Name
		if l.AltName != "" {
			name += " (" + l.AltName + ")"
		}
		if l.Description != "" {
			name += " " + short(l.Description)
		}
		rows = append(rows, []string{
			name, l.Family.String(), l.State.String(), address, number(l.Requests.RecentRelayed), number(l.Replies.RecentRelayed),
			number(l.Requests.RecentDropped + l.Replies.RecentDropped), number(l.Unanswered.Recent),
		})
	}
	table(b, rows)
	if more := len(r.Interfaces) - n; more > 0 {
		fmt.Fprintf(b, "and %d more, %s; --all lists them\n", more, r.calm(n))
	}
}

// short cuts a description to what a table has room for, in characters.
func short(s string) string {
	const most = 24
	if r := []rune(s); len(r) > most {
		s = strings.TrimSpace(string(r[:most-3])) + "..."
	}
	return strconv.Quote(s)
}

// Tone says how good the state of an interface is, with what else is known of it.
func (i *Interface) Tone() Tone {
	switch i.State {
	case agent.Relaying:
		if i.Reason != "" {
			return Doubtful
		}
		return Good
	case agent.Missing, agent.Standby:
		return Neutral
	case agent.Member, agent.Down, agent.NoAddress, agent.NoLinkLocal:
	}
	return Bad
}

// judge says what is wrong with an interface. If that has another cause, which
// is told elsewhere, the kind is empty.
func (b *builder) judge(l *Link, n *Interface) found {
	f := found{severity: Error, about: onLink(l.Name, l.Family)}
	switch l.State {
	case agent.Missing:
		return missing(l, f)
	case agent.Standby:
		return found{}
	case agent.Member:
		f.kind, f.text = interfaceMember, "The interface hears no client: another one does in its place, such as the bridge that it is a port of"
		f.detail = l.Name + " " + l.Problem
		f.do = "Name " + l.Master + " instead of " + l.Name + " in the configuration, and give it the address; or take " + l.Name + " out of " + l.Master + "."
	case agent.Down:
		f.severity, f.kind = Warn, interfaceDown
		f.text = "The interface is down or has no carrier, so its clients get nothing"
		f.do = "Bring it up (ip link set " + l.Name + " up); if it is up, look at the cable or the port behind it."
	case agent.NoAddress:
		f.kind, f.text = interfaceNoAddress, "The interface has no address that may stand for its clients (giaddr), so none of their requests is relayed"
		f.do = agent.NoGiaddr.Doc().Remedy
		if l.Family == dhcp.V6 {
			f.text = strings.Replace(f.text, "giaddr", "link-address", 1)
			f.do = agent.NoLinkAddress.Doc().Remedy
			if l.Hint != "" {
				f.do = l.Hint
			}
		}
		f.detail = l.Problem
	case agent.NoLinkLocal:
		f.kind, f.text = interfaceNoLinkLocal, "Replies cannot be sent to its clients"
		f.detail = l.Problem
		f.do = "Give it one (ip address add fe80::1/64 dev " + l.Name + "), or see why the kernel makes none: disable_ipv6 and addr_gen_mode in /proc/sys/net/ipv6/conf/" + l.Name + "."
	case agent.Relaying:
		return b.judgeTraffic(l, n, f)
	}
	if said := b.dropped(l); said != "" {
		f.detail = strings.TrimPrefix(f.detail+"; "+said, "; ")
	}
	return f
}

func missing(l *Link, f found) found {
	f.severity, f.kind = Warn, interfaceMissing
	f.text = "There is no interface of this name now"
	f.do = "Nothing, if it is to appear later; else correct the name in its [[interface]]."
	f.detail = l.Problem
	if l.Hint != "" {
		f.do = sentence(l.Hint)
	}
	if strings.ContainsAny(l.Name, `*?[\`) {
		f.severity, f.kind = Info, interfaceUnmatched
		f.text = "No interface matches this pattern now"
	}
	return f
}

// enough is how many requests without any reply tell that none is to be
// expected: a client asks so often within half a minute (RFC 2131, section 4.1).
const enough = 4

// losing is how long after the last request that was lost some still are, where others
// fare well.
const losing = 40 * time.Second

// judgeTraffic looks for requests that nobody answers.
func (b *builder) judgeTraffic(l *Link, n *Interface, f found) found {
	asked, lost := n.Requests.RecentRelayed, n.Unanswered.Recent
	now := b.Counts.Links[l.Name].Lately[l.Family]
	switch {
	case asked == 0 || lost == 0 && asked < enough:
		return b.refused(l, f)
	case n.Replies.RecentRelayed == 0 && n.Replies.RecentDropped == 0 && b.now(now.Relayed[dhcp.Requests]):
		return b.unanswered(l, f, asked)
	case now.Unmet >= enough && !b.dropsReplies(l):
		return b.unanswered(l, f, now.Unmet)
	case now.Lost >= 3 && now.Lost*10 >= now.Requests && now.Replies > 0 && b.Now.Sub(now.Last[count.Unanswered]) <= losing:
		f.severity, f.kind = Warn, interfacePartly
		f.text = "Some of its requests are answered and some are not"
		f.detail = plural(now.Lost, "request") + " of " + plural(now.Requests, "message") + " from its clients found no answer in the last minute or two"
		f.do = "Look whether the server has addresses left in the subnet of " + n.Address + ", and at its log; dhcp-relay trace shows which clients it is."
		return f
	}
	return b.refused(l, f)
}

// dropsReplies reports whether replies that may be for an interface are heard and
// dropped these days.
func (b *builder) dropsReplies(l *Link) bool {
	for _, name := range []string{l.Name, count.Other} {
		for _, d := range b.Counts.Links[name].Drops {
			if d.Family == l.Family && d.Direction == dhcp.Replies && d.Count.Recent > 0 && b.now(d.Last) {
				return true
			}
		}
	}
	return false
}

// refused tells of servers that refuse more than they give. A client that was
// elsewhere before is refused once, and then asks anew.
func (b *builder) refused(l *Link, f found) found {
	now := b.Counts.Links[l.Name].Lately[l.Family]
	nak, replies := now.Refusals, now.Replies
	if l.Family != dhcp.V4 || nak == 0 || nak*5 < replies {
		return found{}
	}
	f.severity, f.kind = Info, interfaceRefused
	if nak >= enough && nak*2 > replies {
		f.severity = Warn
	}
	f.text = "Servers refuse addresses that its clients ask for (NAK)"
	f.detail = plural(nak, "refusal") + " in " + plural(replies, "reply") + " in the last minute or two"
	f.do = "Nothing, if its clients have moved here and then get other addresses; else check which subnet the server has for giaddr " +
		l.Address.String() + ", and that servers agree on leases. dhcp-relay trace --outcome refused shows which clients it is."
	return f
}

// asRoot says who sees what the daemon may not.
const asRoot = " (dhcp-relay status as root names a rule that does not)."

// unanswered tells why an interface gets no reply at all.
func (b *builder) unanswered(l *Link, f found, asked uint64) found {
	var lively []string
	for _, s := range l.Servers {
		if b.served[s].replying {
			lively = append(lively, s.String())
		}
	}
	if len(lively) == 0 {
		return found{
			text: "None of its servers answers",
			do:   "See what is said of the servers.",
		}
	}
	f.kind = interfaceUnanswered
	f.text = "The servers answer the requests of other interfaces, but none of this one"
	f.detail = plural(asked, "request") + " went to " + text.Some(lively, mostNamed) + " " + b.window()
	a := l.Address.String()
	if l.Family == dhcp.V6 {
		f.do = "In the server, add a subnet that holds the link-address " + a + ", with free addresses; look at its log, and whether this host's firewall lets in what comes to UDP port 547" + asRoot
		return f
	}
	f.do = "In the server, add a subnet (scope) that holds the giaddr " + a + ", with free addresses; and see that it has a route back to " + a + ", for that is where it sends its replies, and that this host's firewall lets them in" + asRoot
	return f
}
