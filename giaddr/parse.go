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
	if s == "primary" {
		return Rule{Kind: Primary}, nil
	}
	if strings.Contains(s, "/") {
		return parsePrefix4(s)
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return given4(a)
	}
	switch {
	case s != "" && strings.Trim(s, "0123456789.") == "":
		return Rule{}, fmt.Errorf("%q is no IPv4 address", s)
	case strings.EqualFold(s, "primary"):
		return Rule{}, fmt.Errorf("%q is no rule; write \"primary\"", s)
	case !ValidName(s):
		return Rule{}, fmt.Errorf("%q is neither \"primary\" nor an IPv4 address, a prefix such as \"192.0.2.0/24\" or the name of an interface", s)
	}
	return Rule{Kind: Borrowed, Link: s}, nil
}

func parsePrefix4(s string) (Rule, error) {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return Rule{}, fmt.Errorf("%q is no prefix; write one such as \"192.0.2.0/24\"", s)
	case !p.Addr().Is4():
		return Rule{}, fmt.Errorf("%s is no IPv4 prefix, and giaddr holds an IPv4 address", s)
	case p != p.Masked():
		return Rule{}, fmt.Errorf("%s has bits beyond its length; write %q for the prefix or %q for the address", s, p.Masked(), p.Addr())
	}
	return Rule{Kind: InPrefix, Prefix: p}, nil
}

func given4(a netip.Addr) (Rule, error) {
	switch {
	case !a.Is4():
		return Rule{}, fmt.Errorf("%s is no IPv4 address, and giaddr holds one", a)
	case !Unicast4(a):
		return Rule{}, fmt.Errorf("%s is no address that a host can have, and giaddr must be one (RFC 1542, section 4.1.1)", a)
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

// ValidName reports whether Linux would accept s as the name of an interface:
// 1 to 15 octets, none a slash, a colon or white space, and neither "." nor "..".
func ValidName(s string) bool {
	if s == "" || len(s) > 15 || s == "." || s == ".." {
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
