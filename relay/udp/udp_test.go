package udp

import "testing"

func TestNewBatchSlotsDoNotOverlap(t *testing.T) {
	ds := NewBatch(3)
	for i := range ds {
		s := ds[i].Store
		if len(s) != SlotSize || cap(s) != SlotSize {
			t.Errorf("slot %d has %d octets, capacity %d; want %d", i, len(s), cap(s), SlotSize)
		}
		for j := range s {
			if s[j] != 0 {
				t.Fatalf("slot %d shares octet %d with another", i, j)
			}
			s[j] = 1
		}
	}
}
