package relay

import (
	"maps"
	"syscall"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// A server is one server of an interface, with the ways out to it.
type server struct {
	to    *serverState
	own   outlet // from the interface's source port
	usual outlet // from the usual port of relays, for what does not tell a server of another
	link  int    // index of the interface to send on, 0 if the route decides
}

// An outlet is a queue that leads to a server.
type outlet struct {
	queue *udp.Queue // nil if the way to the server does not exist now
	pair  *pairQueues
}

// from returns the outlet from a port: the usual one, or the interface's.
func (t *server) from(port uint16, f dhcp.Family) outlet {
	if port == f.Port() {
		return t.usual
	}
	return t.own
}

// senders are a loop's queues into the sockets, and for each link its servers,
// resolved when first needed.
type senders struct {
	family dhcp.Family
	state  *state
	pairs  map[agent.Socket]*pairQueues
	own    map[*udp.Conn]*udp.Queue      // of servers with a socket of their own
	shared map[*agent.Interface][]server // which depends on the interface alone
	busy   []*udp.Queue                  // in which something waits

	// By agent.Link.ID.
	byLink  [][]server
	clients []*udp.Queue
}

// pairQueues are the queues into the sockets of a pair, made when first needed.
type pairQueues struct {
	pair     *udp.Pair
	requests *udp.Queue
	clients  *udp.Queue
	whole    *udp.Queue
}

// toClients returns the queue for replies that the kernel brings.
func (p *pairQueues) toClients() *udp.Queue {
	if p.clients == nil {
		p.clients = udp.NewQueue(p.pair.ToClients)
	}
	return p.clients
}

// large returns the queue for requests that are to be fragmented, nil if the kernel
// does so anyway.
func (p *pairQueues) large() *udp.Queue {
	if p.whole == nil && p.pair.Whole != nil {
		p.whole = udp.NewQueue(p.pair.Whole)
	}
	return p.whole
}

// toServer returns the queue for requests to a server: its own, or that by which all
// requests leave where it has none. By neither are answers waited for.
func (o *senders) toServer(k agent.Socket, to *serverState) (out outlet) {
	out.pair = o.pairs[k]
	if out.pair == nil {
		return out
	}
	if c := to.senders[k]; c != nil {
		if o.own[c] == nil {
			o.own[c] = udp.NewQueue(c)
		}
		out.queue = o.own[c]
		return out
	}
	if out.pair.requests == nil {
		out.pair.requests = udp.NewQueue(out.pair.pair.Requests)
	}
	out.queue = out.pair.requests
	return out
}

// adopt takes over a state after leave.
func (o *senders) adopt(s *state) {
	o.state = s
	for k, v := range s.sockets {
		if k.Family == o.family && o.pairs[k] == nil {
			o.pairs[k] = &pairQueues{pair: v.pair}
		}
	}
	o.shared = make(map[*agent.Interface][]server)
	o.byLink = make([][]server, len(s.Links))
	o.clients = make([]*udp.Queue, len(s.Links))
}

// leave forgets the state at hand; queues of sockets that stay are kept.
func (o *senders) leave(next *state) {
	for k, q := range o.pairs {
		if v := next.sockets[k]; v == nil || v.pair != q.pair {
			delete(o.pairs, k)
		}
	}
	stay := make(map[*udp.Conn]bool)
	for i := range next.servers {
		for _, c := range next.servers[i].senders {
			stay[c] = true
		}
	}
	maps.DeleteFunc(o.own, func(c *udp.Conn, _ *udp.Queue) bool { return !stay[c] })
	o.state, o.shared, o.byLink, o.clients = nil, nil, nil, nil
}

// servers returns the servers of a link.
func (o *senders) servers(l *agent.Link) []server {
	if s := o.byLink[l.ID]; s != nil {
		return s
	}
	s := o.shared[l.Interface]
	if s == nil {
		s = o.resolve(l)
		o.shared[l.Interface] = s
	}
	o.byLink[l.ID] = s
	return s
}

// resolve finds the ways to the servers of a link.
func (o *senders) resolve(l *agent.Link) []server {
	of := l.Side[o.family].Servers
	all := make([]server, len(of))
	for i, n := range of {
		t := &all[i]
		t.to = &o.state.servers[n]
		way := o.state.Plan.Way(n)
		if way.Lacks != agent.Nothing {
			continue
		}
		t.link = way.Link
		t.own = o.toServer(agent.Socket{Family: o.family, Port: l.Interface.Of(o.family).SourcePort, VRF: way.VRF}, t.to)
		t.usual = o.toServer(agent.Socket{Family: o.family, Port: o.family.Port(), VRF: way.VRF}, t.to)
	}
	return all
}

// client returns the queue that leads to a link's clients, nil if there is none.
func (o *senders) client(l *agent.Link) *udp.Queue {
	if o.clients[l.ID] == nil {
		if p := o.pairs[o.state.Plan.ClientSocket(l, o.family)]; p != nil {
			o.clients[l.ID] = p.toClients()
		}
	}
	return o.clients[l.ID]
}

// into returns q, of which it notes that something waits in it from now on.
func (o *senders) into(q *udp.Queue) *udp.Queue {
	if q.Empty() {
		o.busy = append(o.busy, q)
	}
	return q
}

// flush sends what is queued.
func (o *senders) flush(done func(int, syscall.Errno)) {
	for _, q := range o.busy {
		q.Flush(done)
	}
	o.busy = o.busy[:0]
}
