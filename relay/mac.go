package relay

import (
	"context"
	"net/netip"
	"syscall"
	"time"

	"dhcp-relay/relay/hwaddr"
	"dhcp-relay/relay/udp"
)

// A macTable knows the link-layer address from which a DHCPv6 message came.
type macTable interface {
	Lookup(link int, src netip.Addr, message []byte) (mac [6]byte, ok bool)
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

// mac returns the link-layer source of a message, or nothing if it is not known.
// It is valid until the next call.
func (l *loop) mac(d *udp.Datagram) []byte {
	if l.macs == nil {
		return nil
	}
	var ok bool
	if l.hardware, ok = l.macs.Lookup(d.Link, d.Src.Addr(), d.Store[udp.Headroom:udp.Headroom+d.N]); !ok {
		return nil
	}
	return l.hardware[:]
}
