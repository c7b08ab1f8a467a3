package server

import (
	"cmp"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"
)

// A State is what a server holds an address for.
type State uint8

// The states of an address.
const (
	Offered  State = iota + 1 // reserved for the client that was offered it
	Bound                     // leased
	Declined                  // a client found it in use
)

// String returns the state in lower case.
func (s State) String() string {
	switch s {
	case Offered:
		return "offered"
	case Bound:
		return "bound"
	case Declined:
		return "declined"
	}
	return "free"
}

// A Lease is what a server knows of one address.
type Lease struct {
	Addr      netip.Addr
	State     State
	Client    string // the client identifier, or type and hardware address
	MAC       net.HardwareAddr
	Until     time.Time
	AgentInfo []byte // option 82 of the client's last message, without code and length
}

// A pool holds the addresses of one server. It does not lock and keeps no clock.
type pool struct {
	subnets []Subnet
	leases  map[netip.Addr]*Lease
}

// of returns the client's lease or offer within a subnet.
func (p *pool) of(client string, sub *Subnet, now time.Time) *Lease {
	for _, l := range p.leases {
		if l.Client == client && l.State != Declined && sub.holds(l.Addr) && now.Before(l.Until) {
			return l
		}
	}
	return nil
}

// at returns what is held for an address.
func (p *pool) at(a netip.Addr, now time.Time) *Lease {
	l := p.leases[a]
	if l == nil || !now.Before(l.Until) {
		return nil
	}
	return l
}

// pick chooses an address as RFC 2131, section 4.3.1 orders: the client's own,
// the one it asks for, the lowest that is free.
func (p *pool) pick(client string, sub *Subnet, wish netip.Addr, now time.Time) (netip.Addr, bool) {
	if l := p.of(client, sub, now); l != nil {
		return l.Addr, true
	}
	if sub.holds(wish) && p.at(wish, now) == nil {
		return wish, true
	}
	for a := sub.First; a.IsValid() && a.Compare(sub.Last) <= 0; a = a.Next() {
		if p.at(a, now) == nil {
			return a, true
		}
	}
	return netip.Addr{}, false
}

// free forgets what is held for the client, in every subnet, if the state is s.
func (p *pool) free(client string, s State) {
	maps.DeleteFunc(p.leases, func(_ netip.Addr, l *Lease) bool { return l.Client == client && l.State == s })
}

func (p *pool) list() []Lease {
	out := make([]Lease, 0, len(p.leases))
	for _, l := range p.leases {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b Lease) int { return cmp.Or(a.Addr.Compare(b.Addr), cmp.Compare(a.Client, b.Client)) })
	return out
}

// subnet returns the subnet that an address lies in.
func (p *pool) subnet(a netip.Addr) *Subnet {
	for i := range p.subnets {
		if p.subnets[i].Prefix.Contains(a) {
			return &p.subnets[i]
		}
	}
	return nil
}

// holds reports whether an address is one that the subnet leases.
func (s *Subnet) holds(a netip.Addr) bool {
	return a.IsValid() && s.First.Compare(a) <= 0 && a.Compare(s.Last) <= 0
}
