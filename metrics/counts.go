package metrics

import (
	"iter"
	"slices"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A MessageCount is how many messages had one outcome.
type MessageCount struct {
	Interface string // "other" for messages that concern no configured one
	Family    dhcp.Family
	Direction dhcp.Direction
	Type      string
	Outcome   agent.Reason
	Count     uint64 // never 0
}

// Messages yields what dhcp_relay_messages_total shows, interface by interface.
func (m *Metrics) Messages() iter.Seq[MessageCount] {
	m.mu.Lock()
	links := slices.Clone(m.ordered)
	m.mu.Unlock()
	return func(yield func(MessageCount) bool) {
		for _, l := range links {
			for f := range dhcp.Families {
				if !l.each(dhcp.Family(f), yield) {
					return
				}
			}
		}
	}
}

// each yields the counts of one family.
func (l *Link) each(f dhcp.Family, yield func(MessageCount) bool) bool {
	for r := range agent.Reason(agent.NumReasons) {
		for d := range dhcp.Direction(dhcp.Directions) {
			t := l.seen(f, d, r)
			if t == nil {
				continue
			}
			for slot := range t {
				n := t[slot].Load()
				if n > 0 && !yield(MessageCount{l.name, f, d, l.types[f].pairs[slot].GetValue(), r, n}) {
					return false
				}
			}
		}
	}
	return true
}

// A LinkCount is what is counted of one interface and family beside messages.
type LinkCount struct {
	Interface  string
	Family     dhcp.Family
	Unanswered uint64 // requests that no server has answered
}

// Links returns the counts of each interface and family that are not zero.
func (m *Metrics) Links() []LinkCount {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []LinkCount
	for _, l := range m.ordered {
		for f := range dhcp.Families {
			if n := l.unanswered[f].Value(); n > 0 {
				out = append(out, LinkCount{l.name, dhcp.Family(f), n})
			}
		}
	}
	return out
}

// A ServerCount is what is counted of one server.
type ServerCount struct {
	Addr, VRF  string
	Copies     uint64 // requests that were sent to it
	Failures   uint64 // requests that the kernel refused to send
	Replies    uint64 // accepted from it
	Unanswered uint64 // requests that it has not answered
	Response   Histogram
}

// Servers returns the counts of each server, in the order of their first use.
func (m *Metrics) Servers() []ServerCount {
	m.mu.Lock()
	servers := m.inOrder
	m.mu.Unlock()
	out := make([]ServerCount, len(servers))
	for i, s := range servers {
		out[i] = ServerCount{
			Addr: s.addr.GetValue(), VRF: s.vrf.GetValue(),
			Copies: s.copies.Value(), Failures: s.failures.Value(),
			Replies: s.replies.Value(), Unanswered: s.unanswered.Value(),
			Response: s.response.read(),
		}
	}
	return out
}

// A SendError is how often the kernel refused to send for one reason.
type SendError struct {
	Error   string // the name of the errno
	Towards string // "server" or "client"
	Count   uint64
}

// SendErrors returns the errors that have happened.
func (m *Metrics) SendErrors() []SendError {
	var out []SendError
	for _, side := range []struct {
		name   string
		counts *errnoCounts
	}{{"server", &m.serverErrors}, {"client", &m.clientErrors}} {
		for slot := range side.counts {
			if n := side.counts[slot].Value(); n > 0 {
				out = append(out, SendError{errnoName(slot), side.name, n})
			}
		}
	}
	return out
}

// SocketDrops returns how many messages of a family the kernel has dropped.
func (m *Metrics) SocketDrops(f dhcp.Family) (sum uint64) {
	m.mu.Lock()
	sources := m.drops[f]
	m.mu.Unlock()
	for _, read := range sources {
		sum += read()
	}
	return sum
}
