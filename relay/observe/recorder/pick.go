package recorder

import (
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// chunk is how many messages a picker looks at before it lets the writer in.
const chunk = 32

// A picker takes messages from a writer, those that are wanted.
type picker struct {
	w    *Writer
	want func(Glance) bool // nil: all are
	skip int               // so many that are wanted are not taken
	ms   []Message
	lost uint64
	room [MaxOctets]byte // for one glance

	found [chunk]*slot
}

// since appends the messages from number next on that are wanted, the last most of
// them if most is not 0.
func (w *Writer) since(next uint64, ms []Message, want func(Glance) bool, most int) (_ []Message, end, lost uint64) {
	p := &picker{w: w, want: want, ms: ms}
	stop := w.end()
	if most > 0 {
		p.skip = p.count(next, stop) - most
	}
	for next < stop {
		next = p.take(next, stop)
	}
	return p.ms, next, p.lost
}

// count returns how many messages from number next on are wanted.
func (p *picker) count(next, stop uint64) (n int) {
	for next < stop {
		p.w.mu.Lock()
		slots, end, _ := p.some(next, stop)
		p.w.mu.Unlock()
		n, next = n+len(slots), end
	}
	return n
}

// take takes of the next messages, at most chunk of them, those that are wanted.
func (p *picker) take(next, stop uint64) uint64 {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	slots, end, lost := p.some(next, stop)
	n := max(0, min(p.skip, len(slots)))
	slots, p.skip = slots[n:], p.skip-n
	p.lost += lost + uint64(n)
	if len(slots) == 0 {
		return end
	}
	octets := 0
	for _, s := range slots {
		octets += s.receivedLen() + s.sentLen()
	}
	rest, lists, classes := make([]byte, octets), p.w.log.lists(), p.w.log.names()
	for _, s := range slots {
		var m Message
		m, rest = p.w.copyOf(s, rest, lists, classes)
		p.ms = append(p.ms, m)
	}
	return end
}

// some looks at the next messages, at most chunk of them, and returns the slots of
// those that are wanted, which are valid until the next call, the number of the
// message after them, and how many were overwritten.
func (p *picker) some(next, stop uint64) (slots []*slot, end, lost uint64) {
	w := p.w
	slots = p.found[:0]
	if size := uint64(len(w.slots)); w.next-next > size {
		lost = w.next - size - next
		next += lost
	}
	for ; next < stop && w.overwritten(w.numbered(next)); next++ {
		lost++ // larger messages than usual have taken its place
	}
	for end = next; end < min(stop, next+chunk); end++ {
		if s := w.numbered(end); p.want == nil || p.want(p.glance(s)) {
			slots = append(slots, s)
		}
	}
	return slots, end, lost
}

// A Glance is what a message shows before it is copied.
type Glance struct {
	Family   dhcp.Family
	Outcome  agent.Reason
	Received []byte // as in Message; valid until the function that it is shown to returns
}

func (p *picker) glance(s *slot) Glance {
	g := Glance{Outcome: agent.Reason(s.outcome), Received: p.room[:s.receivedLen()]}
	p.w.received(s, g.Received)
	if s.flags&flagV6 != 0 {
		g.Family = dhcp.V6
	}
	return g
}
