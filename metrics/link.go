package metrics

import (
	"sync/atomic"
	"time"

	dto "github.com/prometheus/client_model/go"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A Link counts the messages of one interface. It is safe for concurrent use.
type Link struct {
	name    string
	pair    *dto.LabelPair
	types   *[dhcp.Families]types
	relayed [dhcp.Families][dhcp.Directions]atomic.Pointer[tally]
	dropped [dhcp.Families][dhcp.Directions]atomic.Pointer[drops]
	omitted Counter

	// Guarded by the mutex of Metrics.
	use  uint64    // number of the latest InUse that names it
	gone time.Time // when it was no longer in use; zero while it is

	unknownMAC Counter
	unanswered [dhcp.Families]Counter
}

// A tally counts by slot of type.
type tally [typeSlots]atomic.Uint64

// drops are the tallies of messages that were dropped, by reason. Most links
// never see most reasons, and many links no client at all, so that a tally exists
// from the first message that it counts: 4,000 links with every one of them would
// cost 61 MiB, and with both directions in one, 3 MiB rather than 1 once each has
// sent a request.
type drops [agent.NumReasons]atomic.Pointer[tally]

// Count counts one message by its outcome; typ is option 53 of DHCPv4 (0:
// BOOTP), the message type of DHCPv6, or TypeInvalid. It is one atomic add and
// takes no lock. It allocates only with the first message of a family and
// direction on the link, and with the first drop for a reason. It panics if f, d
// or r is not one of their constants.
func (l *Link) Count(f dhcp.Family, d dhcp.Direction, typ uint8, r agent.Reason) {
	l.tally(f, d, r)[l.types[f].slot[typ]].Add(1)
}

// OmittedOption82 counts one message that was sent without option 82 because
// it did not fit.
func (l *Link) OmittedOption82() { l.omitted.Inc() }

// OmittedOption79 counts one message that was sent without the client's
// link-layer address because it was not known.
func (l *Link) OmittedOption79() { l.unknownMAC.Inc() }

// Unanswered counts one request that no server has answered.
func (l *Link) Unanswered(f dhcp.Family) { l.unanswered[f].Inc() }

// tally returns the tally of a family, direction and reason, and makes it if need
// be.
func (l *Link) tally(f dhcp.Family, d dhcp.Direction, r agent.Reason) *tally {
	p := &l.relayed[f][d]
	if r != agent.Relayed {
		p = &made(&l.dropped[f][d])[r]
	}
	return made(p)
}

// seen returns the tally of a family, direction and reason, nil if nothing was
// counted there.
func (l *Link) seen(f dhcp.Family, d dhcp.Direction, r agent.Reason) *tally {
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

// A Counter counts up. It is safe for concurrent use; the zero value is 0.
type Counter struct{ n atomic.Uint64 }

// Inc adds 1.
func (c *Counter) Inc() { c.n.Add(1) }

// Add adds n.
func (c *Counter) Add(n uint64) { c.n.Add(n) }

// Value returns the count.
func (c *Counter) Value() uint64 { return c.n.Load() }
