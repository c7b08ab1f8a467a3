package recorder

import "bytes"

// Of most BOOTP messages sname and file are empty (RFC 951, section 3), so these
// octets of a payload are not kept where they are all zeros: they would take twice the
// memory, and room in the processor's cache.
const (
	zerosFrom = 44
	zerosTo   = 236
	numZeros  = zerosTo - zerosFrom
)

// zeros is what those octets are.
var zeros [numZeros]byte

// hasZeros reports whether those octets of a payload are zeros.
func hasZeros(payload []byte) bool {
	return len(payload) >= zerosTo && bytes.Equal(payload[zerosFrom:zerosTo], zeros[:])
}

// copyWithoutZeros copies a payload that hasZeros without them.
func copyWithoutZeros(kept, payload []byte) {
	n := copy(kept, payload[:zerosFrom])
	copy(kept[n:], payload[zerosTo:])
}

// copyWithZeros is the reverse; payload has all of its length.
func copyWithZeros(payload, kept []byte) {
	n := copy(payload[:zerosFrom], kept)
	clear(payload[zerosFrom:zerosTo])
	copy(payload[zerosTo:], kept[n:])
}
