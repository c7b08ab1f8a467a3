package agent

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Template is the text of an identifier with placeholders for the facts of a
// link: "{hostname}:{interface}". The zero value is absent. Templates are
// immutable and safe for concurrent use.
type Template struct {
	source string
	parts  []part
}

// A part is literal octets, or a placeholder if form is not nil.
type part struct {
	literal string
	name    string
	form    *form
}

// A form is one way of writing a fact. The lengths are octets, the least for a
// link that has the fact at all, or 0 where links exist that do not have it.
type form struct {
	min, max int
	binary   bool
	append   func(dst []byte, f *Facts) []byte // nil for what each message tells
	slot     slotKind                          // what that is
}

// What a placeholder may grow to: Linux interface names, RFC 1035 labels and
// their like, and the longest link-layer address (InfiniBand).
const (
	maxInterface = 15
	maxText      = 64
	maxMAC       = 20
)

// A placeholder names a fact and its forms: text, and raw octets where the fact
// has such.
type placeholder struct {
	name      string
	text, raw *form
}

func placeholders() []placeholder {
	return []placeholder{
		{"interface", known(1, maxInterface, false, appendInterface), nil},
		{"ifalias", known(0, maxText, false, appendAlias), nil},
		{"hostname", known(1, maxText, false, appendHostname), nil},
		{"vlan", vlan(innerTag).text(), vlan(innerTag).raw()},
		{"svlan", vlan(outerTag).text(), vlan(outerTag).raw()},
		{"cvlan", vlan(innerTag).text(), vlan(innerTag).raw()},
		{"mac", known(0, 3*maxMAC-1, false, appendMAC), known(0, maxMAC, true, appendMACRaw)},
		{"giaddr", known(7, 15, false, appendGiaddr), known(4, 4, true, appendGiaddrRaw)},
		{"vlan1", vlan(firstTag).text(), vlan(firstTag).raw()},
		{"vlan2", vlan(secondTag).text(), vlan(secondTag).raw()},
		{"port", filled(1, maxInterface, false, slotPort), nil},
		{"port_alias", filled(1, maxText, false, slotPortAlias), nil},
		{"port_slot", filled(1, maxDigits, false, slotPortSlot), filled(1, 1, true, slotPortSlotRaw)},
		{"port_number", filled(1, maxDigits, false, slotPortNumber), filled(1, 1, true, slotPortNumberRaw)},
		{"client_mac", filled(1, 3*macLen-1, false, slotClientMAC), filled(macLen, macLen, true, slotClientMACRaw)},
		{"length", filled(1, 1, true, slotLength), nil},
	}
}

// known is a form of what is known before a message comes.
func known(least, most int, binary bool, add func(dst []byte, f *Facts) []byte) *form {
	return &form{min: least, max: most, binary: binary, append: add}
}

// filled is a form of what each message tells.
func filled(least, most int, binary bool, k slotKind) *form {
	return &form{min: least, max: most, binary: binary, slot: k}
}

// written returns the form of a fact that is written in a way of its own, such as
// {mac:plain} and {:vlan}, nil if there is none.
func written(name, mod string) *form {
	switch name + ":" + mod {
	case ":vlan":
		return known(0, 6, false, appendColonVLAN)
	case ":vlans":
		return known(0, 12, false, appendColonVLANs)
	case "vlan1:4":
		return vlan(firstTag).digits()
	case "vlan2:4":
		return vlan(secondTag).digits()
	case "mac:plain":
		return known(0, 2*maxMAC, false, appendMACPlain)
	}
	return nil
}

const placeholderList = "{interface}, {ifalias}, {hostname}, {vlan}, {svlan}, {cvlan}, {vlan1}, {vlan2}, {:vlan}, {:vlans}, " +
	"{mac}, {giaddr}, {port}, {port_alias}, {port_slot}, {port_number}, {client_mac}, {vlan:raw}, {svlan:raw}, {cvlan:raw}, {vlan1:raw}, {vlan2:raw}, {vlan1:4}, {vlan2:4}, " +
	"{mac:raw}, {mac:plain}, {giaddr:raw}, {port_slot:raw}, {port_number:raw}, {client_mac:raw}, {length}, {hex:...}"

// ParseTemplate compiles a template. {interface}, {ifalias}, {hostname}, {vlan},
// {svlan} and {cvlan} (the outer and the inner of stacked VLANs), {mac} and {giaddr} stand
// for facts as text; {vlan:raw} and its like (2 octets), {mac:raw}
// and {giaddr:raw} (4 octets) for the same in network byte order; {hex:0006ab}
// for the octets themselves; {{ and }} for braces. {vlan1} and {vlan2} are the first
// VLAN of a frame and the second one, 0 if there is none, and {vlan1:4} the same in four
// digits; {:vlan} is a colon and the VLAN, {:vlans} a colon and all of them (":200-10"),
// both nothing without a VLAN; {mac:plain} has no colons; {length} is one octet: how many
// follow. {port}, {port_alias}, {port_slot}, {port_number} and {client_mac} are what each
// message tells, see slotKind. The empty string gives the zero Template. An error names the offset in octets
// and what exists.
func ParseTemplate(s string) (Template, error) {
	t := Template{source: s}
	for i := 0; i < len(s); {
		n := strings.IndexAny(s[i:], "{}")
		if n < 0 {
			n = len(s) - i
		}
		t.literal(s[i : i+n])
		if i += n; i == len(s) {
			break
		}
		n, err := t.brace(s[i:])
		if err != nil {
			return Template{}, fmt.Errorf("at offset %d: %w", i, err)
		}
		i += n
	}
	return t, nil
}

// brace parses what begins with a brace and returns its length.
func (t *Template) brace(s string) (int, error) {
	if strings.HasPrefix(s, "{{") || strings.HasPrefix(s, "}}") {
		t.literal(s[:1])
		return 2, nil
	}
	if s[0] == '}' {
		return 0, errors.New("a \"}\" that closes nothing; a brace itself is written \"}}\"")
	}
	end := strings.IndexAny(s[1:], "{}") + 1
	if end == 0 || s[end] != '}' {
		return 0, errors.New("a \"{\" that is not closed; a brace itself is written \"{{\"")
	}
	name, mod, hasMod := strings.Cut(s[1:end], ":")
	if name == "hex" {
		b, err := hex.DecodeString(mod)
		if err != nil || len(b) == 0 {
			return 0, fmt.Errorf("%s holds no octets; write two hexadecimal digits for each, such as {hex:0006ab}", s[:end+1])
		}
		t.literal(string(b))
		return end + 1, nil
	}
	p, err := lookUp(name, mod, hasMod)
	if err != nil {
		return 0, err
	}
	t.parts = append(t.parts, p)
	return end + 1, nil
}

// lookUp finds the placeholder {name} or {name:mod}.
func lookUp(name, mod string, hasMod bool) (part, error) {
	if f := written(name, mod); hasMod && f != nil {
		return part{name: cmp.Or(name, mod), form: f}, nil
	}
	all := placeholders()
	i := slices.IndexFunc(all, func(p placeholder) bool { return p.name == name })
	switch {
	case i < 0:
		return part{}, fmt.Errorf("no placeholder {%s}; there are %s", name, placeholderList)
	case !hasMod:
		return part{name: name, form: all[i].text}, nil
	case mod == "raw" && all[i].raw != nil:
		return part{name: name, form: all[i].raw}, nil
	}
	return part{}, fmt.Errorf("{%s} has no form %q; there are %s", name, mod, placeholderList)
}

// literal adds octets, joined to those before.
func (t *Template) literal(s string) {
	n := len(t.parts)
	switch {
	case s == "":
	case n > 0 && t.parts[n-1].form == nil:
		t.parts[n-1].literal += s
	default:
		t.parts = append(t.parts, part{literal: s})
	}
}

// MinLen returns the least number of octets that a link which has a giaddr can
// give.
func (t Template) MinLen() int {
	n := 0
	for _, p := range t.parts {
		n += len(p.literal)
		if p.form != nil {
			n += p.form.min
		}
	}
	return n
}

// MaxLen returns the greatest number of octets that any link can give.
func (t Template) MaxLen() int {
	n := 0
	for _, p := range t.parts {
		n += len(p.literal)
		if p.form != nil {
			n += p.form.max
		}
	}
	return n
}

// Append appends what the template says of f to dst, nothing for what each message
// tells.
func (t Template) Append(dst []byte, f *Facts) []byte {
	dst, _ = t.render(dst, f)
	return dst
}

// render is Append that tells where in what it appends the messages fill in what.
func (t Template) render(dst []byte, f *Facts) (to []byte, slots []slot) {
	if !t.TellsClient() {
		return appendParts(dst, t.parts, f), nil
	}
	start, rest := len(dst), 0
	for i := len(t.parts) - 1; i >= 0; i-- { // the octets that follow are known first
		p := t.parts[i]
		switch {
		case p.form == nil:
			rest += len(p.literal)
		case p.form.slot == slotNone:
			rest += len(p.form.append(nil, f))
		default:
			slots = append(slots, slot{kind: p.form.slot, most: p.form.max, rest: rest})
		}
	}
	for _, p := range t.parts {
		dst = append(dst, p.literal...)
		if p.form != nil && p.form.slot == slotNone {
			dst = p.form.append(dst, f)
		}
	}
	slices.Reverse(slots)
	for i := range slots {
		slots[i].at = len(dst) - start - slots[i].rest
	}
	return dst, slots
}

// appendParts appends parts of which messages fill in nothing.
func appendParts(dst []byte, parts []part, f *Facts) []byte {
	for i, p := range parts {
		dst = append(dst, p.literal...)
		switch {
		case p.form == nil:
		case p.form.slot == slotNone:
			dst = p.form.append(dst, f)
		default:
			at := len(dst)
			dst = appendParts(append(dst, 0), parts[i+1:], f)
			dst[at] = byte(len(dst) - at - 1)
			return dst
		}
	}
	return dst
}

// TellsPort reports whether messages fill in something of the port that they came by.
func (t Template) TellsPort() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.form != nil && p.form.slot.ofPort() })
}

// TellsClient reports whether messages fill in from where in the network they came, be it
// the port or the link-layer address.
func (t Template) TellsClient() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.form != nil && p.form.slot.ofMessage() })
}

// String returns the template as it was written.
func (t Template) String() string { return t.source }

// Empty reports whether the template is absent.
func (t Template) Empty() bool { return len(t.parts) == 0 }

// Equal reports whether both templates were written alike.
func (t Template) Equal(o Template) bool { return t.source == o.source }

// Uses reports whether the placeholder of this name is in the template, in any
// form.
func (t Template) Uses(name string) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.form != nil && p.name == name })
}

// Text reports whether the template can only give printable ASCII (the part of
// NVT ASCII that identifies, RFC 3993, section 3.1).
func (t Template) Text() bool {
	for _, p := range t.parts {
		if p.form != nil && p.form.binary || strings.IndexFunc(p.literal, unprintable) >= 0 {
			return false
		}
	}
	return true
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

// Varies reports whether links differ in what the template says.
func (t Template) Varies() bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.form != nil })
}
