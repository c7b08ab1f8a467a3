package giaddr

import (
	"fmt"
	"net/netip"
)

// A Kind is a way of choosing the address that stands for a client network.
type Kind uint8

// The ways of choosing an address.
const (
	Primary   Kind = iota // the link's primary address
	InPrefix              // the link's address within Rule.Prefix
	Given                 // Rule.Addr; in IPv4 an address of any link of this host, in IPv6 any at all
	Borrowed              // the primary address of the link named Rule.Link
	LinkLocal             // IPv6: the link's link-local address, which names no network
)

// A Rule says which address stands for a client network. The zero value is the
// link's primary address.
type Rule struct {
	Kind   Kind
	Prefix netip.Prefix // InPrefix; masked
	Addr   netip.Addr   // Given
	Link   string       // Borrowed
}

// A Choice is an address that can stand for a client network, and the subnet
// of the clients behind it.
type Choice struct {
	Addr   netip.Addr
	Subnet netip.Prefix // masked; the link's own subnet where it has one
}

// String returns the rule as it is written in the configuration.
func (r Rule) String() string {
	switch r.Kind {
	case InPrefix:
		return r.Prefix.String()
	case Given:
		return r.Addr.String()
	case Borrowed:
		return r.Link
	case Primary:
		return "primary"
	case LinkLocal:
		return "link-local"
	}
	return fmt.Sprintf("giaddr.Kind(%d)", r.Kind)
}
