package relay

import (
	"bytes"
	"errors"
	"net/netip"
	"sync"
	"syscall"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/frame"
)

// frames are a loop's transmit-only packet sockets, one for each client-facing
// link, opened when first needed.
type frames struct {
	open map[int]*sender // by interface index
	byID []*sender       // by agent.Link.ID; nil until needed

	queue frame.Queue

	denied bool // the kernel lets this process have no packet socket (CAP_NET_RAW)

	closing sync.WaitGroup
	closers chan struct{} // holds one for each close at work
}

// maxClosers is how many sockets are closed at once. The kernel lets each close
// wait until nobody can use the socket any more (synchronize_net), but those that
// wait together wait once.
const maxClosers = 64

// A sender is the socket of one link.
type sender struct {
	conn *frame.Conn
	mac  []byte
}

// adopt takes over a snapshot after leave.
func (f *frames) adopt(s *agent.Snapshot) { f.byID = make([]*sender, len(s.Links)) }

// leave closes the sockets of links that are gone, or have another link-layer
// address in the next snapshot.
func (f *frames) leave(s *agent.Snapshot) {
	for index, c := range f.open {
		if l := s.Link(index); l == nil || !bytes.Equal(l.Host.MAC, c.mac) {
			f.drop(index)
		}
	}
	f.byID = nil
}

// add queues reply[frame.Headroom:] for a link, where it has the room before the reply
// for headers; hw is nil for a broadcast. tag is handed back when the queue is flushed,
// unless there is an error.
func (f *frames) add(tag int, l *agent.Link, reply []byte, src, dst netip.AddrPort, hw []byte) error {
	c := f.byID[l.ID]
	if c == nil {
		var err error
		if c, err = f.get(l); err != nil {
			return err
		}
		f.byID[l.ID] = c
	}
	if hw == nil {
		all := frame.Broadcast()
		hw = all[:]
	}
	return f.queue.Add(tag, c.conn, reply, l.Host.MTU, src, dst, hw)
}

// allowed reports whether frames may be sent: without CAP_NET_RAW they may not, on
// any link.
func (f *frames) allowed(l *agent.Link) bool {
	if f.byID[l.ID] == nil && !f.denied {
		_, _ = f.get(l) // another error is that of the send
	}
	return !f.denied
}

// get returns the socket of a link, and opens it if there is none.
func (f *frames) get(l *agent.Link) (*sender, error) {
	if c := f.open[l.Host.Index]; c != nil {
		return c, nil
	}
	conn, err := frame.Open(l.Host.Index, l.Host.MAC)
	if err != nil {
		f.denied = errors.Is(err, syscall.EPERM)
		return nil, err
	}
	if f.open == nil {
		f.open = make(map[int]*sender)
	}
	c := &sender{conn, l.Host.MAC}
	f.open[l.Host.Index] = c
	return c, nil
}

// drop forgets the socket of a link. The loop does not wait for its end.
func (f *frames) drop(index int) {
	if f.closers == nil {
		f.closers = make(chan struct{}, maxClosers)
	}
	c := f.open[index]
	delete(f.open, index)
	f.closing.Go(func() {
		f.closers <- struct{}{}
		_ = c.conn.Close() // nothing is received on it, so nothing is lost
		<-f.closers
	})
}

// close closes all sockets and waits for it.
func (f *frames) close() {
	for index := range f.open {
		f.drop(index)
	}
	f.closing.Wait()
}
