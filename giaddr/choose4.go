package giaddr

import (
	"encoding/binary"
	"net/netip"
)

// Choose4 returns the addresses that may stand for the clients of link l as
// giaddr, the best first; the rest is for trying when no server answers to the
// first. An error says why there is none: it wraps one of the sentinels of this
// package. The result depends on which addresses there are, not on their order
// (RFC 1542, section 4.1.1). Loopback (127/8), multicast and reserved addresses
// are never chosen, nor is the broadcast address or the number of a subnet of l
// up to /30; link-local ones (169.254/16) are chosen only where the link has
// nothing else, and no router forwards replies to them (RFC 3927, section 2.7).
//
//   - Primary: the best address of each distinct subnet of l. Deprecated addresses
//     go after preferred ones, and of either those that the kernel does not call
//     secondary before those that it does, then subnets up to /30 before /31 and
//     /32, then the numerically lowest. A /31 or /32 within another of the subnets
//     is not listed.
//   - InPrefix: the same, of the addresses within r.Prefix.
//   - Given: r.Addr alone, which must be an address of l or of any link in host.
//     Subnet is where l holds r.Addr if it does, else the subnet of l's primary
//     address, else (l has none, or only link-local ones) the subnet of r.Addr on
//     the link that holds it.
//   - Borrowed: the primary address of the link r.Link alone. Subnet is the one
//     of l's primary address, else the lender's, as above.
//
// It neither changes nor keeps l and host.
func Choose4(r Rule, l *Link, host []Link) ([]Choice, error) {
	return choose(v4{}, r, l, host)
}

// Broadcast returns the directed broadcast address of the subnet p, or the zero
// Addr if p has none: IPv6, /31 (RFC 3021, section 2.1), /32.
func Broadcast(p netip.Prefix) netip.Addr {
	if !p.IsValid() || !p.Addr().Is4() || narrow(p) {
		return netip.Addr{}
	}
	b := p.Addr().As4()
	host := ^uint32(0) >> p.Bits()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|host)
	return netip.AddrFrom4(b)
}

type v4 struct{}

func (v4) bits() int { return 32 }

func (v4) field() string { return "giaddr" }

func (v4) foreign() bool { return false }

func (v4) lack(_ *Link, _ netip.Prefix, why error) error { return why }

func (v4) unicast(a netip.Addr) bool { return Unicast4(a) }

func (f v4) usable(a Addr, all []Addr) bool {
	ip := a.Prefix.Addr()
	if !f.unicast(ip) {
		return false
	}
	for _, other := range all {
		if other.Prefix.Contains(ip) && f.reserved(ip, other.Prefix) {
			return false
		}
	}
	return true
}

// reserved knows both forms of broadcast: the number of a subnet is the older
// one (RFC 1122, section 3.3.6).
func (v4) reserved(a netip.Addr, p netip.Prefix) bool {
	if narrow(p) {
		return false
	}
	return a == p.Masked().Addr() || a == Broadcast(p)
}

func (v4) rank(a Addr) int {
	rank := 0
	if a.Deprecated {
		rank += 4
	}
	if a.Secondary {
		rank += 2
	}
	if narrow(a.Prefix) {
		rank++
	}
	return rank
}
