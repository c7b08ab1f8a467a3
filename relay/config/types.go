package config

import (
	"math"
	"slices"
	"strings"
)

// types reads a list of message types without repetition, by number or by the
// name that it has in the metrics; name gives that of a number.
func (r *reader) types(v value, name func(uint8) string) ([]uint8, bool) {
	list, ok := r.list(v, "a message type from 1 to 255, or the name of one")
	if !ok {
		return nil, false
	}
	var types []uint8
	for _, e := range list {
		n, ok := r.messageType(e, name)
		switch {
		case !ok:
		case slices.Contains(types, n):
			r.fail(e, "remove one", "%v is on the list already", e.any)
		default:
			types = append(types, n)
		}
	}
	return types, true
}

func (r *reader) messageType(v value, name func(uint8) string) (uint8, bool) {
	s, ok := v.any.(string)
	if !ok {
		n, ok := r.number(v, 1, math.MaxUint8)
		return uint8(n), ok
	}
	for n := range math.MaxUint8 {
		if t := uint8(n + 1); strings.EqualFold(name(t), s) && name(t) != name(math.MaxUint8) {
			return t, true
		}
	}
	r.fail(v, "", "there is no message type %q", s)
	return 0, false
}
