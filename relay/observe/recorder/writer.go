package recorder

import (
	"math"
	"sync"
)

// usual is the room for the octets of one message: of 300 of BOOTP 108 without its
// zeros, and 92 or some more as sent. A writer keeps fewer messages while they are
// larger on average.
const usual = 256

// MaxBatch is how many messages a writer keeps at the least, which is also the most
// that a batch may have.
const MaxBatch = 128

// MaxServers is how many servers of a request are told of.
const MaxServers = 32

// A Writer takes the messages of one loop, batch by batch:
//
//	if w.Begin(n) {
//		for each message { w.Received(payload) }
//		... decide, edit, send ...
//		for each message { w.Sent(&event, payload, shift) }
//		w.End()
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
	first int    // index of its slot
	data  []byte
	head  uint64 // how many octets were ever written, or skipped lest some wrap around
	index int    // where in data the next one goes

	heard, sent int              // messages of this batch
	slotted     int              // slots of this batch
	batch       [MaxBatch]extent // as received
}

// An extent says where the octets of a message are, as received.
type extent struct {
	pos    uint64
	index  int
	size   int  // that there were
	kept   int  // that are kept, at most MaxOctets, and without the zeros
	zeroed bool // see hasZeros
}

func newWriter(l *Log, messages int) *Writer {
	messages = max(messages, MaxBatch)
	return &Writer{log: l, slots: make([]slot, messages), data: make([]byte, messages*usual)}
}

// Begin begins a batch of n messages, at most 128. If someone is reading at this
// moment it returns false at once, and the messages count as missed.
func (w *Writer) Begin(n int) bool {
	if !w.mu.TryLock() {
		w.log.missed.Add(uint64(n))
		return false
	}
	w.heard, w.sent, w.slotted = 0, 0, 0
	return true
}

// End ends a batch, of which all messages are Sent.
func (w *Writer) End() {
	w.next += uint64(w.slotted)
	w.first = w.slot(w.slotted)
	w.mu.Unlock()
}

// slot returns the index of slot i of the batch.
func (w *Writer) slot(i int) int { return (w.first + i) % len(w.slots) }

// Received keeps the octets of the next message of the batch before it is edited.
func (w *Writer) Received(payload []byte) {
	x := &w.batch[w.heard]
	w.heard++
	x.size = len(payload)
	payload = payload[:min(len(payload), MaxOctets)]
	x.kept, x.zeroed = len(payload), hasZeros(payload)
	if x.zeroed {
		x.kept -= numZeros
	}
	x.pos, x.index = w.reserve(x.kept)
	if x.zeroed {
		copyWithoutZeros(w.data[x.index:], payload)
	} else {
		copy(w.data[x.index:], payload)
	}
	w.take(x.kept)
}

// Sent keeps what became of the next message of the batch, in the order of
// Received, and its octets as they were sent, none if it was dropped. Shift says
// where they begin, counted from where it began as received; it may be negative.
func (w *Writer) Sent(e *Event, payload []byte, shift int) {
	x := &w.batch[w.sent]
	w.sent++
	w.write(x, e, payload, shift)
}

// further keeps another form of the message that was last Sent, and to whom that went.
func (w *Writer) further(e *Event, payload []byte, shift int) {
	w.write(&w.batch[w.sent-1], e, payload, shift).flags |= flagFurther
}

// write fills the next slot.
func (w *Writer) write(x *extent, e *Event, payload []byte, shift int) *slot {
	s := &w.slots[w.slot(w.slotted)]
	w.slotted++
	s.set(e)
	s.pos, s.receivedAt = uint32(x.pos), uint32(x.index)
	s.size, s.sentSize = uint16(min(x.size, math.MaxUint16)), uint16(min(len(payload), math.MaxUint16))
	if x.zeroed {
		s.flags |= flagZeros
	}
	payload = payload[:min(len(payload), MaxOctets)]
	s.delta = same(w.data[x.index:][:x.kept], payload, shift, x.zeroed)
	n := s.literal(len(payload))
	_, at := w.reserve(n)
	s.keep(w.data[at:at+n], payload)
	s.literalAt = uint32(at)
	w.take(n)
	return s
}

// reserve returns the place of the next n octets in the ring, which follow each
// other.
func (w *Writer) reserve(n int) (pos uint64, index int) {
	if w.index+n > len(w.data) {
		w.head += uint64(len(w.data) - w.index)
		w.index = 0
	}
	return w.head, w.index
}

// take takes n octets of what is reserved.
func (w *Writer) take(n int) {
	w.head += uint64(n)
	w.index += n
}
