package flight

import (
	"net/netip"

	"dhcp-relay/relay/agent"
)

// chunk is how many messages a reader copies before it lets the writer in.
const chunk = 32

// end returns the number of the next message.
func (w *Writer) end() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next
}

// since appends the messages from number next on that are wanted, a few at a time,
// so that the writer is seldom kept out.
func (w *Writer) since(next uint64, ms []Message, want func(Glance) bool) (_ []Message, end, lost uint64) {
	for stop := w.end(); next < stop; {
		var n uint64
		ms, next, n = w.some(next, stop, ms, want)
		lost += n
	}
	return ms, next, lost
}

// some looks at the next messages, at most chunk of them, and appends those that
// are wanted.
func (w *Writer) some(next, stop uint64, ms []Message, want func(Glance) bool) (_ []Message, end, lost uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if size := uint64(len(w.slots)); w.next-next > size {
		lost = w.next - size - next
		next += lost
	}
	for ; next < stop && w.overwritten(w.numbered(next)); next++ {
		lost++ // larger messages than usual have taken its place
	}
	stop = min(stop, next+chunk)
	var room [MaxOctets]byte
	var found [chunk]*slot
	count, octets := 0, 0
	for n := next; n < stop; n++ {
		s := w.numbered(n)
		if want != nil && !want(w.glance(s, &room)) {
			continue
		}
		found[count] = s
		count++
		octets += s.receivedLen() + s.sentLen()
	}
	if count == 0 {
		return ms, stop, lost
	}
	rest, lists := make([]byte, octets), w.log.lists()
	for _, s := range found[:count] {
		var m Message
		m, rest = w.copyOf(s, rest, lists)
		ms = append(ms, m)
	}
	return ms, stop, lost
}

// A Glance is what a message shows before it is copied.
type Glance struct {
	Family   agent.Family
	Outcome  agent.Reason
	Received []byte // as in Message; valid until the function that it is shown to returns
}

func (w *Writer) glance(s *slot, room *[MaxOctets]byte) Glance {
	g := Glance{Outcome: agent.Reason(s.outcome), Received: room[:s.receivedLen()]}
	w.received(s, g.Received)
	if s.flags&flagV6 != 0 {
		g.Family = agent.V6
	}
	return g
}

// received copies the octets of a message as received.
func (w *Writer) received(s *slot, payload []byte) {
	if s.flags&flagHole != 0 {
		fill(payload, w.data[s.receivedAt:])
		return
	}
	copy(payload, w.data[s.receivedAt:])
}

// numbered returns the slot of the message of a number, which must be one of the
// last that there are slots for.
func (w *Writer) numbered(n uint64) *slot { return &w.slots[n%uint64(len(w.slots))] }

// overwritten reports whether octets of a message are gone. Those that were
// received are the first to go.
func (w *Writer) overwritten(s *slot) bool { return uint32(w.head)-s.pos > uint32(len(w.data)) }

func (s *slot) receivedLen() int { return min(int(s.size), MaxOctets) }

func (s *slot) sentLen() int { return min(int(s.sentSize), MaxOctets) }

// copyOf returns a message whose octets are in room, and the rest of room.
func (w *Writer) copyOf(s *slot, room []byte, lists [][]netip.AddrPort) (m Message, rest []byte) {
	received, room := cut(room, s.receivedLen())
	sent, room := cut(room, s.sentLen())
	w.received(s, received)
	s.restore(sent, received, w.data[s.literalAt:])
	return s.message(received, sent, lists), room
}

// cut returns the first n octets, nil if there are none, and the rest.
func cut(b []byte, n int) (first, rest []byte) {
	if n == 0 {
		return nil, b
	}
	return b[:n:n], b[n:]
}
