//go:build !small

package http

import (
	"fmt"
	"slices"
	"strings"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/transaction"
	"dhcp-relay/relay/wire/dhcp"
)

// A stepRow is one step of a ladder as the page draws it: the client on the left,
// the relay in the middle, the server on the right.
type stepRow struct {
	api.Step
	After   string // since the transaction began
	Class   string // which way the arrows point, and whether they end at the relay
	Near    string // on the arrow between client and relay; "": there is none
	Far     string // on the arrow between relay and server; "": there is none
	Says    string // the same in words, for those who do not see it
	Peer    string // the servers concerned
	Details string
}

// steps returns the rungs of a transaction.
func steps(t api.Transaction) []stepRow {
	out := make([]stepRow, len(t.Steps))
	for i, s := range t.Steps {
		out[i] = newStepRow(&t, s)
	}
	return out
}

func newStepRow(t *api.Transaction, s api.Step) stepRow {
	name := strings.ToUpper(words(s.Type))
	r := stepRow{
		Step: s, Class: s.Direction.String(), Details: strings.Join(details(&s), ", "),
		After: fmt.Sprintf("%.1f ms", float64(s.Time.Sub(t.Started).Microseconds())/1e3),
	}
	reply := s.Direction == dhcp.Replies
	// A reply that its clients' own interface heard came from where the clients are.
	fromClients := !reply || s.Sent == nil && s.Interface == t.Interface
	switch {
	case s.Sent == nil && fromClients:
		r.Class, r.Near = "request dropped", name
		r.Says = fmt.Sprintf("%s from %s on %s, dropped", name, s.Source.String(), s.Interface)
	case s.Sent == nil:
		r.Class, r.Far, r.Peer = "reply dropped", name, s.Source.String()
		r.Says = fmt.Sprintf("%s from %s, dropped", name, r.Peer)
	case reply:
		r.Near, r.Far, r.Peer = name, name, s.Source.String()
		r.Says = fmt.Sprintf("%s from %s, relayed to the client", name, r.Peer)
	default:
		r.Near, r.Far, r.Peer = name, name, strings.Join(api.Endpoints(s.Sent.Destinations), ", ")
		r.Says = fmt.Sprintf("%s from the client, relayed to %s", name, r.Peer)
	}
	return r
}

// explained reports whether a step tells what the cause is.
func explained(t api.Transaction) bool {
	return slices.ContainsFunc(t.Steps, func(s api.Step) bool { return s.What != "" && strings.Contains(t.Cause, s.What) })
}

// details returns what else there is to tell of a step.
func details(s *api.Step) (parts []string) {
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if s.Sent == nil {
		add("%s", s.Outcome)
		add("heard on %s", s.Interface)
	}
	parts = append(parts, transaction.Says(s)...)
	if s.RTT > 0 {
		add("after %s", seconds(s.RTT))
	}
	if s.Sent != nil {
		if s.Direction == dhcp.Replies {
			add("%s to %s", s.Sent.Cast, strings.TrimSpace(strings.Join(api.Endpoints(s.Sent.Destinations), ", ")+" "+s.Sent.FrameTo))
		}
		add("relayed in %s", seconds(s.Took))
		if len(s.Unsent) > 0 {
			add("%s", transaction.Unsent(s))
		}
	}
	if s.Bare {
		add("without option 82 for want of room")
	}
	return parts
}
