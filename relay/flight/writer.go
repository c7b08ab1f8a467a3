package flight

import (
	"sync"
)

// usual is the room for the octets of one message, received and sent. A writer
// keeps fewer messages while they are larger on average.
const usual = 1024

// least is how many messages a writer keeps at the least, which is also the most
// that a batch may have.
const least = 64

// chunk is how many messages a reader copies before it lets the writer in.
const chunk = 32

// A slot is one message in the ring: its event, and where its octets are.
type slot struct {
	Event
	at, sentAt     uint64 // positions of the first octets, ever counting
	received, sent uint16 // octets that are kept
	size, sentLen  uint16 // octets that there were
}

// A Writer takes the messages of one loop, batch by batch:
//
//	if w.Begin(n) {
//		for each message { w.Received(payload) }
//		... decide, edit, send ...
//		for each message { *w.Event(i) = ...; w.Sent(i, payload) }
//		w.End(n)
//	}
//
// Its methods must not be called by two goroutines at once, and none of them
// waits. A nil Writer must not be used.
type Writer struct {
	log  *Log
	free bool // guarded by Log.mu

	mu    sync.Mutex // for what follows: a reader waits for it, the writer never
	slots []slot
	next  uint64 // number of the first message of the next batch
	heard uint64 // number of the next message of this batch
	data  []byte
	head  uint64 // position of the next octet
}

func newWriter(l *Log, messages int) *Writer {
	messages = max(messages, least)
	return &Writer{log: l, slots: make([]slot, messages), data: make([]byte, messages*usual)}
}

// Begin begins a batch of n messages, at most 64. If someone is reading at this
// moment it returns false at once, and the messages count as missed.
func (w *Writer) Begin(n int) bool {
	if !w.mu.TryLock() {
		w.log.missed.Add(uint64(n))
		return false
	}
	w.heard = w.next
	return true
}

// End ends a batch of n messages, whose events and octets are all set.
func (w *Writer) End(n int) {
	w.next += uint64(n)
	w.mu.Unlock()
}

func (w *Writer) slot(n uint64) *slot { return &w.slots[n%uint64(len(w.slots))] }

// Received keeps the octets of the next message of the batch before it is edited.
func (w *Writer) Received(payload []byte) {
	s := w.slot(w.heard)
	w.heard++
	s.size = uint16(len(payload))
	s.at, s.received = w.put(payload)
}

// Event returns the event of message i of the batch, for the caller to fill.
func (w *Writer) Event(i int) *Event { return &w.slot(w.next + uint64(i)).Event }

// Sent keeps the octets of message i of the batch as they were sent, none if it
// was dropped.
func (w *Writer) Sent(i int, payload []byte) {
	s := w.slot(w.next + uint64(i))
	s.sentLen = uint16(len(payload))
	s.sentAt, s.sent = w.put(payload)
}

// put writes octets into the ring of data, and returns where and how many.
func (w *Writer) put(b []byte) (pos uint64, n uint16) {
	b = b[:min(len(b), MaxOctets)]
	pos = w.head
	at := int(pos % uint64(len(w.data)))
	copy(w.data, b[copy(w.data[at:], b):])
	w.head += uint64(len(b))
	return pos, uint16(len(b))
}

// get reads octets from the ring of data into out, and returns them and the rest
// of out.
func (w *Writer) get(pos uint64, n uint16, out []byte) (b, rest []byte) {
	if n == 0 {
		return nil, out
	}
	b = out[:n:n]
	c := copy(b, w.data[pos%uint64(len(w.data)):])
	copy(b[c:], w.data)
	return b, out[n:]
}

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
	for ; next < stop && w.head-w.slot(next).at > uint64(len(w.data)); next++ {
		lost++ // larger messages than usual have overwritten its octets
	}
	stop = min(stop, next+chunk)
	octets := 0
	for n := next; n < stop; n++ {
		octets += int(w.slot(n).received) + int(w.slot(n).sent)
	}
	room := make([]byte, octets)
	var received, sent []byte
	for ; next < stop; next++ {
		s := w.slot(next)
		received, room = w.get(s.at, s.received, room)
		sent, room = w.get(s.sentAt, s.sent, room)
		ms = append(ms, s.message(received, sent, int(s.size), int(s.sentLen)))
	}
	return ms, next, lost
}
