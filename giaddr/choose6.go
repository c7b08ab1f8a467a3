package giaddr

import "net/netip"

// Choose6 returns the addresses that may stand for the clients of link l as
// link-address (RFC 9915, section 19.1.1), the best first; the rest is for
// trying when no server answers to the first. An error says why there is none:
// it wraps one of the sentinels of this package. The result depends on which
// addresses there are, not on their order. Loopback, multicast, IPv4-mapped and
// tentative addresses, and those that failed duplicate address detection, are
// never chosen. A link-local address is chosen only where the link has nothing
// else; Addr.IsLinkLocalUnicast tells, and the caller must then name the link by
// Interface-Id, since such an address identifies none (RFC 7969, section 3.2).
//
//   - Primary: the best address of each distinct subnet of l. Temporary addresses
//     (RFC 8981) go last and deprecated ones before them, unique-local ones after
//     global ones, then subnets up to /126 before /127 and /128 and before the
//     anycast address of a subnet (RFC 4291, section 2.6.1), then the numerically
//     lowest. A /127 or /128 within another of the subnets is not listed.
//   - InPrefix, Given and Borrowed: as in Choose4.
//
// It neither changes nor keeps l and host.
func Choose6(r Rule, l *Link, host []Link) ([]Choice, error) {
	return choose(v6{}, r, l, host)
}

type v6 struct{}

func (v6) bits() int { return 128 }

func (v6) unicast(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast()
}

func (f v6) usable(a Addr, _ []Addr) bool {
	return f.unicast(a.Prefix.Addr()) && !a.Tentative
}

// reserved is always false: IPv6 has no broadcast.
func (v6) reserved(netip.Addr, netip.Prefix) bool { return false }

func (v6) rank(a Addr) int {
	ip, rank := a.Prefix.Addr(), 0
	if a.Temporary {
		rank += 8
	}
	if a.Deprecated {
		rank += 4
	}
	if ip.IsPrivate() {
		rank += 2
	}
	if narrow(a.Prefix) || ip == a.Prefix.Masked().Addr() {
		rank++
	}
	return rank
}
