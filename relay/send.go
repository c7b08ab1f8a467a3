package relay

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/clientmac"
	"dhcp-relay/relay/host/frame"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/observe"
	"dhcp-relay/relay/wire/dhcp"
)

// A sending is what a loop sends a batch with.
type sending struct {
	engine  *Engine
	family  dhcp.Family
	clients *clientmac.Clients // see origins
	senders senders
	frames  frames

	state  *state
	now    time.Duration                         // of the batch, since the engine's start
	copies []copied                              // of the batch
	lesser [2][]int                              // indexes of copies that leave without VSS or link selection, and without both
	tooBig []int                                 // the same that are larger than the MTU
	spare  []int                                 // room for one of these lists
	forms  []byte                                // octets of earlier forms of the batch, see observe.Form
	done   func(copied int, errno syscall.Errno) // sent, made once

	inFrame func(copied int, err error) // framed, made once
}

// A copied is one copy of a message: to a server, or to the client.
type copied struct {
	m  *observe.Message
	to *server // nil: the client
	n  int     // place of the server among the link's

	form agent.Form
}

func newSending(e *Engine, f dhcp.Family) sending {
	return sending{engine: e, family: f, senders: senders{family: f, pairs: make(map[agent.Socket]*pairQueues), own: make(map[*udp.Conn]*udp.Queue)}}
}

// leave lets go of the state at hand and of what the next one has not.
func (o *sending) leave(next *state) {
	o.state = nil
	clear(o.copies[:cap(o.copies)])
	o.senders.leave(next)
	o.frames.leave(next.Snap)
}

// adopt takes over a state after leave.
func (o *sending) adopt(s *state) {
	o.state = s
	o.done, o.inFrame = o.sent, o.framed
	o.senders.adopt(s)
	o.frames.adopt(s.Snap)
}

// batch sends what was decided to relay.
func (o *sending) batch(b *observe.Batch) {
	o.now = b.Now
	o.copies, o.forms = o.copies[:0], o.forms[:0]
	for i := range b.Messages {
		m := &b.Messages[i]
		if m.Verdict.Reason != agent.Relayed {
			continue
		}
		switch m.Verdict.To {
		case agent.ToServers:
			o.toServers(m)
		case agent.ToFrame:
			o.toFrame(m)
		case agent.ToHost:
			o.toClient(m)
		}
	}
	o.frames.queue.Flush(o.inFrame) // first: what the kernel sends may wait for a neighbour
	o.senders.flush(o.done)
	if len(o.lesser[0])+len(o.lesser[1])+len(o.tooBig) > 0 {
		o.otherForms()
	}
}

// toServers queues the copies of a request.
func (o *sending) toServers(m *observe.Message) {
	v := &m.Verdict
	servers := o.senders.servers(v.Link)
	for n := range servers {
		form := v.FormFor(n, &servers[n].to.Server)
		if form == agent.NoCopy {
			continue
		}
		if to := servers[n].to; !to.pace.Take(v.Link.Host.Index, o.now, m.Greedy) {
			m.Paced = true
			to.counts.Withheld.Inc()
			continue
		}
		switch form {
		case agent.NoCopy:
		case agent.WithoutVSS, agent.WithoutLinkSelection:
			o.lesser[0] = append(o.lesser[0], o.add(copied{m, &servers[n], n, form}))
		case agent.WithoutBoth:
			o.lesser[1] = append(o.lesser[1], o.add(copied{m, &servers[n], n, form}))
		case agent.Whole:
			o.queue(o.add(copied{m, &servers[n], n, form}))
		}
	}
}

// add notes a copy, and returns its index.
func (o *sending) add(c copied) int {
	o.copies = append(o.copies, c)
	return len(o.copies) - 1
}

// queue queues the copy of a request with an index.
func (o *sending) queue(i int) {
	c := &o.copies[i]
	v := &c.m.Verdict
	q := c.to.from(v.SrcPort, o.family).queue
	if q == nil {
		o.sent(i, syscall.ENODEV)
		return
	}
	o.senders.into(q).Add(i, c.m.Buf.Bytes(), c.to.to.Addr, v.SourceTo(&c.to.to.Server), c.to.link, &c.to.to.route.seg)
}

// toClient sends a reply to a DHCPv6 client: in a frame if it is known where the
// request came from, else by the kernel, which asks for the client's link-layer
// address first.
func (o *sending) toClient(m *observe.Message) {
	v := &m.Verdict
	if v.Frameable() && o.clients != nil && o.frames.allowed(v.Link) {
		var known bool
		if m.HW, known = o.clients.Place(v.Link.Host.Index, v.Dst, m.Buf.Bytes()).Find(); known {
			v.Frame(m.HW[:])
			o.toFrame(m)
			return
		}
	}
	if o.frames.denied && o.engine.unframed.Load() == nil {
		o.engine.WithoutFrames(errNoFrames)
	}
	o.toHost(m)
}

// errNoFrames says why there is no packet socket.
var errNoFrames = errors.New("CAP_NET_RAW is missing")

// toHost queues a reply that the kernel brings to the client.
func (o *sending) toHost(m *observe.Message) {
	v, i := &m.Verdict, o.add(copied{m: m})
	q := o.senders.client(v.Link)
	if q == nil {
		o.sent(i, syscall.ENODEV)
		return
	}
	o.senders.into(q).Add(i, m.Buf.Bytes(), netip.AddrPortFrom(v.Dst, v.Port), v.Src, v.Link.Host.Index, nil)
}

// toFrame queues a reply that leaves in a frame.
func (o *sending) toFrame(m *observe.Message) {
	v, b := &m.Verdict, &m.Buf
	src, dst := netip.AddrPortFrom(v.Src, o.family.Port()), netip.AddrPortFrom(v.Dst, v.Port)
	i := o.add(copied{m: m})
	if err := o.frames.add(i, v.Link, b.Store[b.Off-frame.Headroom:b.Off+b.Len], src, dst, v.HW); err != nil {
		o.framed(i, err)
	}
}

// framed notes what became of a frame.
func (o *sending) framed(i int, err error) { o.sent(i, errnoOf(err)) }

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

// sent notes what became of a copy.
func (o *sending) sent(i int, errno syscall.Errno) {
	c := &o.copies[i]
	switch m := c.m; {
	case c.to == nil:
		o.sentToClient(m, errno)
	case errno == 0:
		m.Sent, m.Bare = true, m.Bare || m.Verdict.Omitted
		m.Copies |= 1 << c.n
		c.to.to.counts.Sent()
	case errno == syscall.EMSGSIZE:
		m.TooBig = true
		o.tooBig = append(o.tooBig, i)
	default:
		o.refused(c, errno)
	}
}

// sentToClient notes whether a reply left.
func (o *sending) sentToClient(m *observe.Message, errno syscall.Errno) {
	if errno == 0 {
		m.Sent = true
		return
	}
	m.TooBig, m.Errno = errno == syscall.EMSGSIZE, errno
	o.engine.counts.ClientSendError(errno)
}

// refused notes that a server does not get its copy.
func (o *sending) refused(c *copied, errno syscall.Errno) {
	c.m.Refused |= 1 << c.n
	c.m.Errno = errno
	c.to.to.counts.Failed(errno)
}

// otherForms sends the copies that go out in another form: without VSS or link selection
// to servers that are to get none, which no two servers lack apart, and without option 82
// where the kernel has said that it makes the message larger than the MTU of the route,
// which no snapshot knows. What is larger without it was so when it came, in fragments or
// from a link with a larger MTU, and goes out in fragments. A message is edited only while
// no copy of it is queued.
func (o *sending) otherForms() {
	for n := range o.lesser {
		o.again(&o.lesser[n], func(i int) {
			if c := &o.copies[i]; c.m.Verdict.Differs(c.form) {
				o.keepForm(c.m)
				c.m.Verdict.Shape(&c.m.Buf, c.form)
			}
			o.queue(i)
		})
	}
	o.again(&o.tooBig, func(i int) {
		m := o.copies[i].m
		if !m.Verdict.Omitted {
			o.keepForm(m)
		}
		switch m.Verdict.TooLarge(&m.Buf) {
		case agent.Smaller:
			o.queue(i)
		case agent.Fragments:
			o.inFragments(i)
		case agent.Refused:
			o.refused(&o.copies[i], syscall.EMSGSIZE)
		}
	})
	o.again(&o.tooBig, o.inFragments)
	for _, i := range o.tooBig {
		o.refused(&o.copies[i], syscall.EMSGSIZE)
	}
	o.tooBig = o.tooBig[:0]
}

// keepForm keeps the form that servers have got a message in, before it is edited.
func (o *sending) keepForm(m *observe.Message) {
	got := m.Copies &^ m.InEarlier()
	if got == 0 {
		return
	}
	at := len(o.forms)
	o.forms = append(o.forms, m.Buf.Bytes()...)
	m.Earlier = append(m.Earlier, observe.Form{Sent: o.forms[at:], Shift: m.Buf.Off - m.Off, Copies: got})
}

// again has the copies of a list queued anew, and sends them.
func (o *sending) again(list *[]int, queue func(i int)) {
	now := *list
	*list, o.spare = o.spare[:0], now
	for _, i := range now {
		queue(i)
	}
	o.senders.flush(o.done)
}

// inFragments queues a copy that is larger than the MTU without option 82.
func (o *sending) inFragments(i int) {
	c := &o.copies[i]
	v := &c.m.Verdict
	if q := c.to.from(v.SrcPort, o.family).pair.large(); q != nil {
		o.senders.into(q).Add(i, c.m.Buf.Bytes(), c.to.to.Addr, v.SourceTo(&c.to.to.Server), c.to.link, nil) // a segment cannot be fragmented
		return
	}
	o.refused(c, syscall.EMSGSIZE)
}
