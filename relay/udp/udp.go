// Package udp hears and sends DHCP messages through ordinary UDP sockets: two
// wildcard sockets per address family and VRF, read and written in batches. It
// decides nothing about a message but which of the two sockets hears it. Packet
// sockets are no alternative: their filter costs the router 17 % on every packet
// that it forwards, UDP sockets cost it nothing.
package udp

import "net/netip"

// Room around a payload, in octets.
const (
	Headroom = 1024 // free before the payload, so that a header can be put in front in place
	Tailroom = 1024 // free after the payload
	SlotSize = Headroom + maxRead + Tailroom
)

// skew sets the slots of a batch apart. Without it they would all begin in one
// of two places of a page, and their headers compete for a few lines of the
// processor's cache: 3.1 µs of CPU for a request in a flood with it, 3.4 without.
const skew = 384

// maxRead is the room for a payload, in octets; no datagram has more than 65,507.
const maxRead = 65536

// A Family is an address family.
type Family uint8

// The families.
const (
	V4 Family = iota
	V6
)

// String returns the name that Go's network calls have for the family.
func (f Family) String() string {
	if f == V6 {
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
	Truncated bool           // the payload had more octets than there was room for
}

// NewBatch returns n datagrams to read into. All slots share one allocation, of
// which only those pages become resident that messages have touched.
func NewBatch(n int) []Datagram {
	const stride = SlotSize + skew
	store := make([]byte, n*stride)
	keepSparse(store)
	ds := make([]Datagram, n)
	for i := range ds {
		ds[i].Store = store[i*stride : i*stride+SlotSize : i*stride+SlotSize]
	}
	return ds
}
