package relay

import (
	"context"
	"sync/atomic"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/clientmac"
	"dhcp-relay/relay/host/shed"
	"dhcp-relay/relay/observe"
)

// A macTable knows the link-layer address from which a DHCPv6 message came.
type macTable interface {
	Answer(qs []clientmac.Query)
}

// macs are what tells the link-layer addresses of clients: a filter on the
// sockets, or where that is not allowed the kernel's neighbour table, which does
// not know a client by its first message.
type macs struct {
	table      *clientmac.Table
	clients    *clientmac.Clients // who is at the other end of the transactions; nil without table
	neighbours *clientmac.Neighbours
	ctx        context.Context // of Run
}

// watchMACs returns what tells the link-layer addresses of those who send to a
// socket, and what sheds there for want of time; nil if nothing does.
func (e *Engine) watchMACs(rc syscall.RawConn, vrf int) (macTable, *shed.Gate) {
	if e.macs.table == nil && e.macs.neighbours == nil {
		t, err := e.openMACs()
		if err != nil {
			e.useNeighbours(err)
		}
		if e.macs.table = t; t != nil {
			e.macs.clients = clientmac.NewClients()
		}
	}
	if e.macs.table != nil {
		s, g, err := e.attachMACs(rc, vrf)
		if err == nil {
			return s, g
		}
		e.useNeighbours(err)
	}
	return e.macs.neighbours, nil
}

// attachMACs puts the table's filter on a socket, with one in front that sheds.
func (e *Engine) attachMACs(rc syscall.RawConn, vrf int) (*clientmac.Source, *shed.Gate, error) {
	if vrf != 0 {
		s, err := e.macs.table.Attach(rc)
		return s, nil, err
	}
	g, err := shed.New(shed.BySource)
	if err != nil {
		e.ungated(err)
		s, err := e.macs.table.Attach(rc)
		return s, nil, err
	}
	defer func() { _ = g.Close() }() // the filter has it now, or nobody wants it
	s, err := e.macs.table.Attach(rc, g.Front()...)
	return s, g, err
}

// openMACs makes the table, of the former process's map if that is there: it knows
// from where the messages came that wait in the sockets.
func (e *Engine) openMACs() (*clientmac.Table, error) {
	left := e.keeper.Take(keptMACs)
	if len(left) > 0 {
		t, err := clientmac.Adopt(left[0])
		if err == nil {
			e.keepAs(keptMACs, t.FD())
			return t, nil
		}
		e.keeper.Forget(keptMACs)
		e.log.Warn("DHCPv6 messages that came before this start go without option 79", "err", err)
	}
	t, err := clientmac.New()
	if err == nil {
		e.keepAs(keptMACs, t.FD())
	}
	return t, err
}

// useNeighbours falls back to the kernel's neighbour table.
func (e *Engine) useNeighbours(why error) {
	if e.macs.neighbours != nil {
		return
	}
	e.log.Warn("first messages of unknown clients go without option 79", "err", why)
	e.WithoutFrames(why)
	n := new(clientmac.Neighbours)
	e.macs.neighbours = n
	e.loops.Go(func() {
		for e.macs.ctx.Err() == nil {
			if err := n.Run(e.macs.ctx); err != nil {
				e.log.Warn("neighbour table cannot be followed", "err", err)
				sleep(e.macs.ctx, retryPause)
			}
		}
	})
}

// WithoutFrames notes why replies to DHCPv6 clients cannot go in frames: they leave
// by the kernel's neighbour table, which bounds how many clients are answered at
// once.
func (e *Engine) WithoutFrames(why error) {
	text := why.Error()
	if e.unframed.CompareAndSwap(nil, &text) {
		e.log.Warn("replies to DHCPv6 clients go by the kernel's neighbour table, which has room for few at once (net.ipv6.neigh.default.gc_thresh3)", "err", why)
	}
}

// Unframed returns why replies to DHCPv6 clients do not go in frames, "" if they do
// or nobody has tried.
func (e *Engine) Unframed() string {
	if s := e.unframed.Load(); s != nil {
		return *s
	}
	return ""
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// origins are the link-layer addresses from which a loop's messages came. The
// zero value knows none.
type origins struct {
	table   macTable           // nil for replies, and for DHCPv4 if nobody asks
	queries []clientmac.Query  // of the batch
	clients *clientmac.Clients // who asked in which transaction; nil: nobody is told
	places  []clientmac.Place  // of the batch, in clients; nil: the table knows who has an address, not who has asked

	frames *atomic.Pointer[clientmac.Source] // of the socket; nil: for DHCPv6 and for replies
}

// adopt has a loop ask the table of frames once there is one.
func (o *origins) adopt() {
	if o.frames == nil || o.table != nil {
		return
	}
	if s := o.frames.Load(); s != nil {
		o.table, o.queries = s, make([]clientmac.Query, batchSize)
	}
}

// of has a loop ask m, which may be nil, and note the answers in clients.
func (o *origins) of(m macTable, clients *clientmac.Clients) {
	if m == nil {
		return
	}
	o.table, o.queries, o.clients = m, make([]clientmac.Query, batchSize), clients
	if _, ok := m.(*clientmac.Source); ok {
		o.places = make([]clientmac.Place, batchSize)
	}
}

// ask asks from where the messages of a batch came.
func (o *origins) ask(b *observe.Batch) {
	if o.table == nil {
		return
	}
	qs := o.queries[:len(b.Messages)]
	for i := range qs {
		q, m := &qs[i], &b.Messages[i]
		q.Link, q.Src, q.Message = m.In.Link, m.In.Src.Addr(), m.Received
	}
	o.table.Answer(qs)
	for i := range qs {
		if qs[i].Known {
			b.Messages[i].In.MAC = qs[i].MAC[:]
		}
	}
}

// note notes from where the requests of a batch came, before they are sent, for a
// reply may come at once.
func (o *origins) note(b *observe.Batch) {
	if o.places == nil {
		return
	}
	ps := o.places[:len(b.Messages)]
	for i := range ps {
		m := &b.Messages[i]
		ps[i] = clientmac.Place{}
		if v := &m.Verdict; v.Reason == agent.Relayed {
			ps[i] = o.clients.Place(v.Link.Host.Index, m.In.Src.Addr(), m.Received)
			ps[i].Fetch()
		}
	}
	for i := range ps {
		if o.queries[i].Known {
			ps[i].Note(o.queries[i].MAC)
		} else {
			ps[i].Doubt()
		}
	}
}
