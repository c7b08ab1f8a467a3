package fdb

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"dhcp-relay/giaddr"
)

// nth is one of many stations, on some bridges and VLANs.
func nth(n int) Station {
	return Station{giaddr.FDB{Bridge: int32(n%3 + 1), VLAN: uint16(n % 5)}, [6]byte{2, 1, byte(n >> 16), byte(n >> 8), byte(n)}}
}

// What the cache says of a station is what was put last, and nothing once it is forgotten:
// it may lose stations, and takes none for another.
func TestStationsAreNeverOthers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	c, truth := newStations(), make(map[Station]int)
	lost := 0
	for range 1_000_000 {
		s := nth(r.IntN(100_000))
		switch r.IntN(4) {
		case 0:
			c.forget(s)
			delete(truth, s)
		case 1:
			port := r.IntN(1 << 20)
			c.put(s, port)
			truth[s] = port
		default:
			got, ok := c.get(s)
			want, known := truth[s]
			if ok && (!known || got != want) {
				t.Fatalf("%+v by %d, want %d (%v)", s, got, want, known)
			}
			if known && !ok {
				lost++
			}
		}
	}
	// Some 50,000 are known at a time, which is three for each set of four.
	if lost > 50_000 {
		t.Errorf("%d of 500,000 times a station was lost", lost)
	}
	c.clear()
	if _, ok := c.get(nth(1)); ok {
		t.Error("something is left")
	}
}

// As many as there are on a bridge of a usual size all have a place.
func TestStationsHaveRoom(t *testing.T) {
	c := newStations()
	const n = 2000
	for i := range n {
		c.put(nth(i), i)
	}
	there := 0
	for i := range n {
		if port, ok := c.get(nth(i)); ok && port == i {
			there++
		}
	}
	if there != n {
		t.Errorf("%d of %d are there", there, n)
	}
}

func TestSetIsACacheLine(t *testing.T) {
	if n := unsafe.Sizeof(set{}); n != 64 {
		t.Errorf("%d octets", n)
	}
}
