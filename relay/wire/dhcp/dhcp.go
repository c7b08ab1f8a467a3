// Package dhcp holds the words that all other rooms share: address families with
// their ports and names, and the directions of messages. It knows no octets.
package dhcp

import (
	"fmt"
	"net/netip"
)

// A Family is an address family, and with it the protocol: DHCPv4 or DHCPv6.
type Family uint8

// The families.
const (
	V4 Family = iota // BOOTP and DHCPv4
	V6               // DHCPv6

	// Families is how many there are.
	Families = 2
)

// The UDP ports: RFC 2131, section 4.1, and RFC 9915, section 7.2.
const (
	ServerPort4 = 67
	ClientPort4 = 68
	ServerPort6 = 547
	ClientPort6 = 546
)

// FamilyOf returns the family of an address.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return V4
	}
	return V6
}

// String returns the name that metrics, logs and JSON have: "ipv4" or "ipv6".
func (f Family) String() string {
	if f == V6 {
		return "ipv6"
	}
	return "ipv4"
}

// Protocol returns the name for people: "DHCPv4" or "DHCPv6".
func (f Family) Protocol() string {
	if f == V6 {
		return "DHCPv6"
	}
	return "DHCPv4"
}

// IP returns the name of the address family: "IPv4" or "IPv6".
func (f Family) IP() string {
	if f == V6 {
		return "IPv6"
	}
	return "IPv4"
}

// AddressField returns what messages call the address that stands for the clients:
// "giaddr" or "link-address".
func (f Family) AddressField() string {
	if f == V6 {
		return "link-address"
	}
	return "giaddr"
}

// MarshalText implements encoding.TextMarshaler.
func (f Family) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Family) UnmarshalText(b []byte) error {
	for *f = range Families {
		if f.String() == string(b) {
			return nil
		}
	}
	return fmt.Errorf("%q is no family; write ipv4 or ipv6", b)
}

// Port returns the port of servers and relays.
func (f Family) Port() uint16 {
	if f == V6 {
		return ServerPort6
	}
	return ServerPort4
}

// A Direction tells what comes from clients from what goes to them.
type Direction uint8

// The directions.
const (
	Requests Direction = iota // from a client to the servers
	Replies                   // from a server to a client

	// Directions is how many there are.
	Directions = 2
)

// String returns the name that metrics and JSON have: "request" or "reply".
func (d Direction) String() string {
	if d == Replies {
		return "reply"
	}
	return "request"
}

// MarshalText implements encoding.TextMarshaler.
func (d Direction) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Direction) UnmarshalText(b []byte) error {
	for *d = range Directions {
		if d.String() == string(b) {
			return nil
		}
	}
	return fmt.Errorf("%q is no direction; write request or reply", b)
}
