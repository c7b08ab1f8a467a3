package status

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/wire/dhcp"
)

// A serverState is what the interfaces need to know of a server.
type serverState struct {
	replying bool // it has sent replies lately
}

// servers tells of the servers in the configuration, then of those that were.
func (b *builder) servers() {
	counts := make(map[count.ServerID]count.OfServer, len(b.Counts.Servers))
	ids := slices.Clone(b.Servers)
	for _, c := range b.Counts.Servers {
		counts[c.ServerID] = c
		b.served[c.ServerID] = serverState{replying: c.Health.State == health.Answering || c.Health.State == health.Slow}
		if !slices.Contains(b.Servers, c.ServerID) {
			ids = append(ids, c.ServerID)
		}
	}
	for _, id := range ids {
		c := counts[id]
		s := Server{
			Address: endpoint(id), VRF: id.VRF, DNSName: b.Hosts[id], Family: id.Family(),
			Copies: c.Copies, Replies: c.Replies, Failures: c.Failures, Unanswered: c.NoReply,
			AnswerRatio: ratio(&c), Response: response(c.Response), Cause: causeOf(&c),
		}
		s.remember(&c.Health)
		if v, ok := b.Ways[id]; ok {
			s.Segmentation = segmentation(v)
		}
		if slices.Contains(b.Servers, id) {
			if f := b.judgeServer(id, &c, &s); f.kind != none {
				f.because(&s)
				b.add(f)
			}
		} else {
			s.State, s.Verdict = StateFormer, "It is no longer in the configuration; what was counted of it is shown for some minutes."
		}
		b.report.Servers = append(b.report.Servers, s)
	}
}

// ratio returns the share of recent requests that the server answered.
func ratio(c *count.OfServer) *float64 {
	known := c.Replies.Recent + c.NoReply.Recent
	if known == 0 {
		return nil
	}
	return new(float64(c.Replies.Recent) / float64(known))
}

func response(h *count.Histogram) *Response {
	if h == nil {
		return nil
	}
	p50, ok := h.Quantile(0.5)
	if !ok {
		return nil
	}
	p90, _ := h.Quantile(0.9)
	p99, _ := h.Quantile(0.99)
	return &Response{p50.Seconds(), p90.Seconds(), p99.Seconds()}
}

// remember shows what is known of the past of a server.
func (s *Server) remember(h *health.Reading) {
	s.Requests = h.Requests
	if h.From.IsValid() {
		s.AnswersFrom = h.From.String()
	}
	if !h.Since.IsZero() {
		s.Since = &h.Since
	}
	if !h.LastReply.IsZero() {
		s.LastReply = &h.LastReply
	}
}

// judgeServer sets the state of a server and its verdict, and says what is wrong.
func (b *builder) judgeServer(id count.ServerID, c *count.OfServer, s *Server) found {
	f := found{severity: Error, about: onServer(id)}
	sent := plural(c.Copies.Recent, "request") + " " + b.window()
	switch c.Health.State {
	case health.Group:
		s.State, s.Verdict = StateGroup, "It got "+sent+". It is a group: its servers answer from addresses of their own."
	case health.Listening:
		s.State, s.Verdict = StateListening, "It got "+sent+". It only listens."
	case health.Idle, health.Waiting:
		return b.judgeIdle(id, c, s, f)
	case health.Answering:
		return b.judgeAnswers(id, c, s, f)
	case health.Slow:
		return b.judgeSlow(id, s, f)
	case health.Elsewhere:
		s.State, s.Verdict = StateElsewhere, "Its clients are answered, and nobody can tell whether by this server."
		f.severity, f.kind, f.text = Warn, serverUncredited, "Clients are answered from an address that is no server's, and nobody can tell which server that is"
		f.detail = b.silence(&c.Health)
		f.do = "See which address the replies come from (dhcp-relay trace), and write it in answers_from of the [[server]]; until then the relay cannot tell how the server does."
		return f
	case health.Refusing:
		return b.judgeRefusing(id, s, f)
	case health.Dropped:
		b.heardAndDropped(&c.Health, s)
	case health.Silent, health.Unreachable:
		return b.judgeSilent(id, c, s, f)
	}
	return found{}
}

// judgeIdle judges a server of which too little is known to say that it is silent.
func (b *builder) judgeIdle(id count.ServerID, c *count.OfServer, s *Server, f found) found {
	switch {
	case c.Copies.Recent == 0 && c.Failures.Recent > 0:
		return b.refusedBy(id, c, s, f)
	case c.Copies.Recent == 0:
		s.State, s.Verdict = StateIdle, "No request was sent to it "+b.window()+"."
	default:
		s.State, s.Verdict = StateWaiting, "It got "+plural(c.Copies.Recent, "request")+" "+b.window()+"; no answer is overdue."
		if b.overdue(&c.Health) {
			s.Verdict = "Too little is known of it: " + b.silence(&c.Health) + "."
		}
	}
	return found{}
}

// overdue reports whether a server has left requests without an answer for longer than
// one takes, be they too few to say that it is silent.
func (b *builder) overdue(h *health.Reading) bool {
	return h.Requests > 0 && b.Now.Sub(h.First) >= health.SilentAfter
}

// refusedBy tells of a server to which the kernel does not send.
func (b *builder) refusedBy(id count.ServerID, c *count.OfServer, s *Server, f found) found {
	s.State, s.Verdict = StateUnreachable, "The kernel refuses to send to it."
	f.kind, f.text = serverUnreachable, "The kernel refuses to send to this server"
	f.detail = plural(c.Failures.Recent, "request") + " lost " + b.window()
	f.do = "See which route leads there (" + lookUp(id) + ") and what is said of send errors."
	return f
}

// judgeSilent judges a server that leaves requests without the answers that are due.
func (b *builder) judgeSilent(id count.ServerID, c *count.OfServer, s *Server, f found) found {
	switch {
	case b.repliesLost(id):
		b.heardAndDropped(&c.Health, s)
		return found{}
	case c.Health.State == health.Unreachable && c.Trouble == nil:
		return b.refusedBy(id, c, s, f)
	}
	s.State, s.Verdict = StateSilent, "It does not answer: "+b.silence(&c.Health)+"."
	f.kind, f.text = serverSilent, "The server does not answer"
	if c.Health.State == health.Unreachable {
		s.State, f.kind, f.text = StateUnreachable, serverUnreachable, "Requests do not reach the server"
	}
	f.detail, f.do = b.silence(&c.Health), b.wake(id)
	if b.othersAnswer(id) {
		f.severity = Warn
		f.detail += "; other servers answer the same clients"
	}
	return f
}

// heardAndDropped says that the relay does not let a server's replies pass. Why, the drops tell.
func (b *builder) heardAndDropped(h *health.Reading, s *Server) {
	s.State, s.Verdict = StateDropped, "Its replies are heard and dropped, see the drops: "+b.silence(h)+"."
}

// judgeRefusing judges a server that refuses its clients addresses.
func (b *builder) judgeRefusing(id count.ServerID, s *Server, f found) found {
	s.State, s.Verdict = StateRefusing, "It offers clients addresses, and refuses (DHCPNAK) who asks for them."
	f.kind, f.text = serverRefuses, "The server refuses its clients the addresses that it has offered them (DHCPNAK)"
	f.do = "Look at the log of the server: it may have been given another configuration, or its database of leases may be lost, full or read-only."
	if id.Family() == dhcp.V6 {
		s.Verdict = "It refuses its clients addresses (a status such as NoAddrsAvail or NotOnLink)."
		f.text = "The server refuses its clients addresses (a status such as NoAddrsAvail or NotOnLink)"
		f.do = "Look at the log of the server: whether its pools have addresses left, and are for the link-addresses of this relay."
	}
	if b.othersAnswer(id) {
		f.severity = Warn
		f.detail = "other servers answer the same clients"
	}
	return f
}

// silence says since when a server does not answer.
func (b *builder) silence(h *health.Reading) string {
	if h.LastReply.IsZero() {
		return plural(h.Requests, "request") + " since " + clock(h.First, b.Now) + ", and not one answer"
	}
	return "answered until " + clock(h.LastReply, b.Now) + ", " + plural(h.Requests, "request") + " since without an answer"
}

// clock says a time of day, with the day if it is not that of now.
func clock(t, now time.Time) string {
	t = t.UTC()
	if t.Format(time.DateOnly) != now.UTC().Format(time.DateOnly) {
		return t.Format(time.DateTime) + " UTC"
	}
	return t.Format(time.TimeOnly) + " UTC"
}

// judgeSlow judges a server that answers late.
func (b *builder) judgeSlow(id count.ServerID, s *Server, f found) found {
	late := strconv.FormatFloat(health.Late.Seconds(), 'f', -1, 64) + " seconds"
	s.State, s.Verdict = StateSlow, "It answers, but most clients wait more than "+late+"."
	f.severity, f.kind, f.text = Warn, serverSlow, "The server answers late"
	f.detail = "most of its last answers took more than " + late
	f.do = "Look at the load of the server, at its log and at its database; where it first looks whether an address is free (ping-check), have it wait less. Packets may be lost on the way, too."
	if b.othersAnswer(id) {
		f.severity = Info
	}
	return f
}

// judgeAnswers judges a server that does reply. Half of the requests is what each
// of two servers that share the load answers, so that only less is told of.
func (b *builder) judgeAnswers(id count.ServerID, c *count.OfServer, s *Server, f found) found {
	s.State, s.Verdict = StateAnswering, "It answers."
	switch {
	case doubled(c):
		s.Verdict = "It answers about twice as often as it is asked."
		f.severity, f.kind, f.text = Warn, serverDoubled, "The server answers about twice as often as it is asked: another relay serves its clients too, and uses the same addresses"
		f.detail = plural(c.Lately.Replies, "reply") + " to " + plural(c.Lately.Copies, "request") + " in the last minute or two"
		f.do = "Look for another relay on this host (ss -ulpn 'sport = :" + strconv.Itoa(int(id.Family().Port())) + "') or at the same networks, and stop one of the two; if there is none, for what sends packets twice on the way."
	case partly(c):
		s.State = StatePartly
		s.Verdict = "It answers some requests: " + plural(c.Replies.Recent, "reply") + ", and " + plural(c.NoReply.Recent, "request") + " without, " + b.window() + "."
		f.severity, f.kind, f.text = Warn, serverPartly, "The server answers fewer than half of the requests"
		f.detail = plural(c.Replies.Recent, "reply") + ", and " + plural(c.NoReply.Recent, "request") + " without, " + b.window()
		f.do = "Look at the server's log: it may have no subnet for some interfaces, no addresses left, or too much to do."
		if b.othersAnswer(id) {
			f.severity = Info
		}
	case c.Health.From.IsValid():
		from := c.Health.From.String()
		s.Verdict = "It answers, from " + from + "."
		f.severity, f.kind, f.text = Info, serverElsewhere, "The server answers from another address than the one that it is asked at"
		f.detail = "from " + from
		f.do = "Nothing, if that is its address too, such as that of a node behind a virtual or anycast address, or of a server behind another relay: answers_from = [" + strconv.Quote(from) + "] in its [[server]] says so. Else look for who answers there."
	case b.overdue(&c.Health):
		s.Verdict = "It " + b.silence(&c.Health) + "."
		return found{}
	default:
		return found{}
	}
	return f
}

// partly reports whether a server answers fewer than half of the requests, and still does.
func partly(c *count.OfServer) bool {
	few := func(replies, none uint64) bool { return none*5 >= (replies+none)*3 }
	now := &c.Lately
	return c.NoReply.Recent >= 3 && few(c.Replies.Recent, c.NoReply.Recent) && few(now.Replies, now.NoReply)
}

// doubled reports whether a server sends about two replies for each request these days,
// or where few ask, did so all the time and still does. It sends one at most of its own accord: each reply answers one message, and a
// client that takes another server's offer is not answered.
func doubled(c *count.OfServer) bool {
	now := &c.Lately
	if now.CopiesNow > 4*enough {
		return now.RepliesNow*10 >= now.CopiesNow*17
	}
	return c.Copies.Recent > enough && c.Replies.Recent*10 >= c.Copies.Recent*17 && c.Lately.Replies*10 >= c.Lately.Copies*17
}

// othersAnswer reports whether another server of each interface that has this
// one replies.
func (b *builder) othersAnswer(id count.ServerID) bool {
	all := false
	for i := range b.Links {
		l := &b.Links[i]
		if !slices.Contains(l.Servers, id) || l.State != agent.Relaying {
			continue
		}
		if !slices.ContainsFunc(l.Servers, func(s count.ServerID) bool { return s != id && b.served[s].replying }) {
			return false
		}
		all = true
	}
	return all
}

// repliesLost reports whether replies that may be of a server were dropped. What
// tells of that is their reason: the server is not silent.
func (b *builder) repliesLost(id count.ServerID) bool {
	lost := func(link string) bool {
		return slices.ContainsFunc(b.Counts.Links[link].Drops, func(d count.OfDrop) bool {
			return d.Family == id.Family() && d.Direction == dhcp.Replies && b.now(d.Last) && !d.Reason.Doc().Stranger
		})
	}
	return lost(count.Other) || slices.ContainsFunc(b.Links, func(l Link) bool {
		return slices.Contains(l.Servers, id) && lost(l.Name)
	})
}

// wake says what to look at when a server is silent.
func (b *builder) wake(id count.ServerID) string {
	port := strconv.Itoa(int(id.Family().Port()))
	do := "Check that the address is right, that it runs, and that this host reaches it (" + lookUp(id) +
		"), and that no firewall, here or there, drops UDP port " + port + " in either direction."
	var from []string
	for i := range b.Links {
		if l := &b.Links[i]; l.State == agent.Relaying && l.Address.IsValid() && slices.Contains(l.Servers, id) {
			if a := l.Address.String(); !slices.Contains(from, a) {
				from = append(from, a)
			}
		}
		if len(from) > 3 {
			break
		}
	}
	switch {
	case len(from) == 0:
		return do
	case id.Family() == dhcp.V6:
		return do + " It needs a subnet for the link-address " + either(from) + "."
	}
	return do + " It needs a route back to the giaddr " + either(from) + ", and a subnet (scope) for it."
}

// either lists examples.
func either(names []string) string {
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + " and so on"
	}
	return strings.Join(names, ", ")
}

// lookUp is the command that tells how this host reaches a server.
func lookUp(id count.ServerID) string {
	a := id.Addr.Addr()
	cmd := "ip route get " + a.WithZone("").String()
	if z := a.Zone(); z != "" {
		cmd += " oif " + z
	}
	if id.VRF != "" {
		cmd += " vrf " + id.VRF
	}
	return cmd
}
