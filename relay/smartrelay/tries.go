package smartrelay

// Tries remembers how often clients have asked without an answer, in the same way as a
// Table: what it forgets only costs a client some attempts. All methods may be called at
// once by any number of goroutines; they take no lock and allocate nothing.
type Tries struct{ table *Table }

// NewTries returns a Tries for at least slots clients, of 8 octets each.
func NewTries(slots int) Tries { return Tries{New(slots)} }

// Before returns how often a client of the link with the index link has asked in vain
// before the conversation that a message belongs to, or that it begins: the messages of
// one conversation go the same way.
func (t Tries) Before(link int, client []byte, begins bool) int {
	slot, tag := t.table.find(link, client)
	v := slot.Load()
	switch {
	case v>>tagShift != tag:
		return 0
	case begins:
		return int(v & field)
	}
	return int(v >> choiceShift & field)
}

// Asked notes that a client has begun a conversation, after so many tries in vain.
func (t Tries) Asked(link int, client []byte, before int) {
	slot, tag := t.table.find(link, client)
	for {
		old, count := slot.Load(), uint64(1)
		if old>>tagShift == tag {
			count = min(old&field+1, field)
		}
		if slot.CompareAndSwap(old, tag<<tagShift|uint64(min(before, field))<<choiceShift|count) {
			return
		}
	}
}

// Answered notes that the client was answered.
func (t Tries) Answered(link int, client []byte) { t.table.answered(link, client) }
