package udp

import (
	"runtime"
	"testing"
)

func TestNewBatchSlotsDoNotOverlap(t *testing.T) {
	ds := NewBatch(3)
	for i := range ds {
		s := ds[i].Store
		if len(s) != slotSize || cap(s) != slotSize {
			t.Errorf("slot %d has %d octets, capacity %d; want %d", i, len(s), cap(s), slotSize)
		}
		for j := range s {
			if s[j] != 0 {
				t.Fatalf("slot %d shares octet %d with another", i, j)
			}
			s[j] = 1
		}
	}
	runtime.KeepAlive(ds)
}

// What the garbage collector counts as in use, it lets garbage grow by.
func TestBatchIsNoPartOfTheHeap(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	ds := NewBatch(64)
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("64 slots took %d octets of the heap, want less than 1 MiB", grown)
	}
	for i := range ds {
		ds[i].Store[0], ds[i].Store[slotSize-1] = 1, 1
	}
	runtime.KeepAlive(ds)
}
