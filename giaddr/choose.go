package giaddr

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// Why a link has no address that may stand for its clients. Choose4 and Choose6
// wrap these with what of the rule and of the addresses is concerned; the link itself is
// not named, for whoever tells of it does.
var (
	// ErrNoAddress says that a link has no usable address of the family.
	ErrNoAddress = errors.New("no usable address")
	// ErrDuplicate says that an address failed duplicate address detection.
	ErrDuplicate = errors.New("a duplicate on the link")
	// ErrNotInPrefix says that none of a link's usable addresses is within Rule.Prefix.
	ErrNotInPrefix = errors.New("no address within the prefix")
	// ErrNotOnHost says that Rule.Addr is no usable address of this host, which
	// giaddr must be.
	ErrNotOnHost = errors.New("not an address of this host")
	// ErrNoSuchLink says that the host has no link with the name Rule.Link.
	ErrNoSuchLink = errors.New("no such link")
	// ErrBroadcast says that an address is the broadcast address or the number of
	// a subnet (RFC 1542, section 4.1.1).
	ErrBroadcast = errors.New("broadcast address or number of a subnet")
	// ErrInvalidRule says that a rule can never hold: an unknown Kind, the wrong
	// address family, or an address that is no unicast address of a subnet.
	ErrInvalidRule = errors.New("invalid rule")
)

// A family is where IPv4 and IPv6 differ: v4 in choose4.go, v6 in choose6.go.
type family interface {
	// bits is the length of an address.
	bits() int
	// field is the key of the configuration that holds the rule.
	field() string
	// foreign reports whether the address need not be one of this host: in IPv4
	// servers reply to it (RFC 2131, section 4.1), in IPv6 to whoever has asked.
	foreign() bool
	// lack wraps why, which says that l has no usable address, or none within a
	// valid prefix, with what it has instead.
	lack(l *Link, within netip.Prefix, why error) error
	// unicast reports whether a can be an address of a client network.
	unicast(a netip.Addr) bool
	// usable reports whether a of a link with the addresses all may be emitted.
	usable(a Addr, all []Addr) bool
	// reserved reports whether a, which is within p, is set aside in that subnet.
	reserved(a netip.Addr, p netip.Prefix) bool
	// rank orders addresses: the lower is the better.
	rank(a Addr) int
}

// Match reports whether the link name matches pattern, as path.Match does. A
// pattern without any of * ? [ \ matches only itself; a malformed one matches
// nothing.
func Match(pattern, name string) bool {
	if !strings.ContainsAny(pattern, `*?[\`) {
		return pattern == name
	}
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// Concerned returns those links of the host that choices by the rule depend on:
// what Choose4 and Choose6 say with them is what they say with all of host. A
// host can have thousands of links, so who chooses for many by one rule looks
// through them once.
func (r Rule) Concerned(host []Link) []Link {
	var some []Link
	for i := range host {
		switch {
		case r.Kind == Given && around(r.Addr, &host[i]), r.Kind == Borrowed && host[i].called(r.Link):
			some = append(some, host[i])
		}
	}
	return some
}

func choose(f family, r Rule, l *Link, host []Link) ([]Choice, error) {
	switch r.Kind {
	case Primary:
		return primary(f, l)
	case InPrefix:
		own, err := inPrefix(f, r.Prefix, l)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", f.field(), r.Prefix, err)
		}
		return own, nil
	case Given:
		c, err := given(f, r.Addr, l, host)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", f.field(), r.Addr, err)
		}
		return []Choice{c}, nil
	case Borrowed:
		c, err := borrowed(f, r.Link, l, host)
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", f.field(), r.Link, err)
		}
		return []Choice{c}, nil
	case LinkLocal:
		if !f.foreign() {
			break // giaddr has to be reached from elsewhere
		}
		c, err := linkLocal(l)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", f.field(), r, err)
		}
		return []Choice{c}, nil
	}
	return nil, fmt.Errorf("%s: %w", r, ErrInvalidRule)
}

func primary(f family, l *Link) ([]Choice, error) {
	all := usable(f, l)
	if len(all) == 0 {
		return nil, f.lack(l, netip.Prefix{}, ErrNoAddress)
	}
	return choicesOf(all), nil
}

func inPrefix(f family, p netip.Prefix, l *Link) ([]Choice, error) {
	if !p.IsValid() || p.Addr().BitLen() != f.bits() {
		return nil, ErrInvalidRule
	}
	all := usable(f, l)
	if len(all) == 0 {
		return nil, f.lack(l, netip.Prefix{}, ErrNoAddress)
	}
	within := slices.DeleteFunc(all, func(a Addr) bool { return !p.Contains(a.Prefix.Addr()) })
	if len(within) == 0 {
		return nil, f.lack(l, p, ErrNotInPrefix)
	}
	return choicesOf(within), nil
}

func given(f family, a netip.Addr, l *Link, host []Link) (Choice, error) {
	if !f.unicast(a) || f.foreign() && a.IsLinkLocalUnicast() {
		return Choice{}, ErrInvalidRule
	}
	near := linksAround(a, host)
	holder, subnet := holderOf(f, a, l, near)
	for _, h := range near {
		// Subnets of another VRF may overlap without meaning the same network.
		if (holder == nil || h.VRF == holder.VRF) && reservedOn(f, a, h) {
			return Choice{}, ErrBroadcast
		}
	}
	if reservedOn(f, a, l) {
		return Choice{}, ErrBroadcast
	}
	switch holder {
	case nil:
		if !f.foreign() {
			return Choice{}, ErrNotOnHost
		}
		subnet = netip.PrefixFrom(a, f.bits())
	case l:
		return Choice{a, subnet}, nil
	}
	return Choice{a, subnetOf(f, l, subnet)}, nil
}

func borrowed(f family, name string, l *Link, host []Link) (Choice, error) {
	lender := named(name, host)
	if lender == nil {
		return Choice{}, ErrNoSuchLink
	}
	lent, err := primary(f, lender)
	if err != nil {
		return Choice{}, err
	}
	if reservedOn(f, lent[0].Addr, l) {
		return Choice{}, ErrBroadcast
	}
	return Choice{lent[0].Addr, subnetOf(f, l, lent[0].Subnet)}, nil
}

func named(name string, host []Link) *Link {
	for i := range host {
		if host[i].called(name) {
			return &host[i]
		}
	}
	return nil
}

// subnetOf returns the subnet of the clients of l: l's own, or else the lender's.
func subnetOf(f family, l *Link, lender netip.Prefix) netip.Prefix {
	own, err := primary(f, l)
	// A link-local subnet (169.254/16) tells a server nothing about the clients.
	if err != nil || own[0].Addr.IsLinkLocalUnicast() {
		return lender
	}
	return own[0].Subnet
}

// linksAround returns the links with a subnet that contains a. They are few, and
// a host can have thousands.
func linksAround(a netip.Addr, host []Link) []*Link {
	var list []*Link
	for i := range host {
		if around(a, &host[i]) {
			list = append(list, &host[i])
		}
	}
	return list
}

// around reports whether a subnet of l contains a.
func around(a netip.Addr, l *Link) bool {
	for i := range l.Addrs {
		if l.Addrs[i].Prefix.Contains(a) {
			return true
		}
	}
	return false
}

// holderOf returns the link that holds a, and its subnet there: l itself if it
// does, else a link of the same VRF, else the one with the lowest index.
func holderOf(f family, a netip.Addr, l *Link, near []*Link) (*Link, netip.Prefix) {
	if p, ok := holds(f, a, l); ok {
		return l, p
	}
	var best *Link
	var subnet netip.Prefix
	for _, h := range near {
		p, ok := holds(f, a, h)
		if !ok || best != nil && nearer(l, best, h) <= 0 {
			continue
		}
		best, subnet = h, p
	}
	return best, subnet
}

// nearer compares two links by how close to l they are.
func nearer(l, a, b *Link) int {
	foreign := func(x *Link) int {
		if x.VRF == l.VRF {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(foreign(a), foreign(b)), cmp.Compare(a.Index, b.Index))
}

// holds returns the subnet of a on l. If l has a in several subnets, it is the
// widest, so that the order of addresses does not matter.
func holds(f family, a netip.Addr, l *Link) (netip.Prefix, bool) {
	var widest netip.Prefix
	for i := range l.Addrs {
		have := l.Addrs[i]
		if have.Prefix.Addr() != a || !f.usable(have, l.Addrs) {
			continue
		}
		if !widest.IsValid() || have.Prefix.Bits() < widest.Bits() {
			widest = have.Prefix
		}
	}
	if !widest.IsValid() {
		return widest, false
	}
	return widest.Masked(), true
}

func reservedOn(f family, a netip.Addr, l *Link) bool {
	for i := range l.Addrs {
		if p := l.Addrs[i].Prefix; p.Contains(a) && f.reserved(a, p) {
			return true
		}
	}
	return false
}

// usable returns the addresses of l that may stand for its clients, best first.
func usable(f family, l *Link) []Addr {
	all := make([]Addr, 0, len(l.Addrs))
	for _, a := range l.Addrs {
		if f.usable(a, l.Addrs) {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b Addr) int {
		return cmp.Or(
			cmp.Compare(localRank(a), localRank(b)),
			cmp.Compare(f.rank(a), f.rank(b)),
			a.Prefix.Addr().Compare(b.Prefix.Addr()),
			cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()),
		)
	})
	return all
}

func localRank(a Addr) int {
	if a.Prefix.Addr().IsLinkLocalUnicast() {
		return 1
	}
	return 0
}

// choicesOf returns one choice for each subnet of all, which is sorted and not
// empty. Link-local addresses count only if there is nothing else.
func choicesOf(all []Addr) []Choice {
	local := localRank(all[0])
	var list []Choice
	for _, a := range all {
		if localRank(a) != local {
			break
		}
		c := Choice{a.Prefix.Addr(), a.Prefix.Masked()}
		if !slices.ContainsFunc(list, func(have Choice) bool { return covers(have, c) }) {
			list = append(list, c)
		}
	}
	return list
}

// covers reports whether a server that was asked with have learns nothing more
// from c: the same address or subnet again, or a host route (a VRRP address, for
// example) within the subnet.
func covers(have, c Choice) bool {
	return have.Addr == c.Addr || have.Subnet == c.Subnet || narrow(c.Subnet) && have.Subnet.Contains(c.Addr)
}

// narrow reports whether p is too long to number a network of clients: a host
// route, or a point-to-point link (RFC 3021, RFC 6164).
func narrow(p netip.Prefix) bool {
	return p.Bits() > p.Addr().BitLen()-2
}
