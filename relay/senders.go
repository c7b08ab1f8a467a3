package relay

import (
	"syscall"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// A server is one server of an interface, with the queues that lead to it.
type server struct {
	to    *serverState
	queue *queue // nil if the way to the server does not exist now
	usual *queue // the same from the usual port of relays, for what does not tell a server of another
	link  int    // index of the interface to send on, 0 if the route decides
}

// from returns the queue that sends from a port: the usual one, or the interface's.
func (t *server) from(port uint16, f dhcp.Family) *queue {
	if port == f.Port() {
		return t.usual
	}
	return t.queue
}

// senders are a loop's queues into the sockets, and for each link its servers,
// resolved when first needed.
type senders struct {
	family dhcp.Family
	state  *state
	queues map[agent.Socket]*queue
	shared map[*agent.Interface][]server // which depends on the interface alone

	// By agent.Link.ID.
	byLink  [][]server
	clients []*udp.Queue
}

// A queue is the udp.Queue for requests of a pair, with those of its sockets that
// only send, which are made when first needed.
type queue struct {
	*udp.Queue
	pair      *udp.Pair
	toClients *udp.Queue
	whole     *udp.Queue
}

// clients returns the queue for replies that the kernel brings.
func (q *queue) clients() *udp.Queue {
	if q.toClients == nil {
		q.toClients = udp.NewQueue(q.pair.ToClients)
	}
	return q.toClients
}

// large returns the queue for requests that are to be fragmented, nil if the kernel
// does so anyway.
func (q *queue) large() *udp.Queue {
	if q.whole == nil && q.pair.Whole != nil {
		q.whole = udp.NewQueue(q.pair.Whole)
	}
	return q.whole
}

// flush sends what is queued.
func (q *queue) flush(done func(int, syscall.Errno)) {
	q.Flush(done)
	if q.toClients != nil {
		q.toClients.Flush(done)
	}
	if q.whole != nil {
		q.whole.Flush(done)
	}
}

// adopt takes over a state after leave.
func (o *senders) adopt(s *state) {
	o.state = s
	for k, v := range s.sockets {
		if k.Family == o.family && o.queues[k] == nil {
			// Requests leave by the socket on which their answers are not waited
			// for, and no replies by it, so that its send buffer is theirs alone.
			o.queues[k] = &queue{Queue: udp.NewQueue(v.pair.Requests), pair: v.pair}
		}
	}
	o.shared = make(map[*agent.Interface][]server)
	o.byLink = make([][]server, len(s.Links))
	o.clients = make([]*udp.Queue, len(s.Links))
}

// leave forgets the state at hand; queues of sockets that stay are kept.
func (o *senders) leave(next *state) {
	for k, q := range o.queues {
		if v := next.sockets[k]; v == nil || v.pair != q.pair {
			delete(o.queues, k)
		}
	}
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
		t.queue = o.queues[agent.Socket{Family: o.family, Port: l.Interface.Of(o.family).SourcePort, VRF: way.VRF}]
		t.usual = o.queues[agent.Socket{Family: o.family, Port: o.family.Port(), VRF: way.VRF}]
	}
	return all
}

// client returns the queue that leads to a link's clients, nil if there is none.
func (o *senders) client(l *agent.Link) *udp.Queue {
	if o.clients[l.ID] == nil {
		if q := o.queues[o.state.Plan.ClientSocket(l, o.family)]; q != nil {
			o.clients[l.ID] = q.clients()
		}
	}
	return o.clients[l.ID]
}

// flush sends what is queued.
func (o *senders) flush(done func(int, syscall.Errno)) {
	for _, q := range o.queues {
		q.flush(done)
	}
}
