package dhcp6

// MaxNesting is the number of relay headers, one inside the other, into which
// this package looks. A relay agent forwards at most 8 (RFC 8415, section 19.1.2;
// RFC 3315 said 32), but hop counts may lie about what is inside.
const MaxNesting = 32

// Innermost returns a view of the message inside all relay headers, m itself if
// that has none, and the number of headers around it. The way ends early at a
// relay message that cannot be scanned or decapsulated, and after MaxNesting
// headers: then what it returns is still a relay message. That message is
// Valid, as m must be.
func (m Message) Innermost() (Message, int) {
	depth := 0
	for ; depth < MaxNesting && m.IsRelay(); depth++ {
		inner, ok := m.Inside()
		if !ok {
			break
		}
		m = inner
	}
	return m, depth
}

// Inside returns a view of the message that the relay message m bears, which is
// Valid.
func (m Message) Inside() (Message, bool) {
	l, ok := m.Scan()
	if !ok {
		return nil, false
	}
	return m.Decapsulate(&l)
}

// HasRSOO reports whether m is a relay message with a Relay-Supplied Options
// option at any level (RFC 6422, section 5). It looks into every Relay Message
// option of every level. What it cannot look into counts as having one, lest a
// laxer server see what this has missed: levels deeper than MaxNesting, and an
// RSOO that is itself cut off. The octets after another option that is cut off
// are not options to anyone.
func (m Message) HasRSOO() bool {
	if !m.IsRelay() {
		return false
	}
	// The ends of the levels that the walk is in, the outermost first.
	var ends [MaxNesting]int
	ends[0] = len(m)
	off := RelayHeaderLen
	for depth := 0; depth >= 0; {
		end := ends[depth]
		code, value, ok := m.option(off, end)
		if code == OptionRSOO {
			return true
		}
		if !ok {
			off = end
			depth--
			continue
		}
		off = value.end()
		if code != OptionRelayMsg || !m.nested(value) {
			continue
		}
		depth++
		if depth == MaxNesting {
			return true
		}
		ends[depth] = off
		off = value.Off + RelayHeaderLen
	}
	return false
}

// nested reports whether the value of a Relay Message option is a relay message.
func (m Message) nested(value Span) bool {
	inner := Message(m.Value(value))
	return inner.Valid() && inner.IsRelay()
}
