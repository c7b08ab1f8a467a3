package transaction

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/dhcp"
)

// Limits of what one Joiner holds.
const (
	defaultKeep = 1000 // transactions, unless Options say otherwise
	maxSteps    = 64   // steps of one transaction; the oldest leave
)

// Options are what a Joiner needs to know.
type Options struct {
	Names  func(index int) string // names of interfaces, "" if it is not known; must not be nil
	Redact *Redactor              // nil: show everything
	Keep   int                    // transactions to keep, 0: DefaultKeep
}

// A Joiner joins messages into transactions as they come. It keeps a fixed
// number of them, the oldest leave. It is not safe for concurrent use.
type Joiner struct {
	o      Options
	serial uint64
	latest map[Key]*record
	list   []*record // in the order in which they began
}

// A record is a transaction as it is kept: not yet redacted.
type record struct {
	facts
	id         uint64
	link       string
	steps      []step
	count      int // of all steps ever
	shown      int // of these, how many an event has shown
	known      int // of these, how many the outcome rests on that Events has seen last
	shownState api.TransactionState
	text       string
	ended      time.Time // when the client was sent its final answer
}

// A step is a message without its octets, and what they told.
type step struct {
	recorder.Message
	facts
}

// NewJoiner returns a Joiner that knows no message yet.
func NewJoiner(o Options) *Joiner {
	o.Keep = cmp.Or(o.Keep, defaultKeep)
	return &Joiner{o: o, latest: make(map[Key]*record)}
}

// Add takes the next message. It keeps no reference to the message's octets.
func (j *Joiner) Add(m *recorder.Message) {
	if m.Further {
		return
	}
	s := step{Message: *m, facts: read(m)}
	s.Received, s.Sent = nil, nil
	r := j.find(&s)
	if r == nil {
		r = j.begin(&s)
	}
	r.add(s, j.o.Names)
}

// find returns the transaction that a message belongs to, nil if that begins
// with it.
func (j *Joiner) find(s *step) *record {
	if s.key == 0 {
		return nil
	}
	r := j.latest[s.key]
	switch {
	case r == nil, s.At.Sub(r.updated()) > idle:
		return nil
	case len(s.mac) == 0 && len(s.clientID) > 0 && len(r.clientID) > 0 && !bytes.Equal(s.clientID, r.clientID):
		return nil // of two clients without chaddr, see Key4
	case s.Direction == dhcp.Requests && !r.ended.IsZero() && s.At.Sub(r.ended) > Timeout:
		return nil
	}
	return r
}

// begin adds a transaction and lets the oldest leave.
func (j *Joiner) begin(s *step) *record {
	j.serial++
	r := &record{id: j.serial, facts: facts{key: s.key, xid: s.xid}}
	j.list = append(j.list, r)
	if s.key != 0 {
		j.latest[s.key] = r
	}
	if len(j.list) > j.o.Keep {
		old := j.list[0]
		j.list[0] = nil // let the octets go before the array does
		j.list = j.list[1:]
		if j.latest[old.key] == old {
			delete(j.latest, old.key)
		}
	}
	return r
}

// Last returns the last n transactions that the filter lets pass, oldest first.
func (j *Joiner) Last(now time.Time, f Filter, n int) []api.Transaction {
	ts := make([]api.Transaction, 0, min(n, len(j.list)))
	for _, r := range slices.Backward(j.list) {
		if len(ts) >= n {
			break
		}
		if v := r.judge(now, &j.o); f.passes(r, &v, &j.o) {
			ts = append(ts, r.show(&v, &j.o, 0, now))
		}
	}
	slices.Reverse(ts)
	return ts
}

// Events returns what is new since the last call: transactions that have new
// steps or a new outcome, and now pass the filter. The first event of a
// transaction has all its steps. An outcome may also change because time goes
// by without an answer.
func (j *Joiner) Events(now time.Time, f Filter) []api.Event {
	var es []api.Event
	for _, r := range j.list {
		if r.known == r.count && r.settled(now) {
			continue
		}
		v := r.judge(now, &j.o)
		fresh := r.shown < r.count || r.text != v.outcome
		r.known, r.shownState, r.text = r.count, v.state, v.outcome
		if !fresh || !f.passes(r, &v, &j.o) {
			continue
		}
		t := r.show(&v, &j.o, r.shown, now)
		es = append(es, api.Event{Transaction: t, First: r.count - len(t.Steps)})
		r.shown = r.count
	}
	return es
}

func (r *record) updated() time.Time { return r.steps[len(r.steps)-1].At }

// settled reports whether time alone cannot change the outcome any more.
func (r *record) settled(now time.Time) bool {
	return r.shownState != api.Waiting || now.Sub(r.updated()) <= Timeout
}

// add appends a step, in the order of time: an answer may be recorded before the
// batch that held its request.
func (r *record) add(s step, names func(int) string) {
	r.learn(&s, names)
	at := len(r.steps)
	for at > 0 && r.steps[at-1].At.After(s.At) {
		at--
	}
	r.steps = slices.Insert(r.steps, at, s)
	r.count++
	if len(r.steps) > maxSteps {
		r.steps = slices.Delete(r.steps, 0, 1)
	}
}

// learn notes what a step tells of the transaction as a whole.
func (r *record) learn(s *step, names func(int) string) {
	if len(s.mac) > 0 {
		r.mac = s.mac
	}
	if len(s.duid) > 0 {
		r.duid = s.duid
	}
	if len(s.clientID) > 0 {
		r.clientID = s.clientID
	}
	if s.Outcome == agent.Relayed || s.Direction == dhcp.Requests {
		if isSet(s.has) {
			r.has = s.has
		}
		if isSet(s.relay) {
			r.relay = s.relay
		}
	}
	switch {
	case s.Link != 0:
		r.link = nameOf(names, s.Link)
	case r.link == "" && s.Direction == dhcp.Requests:
		r.link = nameOf(names, s.Heard)
	}
	if s.Direction == dhcp.Replies && s.Outcome == agent.Relayed && s.final {
		r.ended = s.At
	}
	if s.Direction == dhcp.Requests && s.Outcome == agent.Relayed {
		r.ended = time.Time{}
	}
}

// rtt returns the time since the request that a reply answers, 0 if there is none.
func (r *record) rtt(at int) time.Duration {
	reply := &r.steps[at]
	if reply.Direction != dhcp.Replies {
		return 0
	}
	for _, q := range slices.Backward(r.steps[:at]) {
		switch {
		case q.Direction != dhcp.Requests, !q.moved(), q.expects == Nobodys, q.exchange != reply.exchange && q.exchange != reply.early:
		case q.asks():
			return reply.At.Sub(q.At)
		default:
			return 0 // no server has got it
		}
	}
	return 0
}

func nameOf(names func(int) string, index int) string {
	if index == 0 {
		return ""
	}
	if n := names(index); n != "" {
		return n
	}
	return "interface " + strconv.Itoa(index)
}
