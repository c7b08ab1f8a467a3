package metrics

import (
	"sync/atomic"

	dto "github.com/prometheus/client_model/go"

	"dhcp-relay/relay/agent"
)

// A Link counts the messages of one interface. It is safe for concurrent use.
type Link struct {
	name    string
	pair    *dto.LabelPair
	types   *[families]types
	counts  [families]atomic.Pointer[counts]
	omitted Counter

	unknownMAC Counter
	unanswered [families]Counter
}

// A tally counts by direction and slot of type.
type tally [directions][typeSlots]atomic.Uint64

// counts are the messages of one link and family. Every link relays, but most
// links never see most reasons to drop, so that a tally for each reason exists
// from the first drop: 4,000 links with every reason would cost 46 MiB.
type counts struct {
	relayed tally
	dropped [agent.NumReasons]atomic.Pointer[tally]
}

// Count counts one message by its outcome; typ is option 53 of DHCPv4 (0:
// BOOTP), the message type of DHCPv6, or TypeInvalid. It is one atomic add and
// takes no lock. It allocates only with the first message of a family on the
// link, and with the first drop for a reason. It panics if f, d or r is not
// one of their constants.
func (l *Link) Count(f Family, d Direction, typ uint8, r agent.Reason) {
	l.tally(f, r)[d][l.types[f].slot[typ]].Add(1)
}

// OmittedOption82 counts one message that was sent without option 82 because
// it did not fit.
func (l *Link) OmittedOption82() { l.omitted.Inc() }

// OmittedOption79 counts one message that was sent without the client's
// link-layer address because it was not known.
func (l *Link) OmittedOption79() { l.unknownMAC.Inc() }

// Unanswered counts one request that no server has answered.
func (l *Link) Unanswered(f agent.Family) { l.unanswered[f].Inc() }

// tally returns the tally of a family and reason, and makes it if need be.
func (l *Link) tally(f Family, r agent.Reason) *tally {
	c := l.counts[f].Load()
	if c == nil {
		c = first(&l.counts[f])
	}
	if r == agent.Relayed {
		return &c.relayed
	}
	if t := c.dropped[r].Load(); t != nil {
		return t
	}
	return first(&c.dropped[r])
}

// first fills p unless another goroutine was faster, and returns what p holds.
func first[T any](p *atomic.Pointer[T]) *T {
	p.CompareAndSwap(nil, new(T))
	return p.Load()
}

// A Counter counts up. It is safe for concurrent use; the zero value is 0.
type Counter struct{ n atomic.Uint64 }

// Inc adds 1.
func (c *Counter) Inc() { c.n.Add(1) }

// Add adds n.
func (c *Counter) Add(n uint64) { c.n.Add(n) }

// Value returns the count.
func (c *Counter) Value() uint64 { return c.n.Load() }
