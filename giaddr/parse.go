package giaddr

import (
	"fmt"
	"net/netip"
	"strings"
)

// ParseRule4 parses what the configuration says of an interface's giaddr:
// "primary", an IPv4 address of this host, an IPv4 prefix in which the link has
// an address, or the name of an interface to borrow from.
func ParseRule4(s string) (Rule, error) {
	d := dialect{
		family: "IPv4", field: "giaddr", prefix: "192.0.2.0/24", letters: "0123456789.",
		is: netip.Addr.Is4, usable: Unicast4,
		want: "is no address that a host can have, and giaddr must be one (RFC 1542, section 4.1.1)",
	}
	return d.parse(s)
}

// ParseRule6 parses what the configuration says of an interface's link-address,
// as ParseRule4 does, and "link-local" too. The address need not be one of this
// host. A link-local address, which is on every link, cannot be given.
func ParseRule6(s string) (Rule, error) {
	d := dialect{
		family: "IPv6", field: "link-address", local: true, prefix: "2001:db8:1::/64", letters: "0123456789abcdefABCDEF:.",
		is: func(a netip.Addr) bool { return a.Is6() && !a.Is4In6() },
		usable: func(a netip.Addr) bool {
			return a.Zone() == "" && v6{}.unicast(a) && !a.IsLinkLocalUnicast()
		},
		want: "is no global or unique-local address, and link-address must be one (RFC 9915, section 19.1.1)",
	}
	return d.parse(s)
}

// A dialect is where the rules of the families differ.
type dialect struct {
	family  string
	field   string // what the address is for
	local   bool   // "link-local" is a rule
	prefix  string // an example
	letters string // what an address is made of
	is      func(netip.Addr) bool
	usable  func(netip.Addr) bool
	want    string // what an address that is not usable is not
}

func (d *dialect) parse(s string) (Rule, error) {
	if s == "primary" {
		return Rule{Kind: Primary}, nil
	}
	if s == "link-local" && d.local {
		return Rule{Kind: LinkLocal}, nil
	}
	if strings.Contains(s, "/") {
		return d.parsePrefix(s)
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return d.given(a)
	}
	switch {
	case d.addressLike(s):
		return Rule{}, fmt.Errorf("%q is no %s address", s, d.family)
	case d.local && strings.EqualFold(strings.ReplaceAll(s, "_", "-"), "link-local"):
		return Rule{}, fmt.Errorf("%q is no rule; write \"link-local\"", s)
	case strings.EqualFold(s, "primary"):
		return Rule{}, fmt.Errorf("%q is no rule; write \"primary\"", s)
	case !ValidAltName(s):
		return Rule{}, fmt.Errorf("%q is neither \"primary\" nor an %s address, a prefix such as %q or the name of an interface", s, d.family, d.prefix)
	}
	return Rule{Kind: Borrowed, Link: s}, nil
}

// addressLike reports whether an address was meant. An interface can have a name
// of hexadecimal digits, but none with a colon.
func (d *dialect) addressLike(s string) bool {
	return s != "" && strings.Trim(s, d.letters) == "" && (d.family == "IPv4" || strings.Contains(s, ":"))
}

func (d *dialect) parsePrefix(s string) (Rule, error) {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return Rule{}, fmt.Errorf("%q is no prefix; write one such as %q", s, d.prefix)
	case !d.is(p.Addr()):
		return Rule{}, fmt.Errorf("%s is no %s prefix, and %s holds an %s address", s, d.family, d.field, d.family)
	case p != p.Masked():
		return Rule{}, fmt.Errorf("%s has bits beyond its length; write %q for the prefix or %q for the address", s, p.Masked(), p.Addr())
	}
	return Rule{Kind: InPrefix, Prefix: p}, nil
}

func (d *dialect) given(a netip.Addr) (Rule, error) {
	switch {
	case !d.is(a):
		return Rule{}, fmt.Errorf("%s is no %s address, and %s holds one", a, d.family, d.field)
	case !d.usable(a):
		return Rule{}, fmt.Errorf("%s %s", a, d.want)
	}
	return Rule{Kind: Given, Addr: a}, nil
}

// Unicast4 reports whether a is an IPv4 address that can be reached through a
// network: none of 0/8, 127/8, 224/4 and 240/4 (RFC 1122, section 3.2.1.3).
func Unicast4(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	b := a.As4()
	return b[0] != 0 && b[0] != 127 && b[0] < 224
}

// The greatest lengths of the names of an interface, in octets.
const (
	maxName    = 15
	maxAltName = 127
)

// ValidName reports whether Linux would accept s as the name of an interface:
// 1 to 15 octets, none a slash, a colon or white space, and neither "." nor "..".
func ValidName(s string) bool { return len(s) <= maxName && ValidAltName(s) }

// ValidAltName reports whether s can be the name of an interface or an alternative
// one (ip link property), which has up to 127 octets.
func ValidAltName(s string) bool {
	if s == "" || len(s) > maxAltName || s == "." || s == ".." {
		return false
	}
	for _, c := range []byte(s) {
		// The kernel goes by octets and takes 0xa0 for white space.
		if c == '/' || c == ':' || c == 0 || c == 0xa0 || c == ' ' || c >= '\t' && c <= '\r' {
			return false
		}
	}
	return true
}
