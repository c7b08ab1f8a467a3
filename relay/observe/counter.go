package observe

import (
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// A Counter counts what was received, and the one outcome of each message.
type Counter struct {
	Blind
	received *count.Counter
}

// NewCounter returns one that counts messages of a family.
func NewCounter(m *count.Table, f dhcp.Family) *Counter { return &Counter{received: m.Received(f)} }

// Read implements Observer.
func (c *Counter) Read(b *Batch) { c.received.Add(uint64(len(b.Messages))) }

// Done implements Observer.
func (*Counter) Done(b *Batch) {
	for i := range b.Messages {
		m := &b.Messages[i]
		v := &m.Verdict
		c := b.Counts(v.Link)
		if m.Bare {
			c.OmittedOption82()
		}
		if m.Sent && v.NoMAC {
			c.OmittedOption79()
		}
		if v.Unidentified {
			c.Unidentified(b.Family)
		}
		if v.Class > 0 {
			b.Classes[v.Class-1].Requests[b.Family].Inc()
		}
		c.Count(b.Family, v.Direction, v.Type, m.Outcome)
	}
}
