package relay_test

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"dhcp-relay/relay/wire/bootp"
)

// A message is what a test says of a BOOTP message; request and reply write it.
type message struct {
	xid       uint32
	kind      bootp.Type
	mac       [6]byte
	broadcast bool
	ciaddr    netip.Addr
	yiaddr    netip.Addr
	giaddr    netip.Addr
	options   []byte // after option 53
	size      int    // octets; 0: 300, or more if need be
}

// discover is a DISCOVER of the client that the xid stands for.
func discover(xid uint32) message { return message{xid: xid, kind: bootp.Discover, mac: macOf(xid)} }

// macOf returns a locally administered address.
func macOf(xid uint32) (m [6]byte) {
	m[0] = 2
	binary.BigEndian.PutUint32(m[2:], xid)
	return m
}

func (m message) octets(op byte) []byte {
	b := make([]byte, 240, 1600)
	b[0], b[1], b[2] = op, 1, 6 // op, htype, hlen
	binary.BigEndian.PutUint32(b[4:], m.xid)
	if m.broadcast {
		b[10] = 0x80 // flags
	}
	for off, a := range map[int]netip.Addr{12: m.ciaddr, 16: m.yiaddr, 24: m.giaddr} {
		if a.IsValid() {
			copy(b[off:], a.AsSlice())
		}
	}
	copy(b[28:], m.mac[:])                          // chaddr
	binary.BigEndian.PutUint32(b[236:], 0x63825363) // magic cookie
	b = append(b, 53, 1, byte(m.kind))              // message type
	b = append(b, m.options...)                     // ...
	b = append(b, 255)                              // end
	return append(b, make([]byte, max(0, max(m.size, 300)-len(b)))...)
}

func (m message) request() []byte { return m.octets(bootp.Request) }

// answer is a server's reply to what it heard: option 82 is echoed.
func answer(heard bootp.Packet, kind bootp.Type, yiaddr string) []byte {
	m := message{xid: heard.Xid(), kind: kind, giaddr: heard.Giaddr(), options: []byte{54, 4, 10, 9, 0, 2}}
	m.yiaddr, _ = netip.ParseAddr(yiaddr)
	copy(m.mac[:], heard.Chaddr())
	if info := relayInfo(heard); info != nil {
		m.options = append(m.options, 82, byte(len(info)))
		m.options = append(m.options, info...)
	}
	return m.octets(bootp.Reply)
}

// relayInfo returns the value of option 82, nil if there is none.
func relayInfo(p bootp.Packet) bootp.RelayInfo {
	opts, ok := p.Scan()
	if !ok || opts.NumRelay == 0 {
		return nil
	}
	var room [bootp.MaxRelay * 255]byte
	return slices.Clone(bootp.RelayInfo(p.RelayValue(&opts, room[:])))
}

// circuit returns the circuit-id as text.
func circuit(p bootp.Packet) string {
	v, _ := relayInfo(p).Sub(bootp.SubCircuitID)
	return string(v)
}

// padding is option 43 of so many octets in all, to make a message long.
func padding(n int) (opts []byte) {
	for n > 2 {
		c := min(n-2, 200)
		opts = append(opts, 43, byte(c))
		opts = append(opts, make([]byte, c)...)
		n -= c + 2
	}
	return opts
}

// A frame is a datagram to a client, with what the link layer said.
type frame struct {
	to, from [6]byte
	src, dst netip.AddrPort
	message  bootp.Packet
}

// datagram returns an IPv4 packet. It bears no UDP checksum.
func datagram(src, dst netip.AddrPort, payload []byte) []byte {
	b := make([]byte, 28, 28+len(payload))
	s, d := src.Addr().As4(), dst.Addr().As4()
	b[0] = 0x45                                                // version, IHL
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(payload))) // total length
	b[8], b[9] = 64, 17                                        // TTL, UDP
	copy(b[12:], s[:])
	copy(b[16:], d[:])
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(b[10:], ^uint16(sum+sum>>16)) // header checksum
	binary.BigEndian.PutUint16(b[20:], src.Port())
	binary.BigEndian.PutUint16(b[22:], dst.Port())
	binary.BigEndian.PutUint16(b[24:], uint16(8+len(payload)))
	return append(b, payload...)
}

// parseDatagram is the inverse of datagram; ok if it is UDP, and no later fragment.
func parseDatagram(b []byte) (f frame, ok bool) {
	if len(b) < 28 || b[0] != 0x45 || b[9] != 17 || b[6]&0x1f|b[7] != 0 {
		return f, false
	}
	f.src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), binary.BigEndian.Uint16(b[20:]))
	f.dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:20])), binary.BigEndian.Uint16(b[22:]))
	f.message = bootp.Packet(b[28:min(len(b), 20+int(binary.BigEndian.Uint16(b[24:])))])
	return f, true
}

func addrPort(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }
