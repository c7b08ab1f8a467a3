package flight

import (
	"sync"
)

// usual is the room for the octets of one message, received and sent. A writer
// keeps fewer messages while they are larger on average.
const usual = 1024

// chunk is how many messages a reader copies before it lets the writer in.
const chunk = 32

// A slot is one message in the ring: its event, and where its octets are.
type slot struct {
	Event
	at             uint64 // position of the first octet, ever counting
	received, sent uint16 // octets that are kept, received first
	size, sentLen  uint16 // octets that there were
}

// A Writer takes the messages of one loop, batch by batch:
//
//	w.Begin()
//	for each message { w.Received(payload) }
//	... decide, edit, send ...
//	if w.Lock(n) { for each message { w.Add(...) }; w.Unlock() }
//
// Its methods must not be called by two goroutines at once, and none of them
// waits. A nil Writer must not be used.
type Writer struct {
	log  *Log
	free bool // guarded by Log.mu

	stage []byte // the payloads of the batch as received, one after the other
	ends  []int  // where each of them ends in stage

	mu    sync.Mutex // for what follows: a reader waits for it, the writer never
	slots []slot
	next  uint64 // number of the next message
	data  []byte
	head  uint64 // position of the next octet
}

func newWriter(l *Log, messages int) *Writer {
	return &Writer{
		log:   l,
		slots: make([]slot, messages),
		data:  make([]byte, max(messages*usual, 4*MaxOctets)),
	}
}

// Begin forgets the batch before.
func (w *Writer) Begin() { w.stage, w.ends = w.stage[:0], w.ends[:0] }

// Received keeps the octets of the next message of the batch before it is
// edited. It allocates only until the largest batch has been seen.
func (w *Writer) Received(payload []byte) {
	w.stage = append(w.stage, payload[:min(len(payload), MaxOctets)]...)
	w.ends = append(w.ends, len(w.stage))
}

// Lock begins to write n messages. If someone is reading at this moment it
// returns false at once, and the messages count as missed.
func (w *Writer) Lock(n int) bool {
	if w.mu.TryLock() {
		return true
	}
	w.log.missed.Add(uint64(n))
	return false
}

// Unlock ends what Lock began.
func (w *Writer) Unlock() { w.mu.Unlock() }

// Next returns the event of the next message, for the caller to fill. All of its
// fields have to be set.
func (w *Writer) Next() *Event { return &w.slots[w.next%uint64(len(w.slots))].Event }

// Add takes the event that Next has returned, of message i of the batch that had
// size octets, with the payload as sent.
func (w *Writer) Add(i, size int, sent []byte) {
	s := &w.slots[w.next%uint64(len(w.slots))]
	begin := 0
	if i > 0 {
		begin = w.ends[i-1]
	}
	received := w.stage[begin:w.ends[i]]
	s.at, s.size, s.sentLen = w.head, uint16(size), uint16(len(sent))
	s.received = uint16(w.put(received))
	s.sent = uint16(w.put(sent[:min(len(sent), MaxOctets)]))
	w.next++
}

// put writes octets into the ring of data.
func (w *Writer) put(b []byte) int {
	at := int(w.head % uint64(len(w.data)))
	n := copy(w.data[at:], b)
	copy(w.data, b[n:])
	w.head += uint64(len(b))
	return len(b)
}

// get reads octets from the ring of data.
func (w *Writer) get(at uint64, n int) []byte {
	if n == 0 {
		return nil
	}
	out := make([]byte, n)
	c := copy(out, w.data[at%uint64(len(w.data)):])
	copy(out[c:], w.data)
	return out
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
	for ; next < stop && w.head-w.slots[next%uint64(len(w.slots))].at > uint64(len(w.data)); next++ {
		lost++ // larger messages than usual have overwritten its octets
	}
	for n := 0; n < chunk && next < stop; n++ {
		s := &w.slots[next%uint64(len(w.slots))]
		received := w.get(s.at, int(s.received))
		sent := w.get(s.at+uint64(s.received), int(s.sent))
		ms = append(ms, s.message(received, sent, int(s.size), int(s.sentLen)))
		next++
	}
	return ms, next, lost
}
