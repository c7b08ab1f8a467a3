package conformance

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"dhcp-relay/relay/wire/dhcp6"
)

// The bench with IPv6: what the servers, the router and the clients are called.
const (
	server6  = "2001:db8:5::10"
	addrU6   = "2001:db8:ff::1" // R towards S
	addrD06  = "2001:db8:1::1"
	addrD16  = "2001:db8:2::1"
	routerLL = "fe80::1" // R on every link
	client6  = "fe80::2" // a client, or a relay, on d0 and on d1
	global6  = "2001:db8:1::abcd"
	toAll6   = "ff02::1:2"
)

// opt6 is an option: code (2), length (2), value.
func opt6(code uint16, value ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// msg6 is a client's or server's message: type (1), transaction (3), options.
func msg6(typ dhcp6.Type, opts ...[]byte) []byte {
	return append([]byte{byte(typ), 0xab, 0xcd, 0xef}, slices.Concat(opts...)...)
}

// relay6 is a relay message: type (1), hop-count (1), link-address (16),
// peer-address (16), options.
func relay6(typ dhcp6.Type, hop byte, link, peer string, opts ...[]byte) []byte {
	b := []byte{byte(typ), hop}
	b = append(b, netip.MustParseAddr(link).AsSlice()...)
	b = append(b, netip.MustParseAddr(peer).AsSlice()...)
	return append(b, slices.Concat(opts...)...)
}

// fwd6 is a Relay-forward with a message in it, at the end, as R has it.
func fwd6(hop byte, link, peer string, inner []byte, opts ...[]byte) []byte {
	return relay6(dhcp6.RelayForward, hop, link, peer, append(opts, opt6(9, inner...))...)
}

// rep6 is a Relay-reply with a message in it.
func rep6(hop byte, link, peer string, inner []byte, opts ...[]byte) []byte {
	return relay6(dhcp6.RelayReply, hop, link, peer, append([][]byte{opt6(9, inner...)}, opts...)...)
}

// id6 is an Interface-Id.
func id6(s string) []byte { return opt6(18, []byte(s)...) }

// mac6 is the client's link-layer address: hardware type (2), address.
func mac6() []byte { return opt6(79, append([]byte{0, 1}, macC...)...) }

// clientID and the others are options of clients and servers.
var (
	clientID = opt6(1, 0, 3, 0, 1, 2, 0, 0, 0, 0, 0xc0)            // DUID-LL
	serverID = opt6(2, 0, 3, 0, 1, 2, 0, 0, 0, 0, 0x55)            // DUID-LL
	iaNA     = opt6(3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)         // IAID 1, T1 0, T2 0
	iaPD     = opt6(25, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)        // IAID 1, T1 0, T2 0
	elapsed  = opt6(8, 0, 0)                                       // 0 s
	success  = opt6(13, 0, 0, 'o', 'k')                            // Status Code
	unknown6 = opt6(65000, 'w', 'h', 'o', ' ', 'k', 'n', 'o', 'w') // no such option
)

// solicit6 is the Solicit of a client.
func solicit6() []byte { return msg6(dhcp6.Solicit, clientID, iaNA, elapsed) }

// advertise6 is an Advertise for it.
func advertise6() []byte { return msg6(dhcp6.Advertise, clientID, serverID, iaNA) }

// up6 is what R makes of a client's message on d0.
func up6(inner []byte) []byte { return fwd6(0, addrD06, client6, inner, id6("d0"), mac6()) }

// down6 is a server's reply to it.
func down6(inner []byte) []byte { return rep6(0, addrD06, client6, inner, id6("d0")) }
