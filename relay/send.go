package relay

import (
	"errors"
	"net/netip"
	"syscall"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/frame"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/observe/pending"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/dhcp"
)

// A target is one server of an interface, with the queue that leads to it.
type target struct {
	queue *queue // nil if the way to the server does not exist now
	usual *queue // the same from the usual port of relays, for what does not tell a server of another
	to    *serverState
	link  int            // index of the interface to send on, 0 if the route decides
	addr  netip.AddrPort // of the server, without zone
}

// replied returns which server a reply is from that was heard on a link, nil if it is
// from none of them: of several at one address the one with the port, else the first.
func replied(ts []target, from netip.AddrPort, link int) (best *target) {
	for i := range ts {
		t := &ts[i]
		switch {
		case t.addr.Addr() != from.Addr() || t.link != 0 && t.link != link:
		case t.addr.Port() == from.Port():
			return t
		case best == nil:
			best = t
		}
	}
	return best
}

// A path is what leads to the servers of an interface, for all of its links.
type path struct {
	targets []target
	addrs   []netip.AddrPort // as long as targets
	servers []pending.Server // as long as targets
	list    recorder.Servers // of targets, for the recorder
}

// outlets are a loop's queues into the sockets, and for each link the path to
// its servers, resolved when first needed.
type outlets struct {
	family dhcp.Family
	log    *recorder.Log // may be nil
	state  *state
	queues map[agent.Socket]*queue
	shared map[*agent.Interface]*path

	// By agent.Link.ID.
	paths   []*path
	ways    []*pending.Way // of those that have asked
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

// adopt takes over a new state after release.
func (o *outlets) adopt(s *state) {
	o.state = s
	for k, v := range s.sockets {
		if k.Family == o.family && o.queues[k] == nil {
			// Requests leave by the socket on which their answers are not waited
			// for, and no replies by it, so that its send buffer is theirs alone.
			o.queues[k] = &queue{Queue: udp.NewQueue(v.pair.Requests), pair: v.pair}
		}
	}
	o.shared = make(map[*agent.Interface]*path)
	o.paths = make([]*path, len(s.snap.Links))
	o.ways = make([]*pending.Way, len(s.snap.Links))
	o.clients = make([]*udp.Queue, len(s.snap.Links))
}

// release forgets the state at hand; queues of sockets that stay are kept.
func (o *outlets) release(s *state) {
	for k, q := range o.queues {
		if v := s.sockets[k]; v == nil || v.pair != q.pair {
			delete(o.queues, k)
		}
	}
	o.state, o.shared, o.paths, o.ways, o.clients = nil, nil, nil, nil, nil
}

// of returns the servers of a link.
func (o *outlets) of(l *agent.Link) []target { return o.path(l).targets }

// path returns the path to the servers of a link.
func (o *outlets) path(l *agent.Link) *path {
	if p := o.paths[l.ID]; p != nil {
		return p
	}
	p := o.shared[l.Interface]
	if p == nil {
		p = o.resolve(l)
		o.shared[l.Interface] = p
	}
	o.paths[l.ID] = p
	return p
}

// way returns the path of a link for the table of transactions.
func (o *outlets) way(l *agent.Link) *pending.Way {
	if w := o.ways[l.ID]; w != nil {
		return w
	}
	p := o.path(l)
	w := &pending.Way{Link: o.state.links[l.ID], Family: o.family, Addrs: p.addrs, Servers: p.servers}
	o.ways[l.ID] = w
	return w
}

// resolve resolves the path of a link, which depends on its interface alone: with
// one of its own, each of 4,000 links took 240 octets more in each loop.
func (o *outlets) resolve(l *agent.Link) *path {
	servers := l.Side[o.family].Servers
	p := &path{targets: make([]target, len(servers))}
	list := make([]netip.AddrPort, len(servers))
	for i, n := range servers {
		t := &p.targets[i]
		t.to = &o.state.servers[n]
		t.addr = netip.AddrPortFrom(t.to.Addr.Addr().WithZone(""), t.to.Addr.Port())
		p.addrs = append(p.addrs, t.addr)
		list[i] = t.to.Addr
		p.servers = append(p.servers, t.to.metrics)
		way := o.state.plan.Way(n)
		if way.Lacks != agent.Nothing {
			continue
		}
		t.link = way.Link
		t.queue = o.queues[agent.Socket{Family: o.family, Port: l.Interface.Of(o.family).SourcePort, VRF: way.VRF}]
		t.usual = o.queues[agent.Socket{Family: o.family, Port: o.family.Port(), VRF: way.VRF}]
	}
	p.list = o.log.Servers(list)
	return p
}

// client returns the queue that leads to a link's clients, nil if there is none.
func (o *outlets) client(l *agent.Link) *udp.Queue {
	if o.clients[l.ID] == nil {
		if q := o.queues[o.state.plan.ClientSocket(l, o.family)]; q != nil {
			o.clients[l.ID] = q.clients()
		}
	}
	return o.clients[l.ID]
}

// A tag names a copy: which message of the batch, and which of its targets.
const tagShift = 16

func tagOf(message, target int) int { return message<<tagShift | target }

func untag(tag int) (message, target int) { return tag >> tagShift, tag & (1<<tagShift - 1) }

// toServers queues the copies of a request.
func (l *loop) toServers(i int, v *agent.Verdict) {
	ts := l.out.of(v.Link)
	for c := range ts {
		switch v.FormFor(c, &ts[c].to.Server) {
		case agent.NoCopy:
		case agent.WithoutVSS:
			l.noVSS = append(l.noVSS, tagOf(i, c))
		case agent.Whole:
			l.copyTo(i, c, &ts[c], v)
		}
	}
}

// from returns the queue that sends from a port: the usual one, or the interface's.
func (t *target) from(port uint16, f dhcp.Family) *queue {
	if port == f.Port() {
		return t.usual
	}
	return t.queue
}

// copyTo queues one copy of a request.
func (l *loop) copyTo(i, c int, t *target, v *agent.Verdict) {
	q := t.from(v.SrcPort, l.family)
	if q == nil {
		l.copied(tagOf(i, c), syscall.ENODEV)
		return
	}
	q.Add(tagOf(i, c), l.bufs[i].Bytes(), t.to.Addr, v.Src, t.link, &t.to.way.seg)
}

// clientCopy is the copy number of what goes to a client.
const clientCopy = 0xffff

// toHost queues a reply that the kernel brings to the client.
func (l *loop) toHost(i int, v *agent.Verdict) {
	q := l.out.client(v.Link)
	if q == nil {
		l.copied(tagOf(i, clientCopy), syscall.ENODEV)
		return
	}
	q.Add(tagOf(i, clientCopy), l.bufs[i].Bytes(), netip.AddrPortFrom(v.Dst, v.Port), v.Src, v.Link.Host.Index, nil)
}

// toClient sends a reply to a DHCPv6 client: in a frame if it is known where the
// request came from, else by the kernel, which asks for the client's link-layer
// address first.
func (l *loop) toClient(i int, v *agent.Verdict) {
	if v.Frameable() && l.clients != nil && l.frames.allowed(v.Link) {
		mac := &l.targets[i]
		var known bool
		if *mac, known = l.clients.Place(v.Link.Host.Index, v.Dst, l.bufs[i].Bytes()).Find(); known {
			v.Frame(mac[:])
			l.toFrame(i, v)
			return
		}
	}
	if l.frames.denied && l.engine.unframed.Load() == nil {
		l.engine.WithoutFrames(errNoFrames)
	}
	l.toHost(i, v)
}

// errNoFrames says why there is no packet socket.
var errNoFrames = errors.New("CAP_NET_RAW is missing")

// toFrame sends a reply in a frame of its own.
func (l *loop) toFrame(i int, v *agent.Verdict) {
	src, dst := netip.AddrPortFrom(v.Src, l.family.Port()), netip.AddrPortFrom(v.Dst, v.Port)
	b := &l.bufs[i]
	err := l.frames.send(v.Link, b.Store[b.Off-frame.Headroom:b.Off+b.Len], src, dst, v.HW)
	l.copied(tagOf(i, clientCopy), errnoOf(err))
}

// errnoOf returns the errno that stands for an error of a frame.
func errnoOf(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	var errno syscall.Errno // leaves the stack, which no frame that was sent may cost
	switch {
	case errors.As(err, &errno):
		return errno
	case errors.Is(err, frame.ErrTooBig):
		return syscall.EMSGSIZE
	}
	return syscall.EIO
}

// copied notes the outcome of one copy.
func (l *loop) copied(tag int, errno syscall.Errno) {
	i, c := untag(tag)
	v, f := &l.verdicts[i], &l.fates[i]
	if errno == 0 {
		f.sent, f.bare = true, f.bare || v.Omitted
		if c != clientCopy {
			f.copies |= 1 << c // of more than 64 servers the rest is not watched
			l.out.of(v.Link)[c].to.metrics.Sent()
		}
		return
	}
	if c == clientCopy {
		f.tooBig, f.errno = errno == syscall.EMSGSIZE, errno
		l.engine.metrics.ClientSendError(errno)
		return
	}
	if errno == syscall.EMSGSIZE {
		f.tooBig = true
		l.tooBig = append(l.tooBig, tag)
		return
	}
	l.refused(tag, errno)
}

// refused notes that a server does not get its copy.
func (l *loop) refused(tag int, errno syscall.Errno) {
	i, c := untag(tag)
	f := &l.fates[i]
	f.refused |= 1 << c
	f.errno = errno
	l.out.of(l.verdicts[i].Link)[c].to.metrics.Failed(errno)
}

// flush sends what is queued, then the copies that go out in another form:
// without VSS to servers that do not understand it, and without option 82 where
// the kernel has said that it makes the message larger than the MTU of the
// route, which no snapshot knows. What is larger without it was so when it came, in
// fragments or from a link with a larger MTU, and goes out in fragments. A message
// is edited only while no copy of it is queued.
func (l *loop) flush() {
	l.out.flush(l.done)
	if len(l.noVSS)+len(l.tooBig) == 0 {
		return
	}
	for _, tag := range l.noVSS {
		i, _ := untag(tag)
		if v := &l.verdicts[i]; v.HasVSS() {
			v.ShedVSS(&l.bufs[i])
		}
		l.again(tag)
	}
	l.noVSS = l.noVSS[:0]
	l.out.flush(l.done)
	l.giant, l.tooBig = l.tooBig, l.giant[:0]
	for _, tag := range l.giant {
		i, _ := untag(tag)
		if v := &l.verdicts[i]; v.Omitted || v.Shed(&l.bufs[i]) {
			l.again(tag)
		} else {
			l.inFragments(tag)
		}
	}
	l.out.flush(l.done)
	l.giant, l.tooBig = l.tooBig, l.giant[:0]
	for _, tag := range l.giant {
		l.inFragments(tag)
	}
	l.out.flush(l.done)
	for _, tag := range l.tooBig {
		l.refused(tag, syscall.EMSGSIZE)
	}
	l.tooBig = l.tooBig[:0]
}

// inFragments queues a copy that is larger than the MTU without option 82, unless
// such are to be dropped.
func (l *loop) inFragments(tag int) {
	i, c := untag(tag)
	v := &l.verdicts[i]
	t := &l.out.of(v.Link)[c]
	if q := t.from(v.SrcPort, l.family).large(); q != nil && !v.Link.Interface.V4.DropOversize {
		q.Add(tag, l.bufs[i].Bytes(), t.to.Addr, v.Src, t.link, nil) // a segment cannot be fragmented
		return
	}
	l.refused(tag, syscall.EMSGSIZE)
}

// again queues a copy anew.
func (l *loop) again(tag int) {
	i, c := untag(tag)
	v := &l.verdicts[i]
	l.copyTo(i, c, &l.out.of(v.Link)[c], v)
}

// flush sends what is queued.
func (o *outlets) flush(done func(int, syscall.Errno)) {
	for _, q := range o.queues {
		q.flush(done)
	}
}
