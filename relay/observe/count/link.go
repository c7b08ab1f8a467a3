package count

import (
	"sync/atomic"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A Link counts the messages of one interface. It is safe for concurrent use.
type Link struct {
	name    string
	types   *[dhcp.Families]types
	counts  [NumLinkCounters][dhcp.Families]Counter
	relayed [dhcp.Families][dhcp.Directions]atomic.Pointer[Tally]
	dropped [dhcp.Families][dhcp.Directions]atomic.Pointer[drops]

	// Guarded by the mutex of Table.
	use  uint64    // number of the latest InUse that names it
	gone time.Time // when it was no longer in use; zero while it is
}

// A LinkCounter is what is counted of an interface beside its messages. The list is
// closed; metrics shows all of it.
type LinkCounter uint8

// The counters.
const (
	Unanswered LinkCounter = iota
	Option82Omitted
	Option79Omitted
	Unidentified
	NewClients
	Shed
	Expected
	Answered
	Unsent
	BroadcastCleared
	NumLinkCounters = int(iota)
)

// A CounterDoc is what is known of a counter.
type CounterDoc struct {
	Name   string // the metric is dhcp_relay_NAME_total
	What   string // what it counts, one sentence
	Family bool   // it is told for each family apart
	Start  bool   // it is told of what is configured before anything is counted, so that rates know the first event
}

var linkCounters = [NumLinkCounters]CounterDoc{
	Unanswered:       {"unanswered", "Requests that went to servers and that none has answered before the client asked again, or within 10 seconds, or before they were forgotten for want of room; not those that ask for a server that is not known (option 54, Server Identifier).", true, true},
	Option82Omitted:  {"option82_omitted", "Requests that were relayed without option 82 because it did not fit.", false, false},
	Option79Omitted:  {"option79_omitted", "DHCPv6 messages that were relayed without the client's link-layer address because it was not known.", false, false},
	Unidentified:     {"unidentified", "Requests of which it was not known by which port of a bridge, or from which link-layer address, they came where the configuration asks for it: identifiers say \"unknown\" then.", true, false},
	NewClients:       {"new_clients", "Requests of clients that were not among those that have sent last, of some 16,000. Clients that are made up to use up a server's addresses are new each time.", true, false},
	Shed:             {"shed", "Messages that the socket filter has dropped before they could be read: more came than the relay can read, and from this interface more than its share. They are not among dhcp_relay_received_total.", true, false},
	Expected:         {"requests_expected", "Requests heard that expect an answer, whether they were sent on or not. What became of each is known within 10 seconds: answered, unanswered or unsent.", true, true},
	Answered:         {"requests_answered", "Requests, of dhcp_relay_requests_expected_total, that a server has answered: the service that clients get.", true, true},
	Unsent:           {"requests_unsent", "Requests, of dhcp_relay_requests_expected_total, that went to no server, because the relay could not send them or had to drop them; the outcomes of dhcp_relay_messages_total say why. Those are not among them that a limit or the configuration keeps from servers.", true, true},
	BroadcastCleared: {"broadcast_cleared", "DHCPv4 requests of clients that ask again although they were answered: they had asked for broadcast, and the server has cleared the flag in its reply.", false, false},
}

// Doc returns what is known of the counter.
func (c LinkCounter) Doc() CounterDoc { return linkCounters[c] }

// Value returns what is counted of a family.
func (l *Link) Value(c LinkCounter, f dhcp.Family) uint64 { return l.counts[c][f].Value() }

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
func (l *Link) OmittedOption82() { l.counts[Option82Omitted][dhcp.V4].Inc() }

// OmittedOption79 counts one message that was sent without the client's
// link-layer address because it was not known.
func (l *Link) OmittedOption79() { l.counts[Option79Omitted][dhcp.V6].Inc() }

// Unidentified counts one request of which it was not known where it came from.
func (l *Link) Unidentified(f dhcp.Family) { l.counts[Unidentified][f].Inc() }

// Unanswered counts one request that no server has answered.
func (l *Link) Unanswered(f dhcp.Family) { l.counts[Unanswered][f].Inc() }

// Expected counts one request that expects an answer.
func (l *Link) Expected(f dhcp.Family) { l.counts[Expected][f].Inc() }

// Answered counts one of those that were Expected that a server has answered.
func (l *Link) Answered(f dhcp.Family) { l.counts[Answered][f].Inc() }

// Unsent counts one of those that were Expected that no server was sent.
func (l *Link) Unsent(f dhcp.Family) { l.counts[Unsent][f].Inc() }

// BroadcastCleared counts one request of a client that asks again, having asked for
// broadcast and been answered by unicast.
func (l *Link) BroadcastCleared() { l.counts[BroadcastCleared][dhcp.V4].Inc() }

// NewClient counts a request of a client that was not among those that have sent last.
func (l *Link) NewClient(f dhcp.Family) { l.counts[NewClients][f].Inc() }

// ShedUnread counts messages that the socket filter has shed.
func (l *Link) ShedUnread(f dhcp.Family, n uint64) { l.counts[Shed][f].Add(n) }

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
