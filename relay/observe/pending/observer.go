package pending

import (
	"net/netip"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// An Observer keeps a table of the requests that a loop sends, and of the replies.
type Observer struct {
	observe.Blind
	table *Table
	about []about // as many as the batch at hand has messages

	state uint64 // number of that which ways are of
	ways  []*Way // by agent.Link.ID, of those that have asked
}

// An about is what a message means for the table.
type about struct {
	key  Key
	kind kind
	to   uint64 // asks: bit n: the link's server n is to reply
	one  bool   // asks: one reply is enough
}

// A kind is what a message does to the table.
type kind uint8

const (
	nothing kind = iota
	asks
	replies
)

// Observer returns one that keeps the table for batches of at most n messages.
func (t *Table) Observer(n int) *Observer { return &Observer{table: t, about: make([]about, n)} }

// Decided implements observe.Observer.
func (o *Observer) Decided(b *observe.Batch) {
	if o.state != b.Number {
		o.state, o.ways = b.Number, make([]*Way, len(b.Links))
	}
	for i := range b.Messages {
		a, m := &o.about[i], &b.Messages[i]
		*a = about{}
		if m.Verdict.Reason != agent.Relayed {
			continue
		}
		if m.Verdict.To == agent.ToServers {
			a.asked(m)
		} else {
			a.key, a.kind = key(m), replies
		}
		if a.kind == asks {
			o.table.Fetch(a.key)
		}
	}
	for i := range b.Messages {
		if a := &o.about[i]; a.kind == asks {
			o.table.Asked(a.key, o.way(b, b.Messages[i].Verdict.Link), a.to, a.one, b.Now)
		}
	}
}

// asked tells a whose replies a request waits for once it is sent.
func (a *about) asked(m *observe.Message) {
	v := &m.Verdict
	if v.Family == dhcp.V6 {
		var typ dhcp6.Type
		a.key, typ = Key6(dhcp6.Message(m.Received), m.In.Src.Addr())
		a.one = typ != dhcp6.Solicit // what looks for servers takes the replies of all
	} else {
		p := bootp.Packet(m.Received)
		if !awaits4(p, v) {
			if bootp.Type(v.Type) == bootp.Inform {
				a.key, a.kind = Key4(p, bootp.Inform), asks // an answer may come, and need not
			}
			return
		}
		a.key = Key4(p, bootp.Type(v.Type))
		a.one = v.Type != uint8(bootp.Discover)
	}
	a.kind = asks
	a.to = 1<<len(v.Link.Side[v.Family].Servers) - 1
	if v.Server >= 0 {
		a.to = 1 << v.Server
	}
}

// awaits4 reports whether a request is to be answered to this relay: not if it
// ends a lease or asks for parameters alone (RFC 2131, sections 4.3.3 to 4.3.5),
// and not if another relay's giaddr is in it.
func awaits4(p bootp.Packet, v *agent.Verdict) bool {
	switch bootp.Type(v.Type) {
	case bootp.Discover, bootp.DHCPRequest, 0:
	default:
		return false
	}
	g := p.Giaddr()
	for i := range v.Link.Side[dhcp.V4].Choices {
		if v.Link.Side[dhcp.V4].Choices[i].Addr == g {
			return true
		}
	}
	return false
}

// key returns the key of a message. The octets where it was received still tell it
// after the edit, which leaves xid and chaddr of a DHCPv4 message as they were, and
// only moves the beginning of a DHCPv6 message.
func key(m *observe.Message) Key {
	if m.Verdict.Family == dhcp.V6 {
		k, _ := Key6(dhcp6.Message(m.Received), m.In.Src.Addr())
		return k
	}
	return Key4(bootp.Packet(m.Received), bootp.Type(m.Verdict.Type))
}

// way returns where the requests of a link go.
func (o *Observer) way(b *observe.Batch, l *agent.Link) *Way {
	if w := o.ways[l.ID]; w != nil {
		return w
	}
	servers := l.Side[b.Family].Servers
	w := &Way{Link: b.Links[l.ID], Family: b.Family, Addrs: make([]netip.AddrPort, len(servers)), Servers: make([]Server, len(servers))}
	for i, n := range servers {
		a := b.Snap.Policy.Servers[n].Addr
		w.Addrs[i], w.Servers[i] = netip.AddrPortFrom(a.Addr().WithZone(""), a.Port()), b.Servers[n]
	}
	o.ways[l.ID] = w
	return w
}

// Done implements observe.Observer.
func (o *Observer) Done(b *observe.Batch) {
	for i := range b.Messages {
		switch a := &o.about[i]; a.kind {
		case asks:
			if missed := a.to &^ b.Messages[i].Copies; missed != 0 {
				o.table.Unsent(a.key, missed)
			}
		case replies:
			o.table.Fetch(a.key)
		case nothing:
		}
	}
	for i := range b.Messages {
		a, m := &o.about[i], &b.Messages[i]
		if a.kind != replies || o.table.Answered(a.key, m.In.Src, b.Now) {
			continue
		}
		if b.Family == dhcp.V4 && bootp.Type(m.Verdict.Type) == bootp.Ack {
			// The server has committed at once (RFC 4039).
			o.table.Answered(Key4(bootp.Packet(m.Received), bootp.Discover), m.In.Src, b.Now)
		}
	}
}

// Asker returns the way of the request that a reply answers, nil if there is none: of
// a reply whose sender is no server.
func (t *Table) Asker(m *observe.Message) *Way {
	w := t.Find(key(m))
	if w == nil && m.Verdict.Family == dhcp.V4 && bootp.Type(m.Verdict.Type) == bootp.Ack {
		w = t.Find(Key4(bootp.Packet(m.Received), bootp.Discover)) // RFC 4039
	}
	return w
}
