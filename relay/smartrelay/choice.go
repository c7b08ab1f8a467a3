package smartrelay

// following returns the choice that asked would return, without noting a request: one
// that is not relayed after all cannot be answered.
func (t *Table) following(link int, chaddr []byte, after, n int) int {
	if n <= 1 || after < 1 {
		return 0
	}
	slot, tag := t.find(link, chaddr)
	choice, _ := next(slot.Load(), tag, min(after, field), min(n, field+1))
	return choice
}

// current returns the choice that the client is tried with now, without noting a
// request: what follows a DISCOVER must go the same way. n is the number of
// choices that the link has now.
func (t *Table) current(link int, chaddr []byte, n int) int {
	slot, tag := t.find(link, chaddr)
	v := slot.Load()
	if v>>tagShift != tag {
		return 0
	}
	if choice := int(v >> choiceShift & field); choice < n {
		return choice
	}
	return 0
}
