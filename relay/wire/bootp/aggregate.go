package bootp

// Bits of the value of option 52 (RFC 2132, section 9.3).
const (
	overloadFile  = 1
	overloadSname = 2
)

// An Aggregate is what a server may find in a message beyond its Layout: in the
// aggregate option buffer, which is the options field, file and sname (RFC 3396,
// section 5), and by another reading of option 53. The zero value is empty.
type Aggregate struct {
	Relay bool // an option 82 begins in file or sname
	types [4]uint64

	overload uint8 // as in a Layout, of all that was read
}

// Plain reports whether the Layout says all: there is nothing in file and sname,
// and one option 53 at most, of 1 octet.
func (l *Layout) Plain() bool { return l.Overload == 0 && !l.Retyped }

// Aggregate looks at all that a server may read. l must be the layout of p. Of an
// option that the end of a field cuts off, the beginning counts, for there are
// servers that take what is left; and an option 52 in file or sname, for there are
// such that heed it there.
func (p Packet) Aggregate(l *Layout) (a Aggregate) {
	a.overload = l.Overload
	a.add(p[OptionsOffset:])
	file := a.overload&overloadFile != 0
	if file {
		a.Relay = a.add(p[offFile:HeaderLen])
	}
	if a.overload&overloadSname != 0 {
		a.Relay = a.add(p[offSname:offFile]) || a.Relay
	}
	if !file && a.overload&overloadFile != 0 {
		a.Relay = a.add(p[offFile:HeaderLen]) || a.Relay
	}
	return a
}

// MayBe reports whether a server may take the message to be of the type.
func (a *Aggregate) MayBe(t Type) bool { return a.types[t>>6]>>(t&63)&1 != 0 }

// add notes the message types in one field, and reports whether it holds an
// option 82.
func (a *Aggregate) add(field []byte) (relay bool) {
	for len(field) > 0 && field[0] != OptionEnd {
		if field[0] == OptionPad {
			field = field[1:]
			continue
		}
		n := len(field)
		if n > 1 {
			n = min(n, 2+int(field[1]))
		}
		switch field[0] {
		case OptionRelay:
			relay = true
		case OptionOverload:
			for _, c := range field[min(2, n):n] {
				a.overload |= c
			}
		case OptionMessageType:
			if n > 2 {
				a.types[field[2]>>6] |= 1 << (field[2] & 63)
			}
		}
		field = field[n:]
	}
	return relay
}
