package flight

import "net/netip"

// chunk is how many messages a reader copies before it lets the writer in.
const chunk = 32

// end returns the number of the next message.
func (w *Writer) end() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next
}

// since appends the messages from number next on, a few at a time, so that the
// writer is seldom kept out.
func (w *Writer) since(next uint64, ms []Message) (_ []Message, end, lost uint64) {
	for stop := w.end(); next < stop; {
		var n uint64
		ms, next, n = w.some(next, stop, ms)
		lost += n
	}
	return ms, next, lost
}

// some appends at most chunk messages.
func (w *Writer) some(next, stop uint64, ms []Message) (_ []Message, end, lost uint64) {
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
	octets := 0
	for n := next; n < stop; n++ {
		s := w.numbered(n)
		octets += s.receivedLen() + s.sentLen()
	}
	room, lists := make([]byte, octets), w.log.lists()
	for ; next < stop; next++ {
		var m Message
		m, room = w.copyOf(w.numbered(next), room, lists)
		ms = append(ms, m)
	}
	return ms, next, lost
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
	copy(received, w.data[s.receivedAt:])
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
