package recorder

import (
	"math"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// A Log is the recorder of one relay: a Writer for each loop. It is safe for
// concurrent use.
type Log struct {
	messages int

	missed  atomic.Uint64
	servers atomic.Pointer[[][]Server] // by number; grows under mu
	classes atomic.Pointer[[]string]   // the same of names of classes

	mu      sync.Mutex // for the list; never held by the way of a message
	writers []*Writer
}

// NewLog returns a log that keeps so many of the last messages of each writer, at
// least MaxBatch, or nil if messages is 0: a nil Log records nothing.
func NewLog(messages int) *Log {
	if messages <= 0 {
		return nil
	}
	l := &Log{messages: messages}
	l.servers.Store(&[][]Server{nil})
	return l
}

// Writer returns a writer for the sole use of one loop. Close gives it back, and
// what it holds stays readable until it is used again.
func (l *Log) Writer() *Writer {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.writers {
		if w.free {
			w.free = false
			return w
		}
	}
	w := newWriter(l, l.messages)
	l.writers = append(l.writers, w)
	return w
}

// Close gives a writer back.
func (w *Writer) Close() {
	if w == nil {
		return
	}
	w.log.mu.Lock()
	defer w.log.mu.Unlock()
	w.free = true
}

// Class is the number of the name of a class in a Log; 0 is none.
type Class uint16

// Class returns the number of a name, for events, as Servers does.
func (l *Log) Class(name string) Class {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.names()
	n := slices.Index(all, name)
	if n < 0 {
		if n = len(all); n > math.MaxUint16 {
			return 0
		}
		all = append(slices.Clone(all), name)
		l.classes.Store(&all)
	}
	return Class(n)
}

// names returns the names of classes by number.
func (l *Log) names() []string {
	if all := l.classes.Load(); all != nil {
		return *all
	}
	return []string{""}
}

// A Server is one of a list of servers.
type Server struct {
	Addr   netip.AddrPort
	Source netip.Addr // of what is sent to it, whatever Event.From says; not valid: it has none of its own
}

// Servers is the number of a list of servers in a Log; 0 is the empty list.
type Servers uint16

// Servers returns the number of a list, for events. Equal lists have one number
// for the life of the log, which is why it is for lists that come from the
// configuration. Of more than 65,535 lists the rest is not told.
func (l *Log) Servers(list []Server) Servers {
	if l == nil || len(list) == 0 {
		return 0
	}
	if n := l.numberOf(list); n > 0 {
		return Servers(n)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.numberOf(list); n > 0 {
		return Servers(n)
	}
	all := l.lists()
	if len(all) > math.MaxUint16 {
		return 0
	}
	all = append(slices.Clone(all), slices.Clone(list))
	l.servers.Store(&all)
	return Servers(len(all) - 1)
}

// numberOf returns the number of a list, -1 if it has none.
func (l *Log) numberOf(list []Server) int {
	return slices.IndexFunc(l.lists(), func(o []Server) bool { return slices.Equal(o, list) })
}

// lists returns the lists of servers by number.
func (l *Log) lists() [][]Server {
	return *l.servers.Load()
}

// Missed returns how many messages were not recorded because someone was reading
// at that moment.
func (l *Log) Missed() uint64 {
	if l == nil {
		return 0
	}
	return l.missed.Load()
}

// A Reader reads a log from where it has read before. It is not safe for
// concurrent use.
type Reader struct {
	log  *Log
	next map[*Writer]uint64
	from bool // begin with what comes, not with what is kept
}

// Reader returns a reader that begins with the oldest message that is kept.
func (l *Log) Reader() *Reader { return &Reader{log: l, next: make(map[*Writer]uint64)} }

// Follow returns a reader that begins with the next message to come.
func (l *Log) Follow() *Reader {
	r := &Reader{log: l, next: make(map[*Writer]uint64), from: true}
	r.Read()
	r.from = false
	return r
}

// Read returns the messages since the last call, oldest first, and how many were
// overwritten before they could be read. It holds up no message.
func (r *Reader) Read() (ms []Message, lost uint64) { return r.Pick(nil, 0) }

// Pick is Read of the messages for which want returns true, and of those of each
// loop the latest only, if most is not 0: the others cost next to nothing. Those that
// are wanted and not taken count as lost. want must not use the log.
func (r *Reader) Pick(want func(Glance) bool, most int) (ms []Message, lost uint64) {
	if r.log == nil {
		return nil, 0
	}
	r.log.mu.Lock()
	ws := slices.Clone(r.log.writers)
	r.log.mu.Unlock()
	for _, w := range ws {
		if r.from {
			r.next[w] = w.end()
			continue
		}
		var n uint64
		ms, r.next[w], n = w.since(r.next[w], ms, want, most)
		lost += n
	}
	slices.SortStableFunc(ms, func(a, b Message) int { return a.At.Compare(b.At) })
	return ms, lost
}
