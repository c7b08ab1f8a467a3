package recorder

import "bytes"

// Of most BOOTP messages sname and file are empty (RFC 951, section 3), so these
// octets of a payload are not kept where they are all zeros: they would take twice the
// memory, and room in the processor's cache.
const (
	holeFrom = 44
	holeTo   = 236
	hole     = holeTo - holeFrom
)

// zeros is what is in a hole.
var zeros [hole]byte

// holed reports whether a payload has a hole.
func holed(payload []byte) bool {
	return len(payload) >= holeTo && bytes.Equal(payload[holeFrom:holeTo], zeros[:])
}

// dig copies a payload that has a hole without it.
func dig(kept, payload []byte) {
	n := copy(kept, payload[:holeFrom])
	copy(kept[n:], payload[holeTo:])
}

// fill is the reverse of dig; payload has all of its length.
func fill(payload, kept []byte) {
	n := copy(payload[:holeFrom], kept)
	clear(payload[holeFrom:holeTo])
	copy(payload[holeTo:], kept[n:])
}
