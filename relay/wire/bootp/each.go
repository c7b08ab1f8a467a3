package bootp

import "iter"

// Options yields code and value, a view, of each option but PAD, in order, until
// END or an option that is cut off by the end of the message. It yields nothing
// for a message that is not DHCP.
func (p Packet) Options() iter.Seq2[byte, []byte] {
	return func(yield func(byte, []byte) bool) {
		if !p.DHCP() {
			return
		}
		for i := OptionsOffset; i < len(p) && p[i] != OptionEnd; {
			if p[i] == OptionPad {
				i++
				continue
			}
			n := p.optionLen(i)
			if n == 0 || !yield(p[i], p[i+2:i+n:i+n]) {
				return
			}
			i += n
		}
	}
}
