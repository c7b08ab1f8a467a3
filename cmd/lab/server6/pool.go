package server6

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"dhcp-relay/cmd/lab/server"
)

// A Lease is what a server knows of one address or delegated prefix.
type Lease struct {
	Prefix netip.Prefix // of 128 bits: an address
	State  server.State
	Client []byte // its DUID
	IAID   [4]byte
	Until  time.Time
}

// A pool holds the addresses and prefixes of one server. It does not lock and
// keeps no clock.
type pool struct {
	leases map[netip.Prefix]*Lease
}

// An ia is an identity association of a client: for an address, or a prefix.
type ia struct {
	client string
	id     [4]byte
	prefix bool
}

// holds reports whether a lease is of the identity association.
func (a *ia) holds(l *Lease) bool {
	return string(l.Client) == a.client && l.IAID == a.id && a.prefix == (l.Prefix.Bits() < 128)
}

// of returns what the identity association holds within a subnet.
func (p *pool) of(a *ia, sub *Subnet, now time.Time) *Lease {
	for _, l := range p.leases {
		if a.holds(l) && l.State != server.Declined && sub.leases(l.Prefix) && now.Before(l.Until) {
			return l
		}
	}
	return nil
}

// at returns what is held for an address or prefix.
func (p *pool) at(x netip.Prefix, now time.Time) *Lease {
	l := p.leases[x]
	if l == nil || !now.Before(l.Until) {
		return nil
	}
	return l
}

// pick chooses what to lease: what the identity association has, what the client
// wishes, the lowest that is free.
func (p *pool) pick(a *ia, sub *Subnet, wish netip.Prefix, now time.Time) (netip.Prefix, bool) {
	if l := p.of(a, sub, now); l != nil {
		return l.Prefix, true
	}
	if a.prefix == (wish.Bits() < 128) && sub.leases(wish) && p.at(wish, now) == nil {
		return wish, true
	}
	for x := range sub.all(a.prefix) {
		if p.at(x, now) == nil {
			return x, true
		}
	}
	return netip.Prefix{}, false
}

func (p *pool) list() []Lease {
	out := make([]Lease, 0, len(p.leases))
	for _, l := range p.leases {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b Lease) int {
		return cmp.Or(a.Prefix.Addr().Compare(b.Prefix.Addr()), cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()))
	})
	return out
}

// leases reports whether an address or prefix is one that the subnet gives away.
func (s *Subnet) leases(x netip.Prefix) bool {
	switch {
	case !x.IsValid():
		return false
	case x.Bits() < 128:
		return s.Delegated.IsValid() && x.Bits() == s.Bits && s.Delegated.Contains(x.Addr())
	}
	return s.First.Compare(x.Addr()) <= 0 && x.Addr().Compare(s.Last) <= 0
}

// all yields what the subnet gives away, in order.
func (s *Subnet) all(prefixes bool) func(yield func(netip.Prefix) bool) {
	return func(yield func(netip.Prefix) bool) {
		if prefixes {
			for x := s.Delegated; s.Delegated.IsValid() && s.Delegated.Contains(x.Addr()); x = after(x, s.Bits) {
				if !yield(netip.PrefixFrom(x.Addr(), s.Bits)) {
					return
				}
			}
			return
		}
		for a := s.First; a.IsValid() && a.Compare(s.Last) <= 0; a = a.Next() {
			if !yield(netip.PrefixFrom(a, 128)) {
				return
			}
		}
	}
}

// after returns the prefix of the length, at most 64, that follows x.
func after(x netip.Prefix, bits int) netip.Prefix {
	b := x.Addr().As16()
	binary.BigEndian.PutUint64(b[:], binary.BigEndian.Uint64(b[:])+1<<(64-bits))
	return netip.PrefixFrom(netip.AddrFrom16(b), bits)
}
