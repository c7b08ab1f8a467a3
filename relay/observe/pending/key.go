package pending

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A Key stands for a conversation: the same for a request and its replies.
type Key uint64

// Key4 returns the key of a valid DHCPv4 message of a type: of its xid and chaddr
// (RFC 2131, section 4.4.1). DISCOVER and OFFER have another key than REQUEST and
// its answers: the client goes on with the first offer, and the others may still
// come.
func Key4(p bootp.Packet, t bootp.Type) Key {
	h := uint64(4<<32) | uint64(p.Xid())
	if t == bootp.Discover || t == bootp.Offer {
		h |= 1 << 40
	}
	lo, hi := p.ChaddrWords()
	return Key(mix(mix(mix(h, 0), lo), hi))
}

// Key6 returns the key of a valid DHCPv6 message that came from an address, and
// the type of the message inside all relay headers: the key is of that message's
// transaction-id and of the address that it came from to the first relay, which
// that puts into its header and a server echoes (RFC 9915, section 19.3).
func Key6(m dhcp6.Message, from netip.Addr) (Key, dhcp6.Type) {
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
	k := mix(mix(h, binary.LittleEndian.Uint64(peer)), binary.LittleEndian.Uint64(peer[8:]))
	return Key(k), m.Type()
}

// mix folds w into h. Who chooses values that collide spoils statistics of his
// own making, and nothing else.
func mix(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
	return hi ^ lo
}
