package bootp

import "encoding/binary"

// Insert puts opt, one or more whole options, where END stands; END follows it.
// Without END, opt goes to where the options stop, and END is added
// (RFC 3046, section 2.1; RFC 2131, section 4.1). l must be the layout of p, and
// opt must not lie in the buffer of p.
//
// Octets before that place are untouched. Zero octets after END are padding and
// give way to opt, so that a padded message does not grow while they last; if
// what follows END holds anything else, it is moved whole.
//
// Insert uses the spare capacity of p and never allocates. If that is too
// small, it returns p as it is, and false.
func (p Packet) Insert(l *Layout, opt []byte) (Packet, bool) {
	at := l.End
	after := at + len(opt)
	if l.HasEnd && !zero(p[at+1:]) {
		n := len(p) + len(opt)
		if n > cap(p) {
			return p, false
		}
		q := p[:n]
		copy(q[after:], p[at:])
		copy(q[at:], opt)
		return q, true
	}
	n := max(len(p), after+1)
	if n > cap(p) {
		return p, false
	}
	q := p[:n]
	copy(q[at:], opt)
	q[after] = OptionEnd
	return q, true
}

// Remove cuts s out and moves what follows to the left. The octets that become
// free are zeroed and not part of the result. Undoing an Insert leaves at most
// an END that was not there, and zero octets at the end of the message.
func (p Packet) Remove(s Span) Packet {
	copy(p[s.Off:], p[s.Off+s.Len:])
	n := len(p) - s.Len
	clear(p[n:])
	return p[:n]
}

// RemoveAll cuts out every instance of option 82, also those for which l has no
// room, in one pass. l must be the layout of p. The octets that become free are
// zeroed and not part of the result.
func (p Packet) RemoveAll(l *Layout) Packet {
	if l.NumRelay == 0 {
		return p
	}
	to := l.Relay[0].Off
	for from := to; from < l.End; {
		n := 1
		if p[from] != OptionPad {
			n = 2 + int(p[from+1])
		}
		if p[from] != OptionRelay {
			to += copy(p[to:], p[from:from+n])
		}
		from += n
	}
	to += copy(p[to:], p[l.End:])
	clear(p[to:])
	return p[:to]
}

// Pad appends zero octets until p has n, overwriting whatever the buffer held
// there. A longer p stays as it is. If the capacity is below n, it returns p as
// it is, and false.
func (p Packet) Pad(n int) (Packet, bool) {
	if len(p) >= n {
		return p, true
	}
	if n > cap(p) {
		return p, false
	}
	q := p[:n]
	clear(q[len(p):])
	return q, true
}

// zero reports whether b holds zero octets only.
func zero(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.NativeEndian.Uint64(b) != 0 {
			return false
		}
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
