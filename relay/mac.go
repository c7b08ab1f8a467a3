package relay

import (
	"context"
	"syscall"
	"time"

	"dhcp-relay/relay/hwaddr"
)

// A macTable knows the link-layer address from which a DHCPv6 message came.
type macTable interface {
	Answer(qs []hwaddr.Query)
}

// macs are what tells the link-layer addresses of clients: a filter on the
// sockets, or where that is not allowed the kernel's neighbour table, which does
// not know a client by its first message.
type macs struct {
	table      *hwaddr.Table
	neighbours *hwaddr.Neighbours
	ctx        context.Context // of Run
}

// watchMACs returns what tells the link-layer addresses of those who send to a
// socket.
func (e *Engine) watchMACs(rc syscall.RawConn) macTable {
	if e.macs.table == nil && e.macs.neighbours == nil {
		t, err := hwaddr.New()
		if err != nil {
			e.useNeighbours(err)
		}
		e.macs.table = t
	}
	if e.macs.table != nil {
		s, err := e.macs.table.Attach(rc)
		if err == nil {
			return s
		}
		e.useNeighbours(err)
	}
	return e.macs.neighbours
}

// useNeighbours falls back to the kernel's neighbour table.
func (e *Engine) useNeighbours(why error) {
	if e.macs.neighbours != nil {
		return
	}
	e.log.Warn("first messages of unknown clients go without option 79", "err", why)
	n := new(hwaddr.Neighbours)
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

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// ask has the loop ask m, which may be nil, from where its messages come.
func (l *loop) ask(m macTable) {
	if m != nil {
		l.macs, l.origins = m, make([]hwaddr.Query, batch)
	}
}

// askMACs asks for the link-layer sources of a batch of n messages.
func (l *loop) askMACs(n int) {
	if l.macs == nil {
		return
	}
	qs := l.origins[:n]
	for i := range qs {
		d, q := &l.data[i], &qs[i]
		q.Link, q.Src, q.Message = d.Link, d.Src.Addr(), heard(d)
	}
	l.macs.Answer(qs)
}

// mac returns the link-layer source of message i, or nothing if it is not known.
func (l *loop) mac(i int) []byte {
	if l.macs == nil || !l.origins[i].Known {
		return nil
	}
	return l.origins[i].MAC[:]
}
