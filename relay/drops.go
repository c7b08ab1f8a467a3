package relay

import (
	"sync"

	"dhcp-relay/relay/wire/dhcp"
)

// Drops knows how many datagrams the kernel has dropped for want of buffer,
// on the sockets that are open and on those that were. It is safe for
// concurrent use; its counts never go back.
type drops struct {
	mu   sync.Mutex
	open map[dropper]dhcp.Family
	lost [2]uint64 // on closed sockets, by agent.Family
}

// A dropper is a pair of sockets, or those that are bound to addresses.
type dropper interface{ Drops() uint64 }

// opened takes note of new sockets.
func (l *drops) opened(p dropper, f dhcp.Family) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = make(map[dropper]dhcp.Family)
	}
	l.open[p] = f
}

// closing keeps the count of sockets that are about to be closed.
func (l *drops) closing(p dropper) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lost[l.open[p]] += p.Drops()
	delete(l.open, p)
}

// of returns the count of a family.
func (l *drops) of(f dhcp.Family) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.lost[f]
	for p, of := range l.open {
		if of == f {
			n += p.Drops()
		}
	}
	return n
}
