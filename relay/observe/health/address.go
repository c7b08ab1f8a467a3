package health

import (
	"encoding/binary"
	"net/netip"
	"sync/atomic"
)

// An address is one that is read and written without lock. Who writes at the same time
// as another leaves it to that one.
type address struct {
	turn   atomic.Uint32 // odd: being written
	hi, lo atomic.Uint64 // of the IPv6 form; 0 of none
}

// set stores an address, which may be the zero one.
func (a *address) set(to netip.Addr) {
	var hi, lo uint64
	if to.IsValid() {
		b := to.As16()
		hi, lo = binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	}
	if a.hi.Load() == hi && a.lo.Load() == lo {
		return
	}
	n := a.turn.Load()
	if n&1 == 1 || !a.turn.CompareAndSwap(n, n+1) {
		return
	}
	a.hi.Store(hi)
	a.lo.Store(lo)
	a.turn.Store(n + 2)
}

// get returns the address, the zero one if there is none or it changes too often.
func (a *address) get() netip.Addr {
	for range 4 {
		n := a.turn.Load()
		hi, lo := a.hi.Load(), a.lo.Load()
		if n&1 == 1 || a.turn.Load() != n {
			continue
		}
		if hi|lo == 0 {
			break
		}
		var b [16]byte
		binary.BigEndian.PutUint64(b[:8], hi)
		binary.BigEndian.PutUint64(b[8:], lo)
		return netip.AddrFrom16(b).Unmap()
	}
	return netip.Addr{}
}
