// Package udp hears and sends DHCP messages through ordinary UDP sockets: two
// wildcard sockets per address family and VRF, read and written in batches. It
// decides nothing about a message but which of the two sockets hears it. Packet
// sockets are no alternative: their filter sees every packet that the router
// forwards, and UDP sockets cost it nothing.
package udp

import (
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"dhcp-relay/relay/wire/dhcp"
)

// Room around a payload, in octets.
const (
	Headroom = 1024 // free before the payload, so that a header can be put in front in place
	tailroom = 1024 // free after the payload
	slotSize = Headroom + maxRead + tailroom
)

// skew sets the slots of a batch apart. Without it they would all begin in one
// of two places of a page, and their headers compete for a few lines of the
// processor's cache.
const skew = 384

// maxRead is the room for a payload, in octets; no datagram has more than 65,507.
const maxRead = 65536

// network returns the name that Go's network calls have for a family.
func network(f dhcp.Family) string {
	if f == dhcp.V6 {
		return "udp6"
	}
	return "udp4"
}

// A Datagram is one received datagram and the room that it lies in.
type Datagram struct {
	Store     []byte         // SlotSize octets; the payload is Store[Headroom:Headroom+N]
	N         int            // octets of payload
	Link      int            // index of the interface that it arrived on
	Src       netip.AddrPort // without zone: Link tells it; IPv4 as 4-octet addresses
	Dst       netip.Addr     // destination in the IP header
	Age       time.Duration  // how long it has waited to be read, see receiver.age; 0 if that is not known
	Truncated bool           // the payload had more octets than there was room for
}

// NewBatch returns n datagrams to read into. All slots share one mapping, of
// which only those pages become resident that messages have touched. It is no
// part of the heap, which may grow in proportion to all that it holds. It ends with
// the datagrams: no part of a Store may be kept longer than they are.
func NewBatch(n int) []Datagram {
	const stride = slotSize + skew
	ds := make([]Datagram, n)
	if n == 0 {
		return ds
	}
	store, err := mapSparse(n * stride)
	if err == nil {
		runtime.AddCleanup(&ds[0], func(store []byte) {
			_ = unix.Munmap(store) // fails only for what is not mapped
		}, store)
	} else {
		store = make([]byte, n*stride)
	}
	for i := range ds {
		ds[i].Store = store[i*stride : i*stride+slotSize : i*stride+slotSize]
	}
	return ds
}

// mapSparse returns memory in small pages: large ones would become resident for few
// touched octets each.
func mapSparse(octets int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, octets, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err == nil {
		_ = unix.Madvise(b, unix.MADV_NOHUGEPAGE) // the memory works as well without
	}
	return b, err
}
