package clientmac

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"testing"
)

func lla(n int) netip.Addr {
	a := netip.MustParseAddr("fe80::").As16()
	binary.BigEndian.PutUint32(a[12:], uint32(n))
	return netip.AddrFrom16(a)
}

func macOf(n int) (m [6]byte) {
	m[0] = 2
	binary.BigEndian.PutUint32(m[2:], uint32(n))
	return m
}

func xid(typ byte, n int) []byte { return []byte{typ, byte(n >> 16), byte(n >> 8), byte(n), 0, 1} }

func TestClients(t *testing.T) {
	c := NewClients()
	c.Place(7, lla(1), xid(1, 100)).Note(macOf(1))
	c.Place(8, lla(1), xid(1, 100)).Note(macOf(2)) // the same client elsewhere
	c.Place(7, lla(2), xid(1, 100)).Note(macOf(3))
	c.Place(7, lla(4), xid(1, 6)).Note(macOf(6)) // one of whom nothing was known when it asked again
	c.Place(7, lla(4), xid(1, 6)).Doubt()
	c.Place(7, lla(5), xid(1, 7)).Doubt() // nobody was known
	c.Place(7, lla(5), xid(1, 7)).Note(macOf(7))
	c.Place(7, lla(3), xid(1, 5)).Note(macOf(4)) // two that say that they are one
	c.Place(7, lla(3), xid(3, 5)).Note(macOf(5))
	for _, tc := range []struct {
		name string
		at   Place
		want [6]byte
		ok   bool
	}{
		{"a reply", c.Place(7, lla(1), xid(7, 100)), macOf(1), true},
		{"another link", c.Place(8, lla(1), xid(2, 100)), macOf(2), true},
		{"another client", c.Place(7, lla(2), xid(7, 100)), macOf(3), true},
		{"another transaction", c.Place(7, lla(1), xid(7, 101)), [6]byte{}, false},
		{"another client's address alone", c.Place(7, lla(2), xid(7, 101)), [6]byte{}, false},
		{"a link that nobody has asked on", c.Place(9, lla(1), xid(7, 100)), [6]byte{}, false},
		{"doubted", c.Place(7, lla(4), xid(7, 6)), [6]byte{}, false},
		{"doubted before", c.Place(7, lla(5), xid(7, 7)), macOf(7), true},
		{"two have asked", c.Place(7, lla(3), xid(7, 5)), [6]byte{}, false},
		{"too short", c.Place(7, lla(1), []byte{7, 0, 0}), [6]byte{}, false},
	} {
		if mac, ok := tc.at.Find(); mac != tc.want && tc.ok || ok != tc.ok {
			t.Errorf("%s: %x, %t, want %x, %t", tc.name, mac, ok, tc.want, tc.ok)
		}
	}
	Place{}.Note(macOf(1))
	Place{}.Fetch()
	Place{}.Doubt()
}

// TestClientsRemember20000 has as many clients ask at once as are to be answered
// after a power cut, and each of them again and twice over.
func TestClientsRemember20000(t *testing.T) {
	const clients = 20_000
	c := NewClients()
	for range 3 {
		for n := range clients {
			c.Place(7, lla(n), xid(1, n)).Note(macOf(n))
		}
	}
	for n := range clients { // the Request after the Advertise
		c.Place(7, lla(n), xid(3, n+1<<23)).Note(macOf(n))
	}
	lost := 0
	for n := range clients {
		mac, ok := c.Place(7, lla(n), xid(7, n+1<<23)).Find()
		if !ok {
			lost++
		} else if mac != macOf(n) {
			t.Fatalf("client %d: %x, want %x", n, mac, macOf(n))
		}
	}
	if lost > clients/100 {
		t.Errorf("%d of %d are forgotten", lost, clients)
	}
}

// TestClientsNeverMixUp writes and reads one set from several goroutines: what is
// found must be right.
func TestClientsNeverMixUp(t *testing.T) {
	c := &Clients{sets: make([]set, 1<<logSets)}
	s := &c.sets[0]
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 50_000 {
				n := (i*7 + g) % 40
				k := newKey(1, lla(n), xid(0, n))
				if i%2 == 0 {
					s.write(k, macOf(n))
				} else if mac, ok := s.find(k, s.match(k)); ok && mac != macOf(n) {
					t.Errorf("client %d: %x", n, mac)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestClientsAllocateNothing(t *testing.T) {
	c, m := NewClients(), xid(1, 5)
	if n := testing.AllocsPerRun(100, func() {
		p := c.Place(7, lla(1), m)
		p.Fetch()
		p.Note(macOf(1))
		p.Find()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClients(b *testing.B) {
	c, m := NewClients(), xid(1, 5)
	n := 0
	for b.Loop() {
		n = (n + 1) % 20_000
		binary.BigEndian.PutUint16(m[2:], uint16(n))
		c.Place(7, lla(n), m).Note(macOf(n))
	}
}
