package dhcp6

import "iter"

// Options yields code and value, a view, of each option in a field of options,
// in order, until one that is cut off. The options of a message begin after its
// header: HeaderLen, or RelayHeaderLen.
func Options(field []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		m := Message(field)
		for off := 0; off < len(m); {
			code, s, ok := m.option(off, len(m))
			if !ok || !yield(code, m[s.Off:s.end():s.end()]) {
				return
			}
			off = s.end()
		}
	}
}
