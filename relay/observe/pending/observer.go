package pending

import (
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/observe/transaction"
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
	key    transaction.Key
	early  transaction.Key // replies: see transaction.Key.Early
	kind   kind
	to     uint64 // asks: bit n: the link's server n is to reply
	how    meta   // asks: anyone if one reply is enough, strange, wants
	due    uint64 // asks: bit n: that server is silent if it does not reply
	client uint64 // asks: what stands for the client
	inner  []byte // replies: in DHCPv6 the message inside all relay headers

	unicast bool // replies: a DHCPv4 client is sent it by unicast
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
			refused(b, m)
			continue
		}
		a.read(m, &o.table.seen)
		if a.kind == asks {
			o.table.fetch(a.key)
		}
	}
	var run asked
	for i := range b.Messages {
		if a := &o.about[i]; a.kind == asks {
			w := o.way(b, b.Messages[i].Verdict.Link)
			o.table.ask(a.key, w, a.to, a.how, b.Now)
			run.add(w, a.due, a.client, b.Now)
		}
	}
	run.end(b.Now)
}

// The asked are requests in a row that are due to be answered by the same servers.
type asked struct {
	way    *Way
	due    uint64
	client uint64 // 0: several
	n      int
}

func (r *asked) add(w *Way, due, client uint64, now time.Duration) {
	if w != r.way || due != r.due {
		r.end(now)
		*r = asked{way: w, due: due, client: client}
	}
	if client != r.client {
		r.client = 0
	}
	r.n++
}

// end tells the servers before anything is sent to them: a reply may come at once.
func (r *asked) end(now time.Duration) {
	if r.way == nil {
		return
	}
	for due := r.due; due != 0; due &= due - 1 {
		if n := bits.TrailingZeros64(due); n < len(r.way.Health) {
			r.way.Health[n].Asked(r.n, r.way.Index, r.client, now)
		}
	}
}

// refused counts a request that should have gone to servers, and does not.
func refused(b *observe.Batch, m *observe.Message) {
	v := &m.Verdict
	if v.Direction != dhcp.Requests || v.Link == nil || v.Type == agent.TypeInvalid || !v.Reason.Unserved() {
		return
	}
	if transaction.Expects(v.Family, v.Type, further(m)) < transaction.Anyones {
		return
	}
	l := b.Counts(v.Link)
	l.Expected(v.Family)
	l.Unsent(v.Family)
}

// read tells what a message that is relayed means; seen are the servers that replies
// are of.
func (a *about) read(m *observe.Message, seen *identities) {
	v := &m.Verdict
	k, typ, inner := keyOf(m)
	a.key = k.Exchange(v.Family, typ)
	if v.To != agent.ToServers {
		a.kind, a.early, a.inner = replies, k.Early(v.Family, typ), inner
		a.unicast = v.Family == dhcp.V4 && v.Dst != netip.AddrFrom4([4]byte{255, 255, 255, 255})
		return
	}
	expects := transaction.Expects(v.Family, typ, further(m))
	switch expects {
	case transaction.Nobodys:
		return
	case transaction.Perhaps:
		a.kind = asks
		return
	case transaction.Anyones:
		a.how = anyone
		if v.Elsewhere || v.Family == dhcp.V6 && !seen.has(inner.ServerID()) {
			a.how |= strange
		}
	case transaction.Everyone:
	}
	if v.Family == dhcp.V4 && bootp.Packet(m.Received).Broadcast() {
		a.how |= wants
	}
	if a.client = uint64(a.key); v.Family == dhcp.V4 {
		a.client = clientOf(bootp.Packet(m.Received))
	}
	if v.Family == dhcp.V4 && v.Named && typ == uint8(bootp.DHCPRequest) {
		a.how |= chosen
	}
	if v.Family == dhcp.V6 && (typ == uint8(dhcp6.Request) || typ == uint8(dhcp6.Renew)) {
		a.how |= chosen
	}
	a.kind, a.to = asks, v.Due
	a.due = due(m, expects, a, typ)
}

// due returns which servers are silent if they do not answer a request: not those that
// it does not name, nor any where a server is silent that does not know the client.
func due(m *observe.Message, expects transaction.Expectation, a *about, typ uint8) uint64 {
	v := &m.Verdict
	if expects == transaction.Everyone {
		return a.to
	}
	if a.how&strange != 0 || bits.OnesCount64(a.to) != 1 {
		return 0
	}
	known := typ != uint8(dhcp6.Confirm) && typ != uint8(dhcp6.Rebind) // RFC 9915, sections 18.3.3 and 18.3.5
	if v.Family == dhcp.V4 {
		known = v.Named || v.Type != 0 && !bootp.Packet(m.Received).Ciaddr().IsUnspecified() // RFC 2131, section 4.3.2, of INIT-REBOOT
	}
	if !known {
		return 0
	}
	return a.to
}

// further reports whether the giaddr in a request is another relay's.
func further(m *observe.Message) bool {
	if m.Verdict.Family == dhcp.V6 {
		return false
	}
	g := bootp.Packet(m.Received).Giaddr()
	return !g.IsUnspecified() && !slices.ContainsFunc(m.Verdict.Link.Side[dhcp.V4].Choices, func(c agent.Choice) bool { return c.Addr == g })
}

// keyOf returns the key of a message, and its type: in DHCPv6 that of the message
// inside all relay headers, inner. The octets where it was received still tell it after the
// edit, which leaves xid and chaddr of a DHCPv4 message as they were, and only moves
// the beginning of a DHCPv6 message.
func keyOf(m *observe.Message) (k transaction.Key, typ uint8, inner dhcp6.Message) {
	if m.Verdict.Family == dhcp.V6 {
		k, inner = transaction.Key6(dhcp6.Message(m.Received), m.In.Src.Addr())
		return k, uint8(inner.Type()), inner
	}
	return transaction.Key4(bootp.Packet(m.Received)), m.Verdict.Type, nil
}

// way returns where the requests of a link go.
func (o *Observer) way(b *observe.Batch, l *agent.Link) *Way {
	if w := o.ways[l.ID]; w != nil {
		return w
	}
	servers := l.Side[b.Family].Servers
	w := &Way{
		Link: b.Links[l.ID], Index: l.Host.Index, Family: b.Family,
		Addrs: make([]netip.AddrPort, len(servers)), Servers: make([]Server, len(servers)), Health: make([]*health.Server, len(servers)),
	}
	for i, n := range servers {
		a := b.Snap.Policy.Servers[n].Addr
		w.Addrs[i], w.Servers[i], w.Health[i] = netip.AddrPortFrom(a.Addr().WithZone(""), a.Port()), b.Servers[n], &b.Servers[n].Health
	}
	for _, other := range b.Snap.Policy.AnswersFrom {
		if i := slices.Index(servers, other.Server); i >= 0 {
			w.Aliases = append(w.Aliases, Alias{other.From, i})
		}
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
				unsent(b, &b.Messages[i], missed&a.due)
			}
		case replies:
			o.table.fetch(a.key)
		case nothing:
			if v := &b.Messages[i].Verdict; v.Direction == dhcp.Replies && v.Reason != agent.Relayed {
				lost(b, &b.Messages[i])
			}
		}
	}
	for i := range b.Messages {
		if a := &o.about[i]; a.kind == replies {
			o.replied(b, &b.Messages[i], a)
		}
	}
}

// unsent tells servers that they did not get a request. One to which the kernel
// refuses to send leaves it unanswered all the same.
func unsent(b *observe.Batch, m *observe.Message, missed uint64) {
	servers := m.Verdict.Link.Side[b.Family].Servers
	for ; missed != 0; missed &= missed - 1 {
		n := bits.TrailingZeros64(missed)
		h := &b.Servers[servers[n]].Health
		if m.Refused>>n&1 == 1 {
			h.Refused(b.Now)
		} else {
			h.Unasked(1)
		}
	}
}

// Asker returns the way of the request that a reply answers, nil if there is none: of
// a reply whose sender is no server.
func (t *Table) Asker(m *observe.Message) *Way {
	k, typ, _ := keyOf(m)
	f := m.Verdict.Family
	if w := t.find(k.Exchange(f, typ)); w != nil {
		return w
	}
	if early := k.Early(f, typ); early != 0 {
		return t.find(early)
	}
	return nil
}
