package transaction

import (
	"net/netip"
	"slices"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/api"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// show returns the transaction as the outside sees it by the time now, with the steps
// from number from on.
func (r *record) show(v *verdict, o *Options, from int, now time.Time) api.Transaction {
	t := api.Transaction{
		ID: r.id, Family: r.steps[0].Family, XID: r.xid,
		Client: api.Client{
			MAC:      o.Redact.octets(kindMAC, r.mac),
			DUID:     o.Redact.octets(kindDUID, r.duid),
			ClientID: o.Redact.octets(kindID, r.clientID),
		},
		Interface: r.link,
		Started:   r.steps[0].At, Updated: r.updated(),
		State: v.state, Outcome: v.outcome, Cause: v.cause,
		Omitted: r.count - len(r.steps),
	}
	if isSet(r.has) {
		t.Client.Address = o.Redact.addr(r.has)
	}
	if isSet(r.relay) {
		t.Relay = r.relay.String()
	}
	answers := r.answersBy(now)
	t.Steps = make([]api.Step, 0, r.count-from)
	for i := max(from-t.Omitted, 0); i < len(r.steps); i++ {
		s := r.steps[i].show(o, r.rtt(i))
		s.Unanswered = answers[i] == missing
		t.Steps = append(t.Steps, s)
	}
	return t
}

// show returns the step as the outside sees it.
func (s *step) show(o *Options, rtt time.Duration) api.Step {
	out := api.Step{
		Time: s.At, Took: s.Done.Sub(s.At).Seconds(), Type: s.kind, Outer: s.outer, Direction: s.Direction,
		Interface: nameOf(o.Names, s.Heard), Source: api.Endpoint(s.Src.String()), Destination: api.Endpoint(s.Dst.String()),
		Outcome: s.Outcome.String(), Status: s.status, RTT: rtt.Seconds(), Bare: s.Omitted, Class: s.Class,
		Given: leases(o.Redact, s.given), Asked: leases(o.Redact, s.asked),
	}
	if isSet(s.relay) {
		out.Giaddr = s.relay.String()
	}
	if s.Errno != 0 {
		out.Unsent, out.Error = full(s.Refused), senderror.Name(s.Errno)
	}
	if s.Direction == dhcp.Requests && !s.chained {
		out.Source = api.Endpoint(o.Redact.addrPort(s.Src))
	}
	if o.Redact == nil {
		out.Message = s.words // it may name the client's address
	}
	if s.Outcome != agent.Relayed {
		out.What, out.Remedy = s.doc()
		return out
	}
	out.Sent = s.leg(o)
	return out
}

// leg returns how the message was sent on.
func (s *step) leg(o *Options) *api.Sending {
	l := &api.Sending{Towards: "client", Type: s.kind}
	if s.Family == dhcp.V6 && s.Direction == dhcp.Requests {
		l.Type = dhcp6.RelayForward.String()
	}
	if s.From.IsValid() {
		l.Source = s.From.WithZone("").String()
	}
	switch s.To {
	case agent.ToServers:
		l.Towards, l.Cast, l.Destinations = "server", "unicast", full(s.Servers)
		l.Source, l.Sources = s.sources()
		if slices.ContainsFunc(s.Servers, func(v netip.AddrPort) bool { return v.Addr().IsMulticast() }) {
			l.Cast = "multicast"
		}
	case agent.ToFrame:
		l.Cast, l.Destinations = castOf(s.Client.Addr()), []api.Endpoint{s.client(o)}
		l.FrameTo = "ff:ff:ff:ff:ff:ff"
		if s.HW != [6]byte{255, 255, 255, 255, 255, 255} {
			l.FrameTo = o.Redact.octets(kindMAC, s.HW[:])
		}
	case agent.ToHost:
		l.Cast, l.Destinations = castOf(s.Client.Addr()), []api.Endpoint{s.client(o)}
	}
	return l
}

// sources shows where the copies to servers left from: all from one, or each.
func (s *step) sources() (one string, each []string) {
	for i := range s.Servers {
		from := ""
		if a := s.FromTo(i); a.IsValid() {
			from = a.WithZone("").String()
		}
		each = append(each, from)
	}
	if len(slices.Compact(slices.Clone(each))) == 1 {
		return each[0], nil
	}
	return "", each
}

// client shows the receiver of a reply: a client, or another relay.
func (s *step) client(o *Options) api.Endpoint {
	if s.chained {
		return api.Endpoint(s.Client.String())
	}
	return api.Endpoint(o.Redact.addrPort(s.Client))
}

func castOf(a netip.Addr) string {
	if a == broadcast() {
		return "broadcast"
	}
	return "unicast"
}

func leases(r *Redactor, ps []netip.Prefix) (out []string) {
	for _, p := range ps {
		out = append(out, r.lease(p))
	}
	return out
}

// full lists addresses with their ports.
func full(all []netip.AddrPort) []api.Endpoint {
	out := make([]api.Endpoint, 0, len(all))
	for _, a := range all {
		out = append(out, api.Endpoint(a.String()))
	}
	return out
}
