package recorder

// end returns the number of the next message.
func (w *Writer) end() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.next
}

// received copies the octets of a message as received.
func (w *Writer) received(s *slot, payload []byte) {
	if s.flags&flagZeros != 0 {
		copyWithZeros(payload, w.data[s.receivedAt:])
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
func (w *Writer) copyOf(s *slot, room []byte, lists [][]Server, classes []string) (m Message, rest []byte) {
	received, room := cut(room, s.receivedLen())
	sent, room := cut(room, s.sentLen())
	w.received(s, received)
	s.restore(sent, received, w.data[s.literalAt:])
	return s.message(received, sent, lists, classes), room
}

// cut returns the first n octets, nil if there are none, and the rest.
func cut(b []byte, n int) (first, rest []byte) {
	if n == 0 {
		return nil, b
	}
	return b[:n:n], b[n:]
}
