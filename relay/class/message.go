package class

import (
	"encoding/binary"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// Codes of the options that say what a client is.
const (
	optionVendorClass   = 60 // RFC 2132, section 9.13
	optionUserClass     = 77 // RFC 3004
	optionArchitecture  = 93 // RFC 4578, section 2.1
	option6Architecture = 61 // RFC 5970, section 3.3
)

// maxOptions is how many options of one kind are looked at: one is usual, and DHCPv6
// allows an option 16 for each enterprise number.
const maxOptions = 4

// A values is the options of one kind.
type values struct {
	list [maxOptions][]byte
	n    int
}

func (v *values) add(b []byte) {
	if v.n < maxOptions {
		v.list[v.n] = b
		v.n++
	}
}

// A said is what a client says of itself.
type said struct{ vendor, user, architecture values }

// Match4 returns the first rule that a request of DHCPv4 or BOOTP is under, -1 if it is
// under none. Of the message the options field is looked at, not sname and file. Port is
// empty if it is not known.
func (m *Matcher) Match4(p bootp.Packet, port []byte) int {
	if m == nil {
		return -1
	}
	var s match
	s.begin(m)
	if !s.one(MAC, p.Chaddr()) || !s.one(Port, port) {
		return -1
	}
	if !m.asksOptions() {
		return s.first()
	}
	var c said
	for code, value := range p.Options() {
		switch code {
		case optionVendorClass:
			c.vendor.add(value)
		case optionUserClass:
			c.user.add(value)
		case optionArchitecture:
			c.architecture.add(value)
		}
	}
	if !s.architectures(&c) {
		return -1
	}
	if x := s.open(Enterprise); x != nil && !s.close() { // which DHCPv4 does not say
		return -1
	}
	if x := s.open(VendorClass); x != nil {
		for _, v := range c.vendor.list[:c.vendor.n] {
			x.value(v, &s.met)
		}
		if !s.close() {
			return -1
		}
	}
	if x := s.open(UserClass); x != nil {
		for _, v := range c.user.list[:c.user.n] {
			x.value(v, &s.met) // many clients send the text without lengths
			if instances4(v) {
				for ; len(v) > 0; v = v[1+int(v[0]):] {
					x.value(v[1:1+int(v[0])], &s.met)
				}
			}
		}
		if !s.close() {
			return -1
		}
	}
	return s.first()
}

// Match6 returns the first rule that a client's DHCPv6 message is under, -1 if it is
// under none. Mac and port are empty if they are not known.
func (m *Matcher) Match6(msg dhcp6.Message, mac, port []byte) int {
	if m == nil {
		return -1
	}
	var s match
	s.begin(m)
	if !s.one(MAC, mac) || !s.one(Port, port) {
		return -1
	}
	if !m.asksOptions() {
		return s.first()
	}
	var c said
	if msg.Valid() && !msg.IsRelay() {
		for code, value := range dhcp6.Options(msg[dhcp6.HeaderLen:]) {
			switch code {
			case dhcp6.OptionVendorClass:
				c.vendor.add(value)
			case dhcp6.OptionUserClass:
				c.user.add(value)
			case option6Architecture:
				c.architecture.add(value)
			}
		}
	}
	if !s.architectures(&c) || !s.vendor6(&c) {
		return -1
	}
	if x := s.open(UserClass); x != nil {
		for _, v := range c.user.list[:c.user.n] {
			x.instances6(v, &s.met)
		}
		if !s.close() {
			return -1
		}
	}
	return s.first()
}

// asksOptions reports whether a rule depends on the options of a message.
func (m *Matcher) asksOptions() bool {
	return m.fields[VendorClass] != nil || m.fields[UserClass] != nil || m.fields[Architecture] != nil || m.fields[Enterprise] != nil
}

// one looks at a field of which there is one value, or none.
func (s *match) one(f Field, a []byte) bool {
	x := s.open(f)
	if x == nil {
		return true
	}
	if len(a) > 0 {
		x.value(a, &s.met)
	}
	return s.close()
}

func (s *match) architectures(c *said) bool {
	x := s.open(Architecture)
	if x == nil {
		return true
	}
	for _, v := range c.architecture.list[:c.architecture.n] {
		for v = v[:min(len(v), 2*maxInstances)]; len(v) >= 2; v = v[2:] {
			x.value(v[:2], &s.met)
		}
	}
	return s.close()
}

// vendor6 looks at options 16: an enterprise number, and data with lengths.
func (s *match) vendor6(c *said) bool {
	if x := s.open(Enterprise); x != nil {
		for _, v := range c.vendor.list[:c.vendor.n] {
			if len(v) >= 4 {
				x.value(v[:4], &s.met)
			}
		}
		if !s.close() {
			return false
		}
	}
	x := s.open(VendorClass)
	if x == nil {
		return true
	}
	for _, v := range c.vendor.list[:c.vendor.n] {
		if len(v) >= 4 {
			x.instances6(v[4:], &s.met)
		}
	}
	return s.close()
}

// instances6 notes the rules that one of several values satisfies, each of which is
// preceded by its length.
func (x *index) instances6(v []byte, met *set) {
	for range maxInstances {
		if len(v) < 2 {
			return
		}
		n := 2 + int(binary.BigEndian.Uint16(v))
		if n > len(v) {
			return
		}
		x.value(v[2:n], met)
		v = v[n:]
	}
}

// maxInstances is how many values of one option are looked at, so that no client can
// have the relay look for long.
const maxInstances = 16

// instances4 reports whether the value of option 77 has the form that RFC 3004, section
// 4, gives it: instances of 1 octet at least, each after its length.
func instances4(v []byte) bool {
	for n := 0; len(v) > 0; n++ {
		if v[0] == 0 || 1+int(v[0]) > len(v) || n == maxInstances {
			return false
		}
		v = v[1+int(v[0]):]
	}
	return true
}
