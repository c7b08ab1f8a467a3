package transaction

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A Key stands for what one client does under one transaction ID, or for a part of
// that: the same for a request and its replies. Whoever keeps something of
// transactions goes by it. The zero Key is of no transaction.
type Key uint64

// Key4 returns the key of a valid DHCPv4 message: of its xid and chaddr (RFC 2131,
// section 4.4.1). Clients without chaddr (RFC 4390, section 2.1) are told apart by
// xid alone: not every server sends the client identifier back (RFC 6842).
func Key4(p bootp.Packet) Key {
	lo, hi := p.ChaddrWords()
	return Key(mix(mix(mix(4<<32|uint64(p.Xid()), 0), lo), hi))
}

// Key6 returns the key of a valid DHCPv6 message that came from an address without a
// zone, and the
// message inside all relay headers: the key is of that message's transaction-id and of
// the address that it came from to the first relay, which that puts into its header
// and a server echoes (RFC 9915, section 19.3).
func Key6(m dhcp6.Message, from netip.Addr) (Key, dhcp6.Message) {
	var a [16]byte
	_, _ = from.AppendBinary(a[:0]) // an address without a zone always fits
	peer := a[:]
	for range dhcp6.MaxNesting {
		if !m.IsRelay() {
			break
		}
		l, ok := m.Scan()
		if !ok {
			break
		}
		inner, ok := m.Decapsulate(&l)
		if !ok {
			break
		}
		peer, m = m.Peer(), inner
	}
	h := mix(6<<32|uint64(m.Xid()), 0)
	return Key(mix(mix(h, binary.LittleEndian.Uint64(peer)), binary.LittleEndian.Uint64(peer[8:]))), m
}

// Exchange returns the key of the part of a transaction to which a message of a type
// belongs. In DHCPv4 the search for servers (DISCOVER, OFFER) is a part of its own:
// the client goes on with the first offer, and others may still come. In DHCPv6 each
// request has a transaction-id of its own (RFC 9915, section 16.1).
func (k Key) Exchange(f dhcp.Family, typ uint8) Key {
	if t := bootp.Type(typ); f == dhcp.V4 && (t == bootp.Discover || t == bootp.Offer) {
		return Key(mix(uint64(k), 1))
	}
	return k
}

// Early returns the key of the other exchange that a reply of a type may answer, 0 if
// there is none: a server may answer a DISCOVER with an ACK at once (RFC 4039). It
// answers the request that came last.
func (k Key) Early(f dhcp.Family, typ uint8) Key {
	if f != dhcp.V4 || bootp.Type(typ) != bootp.Ack {
		return 0
	}
	return k.Exchange(f, uint8(bootp.Discover))
}

// mix folds w into h. Who chooses values that collide spoils statistics of his
// own making, and nothing else.
func mix(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
	return hi ^ lo
}
