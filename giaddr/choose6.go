package giaddr

import (
	"fmt"
	"net/netip"
)

// Choose6 returns the addresses that may stand for the clients of link l as
// link-address (RFC 9915, section 19.1.1), the best first; the rest is for
// trying when no server answers to the first. An error says why there is none:
// it wraps one of the sentinels of this package. The result depends on which
// addresses there are, not on their order. Loopback, multicast and IPv4-mapped
// addresses, and those that failed duplicate address detection, are never chosen.
// Tentative ones are: link-address names a link and is no source address, and so
// it stays the same when duplicate address detection ends. What is chosen may
// thus be nothing to send from.
//
//   - Primary: the best address of each distinct subnet of l. Temporary addresses
//     (RFC 8981) go last and deprecated ones before them, unique-local ones after
//     global ones, then subnets up to /126 before /127 and /128 and before the
//     anycast address of a subnet (RFC 4291, section 2.6.1), then the numerically
//     lowest. A /127 or /128 within another of the subnets is not listed.
//   - InPrefix and Borrowed: as in Choose4.
//   - Given: r.Addr, be it an address of this host or not.
//   - LinkLocal: the numerically lowest link-local address of l, which no other
//     rule chooses: it names no link (RFC 7969, section 3.2), and servers that take
//     it for one declare leases void (RFC 9915, section 18.3.4).
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

func (v6) field() string { return "link_address" }

func (v6) foreign() bool { return true }

func (f v6) usable(a Addr, _ []Addr) bool {
	ip := a.Prefix.Addr()
	return f.unicast(ip) && !ip.IsLinkLocalUnicast() && !a.Duplicate
}

// lack names the addresses that are there and not usable.
func (f v6) lack(l *Link, within netip.Prefix, why error) error {
	var local, duplicate netip.Addr
	for i := range l.Addrs {
		a := l.Addrs[i].Prefix.Addr()
		switch {
		case !f.unicast(a):
		case a.IsLinkLocalUnicast():
			local = lower(local, a)
		case l.Addrs[i].Duplicate && (!within.IsValid() || within.Contains(a)):
			duplicate = lower(duplicate, a)
		}
	}
	switch {
	case duplicate.IsValid():
		return fmt.Errorf("%w: %s is %w", why, duplicate, ErrDuplicate)
	case local.IsValid() && !within.IsValid():
		return fmt.Errorf("%w: only the link-local %s, by which servers would declare leases void", why, local)
	}
	return why
}

// lower returns the lower of two addresses, of which the first may be none.
func lower(a, b netip.Addr) netip.Addr {
	if a.IsValid() && a.Less(b) {
		return a
	}
	return b
}

// linkLocal returns the link-local address of l.
func linkLocal(l *Link) (Choice, error) {
	var best netip.Prefix
	for i := range l.Addrs {
		p := l.Addrs[i].Prefix
		if a := p.Addr(); !a.Is6() || !a.IsLinkLocalUnicast() || l.Addrs[i].Duplicate {
			continue
		}
		if !best.IsValid() || p.Addr().Less(best.Addr()) {
			best = p
		}
	}
	if !best.IsValid() {
		return Choice{}, ErrNoAddress
	}
	return Choice{best.Addr(), best.Masked()}, nil
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
