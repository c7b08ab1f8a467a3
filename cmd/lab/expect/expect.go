// Package expect says which octets a relayed BOOTP message has, to the last one,
// as RFC 1542, RFC 3046 and the README have it. It must share no code with the
// relay, so that each is held against the other.
package expect

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
)

// MinLen is the least number of octets that a relay sends (RFC 1542, section 2.1).
const MinLen = 300

const (
	hopsAt    = 3
	giaddrAt  = 24
	cookieAt  = 236
	optionsAt = 240
)

// Codes of options (RFC 2132, section 3; RFC 3046, section 2.0).
const (
	pad   = 0
	relay = 82
	end   = 255
)

// A Span is where an option stands, from its code to after its value.
type Span struct{ From, To int }

// Options are what a walk over the options field found.
type Options struct {
	DHCP   bool // the cookie is there
	Sound  bool // every option is whole
	End    int  // offset of END, or of the message's end
	HasEnd bool
	Relay  []Span // each option 82
}

// Walk walks the options field.
func Walk(b []byte) Options {
	o := Options{DHCP: len(b) >= optionsAt && bytes.Equal(b[cookieAt:optionsAt], []byte{99, 130, 83, 99}), Sound: true, End: len(b)}
	if !o.DHCP {
		return o
	}
	for i := optionsAt; i < len(b); {
		switch {
		case b[i] == pad:
			i++
			continue
		case b[i] == end:
			o.End, o.HasEnd = i, true
			return o
		case i+1 >= len(b) || i+2+int(b[i+1]) > len(b):
			o.Sound = false
			return o
		}
		next := i + 2 + int(b[i+1])
		if b[i] == relay {
			o.Relay = append(o.Relay, Span{i, next})
		}
		i = next
	}
	return o
}

// Option82 returns each option 82, whole, one after the other.
func Option82(b []byte) (all []byte) {
	for _, s := range Walk(b).Relay {
		all = append(all, b[s.From:s.To]...)
	}
	return all
}

// Padded returns b with zero octets up to the least that a relay sends.
func Padded(b []byte) []byte {
	return append(slices.Clone(b), make([]byte, max(0, MinLen-len(b)))...)
}

// With82 returns b with options put where END stands, and END after them. Zero
// octets that end the message are padding and give way, one for each octet that
// is put in; what else follows END moves to the right, whole. Without END the
// options end where the message does.
func With82(b, options []byte) []byte {
	o := Walk(b)
	out := slices.Concat(b[:o.End], options, []byte{end})
	if !o.HasEnd {
		return out
	}
	rest := b[o.End+1:]
	if len(bytes.Trim(rest, "\x00")) == 0 {
		rest = rest[min(len(rest), len(options)):]
	}
	return append(out, rest...)
}

// Without82 returns b with every option 82 cut out, as much shorter.
func Without82(b []byte) []byte {
	out := slices.Clone(b)
	for _, s := range slices.Backward(Walk(b).Relay) {
		out = slices.Delete(out, s.From, s.To)
	}
	return out
}

// Request returns what leaves of a request: hops is one more, giaddr is filled in
// and option 82 added if this relay is the first one (RFC 1542, section 4.1.1;
// RFC 3046, section 2.1). An option82 of nil is none.
func Request(in []byte, giaddr netip.Addr, option82 []byte) []byte {
	o := Walk(in)
	first := bytes.Equal(in[giaddrAt:][:4], []byte{0, 0, 0, 0})
	out := slices.Clone(in)
	out[hopsAt]++
	if first {
		copy(out[giaddrAt:], giaddr.AsSlice())
	}
	if first && o.DHCP && len(o.Relay) == 0 && len(option82) > 0 {
		out = With82(out, option82)
	}
	return Padded(out)
}

// Reply returns what leaves of a reply: every option 82 goes, unless keep, and
// nothing else changes (RFC 1542, section 4.1.2; RFC 3046, section 2.1).
func Reply(in []byte, keep bool) []byte {
	if keep {
		return Padded(in)
	}
	return Padded(Without82(in))
}

// Same returns an error that shows both messages unless each octet is the same,
// and none too many.
func Same(want, got []byte) error {
	switch {
	case bytes.Equal(want, got):
		return nil
	case len(want) != len(got):
		return fmt.Errorf("%d octets, want %d\nwant %s\ngot  %s", len(got), len(want), Dump(want), Dump(got))
	}
	return fmt.Errorf("octets differ\nwant %s\ngot  %s", Dump(want), Dump(got))
}
