// Package group knows the past of server groups: which of their servers are down and
// which one is active, how often clients have asked in vain, and by what identifiers
// servers are named. It hands plain values to the decision, and has neither sockets nor
// a clock.
package group

import (
	"hash/maphash"
	"net/netip"
	"sync/atomic"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/smartrelay"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// slots is how many clients are remembered; 8 octets each. So few of 10,000 that wait at
// once share a set of the table that hardly ever one is forgotten.
const slots = 1 << 18

// A Past remembers what messages have told of clients and servers. Its methods may be
// called at once by any number of goroutines; they take no lock and allocate nothing.
type Past struct{ tries smartrelay.Tries }

// NewPast returns one that remembers nothing.
func NewPast() *Past { return &Past{smartrelay.NewTries(slots)} }

// Names are the identifiers of the servers of one policy, learned from replies: the
// address in option 54, and DUIDs. Of two in one place the last one is known.
type Names struct {
	seed  maphash.Seed
	known [1024]atomic.Uint64 // a hash above the server's index and 1
}

const indexBits = 16

// NewNames returns one that knows none.
func NewNames() *Names { return &Names{seed: maphash.MakeSeed()} }

func (n *Names) place(id []byte) (at *atomic.Uint64, hash uint64) {
	hash = maphash.Bytes(n.seed, id)
	return &n.known[hash%uint64(len(n.known))], hash >> indexBits << indexBits
}

// learn notes that a server has an identifier.
func (n *Names) learn(id []byte, server int) {
	at, hash := n.place(id)
	if v := hash | uint64(server+1); server < 1<<indexBits-1 && at.Load() != v {
		at.Store(v)
	}
}

// find returns the index of the server with an identifier and 1, 0 if it is not known.
func (n *Names) find(id []byte) int {
	at, hash := n.place(id)
	if v := at.Load(); v>>indexBits<<indexBits == hash {
		return int(v & (1<<indexBits - 1))
	}
	return 0
}

// A Recall is what is known of a message before it is decided on.
type Recall struct {
	begins bool   // it begins a conversation, so that it counts as a try
	client []byte // what stays the same of its client, a view; nil: nothing is remembered
}

// Recall fills in what of the past the decision on a request depends on, where the link
// that hears it has servers to choose from. m is the message as received.
func (p *Past) Recall(s *agent.Snapshot, names *Names, trials *Trials, f dhcp.Family, m []byte, in *agent.Ingress) (r Recall) {
	in.Tries, in.Trial, in.Named = 0, false, 0
	l := s.Link(in.Link)
	if l == nil || !l.Side[f].Chooses() {
		return r
	}
	var id []byte
	var four [4]byte
	if f == dhcp.V6 {
		r, id = read6(m)
	} else {
		var server netip.Addr
		if r, server = read4(m); server.IsValid() {
			four = server.As4()
			id = four[:]
		}
	}
	if id != nil {
		in.Named = names.find(id)
	}
	if r.client == nil {
		return r
	}
	in.Tries = p.tries.Before(l.Host.Index, r.client, r.begins)
	if r.begins && in.Tries == 0 && (trials.take(l.Interface.Groups, f) || trials.take(l.Interface.ClassGroups, f)) {
		in.Tries, in.Trial = 1, true
	}
	return r
}

// read4 reads a DHCPv4 request, and which server it names.
func read4(m []byte) (r Recall, server netip.Addr) {
	p := bootp.Packet(m)
	if !p.Valid() || p.Op() != bootp.Request || p.Hlen() > 16 {
		return r, server
	}
	r.client = p.Chaddr()
	opts, ok := p.Scan()
	if !ok {
		r.begins = true // BOOTP
		return r, server
	}
	t := opts.Type
	r.begins = !opts.ServerID.IsValid() && (t == bootp.Discover || t == bootp.DHCPRequest || t == 0)
	return r, opts.ServerID
}

// read6 reads a DHCPv6 request, and the DUID of the server that it names.
func read6(data []byte) (r Recall, id []byte) {
	m := dhcp6.Message(data)
	if !m.Valid() {
		return r, nil
	}
	inner, _ := m.Innermost()
	if inner.IsRelay() {
		return r, nil
	}
	t := inner.Type()
	r.begins = t == dhcp6.Solicit || t == dhcp6.Confirm || t == dhcp6.Rebind || t == dhcp6.InformationRequest
	if c := inner.ClientID(); len(c) > 0 {
		r.client = c
	}
	return r, inner.ServerID()
}

// Note remembers what was decided on a message: out is it as relayed, r what Recall has
// returned of it.
func (p *Past) Note(s *agent.Snapshot, names *Names, v *agent.Verdict, in *agent.Ingress, r Recall, out []byte) {
	if v.Reason != agent.Relayed || !v.Link.Side[v.Family].Chooses() {
		return
	}
	if v.To == agent.ToServers {
		if r.begins && r.client != nil {
			p.tries.Asked(v.Link.Host.Index, r.client, in.Tries)
		}
		return
	}
	server := sender(s, v, in.Src)
	if v.Family == dhcp.V6 {
		p.reply6(names, v.Link, server, out)
	} else {
		p.reply4(names, v.Link, server, out)
	}
}

// reply4 notes a DHCPv4 reply of a server. Who gets a NAK has to begin again, and so has
// who takes an offer of a server that then falls silent.
func (p *Past) reply4(names *Names, l *agent.Link, server int, out []byte) {
	m := bootp.Packet(out)
	opts, _ := m.Scan()
	if opts.Type != bootp.Nak && opts.Type != bootp.Offer {
		p.tries.Answered(l.Host.Index, m.Chaddr())
	}
	if server >= 0 && opts.ServerID.IsValid() {
		id := opts.ServerID.As4()
		names.learn(id[:], server)
	}
}

// reply6 is reply4 for DHCPv6, where it is an Advertise that offers.
func (p *Past) reply6(names *Names, l *agent.Link, server int, out []byte) {
	inner, _ := dhcp6.Message(out).Innermost()
	if inner.IsRelay() || inner.Type() == dhcp6.Reconfigure {
		return
	}
	if client := inner.ClientID(); len(client) > 0 && inner.Type() != dhcp6.Advertise {
		p.tries.Answered(l.Host.Index, client)
	}
	if id := inner.ServerID(); server >= 0 && len(id) > 0 {
		names.learn(id, server)
	}
}

// sender returns which of the link's servers a reply is from, -1 if none; of several at
// one address the one with the port, else the first.
func sender(s *agent.Snapshot, v *agent.Verdict, from netip.AddrPort) int {
	best := -1
	for _, n := range v.Link.Side[v.Family].Servers {
		at := s.Policy.Servers[n].Addr
		switch {
		case at.Addr().WithZone("") != from.Addr():
		case at.Port() == from.Port():
			return n
		case best < 0:
			best = n
		}
	}
	return best
}
