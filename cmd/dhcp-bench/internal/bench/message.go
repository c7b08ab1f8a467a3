package bench

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"

	"dhcp-relay/cmd/lab/wire"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
)

// Clients is how many clients the load comes from, each with a MAC of its own.
const Clients = 8192

// Places in a BOOTP message, in octets (RFC 951, section 3), and of the message
// type in the messages of this package, whose first option it is.
const (
	xidAt    = 4
	yiaddrAt = 16
	giaddrAt = 24
	chaddrAt = 28
	typeAt   = 242
	bootpLen = 300
)

// Message types (RFC 2132, section 9.6; RFC 9915, section 7.3).
const (
	opening              = 1 // DISCOVER, SOLICIT
	offer                = 2 // OFFER, ADVERTISE
	request              = 3 // in both families
	ack4, reply6         = 5, 7
	relayForw, relayRepl = 12, 13
)

// Lengths of headers, in octets.
const (
	etherLen   = 14
	headers4   = etherLen + 20 + 8
	headers6   = etherLen + 40 + 8
	relayLen   = 34 // of a Relay-forward before its options (RFC 9915, section 9)
	optRelayed = 9  // OPTION_RELAY_MSG
)

// An id names a message of a run: 4 bits of run, 20 bits of sequence number. It
// is DHCPv6's transaction-id and the low octets of BOOTP's xid.
type id uint32

const (
	maxSeq   = 1 << 20
	xidMagic = 0x5a // first octet of BOOTP's xid
)

func newID(run, seq int) id { return id(run&0xf<<20 | seq&(maxSeq-1)) }
func (i id) run() int       { return int(i >> 20) }
func (i id) seq() int       { return int(i & (maxSeq - 1)) }

// clientMAC returns the MAC of a client, and of hardware otherwise unknown.
func clientMAC(i int) net.HardwareAddr {
	return net.HardwareAddr{2, 0x42, 0, byte(i >> 16), byte(i >> 8), byte(i)}
}

// clientAddr returns the address that a client is given.
func clientAddr(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 67, byte(16 + i>>8), byte(i)})
}

// clientLocal returns a client's link-local address.
func clientLocal(i int) netip.Addr {
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 11: 0x42, 14: byte(i >> 8), 15: byte(i)})
}

// message4 returns a BOOTP message of 300 octets as a client sends it.
func message4(client int, kind byte) []byte {
	b := make([]byte, bootpLen)
	b[0], b[1], b[2] = 1, 1, 6 // op, htype, hlen
	b[xidAt] = xidMagic
	copy(b[chaddrAt:], clientMAC(client))
	copy(b[236:], []byte{
		99, 130, 83, 99, // the cookie
		53, 1, kind,
		55, 4, 1, 3, 6, 15, // parameter request list
		57, 2, 5, 220, // maximum message size
		255,
	})
	return b
}

// message6 returns a DHCPv6 message as a client sends it.
func message6(client int, kind byte) []byte {
	b := []byte{
		kind, 0, 0, 0,
		0, 1, 0, 10, 0, 3, 0, 1, // client identifier, DUID-LL
	}
	b = append(b, clientMAC(client)...)
	return append(b,
		0, 3, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, // IA_NA
		0, 6, 0, 4, 0, 23, 0, 24, // option request
		0, 8, 0, 2, 0, 0, // elapsed time
	)
}

// inner returns where in a relayed DHCPv6 message the client's message begins,
// or 0 if there is none.
func inner(b []byte) int {
	for at := relayLen; at+4 <= len(b); {
		code, n := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if code == optRelayed && at+4+n <= len(b) && n >= 4 {
			return at + 4
		}
		at += 4 + n
	}
	return 0
}

// relayedID returns the id of a message that the server hears; ok is false for
// anything that no relay makes of the load's requests.
func relayedID(f dhcp.Family, b []byte) (i id, ok bool) {
	if f == dhcp.V4 {
		if len(b) < 240 || b[0] != 1 || b[xidAt] != xidMagic {
			return 0, false
		}
		return id24(b[xidAt+1:]), true
	}
	if len(b) < relayLen || b[0] != relayForw {
		return 0, false
	}
	at := inner(b)
	if at == 0 {
		return 0, false
	}
	return id24(b[at+1:]), true
}

// deliveredID returns the id of a frame that a client hears, and the message
// type; ok is false for anything but the load's replies.
func deliveredID(f dhcp.Family, b []byte) (i id, kind byte, ok bool) {
	if f == dhcp.V4 {
		if len(b) < headers4+typeAt+1 || b[etherLen+9] != wire.ProtoUDP || binary.BigEndian.Uint16(b[etherLen+22:]) != 68 {
			return 0, 0, false
		}
		m := b[headers4:]
		return id24(m[xidAt+1:]), m[typeAt], m[0] == 2 && m[xidAt] == xidMagic
	}
	if len(b) < headers6+4 || b[etherLen+6] != wire.ProtoUDP || binary.BigEndian.Uint16(b[etherLen+42:]) != 546 {
		return 0, 0, false
	}
	return id24(b[headers6+1:]), b[headers6], true
}

func id24(b []byte) id { return id(b[0])<<16 | id(b[1])<<8 | id(b[2]) }

// turn makes of a relayed request, in place, what a server answers. giaddr is
// filled in where the relay has left it out, as the null relay does.
func turn(f dhcp.Family, b []byte, giaddr netip.Addr) {
	if f == dhcp.V4 {
		b[0] = 2
		b[typeAt] = answerTo(b[typeAt], ack4)
		client := int(b[chaddrAt+4])<<8 | int(b[chaddrAt+5])
		a := clientAddr(client).As4()
		copy(b[yiaddrAt:], a[:])
		if g := b[giaddrAt : giaddrAt+4]; binary.BigEndian.Uint32(g) == 0 {
			a := giaddr.As4()
			copy(g, a[:])
		}
		return
	}
	b[0] = relayRepl
	if at := inner(b); at != 0 {
		b[at] = answerTo(b[at], reply6)
	}
}

// answerTo returns the type of the answer; last is that to a request.
func answerTo(kind, last byte) byte {
	if kind == request {
		return last
	}
	return offer
}

// A frameSet is prepared frames, one for each client, and where they change
// from message to message.
type frameSet struct {
	frames [][]byte
	idAt   int // the id, 3 octets
	sumAt  int // the UDP checksum
	etype  uint16
	sums   []uint64 // sums of the datagrams with an id of zero
}

// seal notes the sums of frames whose ids are zero and whose checksums are
// right.
func (s frameSet) seal() frameSet {
	for _, f := range s.frames {
		s.sums = append(s.sums, uint64(^binary.BigEndian.Uint16(f[s.sumAt:])))
	}
	return s
}

// requests returns the frames that clients send.
func requests(f dhcp.Family, kind byte) frameSet {
	s := frameSet{etype: wire.TypeIPv4, idAt: headers4 + xidAt + 1, sumAt: etherLen + 26}
	if f == dhcp.V6 {
		s = frameSet{etype: typeIPv6, idAt: headers6 + 1, sumAt: etherLen + 46}
	}
	for i := range Clients {
		if f == dhcp.V4 {
			p := wire.Packet{
				EtherSrc: clientMAC(i), Payload: message4(i, kind),
				Src: netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"),
			}
			s.frames = append(s.frames, p.Frame())
			continue
		}
		s.frames = append(s.frames, frame6(clientMAC(i), net.HardwareAddr{0x33, 0x33, 0, 1, 0, 2},
			netip.AddrPortFrom(clientLocal(i), 546), netip.AddrPortFrom(udp.AllAgents(), 547), message6(i, kind)))
	}
	return s.seal()
}

// replies returns the frames that a server sends as answers to requests which
// the relay has relayed like the sample.
func replies(f dhcp.Family, sample []byte, server, relay netip.AddrPort, from, to net.HardwareAddr) frameSet {
	b := slices.Clone(sample)
	turn(f, b, relay.Addr())
	return frames(f, b, server, relay, from, to)
}

// frames returns one frame for each client with a message like the sample,
// which is relayed or to be relayed back.
func frames(f dhcp.Family, sample []byte, src, dst netip.AddrPort, from, to net.HardwareAddr) frameSet {
	s, payloadAt := frameSet{etype: wire.TypeIPv4, idAt: headers4 + xidAt + 1, sumAt: etherLen + 26}, headers4
	if f == dhcp.V6 {
		s, payloadAt = frameSet{etype: typeIPv6, idAt: headers6 + inner(sample) + 1, sumAt: etherLen + 46}, headers6
	}
	for i := range Clients {
		b := slices.Clone(sample)
		clear(b[s.idAt-payloadAt:][:3])
		if f == dhcp.V6 {
			local := clientLocal(i).As16()
			copy(b[18:], local[:])
			s.frames = append(s.frames, frame6(from, to, src, dst, b))
			continue
		}
		copy(b[chaddrAt:], clientMAC(i))
		if b[0] == 2 {
			a := clientAddr(i).As4()
			copy(b[yiaddrAt:], a[:])
		}
		b[xidAt] = xidMagic
		p := wire.Packet{EtherSrc: from, EtherDst: to, Payload: b, Src: src, Dst: dst}
		s.frames = append(s.frames, p.Frame())
	}
	return s.seal()
}
