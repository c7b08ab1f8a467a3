package bootp

// A RelayInfo is the value of option 82 (RFC 3046, section 2.0):
//
//	 SubOpt  Len     Sub-option Value
//	+------+------+------+------+------+------+--...-+------+
//	|  1   |   N  |  s1  |  s2  |  s3  |  s4  |      |  sN  |
//	+------+------+------+------+------+------+--...-+------+
//	 SubOpt  Len     Sub-option Value
//	+------+------+------+------+------+------+--...-+------+
//	|  2   |   N  |  i1  |  i2  |  i3  |  i4  |      |  iN  |
//	+------+------+------+------+------+------+--...-+------+
//
// There is neither a pad nor an end suboption: 0 and 255 are codes like others.
type RelayInfo []byte

// minRelayInfo is one suboption without a value (RFC 3046, section 2.0).
const minRelayInfo = 2

// Valid reports whether r holds whole suboptions and nothing else, at least
// one. A suboption may be empty (RFC 3046, section 2.0).
func (r RelayInfo) Valid() bool {
	if len(r) < minRelayInfo {
		return false
	}
	for len(r) > 0 {
		n := r.subLen()
		if n == 0 {
			return false
		}
		r = r[n:]
	}
	return true
}

// Sub returns the value of the first suboption with the code, a view that is
// never nil. It returns false if there is none before the end or before the
// first suboption that is cut off.
func (r RelayInfo) Sub(code byte) ([]byte, bool) {
	for n := r.subLen(); n > 0; n = r.subLen() {
		if r[0] == code {
			return r[2:n:n], true
		}
		r = r[n:]
	}
	return nil, false
}

// subLen returns the octets of the first suboption with its code and length; 0
// if there is none, or only a part of one.
func (r RelayInfo) subLen() int {
	if len(r) < minRelayInfo {
		return 0
	}
	n := 2 + int(r[1])
	if n > len(r) {
		return 0
	}
	return n
}

// AppendSub appends a suboption to dst and returns the extended slice; it
// allocates only if the capacity of dst is too small. It panics if value has
// more than 255 octets: the caller checks what it was told to send when it
// reads its configuration.
func AppendSub(dst []byte, code byte, value []byte) []byte {
	if len(value) > 255 {
		panic("bootp: suboption value of more than 255 octets")
	}
	dst = append(dst, code, byte(len(value)))
	return append(dst, value...)
}
