package status

import (
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
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
		b.served[c.ServerID] = serverState{replying: c.Replies.Recent > 0}
		if !slices.Contains(b.Servers, c.ServerID) {
			ids = append(ids, c.ServerID)
		}
	}
	for _, id := range ids {
		c := counts[id]
		s := Server{
			Address: endpoint(id), VRF: id.VRF, Family: id.Family(),
			Copies: c.Copies, Replies: c.Replies, Failures: c.Failures, Unanswered: c.NoReply,
			AnswerRatio: ratio(&c), Response: response(c.Response), Cause: causeOf(&c),
		}
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

// judgeServer sets the state of a server and its verdict, and says what is wrong.
func (b *builder) judgeServer(id count.ServerID, c *count.OfServer, s *Server) found {
	f := found{severity: Error, about: onServer(id)}
	sent := plural(c.Copies.Recent, "request") + " " + b.window()
	switch {
	case id.Addr.Addr().IsMulticast() && c.Copies.Recent > 0:
		s.State, s.Verdict = StateGroup, "It got "+sent+". It is a group: its servers answer from addresses of their own."
		return found{}
	case c.Copies.Recent == 0 && c.Failures.Recent > 0:
		s.State, s.Verdict = StateUnreachable, "The kernel refuses to send to it."
		f.kind, f.text = serverUnreachable, "The kernel refuses to send to this server"
		f.detail = plural(c.Failures.Recent, "request") + " lost " + b.window()
		f.do = "See which route leads there (" + lookUp(id) + ") and what is said of send errors."
	case c.Replies.Recent > 0:
		return b.judgeAnswers(id, c, s, f)
	case c.Copies.Recent == 0:
		s.State, s.Verdict = StateIdle, "No request was sent to it "+b.window()+"."
		return found{}
	case c.NoReply.Recent == 0 && (c.Copies.Recent < enough || b.othersAnswer(id)):
		s.State, s.Verdict = StateWaiting, "It got "+sent+"; no answer is overdue."
		return found{}
	case b.repliesLost(id):
		s.State, s.Verdict = StateDropped, "It got "+sent+". Replies were heard and dropped, and none of it was relayed: see the drops."
		return found{}
	case b.answeredElsewhere(id):
		s.State, s.Verdict = StateElsewhere, "It got "+sent+". Its clients are answered, but from another address."
		f.severity, f.kind, f.text = Warn, serverElsewhere, "Clients are answered, but from another address than the one that requests go to"
		f.detail = sent + ", no reply from it"
		f.do = "See which address the replies come from (dhcp-relay trace), and write that one in servers; until then the relay cannot tell how the server does."
	default:
		s.State, s.Verdict = StateSilent, "It got "+sent+" and answered none."
		f.kind, f.text = serverSilent, "The server answers nothing"
		f.detail = sent + ", no reply"
		f.do = b.wake(id)
		if b.othersAnswer(id) {
			f.severity = Warn
			f.detail += "; other servers answer the same clients"
		}
	}
	return f
}

// judgeAnswers judges a server that does reply. Half of the requests is what each
// of two servers that share the load answers, so that only less is told of.
func (b *builder) judgeAnswers(id count.ServerID, c *count.OfServer, s *Server, f found) found {
	known := c.Replies.Recent + c.NoReply.Recent
	s.State, s.Verdict = StateAnswering, "It answers."
	if doubled(c) {
		s.Verdict = "It answers about twice as often as it is asked."
		f.severity, f.kind, f.text = Warn, serverDoubled, "The server answers about twice as often as it is asked: another relay serves its clients too, and uses the same addresses"
		f.detail = plural(c.Replies.Recent, "reply") + " to " + plural(c.Copies.Recent, "request") + " " + b.window()
		f.do = "Look for another relay on this host (ss -ulpn 'sport = :" + strconv.Itoa(int(id.Family().Port())) + "') or at the same networks, and stop one of the two; if there is none, for what sends packets twice on the way."
		return f
	}
	if c.NoReply.Recent < 3 || c.NoReply.Recent*5 < known*3 {
		return found{}
	}
	s.State = StatePartly
	s.Verdict = "It answers some requests: " + plural(c.Replies.Recent, "reply") + ", and " + plural(c.NoReply.Recent, "request") + " without, " + b.window() + "."
	f.severity, f.kind, f.text = Warn, serverPartly, "The server answers fewer than half of the requests"
	f.detail = plural(c.Replies.Recent, "reply") + ", and " + plural(c.NoReply.Recent, "request") + " without, " + b.window()
	f.do = "Look at the server's log: it may have no subnet for some interfaces, no addresses left, or too much to do."
	if b.othersAnswer(id) {
		f.severity = Info
	}
	return f
}

// doubled reports whether a server sends about two replies for each request. It
// sends one at most of its own accord: each reply answers one message, and a client
// that takes another server's offer is not answered.
func doubled(c *count.OfServer) bool {
	return c.Copies.Recent > enough && c.Replies.Recent*10 >= c.Copies.Recent*17
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
			return d.Family == id.Family() && d.Direction == dhcp.Replies && d.Count.Recent > 0 && !d.Reason.Doc().Stranger
		})
	}
	return lost(count.Other) || slices.ContainsFunc(b.Links, func(l Link) bool {
		return slices.Contains(l.Servers, id) && lost(l.Name)
	})
}

// answeredElsewhere reports whether the clients of an interface that has a server
// get replies though none of its servers sends any.
func (b *builder) answeredElsewhere(id count.ServerID) bool {
	return slices.ContainsFunc(b.Links, func(l Link) bool {
		c := b.Counts.Links[l.Name]
		return slices.Contains(l.Servers, id) && c.Relayed[l.Family][dhcp.Replies].Recent > 0 &&
			!slices.ContainsFunc(l.Servers, func(s count.ServerID) bool { return b.served[s].replying || s.Addr.Addr().IsMulticast() })
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
