package pending

import (
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe"
	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A replier is who has sent a reply.
type replier struct {
	from   netip.AddrPort
	family dhcp.Family
	msg    []byte // DHCPv6: the message inside all relay headers

	unicast bool // a DHCPv4 client is sent it so
}

// identity returns what the server calls itself: the address in option 54, or its DUID.
// It returns nil if the reply does not say.
func (r *replier) identity() []byte {
	if r.family == dhcp.V6 {
		return dhcp6.Message(r.msg).ServerID()
	}
	if !bootp.Packet(r.msg).DHCP() {
		return nil
	}
	for code, v := range bootp.Packet(r.msg).Options() {
		if code == bootp.OptionServerID {
			return v
		}
	}
	return nil
}

// A credit says which server of a Way a reply is of.
type credit struct {
	server int  // -1: nobody knows
	other  bool // it came from an address that is not known as the server's
	chosen bool // the client has asked for what a server has offered it
}

// credit returns whose a reply is to a request that waits for some servers. An address
// that is nobody's may be a virtual or anycast one, or another one of a host with
// several, or there is a relay before the servers.
func (t *Table) credit(w *Way, waiting uint64, r *replier) credit {
	if n := w.index(r.from, waiting); n >= 0 {
		return credit{server: n}
	}
	if n := w.alias(r.from.Addr()); n >= 0 {
		return credit{server: n}
	}
	if len(w.Addrs) == 1 {
		return credit{server: 0, other: true}
	}
	id := r.identity()
	if n := w.named(id); n >= 0 {
		return credit{server: n, other: true}
	}
	if n := w.owner(t.seen.owner(id)); n >= 0 {
		return credit{server: n, other: true}
	}
	if bits.OnesCount64(waiting) == 1 {
		return credit{server: bits.TrailingZeros64(waiting), other: true}
	}
	return credit{server: -1}
}

// index returns which server a reply is from, -1 if it is from none of them. Of
// several at one address it is the one with the port, else the first that has yet to
// answer: servers may answer from another port than they listen on.
func (w *Way) index(from netip.AddrPort, waiting uint64) int {
	best := -1
	for n := range min(len(w.Addrs), MaxServers) {
		switch {
		case w.Addrs[n].Addr() != from.Addr():
		case w.Addrs[n].Port() == from.Port():
			return n
		case best < 0, waiting>>best&1 == 0 && waiting>>n&1 == 1:
			best = n
		}
	}
	return best
}

// alias returns which server answers from an address that is listed for it, -1 if
// none does.
func (w *Way) alias(from netip.Addr) int {
	for _, a := range w.Aliases {
		if a.From.Contains(from) {
			return a.Server
		}
	}
	return -1
}

// named returns the server whose address is in option 54, -1 if none is.
func (w *Way) named(id []byte) int {
	a, ok := netip.AddrFromSlice(id)
	if !ok || !a.Is4() {
		return -1
	}
	for n := range w.Addrs {
		if w.Addrs[n].Addr() == a {
			return n
		}
	}
	return -1
}

// owner returns which server is the one of a health, -1 if none is.
func (w *Way) owner(of *health.Server) int {
	if of == nil {
		return -1
	}
	return slices.Index(w.Health, of)
}

// replied notes a reply, and credits it.
func (o *Observer) replied(b *observe.Batch, m *observe.Message, a *about) {
	v := &m.Verdict
	r := replier{from: m.In.Src, family: v.Family, msg: a.inner, unicast: a.unicast}
	if v.Family == dhcp.V4 {
		r.msg = m.Buf.Bytes()
	}
	w, of := o.table.answered(o.table.latest(a.key, a.early, b.Now), &r, b.Now)
	unasked := w == nil
	if of.server < 0 && v.Link != nil {
		n := sender(b, v.Link, m.In.Src, m.In.Link) // it answers nothing that is known
		if n < 0 {
			n = o.way(b, v.Link).alias(m.In.Src.Addr())
		}
		if n >= 0 {
			w, of = o.way(b, v.Link), credit{server: n}
		}
	}
	switch {
	case of.server >= 0:
		w.credited(of, &r, b.Now)
		if h := w.Health[of.server]; v.Family == dhcp.V4 {
			leases(h, v.Type, of.chosen || unasked, r.msg, b.Now)
		} else {
			o.table.leases6(h, of.chosen, r.msg, b.Now)
		}
	case w != nil:
		for _, h := range w.Health {
			h.Strange(b.Now)
		}
	}
	if of.other || v.Family == dhcp.V6 {
		o.table.seen.add(r.identity(), w.health(of.server))
	}
}

// credited notes a reply of a server.
func (w *Way) credited(of credit, r *replier, now time.Duration) {
	var from netip.Addr
	if of.other {
		from = r.from.Addr()
	}
	w.Health[of.server].Replied(w.Index, from, now)
	w.Servers[of.server].Replied() // last: who reads the count finds the rest done
}

// clientOf returns what stands for a DHCPv4 client.
func clientOf(p bootp.Packet) uint64 {
	lo, hi := p.ChaddrWords()
	return lo ^ hi
}

// health returns that of a server, nil for -1.
func (w *Way) health(server int) *health.Server {
	if server < 0 {
		return nil
	}
	return w.Health[server]
}

// sender returns which of a link's servers has the address that a message came from
// which an interface has heard, -1 if none has: of several at one address the one with
// the port, else the first. It is an index into Side.Servers.
func sender(b *observe.Batch, l *agent.Link, from netip.AddrPort, heard int) int {
	best := -1
	for i, n := range l.Side[b.Family].Servers {
		addr := b.Snap.Policy.Servers[n].Addr
		out := b.Plan.Way(n).Link
		switch {
		case addr.Addr().WithZone("") != from.Addr() || out != 0 && out != heard:
		case addr.Port() == from.Port():
			return i
		case best < 0:
			best = i
		}
	}
	return best
}

// lost notes a reply that was dropped, if it has a server's address.
func lost(b *observe.Batch, m *observe.Message) {
	if l := m.Verdict.Link; l != nil {
		if n := sender(b, l, m.In.Src, m.In.Link); n >= 0 {
			b.Servers[l.Side[b.Family].Servers[n]].Health.Dropped(b.Now)
		}
		return
	}
	servers := b.Snap.Policy.Servers
	for n := range servers[:min(len(servers), MaxServers)] {
		if servers[n].Addr.Addr().WithZone("") == m.In.Src.Addr() {
			b.Servers[n].Health.Dropped(b.Now)
		}
	}
}
