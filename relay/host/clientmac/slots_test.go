package clientmac

import (
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"
)

// put does what the filter does.
func (s *set) put(i int, k key, stamp uint64) {
	n := &s.notes[i]
	atomic.StoreUint64(&n.stamp, busy)
	atomic.StoreUint64(&s.heads[i], k.head)
	atomic.StoreUint64(&n.src[0], k.src0)
	atomic.StoreUint64(&n.src[1], k.src1)
	atomic.StoreUint64(&n.stamp, stamp)
}

// A note that is written while it is read says the right address or none.
func TestNoteWrittenWhileRead(t *testing.T) {
	const reads = 2_000_000
	var s set
	a, b := nth(1), nth(2)
	keys := []key{newKey(1, a.src, a.message(typeSolicit)), newKey(1, b.src, b.message(typeSolicit))}
	var stop atomic.Bool
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 0; !stop.Load(); i++ {
			s.put(0, keys[i%2], stampOf(nth(1+i%2).mac, uint16(i)))
		}
	})
	var known, wrong int
	for i := range reads {
		k := keys[i%2]
		m, ok := s.find(k, s.match(k))
		if ok {
			known++
		}
		if ok && m != nth(1+i%2).mac {
			wrong++
		}
	}
	stop.Store(true)
	writer.Wait()
	if known == 0 || wrong != 0 {
		t.Errorf("%d of %d known, %d wrong", known, reads, wrong)
	}
}

// The filter writes what Lookup reads.
func TestSizes(t *testing.T) {
	if got := unsafe.Sizeof(set{}); got != setSize {
		t.Errorf("a set has %d octets, want %d", got, setSize)
	}
	if got := unsafe.Offsetof(set{}.notes); got != offNotes {
		t.Errorf("notes begin at %d, want %d", got, offNotes)
	}
	if got := unsafe.Sizeof(note{}); got != noteSize {
		t.Errorf("a note has %d octets, want %d", got, noteSize)
	}
}
