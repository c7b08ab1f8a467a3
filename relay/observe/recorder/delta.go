package recorder

import "bytes"

// A delta says which octets of a message as sent need not be kept, for they are
// those that were received.
type delta struct {
	from, to uint16 // of what was sent
	shift    int16  // index into what was received that is index 0 of what was sent
}

// Of a BOOTP message, a relay changes hops and giaddr before the client's
// addresses and names, and options after them (RFC 951, section 3).
const (
	fixedFrom = 28
	fixedTo   = 236
)

// same returns what need not be kept of a message that was sent, whose index 0 is
// index shift of what was received. Of a message that begins where it began, only
// the fixed fields of BOOTP are looked at, of another one all that both have, in one
// comparison. If they are not the same, all must be kept.
// Received is without its zeros if it is zeroed.
func same(received, sent []byte, shift int, zeroed bool) (d delta) {
	if zeroed {
		return sameButZeros(received, sent, shift)
	}
	from, to := max(0, -shift), min(len(sent), len(received)-shift)
	if shift == 0 {
		from, to = fixedFrom, min(fixedTo, to)
	}
	if from >= to || !bytes.Equal(received[from+shift:to+shift], sent[from:to]) {
		return d
	}
	return delta{from: uint16(from), to: uint16(to), shift: int16(shift)}
}

// sameButZeros is same for what hasZeros, which is BOOTP, or else a coincidence.
func sameButZeros(received, sent []byte, shift int) (d delta) {
	if shift != 0 || !hasZeros(sent) || !bytes.Equal(received[fixedFrom:zerosFrom], sent[fixedFrom:zerosFrom]) {
		return d
	}
	return delta{from: fixedFrom, to: fixedTo}
}

// literal returns how many octets must be kept of n that were sent.
func (d *delta) literal(n int) int { return n - int(d.to-d.from) }

// keep copies what must be kept of sent.
func (d *delta) keep(literal, sent []byte) {
	n := copy(literal, sent[:d.from])
	copy(literal[n:], sent[d.to:])
}

// restore fills sent from what was received and what was kept.
func (d *delta) restore(sent, received, literal []byte) {
	n := copy(sent[:d.from], literal)
	if d.from < d.to {
		copy(sent[d.from:d.to], received[int(d.from)+int(d.shift):])
	}
	copy(sent[d.to:], literal[n:])
}
