package bootp

import "net/netip"

// MaxRelay is the number of option 82 instances that a Layout has room for. One
// is usual; RFC 3396 allows a long one to be split.
const MaxRelay = 4

// A Span is a part of a message: Len octets from offset Off, for an option
// including its code and length octets.
type Span struct{ Off, Len int }

// A Layout says where the parts of the options field lie that a relay agent
// needs. It holds for the message that it was made from until that is edited.
type Layout struct {
	Type     Type           // the first option 53 if it has 1 octet, else 0
	End      int            // offset of END, or of where the options stop without one: the end of the message
	HasEnd   bool           // there is an END
	ClientID []byte         // value of the first option 61, a view; nil if absent
	ServerID netip.Addr     // the first option 54 if it has 4 octets, else the zero Addr
	Relay    [MaxRelay]Span // the first instances of option 82, in order
	// Requested is the first option 50 if it has 4 octets, else the zero Addr (RFC 2132, section 9.1).
	Requested netip.Addr
	NumRelay  int // instances of option 82; more than MaxRelay are too many to take for sound
	// Overload is all that the octets of option 52 have in common with 3: file holds options if bit 0 is set, sname if bit 1 is.
	Overload uint8
	Retyped  bool // there are several options 53, or one not of 1 octet, so that readers differ in the type
}

// Scan walks the options field once and returns its layout. It returns false
// for a message that is not DHCP, and for one whose last option is cut off by
// the end of the message. It looks into neither sname nor file, even where
// option 52 says that they hold options (RFC 3046, section 2.1), nor at
// anything after END. Aggregate does the former.
func (p Packet) Scan() (l Layout, ok bool) {
	ok = l.Scan(p)
	return l, ok
}

// Scan makes l, which must be new, the layout of a message, as Packet.Scan does:
// it spares a copy of the layout. Where it returns false, l is of no use.
func (l *Layout) Scan(p Packet) bool {
	if !p.DHCP() {
		return false
	}
	var typed, served, asked bool
	i := OptionsOffset
	for i < len(p) {
		if p[i] == OptionPad {
			i++
			continue
		}
		if p[i] == OptionEnd {
			l.HasEnd = true
			break
		}
		n := p.optionLen(i)
		if n == 0 {
			*l = Layout{}
			return false
		}
		value := p[i+2 : i+n : i+n]
		switch p[i] {
		case OptionMessageType:
			if !typed && len(value) == 1 {
				l.Type = Type(value[0])
			} else {
				l.Retyped = true
			}
			typed = true
		case OptionOverload:
			for _, c := range value {
				l.Overload |= c & (overloadFile | overloadSname)
			}
		case OptionServerID:
			if !served && len(value) == 4 {
				l.ServerID = netip.AddrFrom4([4]byte(value))
			}
			served = true
		case OptionRequested:
			if !asked && len(value) == 4 {
				l.Requested = netip.AddrFrom4([4]byte(value))
			}
			asked = true
		case OptionClientID:
			if l.ClientID == nil {
				l.ClientID = value
			}
		case OptionRelay:
			if l.NumRelay < MaxRelay {
				l.Relay[l.NumRelay] = Span{Off: i, Len: n}
			}
			l.NumRelay++
		}
		i += n
	}
	l.End = i
	return true
}

// optionLen returns the octets of the option at off, which is neither PAD nor
// END, with its code and length; 0 if the end of the message cuts it off.
func (p Packet) optionLen(off int) int {
	if off+1 >= len(p) {
		return 0
	}
	n := 2 + int(p[off+1])
	if n > len(p)-off {
		return 0
	}
	return n
}

// RelayValue returns the value of option 82: a view of p if there is one
// instance. The values of several are one value (RFC 3396, section 7), put
// together in scratch, up to its capacity. It returns nil if there is none, if
// scratch is too small, and if there are more than MaxRelay.
func (p Packet) RelayValue(l *Layout, scratch []byte) []byte {
	if l.NumRelay == 0 || l.NumRelay > MaxRelay {
		return nil
	}
	if l.NumRelay == 1 {
		return p.value(l.Relay[0])
	}
	v := scratch[:0]
	for _, s := range l.Relay[:l.NumRelay] {
		part := p.value(s)
		if len(part) > cap(v)-len(v) {
			return nil
		}
		v = append(v, part...)
	}
	return v
}

func (p Packet) value(s Span) []byte {
	end := s.Off + s.Len
	return p[s.Off+2 : end : end]
}
