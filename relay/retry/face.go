package retry

// Face returns the face that the client is tried with now, without noting a
// request: what follows a DISCOVER must go the same way. n is the number of
// faces that the link has now.
func (t *Table) Face(link int, chaddr []byte, n int) int {
	slot, tag := t.find(link, chaddr)
	v := slot.Load()
	if v>>tagShift != tag {
		return 0
	}
	if face := int(v >> faceShift & field); face < n {
		return face
	}
	return 0
}
