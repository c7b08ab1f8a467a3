package fdb

import (
	"encoding/binary"
	"hash/maphash"
)

// Sizes of a cache of stations. It begins small, so that few pages are touched where there
// are few stations.
const (
	ways  = 4 // entries of a set
	first = 1 << 6
	most  = 1 << 16 // stations; who finds no place takes that of another, which is asked for again
)

// Stations are a cache of the ports by which stations are reached: who is not there may be
// known all the same. To look for one costs one line of the processor's cache, as a map
// does not: between messages that come one by one nothing of it is in there.
type stations struct {
	seed maphash.Seed
	turn uint8 // whose place is taken next
	sets []set // a power of two
}

// A set is the entries of one cache line.
type set [ways]entry

// An entry is a station, as octets: the address, then the VLAN. Bridge 0 is none.
type entry struct {
	station      uint64
	bridge, port int32
}

func newStations() stations {
	return stations{seed: maphash.MakeSeed(), sets: make([]set, first/ways)}
}

func entryOf(s Station, port int) entry {
	var b [8]byte
	copy(b[:], s.MAC[:])
	binary.NativeEndian.PutUint16(b[6:], s.VLAN)
	return entry{binary.NativeEndian.Uint64(b[:]), s.Bridge, int32(port)}
}

func (c *stations) set(e *entry) *set {
	var b [12]byte
	binary.NativeEndian.PutUint64(b[:], e.station)
	binary.NativeEndian.PutUint32(b[8:], uint32(e.bridge))
	return &c.sets[maphash.Bytes(c.seed, b[:])&uint64(len(c.sets)-1)]
}

// place returns the entry of a station in its set, nil if it has none.
func (s *set) place(e *entry) *entry {
	for i := range s {
		if s[i].station == e.station && s[i].bridge == e.bridge {
			return &s[i]
		}
	}
	return nil
}

// get returns the port of a station, and whether it is there.
func (c *stations) get(s Station) (port int, ok bool) {
	e := entryOf(s, 0)
	if at := c.set(&e).place(&e); at != nil {
		return int(at.port), true
	}
	return 0, false
}

// put remembers the port of a station.
func (c *stations) put(s Station, port int) {
	e := entryOf(s, port)
	at := c.find(&e)
	for at == nil && len(c.sets) < most/ways {
		c.grow()
		at = c.find(&e)
	}
	if at == nil {
		at = &c.set(&e)[c.turn%ways]
		c.turn++
	}
	*at = e
}

// find returns the entry of a station, or room for one, nil if there is neither.
func (c *stations) find(e *entry) *entry {
	s := c.set(e)
	if at := s.place(e); at != nil {
		return at
	}
	return s.place(&entry{})
}

// grow makes room. All that is there finds a place: each set takes from one of the
// smaller cache alone.
func (c *stations) grow() {
	was := c.sets
	c.sets = make([]set, 4*len(was))
	for i := range was {
		for _, e := range was[i] {
			if e != (entry{}) {
				*c.find(&e) = e
			}
		}
	}
}

// forget forgets a station.
func (c *stations) forget(s Station) {
	e := entryOf(s, 0)
	if at := c.set(&e).place(&e); at != nil {
		*at = entry{}
	}
}

// clear forgets all.
func (c *stations) clear() { clear(c.sets) }
