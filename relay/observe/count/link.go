package count

import (
	"sync/atomic"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A Link counts the messages of one interface. It is safe for concurrent use.
type Link struct {
	// NoOption82 counts messages that were sent without option 82 because it did not
	// fit, NoOption79 those without the client's link-layer address because it was not
	// known.
	NoOption82, NoOption79 Counter
	// NoReply counts requests that no server has answered.
	NoReply [dhcp.Families]Counter

	name    string
	types   *[dhcp.Families]types
	relayed [dhcp.Families][dhcp.Directions]atomic.Pointer[Tally]
	dropped [dhcp.Families][dhcp.Directions]atomic.Pointer[drops]

	// Guarded by the mutex of Table.
	use  uint64    // number of the latest InUse that names it
	gone time.Time // when it was no longer in use; zero while it is
}

// Name returns the name of the interface, or Other.
func (l *Link) Name() string { return l.name }

// A Tally counts messages that share an outcome by slot of type, see TypeNames.
type Tally [typeSlots]atomic.Uint64

// Sum returns how many messages there are of all types. A nil Tally has none.
func (t *Tally) Sum() (sum uint64) {
	if t == nil {
		return 0
	}
	for slot := range t {
		sum += t[slot].Load()
	}
	return sum
}

// drops are the tallies of messages that were dropped, by reason. Most links
// never see most reasons, and many links no client at all, so that a tally exists
// from the first message that it counts.
type drops [agent.NumReasons]atomic.Pointer[Tally]

// Count counts one message by its outcome; typ is option 53 of DHCPv4 (0:
// BOOTP), the message type of DHCPv6, or agent.TypeInvalid. It is one atomic add and
// takes no lock. It allocates only with the first message of a family and
// direction on the link, and with the first drop for a reason. It panics if f, d
// or r is not one of their constants.
func (l *Link) Count(f dhcp.Family, d dhcp.Direction, typ uint8, r agent.Reason) {
	l.tally(f, d, r)[l.types[f].slot[typ]].Add(1)
}

// OmittedOption82 counts one message that was sent without option 82 because
// it did not fit.
func (l *Link) OmittedOption82() { l.NoOption82.Inc() }

// OmittedOption79 counts one message that was sent without the client's
// link-layer address because it was not known.
func (l *Link) OmittedOption79() { l.NoOption79.Inc() }

// Unanswered counts one request that no server has answered.
func (l *Link) Unanswered(f dhcp.Family) { l.NoReply[f].Inc() }

// tally returns the tally of a family, direction and reason, and makes it if need
// be.
func (l *Link) tally(f dhcp.Family, d dhcp.Direction, r agent.Reason) *Tally {
	p := &l.relayed[f][d]
	if r != agent.Relayed {
		p = &made(&l.dropped[f][d])[r]
	}
	return made(p)
}

// Tally returns what is counted of a family, direction and reason, nil if that is
// nothing.
func (l *Link) Tally(f dhcp.Family, d dhcp.Direction, r agent.Reason) *Tally {
	if r == agent.Relayed {
		return l.relayed[f][d].Load()
	}
	if all := l.dropped[f][d].Load(); all != nil {
		return all[r].Load()
	}
	return nil
}

// made returns what p holds, and fills it if it holds nothing.
func made[T any](p *atomic.Pointer[T]) *T {
	if t := p.Load(); t != nil {
		return t
	}
	return first(p)
}

// first fills p unless another goroutine was faster, and returns what p holds.
func first[T any](p *atomic.Pointer[T]) *T {
	p.CompareAndSwap(nil, new(T))
	return p.Load()
}
