package agent

import (
	"bytes"
	"slices"

	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// A slotKind is what a message fills in where a template leaves room for it. What is not
// known at that moment has a text of its own, so that nobody is taken for another.
type slotKind uint8

// The kinds. Those of a port come first; a port of a bridge is an interface of this host.
const (
	slotNone          slotKind = iota
	slotPort                   // name of the port
	slotPortAlias              // ifalias of the port, its name if it has none
	slotPortSlot               // last but one number in the name of the port, 0 if there is none
	slotPortNumber             // last number in the name of the port, 0 if there is none
	slotPortSlotRaw            // the same as one octet, 255 for what is more or not known
	slotPortNumberRaw          // the same as one octet, 255 for what is more or not known
	slotClientMAC              // Ethernet source of the frame
	slotClientMACRaw           // the same as 6 octets, zeros if it is not known
	slotLength                 // how many octets of the identifier follow, as one octet
	numSlots          = int(iota)
)

// ofMessage reports whether each message tells it.
func (k slotKind) ofMessage() bool { return k > slotNone && k < slotLength }

// ofPort reports whether it is told of the port that a message came by.
func (k slotKind) ofPort() bool { return k > slotNone && k < slotClientMAC }

const (
	unknownText = "unknown"
	maxDigits   = 10
	macLen      = 6 // octets of an Ethernet address
	maxLengths  = 4 // of {length} in one template
)

// A slot is where a message fills in something.
type slot struct {
	at   int // in octets, from where what is rendered begins
	head int // where the option or suboption begins that it is in
	kind slotKind
	most int // octets that it takes at most
	rest int // octets of the identifier that follow, but for those that messages fill in
}

// fill appends an option to dst with what the message of a link fills in, and with the
// subscriber-id of its class if the whole takes no more than limit octets with it.
func (s *Snapshot) fill(dst []byte, o *option, limit int, in *Ingress, v *Verdict) []byte {
	f := filler{lengths: 1, mac: in.MAC, port: s.portOf(v.Link, in), unknown: s.unknown}
	if v.Family == dhcp.V6 {
		f.lengths = 2
	}
	if len(f.mac) != macLen || !v.Link.ethernet {
		f.mac = nil
	}
	if x := o.other(v.id, limit); x != nil {
		at := o.others.in
		dst = f.add(dst, o.bytes[:at.Off], o.slots())
		dst = f.add(dst, x.bytes, x.slots)
		dst = append(dst, o.bytes[at.Off+at.Len:]...) // no identifier comes after the subscriber-id
	} else {
		dst = f.add(dst, o.bytes, o.slots())
	}
	v.Unidentified = v.Unidentified || f.missed
	return dst
}

// A filler fills in what a message tells.
type filler struct {
	lengths       int    // octets of a length, which stands right before the value; a code is as long
	mac           []byte // nil: not known
	port, unknown *port  // port: nil: not known
	missed        bool   // something was not known
}

// add appends options with those of the slots that are in them.
func (f *filler) add(dst, options []byte, slots []slot) []byte {
	from, head, shift := 0, -1, len(dst) // shift: from where the option that begins at head is, to there
	var lengths [maxLengths]int          // where the slots of lengths are in that
	n := 0
	for i := range slots {
		x := &slots[i]
		if x.head >= len(options) {
			break
		}
		dst = append(dst, options[from:x.at]...)
		from = x.at
		if x.head != head {
			head, shift, n = x.head, len(dst)-x.at, 0
		}
		was := len(dst)
		if x.kind == slotLength {
			dst = append(dst, byte(x.rest))
		} else {
			dst = f.value(dst, x.kind)
		}
		grow(dst[shift+head+f.lengths:], f.lengths, len(dst)-was)
		for _, at := range lengths[:n] {
			grow(dst[at:], 1, len(dst)-was)
		}
		if x.kind == slotLength && n < maxLengths {
			lengths[n], n = was, n+1
		}
	}
	return append(dst, options[from:]...)
}

// value appends what is filled in.
func (f *filler) value(dst []byte, k slotKind) []byte {
	switch {
	case k.ofPort() && f.port != nil:
		return append(dst, f.port.values[k]...)
	case k == slotClientMAC && f.mac != nil:
		return text.AppendOctets(dst, f.mac)
	case k == slotClientMACRaw && f.mac != nil:
		return append(dst, f.mac...)
	}
	f.missed = true
	return append(dst, f.unknown.values[k]...)
}

// grow adds to a length of 1 or 2 octets. A code is as long as its length.
func grow(at []byte, octets, by int) {
	if octets == 1 {
		at[0] += byte(by)
		return
	}
	n := int(at[0])<<8 + int(at[1]) + by
	at[0], at[1] = byte(n>>8), byte(n)
}

// The gaps are the places in an option where messages fill in something.
type gaps struct {
	slots         []slot // in the order of option.bytes
	circuit, mark []int  // offsets in option.circuit and option.mark
}

// slots returns what messages fill in into an option.
func (o *option) slots() []slot {
	if o.gaps == nil {
		return nil
	}
	return o.gaps.slots
}

// filled returns how many octets that takes at most.
func (o *option) filled() int { return most(o.slots()) }

// most returns how many octets messages fill in at most.
func most(slots []slot) (n int) {
	for i := range slots {
		n += slots[i].most
	}
	return n
}

// fillIn notes what messages fill in into the option or suboption that begins at head,
// with its value at an offset.
func (o *option) fillIn(head, value int, slots []slot) {
	for _, s := range slots {
		if o.gaps == nil {
			o.gaps = new(gaps)
		}
		s.at, s.head = s.at+value, head
		o.gaps.slots = append(o.gaps.slots, s)
	}
}

func (o *option) circuitGaps() []int {
	if o.gaps == nil {
		return nil
	}
	return o.gaps.circuit
}

func (o *option) markGaps() []int {
	if o.gaps == nil {
		return nil
	}
	return o.gaps.mark
}

// offsets returns where slots are.
func offsets(slots []slot) []int {
	at := make([]int, len(slots))
	for i := range slots {
		at[i] = slots[i].at
	}
	return at
}

// anonymous reports whether no circuit-id or Interface-Id is sent.
func (o *option) anonymous() bool { return len(o.circuit) == 0 && o.circuitGaps() == nil }

// sameCircuit reports whether the circuit-ids or Interface-Ids of two cannot be told apart.
func (o *option) sameCircuit(p *option) bool {
	return bytes.Equal(o.circuit, p.circuit) && slices.Equal(o.circuitGaps(), p.circuitGaps())
}

// bears reports whether a value is one that messages bear: octets with something filled in
// at the gaps.
func bears(v, octets []byte, gaps []int) bool {
	if len(gaps) == 0 {
		return bytes.Equal(v, octets)
	}
	if len(v) < len(octets) || !bytes.HasPrefix(v, octets[:gaps[0]]) {
		return false
	}
	v = v[gaps[0]:]
	for i, to := range gaps[1:] {
		between := octets[gaps[i]:to]
		at := bytes.Index(v, between)
		if at < 0 {
			return false
		}
		v = v[at+len(between):]
	}
	return bytes.HasSuffix(v, octets[gaps[len(gaps)-1]:])
}

// like returns those of the members that may have sent an identifier in which messages
// fill in something: one, or all if nothing tells which.
func (ms members) like(circuit []byte) members {
	var found members
	for i := range ms {
		o := &ms[i].choice.opt
		if at := o.circuitGaps(); at != nil && bears(circuit, o.circuit, at) {
			if found != nil {
				return ms
			}
			found = ms[i : i+1]
		}
	}
	return found
}
