package clientmac

import "net/netip"

// A Query asks from which link-layer address a message came.
type Query struct {
	Link    int        // index of the interface that it arrived on
	Src     netip.Addr // without zone
	Message []byte

	Known bool // the answer is known
	MAC   [6]byte

	// Where a Source looks for the answer.
	key   key
	set   *set
	notes uint16
}
