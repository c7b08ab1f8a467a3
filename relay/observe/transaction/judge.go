package transaction

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// A verdict is what became of a transaction, and why.
type verdict struct {
	state   api.TransactionState
	outcome string
	cause   string
}

// judge tells what became of a transaction by the time now.
func (r *record) judge(now time.Time, o *Options) verdict {
	last := r.lastAsked()
	if last < 0 {
		return r.judgeUnasked(o)
	}
	first, asked := r.phase(last)
	a := r.answersSince(first, last)
	switch {
	case a.late != nil && (a.good != nil || a.bad != nil):
		return dropped(a.late, o)
	case a.good != nil:
		return verdict{api.Answered, string(api.Answered), join(r.repeats(last), r.also(last, o))}
	case a.bad != nil:
		return verdict{api.Refused, "refused by server (" + a.bad.status + ")", r.refusal(a.bad, o)}
	case a.lost != nil:
		return dropped(a.lost, o)
	case !r.steps[last].due():
		return verdict{api.Sent, string(api.Sent), ""}
	case !slices.Contains(r.answersBy(now)[first:last+1], missing):
		return verdict{api.Waiting, string(api.Waiting), ""}
	}
	return r.silence(first, last, asked, o)
}

// Replies are the last ones of each kind, nil if there are none.
type replies struct {
	good *step // the client was sent it
	bad  *step // the client was sent it, and it is a refusal
	lost *step // it was dropped
	late *step // no reply, but a request that was dropped after them all
}

// answersSince looks for the replies to the request at last, and for dropped
// ones already since its first copy.
func (r *record) answersSince(first, last int) (a replies) {
	for i := first; i < len(r.steps); i++ {
		s := &r.steps[i]
		switch {
		case s.Direction == dhcp.Requests:
			if i > last && s.Outcome != agent.Relayed {
				a.late = s
			}
			continue
		case !answers(&r.steps[last], s):
			continue
		case s.Outcome != agent.Relayed:
			a.lost = s
		case s.status != "":
			a.bad = s
		default:
			a.good = s
		}
		a.late = nil
	}
	return a
}

// phase returns the first of the equal requests since the last answer that the
// client was sent, up to the one at last, and their number.
func (r *record) phase(last int) (first, n int) {
	q := &r.steps[last]
	first = last
	for i := last; i >= 0; i-- {
		s := &r.steps[i]
		if s.Outcome == agent.Relayed && answers(q, s) {
			break
		}
		if s.asks() && s.kind == q.kind {
			first, n = i, n+1
		}
	}
	return first, n
}

// judgeUnasked judges a transaction of which no request went to a server.
func (r *record) judgeUnasked(o *Options) verdict {
	s := &r.steps[len(r.steps)-1]
	for i := range r.steps {
		if r.steps[i].Outcome == agent.Relayed {
			return verdict{api.Sent, string(api.Sent), ""}
		}
		if r.steps[i].Direction == dhcp.Requests {
			s = &r.steps[i] // rather why the client's request was dropped than an answer that nobody asked for
		}
	}
	return dropped(s, o)
}

// lastAsked returns the last request that went to a server, -1 if there is none.
func (r *record) lastAsked() int {
	for i, s := range slices.Backward(r.steps) {
		if s.asks() {
			return i
		}
	}
	return -1
}

// asks reports whether the step is a request that went to servers.
func (s *step) asks() bool { return s.Direction == dhcp.Requests && s.Outcome == agent.Relayed }

// due reports whether an answer to a request is to come by this relay.
func (s *step) due() bool { return s.expects == Anyones || s.expects == Everyone }

// moved reports whether the relay has tried to send the message on.
func (s *step) moved() bool { return s.Outcome == agent.Relayed || s.Errno != 0 }

// answers reports whether a reply may answer a request: an offer that was late
// is no answer to what the client asked since. Of one that is too broken to have a
// type nobody knows.
func answers(q, reply *step) bool {
	return reply.Direction == dhcp.Replies &&
		(q.exchange == reply.exchange || q.exchange == reply.early || reply.Type == agent.TypeInvalid)
}

// An answer says whether a request has been answered.
type answer uint8

const (
	notDue  answer = iota // nobody waits for one
	waiting               // it may still come
	came
	missing // the client has asked again meanwhile, or Timeout is over
)

// answersBy tells of each step, if it is a request, whether it has been answered by
// the time now, as the counters of package pending do.
func (r *record) answersBy(now time.Time) []answer {
	is := make([]answer, len(r.steps))
	open := make(map[Key]int) // the last request of each exchange
	end := func(at int) {
		if is[at] == waiting {
			is[at] = missing
		}
	}
	for i := range r.steps {
		s := &r.steps[i]
		switch {
		case !s.moved():
		case s.Direction == dhcp.Replies:
			at, ok := open[s.exchange]
			if early, also := open[s.early]; also && (!ok || early > at) {
				at, ok = early, true
			}
			if ok && s.At.Sub(r.steps[at].At) <= Timeout {
				is[at] = came
			}
		case s.expects != Nobodys:
			if at, ok := open[s.exchange]; ok {
				end(at)
			}
			open[s.exchange] = i
			if s.asks() && s.due() {
				is[i] = waiting
			}
		}
	}
	for _, at := range open {
		if now.Sub(r.steps[at].At) > Timeout {
			end(at)
		}
	}
	return is
}

// dropped judges a transaction by a step that was dropped.
func dropped(s *step, o *Options) verdict {
	return verdict{api.Dropped, "dropped: " + s.Outcome.String(), s.dropped(o)}
}

// dropped says why the step was dropped, and what to do.
func (s *step) dropped(o *Options) string {
	who := ""
	if s.Direction == dhcp.Replies {
		who = " from " + s.Src.Addr().WithZone("").String()
	}
	what, remedy := s.doc()
	return fmt.Sprintf("The %s%s was dropped on %s (%s): %s %s", words(s.kind), who, nameOf(o.Names, s.Heard), s.Outcome, what, remedy)
}

// doc says what happened and what to do. Where the kernel refused to send, its
// error tells more than the reason does.
func (s *step) doc() (what, remedy string) {
	if s.Outcome != agent.SendFailed || s.Errno == 0 {
		d := s.Outcome.DocOf(s.Direction)
		return d.What, d.Remedy
	}
	towards, to := senderror.Clients, "the client"
	if s.To == agent.ToServers {
		towards, to = senderror.Servers, list(api.Endpoints(full(s.Refused)))
	}
	what, remedy = senderror.Explain(towards, s.Errno)
	return fmt.Sprintf("The kernel refused to send to %s (%s). %s.", to, senderror.Name(s.Errno), what), remedy
}

// also tells of what was dropped although the client was answered: a rogue
// server's reply, for one.
func (r *record) also(last int, o *Options) string {
	for i := range r.steps[last+1:] {
		if s := &r.steps[last+1+i]; s.Outcome != agent.Relayed {
			return s.dropped(o)
		}
	}
	return ""
}

// repeats tells of a client that goes on asking although it was answered.
func (r *record) repeats(last int) string {
	kind := r.steps[last].kind
	asked, answered, cleared := 0, 0, 0
	for i := range r.steps {
		switch s := &r.steps[i]; {
		case s.asks() && s.kind == kind:
			asked++
		case s.Outcome == agent.Relayed && answers(&r.steps[last], s):
			answered++
			if r.steps[last].flagged && s.byUnicast() {
				cleared++
			}
		}
	}
	if asked >= 2 && answered > 0 && cleared == answered {
		return fmt.Sprintf("The client asks for broadcast (flags), has asked %d times (%s), and the server has cleared the flag in its replies, so that they went by unicast: set broadcast = true in [interface.dhcpv4] of %s, or have the server return the flags as it gets them (RFC 2131, section 4.1).",
			asked, words(kind), r.link)
	}
	if asked < 3 || answered < 2 {
		return ""
	}
	return fmt.Sprintf("The client has asked %d times (%s) and was sent %d answers on %s: check that they reach it (VLAN, filters and DHCP snooping of the switches), and that it accepts them.",
		asked, words(kind), answered, r.link)
}

// byUnicast reports whether a client was sent a DHCPv4 reply by unicast, for want of the
// broadcast flag in it.
func (s *step) byUnicast() bool {
	return s.Family == dhcp.V4 && !s.chained && !s.flagged && s.Client.Addr() != broadcast()
}

// silence judges a transaction that no server has answered since the request at
// first, of which there were n.
func (r *record) silence(first, last, n int, o *Options) verdict {
	var who []string
	for i := first; i <= last; i++ {
		for _, v := range r.steps[i].Servers {
			if a := v.Addr().String(); !slices.Contains(who, a) {
				who = append(who, a)
			}
		}
	}
	// A server that the client has not chosen has no reason to answer (RFC 2131,
	// section 4.3.2).
	q := &r.steps[last]
	if a := q.named.String(); slices.Contains(who, a) {
		who = []string{a}
	}
	slices.Sort(who)
	cause := r.silent(who, n, q, q.At.Sub(r.steps[first].At))
	return verdict{api.Unanswered, "no answer from " + list(who), join(cause, r.also(first, o))}
}

// silent says that servers do not answer, and what to look for.
func (r *record) silent(who []string, n int, q *step, span time.Duration) string {
	has, it, runs, needs := "has", "it", "the address is right, that the server runs", "has"
	if len(who) > 1 {
		has, it, runs, needs = "have", "they", "the addresses are right, that the servers run", "have"
	}
	what := "a " + words(q.kind)
	if strings.HasPrefix(q.kind, "i") {
		what = "an " + words(q.kind)
	}
	if n > 1 {
		what = fmt.Sprintf("%d requests", n)
		if s := span.Round(time.Second); s > 0 {
			what += fmt.Sprintf(" in %d s", s/time.Second)
		}
	}
	subnet, back := "giaddr", r.relay.String()
	if q.Family == dhcp.V6 {
		subnet, back = "link-address", "this relay"
		if from, _ := q.sources(); from != "" {
			back = from
		}
	}
	return fmt.Sprintf("%s %s not answered %s: check that %s, that %s %s a subnet for %s %s, and that %s %s a route back to %s.",
		list(who), has, what, runs, it, needs, subnet, r.relay, it, needs, back)
}

// refusal says what a server refused, and what to look for.
func (r *record) refusal(s *step, o *Options) string {
	said := ""
	if s.words != "" && o.Redact == nil {
		said = ", saying " + strconv.Quote(s.words)
	}
	return fmt.Sprintf("%s refused what the client asked for (%s)%s. %s", s.Src.Addr().WithZone(""), s.status, said, r.advice(s.status))
}

// advice says what an operator can do about a refusal (RFC 2131, section 4.3.2;
// RFC 8415, section 21.13).
func (r *record) advice(status string) string {
	switch status {
	case "NAK":
		return fmt.Sprintf("The client will begin anew, which is normal after a move; if it never gets an address, check which subnet the server has for giaddr %s, and that servers agree on leases.", r.relay)
	case "NoAddrsAvail":
		return fmt.Sprintf("Check that the server has a pool with free addresses for link-address %s.", r.relay)
	case "NoPrefixAvail":
		return fmt.Sprintf("Check that the server has a pool with free prefixes to delegate for link-address %s.", r.relay)
	case "NotOnLink":
		return fmt.Sprintf("The client has moved, or the server takes link-address %s for another network than it is.", r.relay)
	case "NoBinding":
		return "The server does not know the client's lease and will give a new one; check that servers share their leases."
	case "UseMulticast":
		return "Nothing to do: the client will ask again by way of this relay."
	}
	return "Look into the server's log."
}

// words makes a type readable: "information_request" becomes "information
// request".
func words(kind string) string {
	switch kind {
	case "unknown":
		return "message"
	case "bootp":
		return "BOOTP message"
	}
	return strings.ReplaceAll(kind, "_", " ")
}

func join(sentences ...string) string {
	return strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), " ")
}

// list names servers.
func list(who []string) string { return cmp.Or(text.All(who), "any server") }
