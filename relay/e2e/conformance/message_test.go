package conformance

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// DHCP message types (RFC 2132, section 9.6; RFC 4388, section 6.1).
const (
	tDiscover = iota + 1
	tOffer
	tRequest
	tDecline
	tAck
	tNak
	tRelease
	tInform
	_
	tLeaseQuery
	tLeaseUnassigned
	tLeaseUnknown
	tLeaseActive
)

// A message is a BOOTP message, field by field, written to octets by code that
// shares nothing with the relay's. The options field has two parts: up to where
// a relay puts option 82, and from END on.
//
//	op 0, htype 1, hlen 2, hops 3, xid 4, secs 8, flags 10, ciaddr 12,
//	yiaddr 16, siaddr 20, giaddr 24, chaddr 28, sname 44, file 108, options 236
type message struct {
	op, htype, hlen, hops          byte
	xid                            uint32
	secs, flags                    uint16
	ciaddr, yiaddr, siaddr, giaddr netip.Addr
	chaddr                         [16]byte
	sname                          [64]byte
	file                           [128]byte
	opts                           []byte // from the cookie on
	tail                           []byte // END and what follows; nil: no END
	size                           int    // zero octets are added up to this size
	raw                            []byte // if not nil, the octets in place of all of the above
}

// A mod changes a message.
type mod func(*message)

// with returns a changed copy.
func (m message) with(mods ...mod) message {
	m.opts, m.tail = slices.Clone(m.opts), slices.Clone(m.tail)
	for _, f := range mods {
		f(&m)
	}
	return m
}

// bytes writes the message.
func (m message) bytes() []byte {
	if m.raw != nil {
		return slices.Clone(m.raw)
	}
	b := []byte{m.op, m.htype, m.hlen, m.hops}
	b = binary.BigEndian.AppendUint32(b, m.xid)
	b = binary.BigEndian.AppendUint16(b, m.secs)
	b = binary.BigEndian.AppendUint16(b, m.flags)
	for _, a := range []netip.Addr{m.ciaddr, m.yiaddr, m.siaddr, m.giaddr} {
		if !a.IsValid() {
			a = netip.IPv4Unspecified()
		}
		b = append(b, a.AsSlice()...)
	}
	b = append(b, m.chaddr[:]...)
	b = append(b, m.sname[:]...)
	b = append(b, m.file[:]...)
	b = append(b, m.opts...)
	b = append(b, m.tail...)
	for len(b) < m.size {
		b = append(b, 0)
	}
	return b
}

// up returns what a relay makes of a request (RFC 1542, section 4.1.1; RFC 3046,
// section 2.1): hops grows by one, giaddr is filled if it is zero, option 82 goes
// before END, and padding gives way to it. If END is missing, the options reach
// to the message's end.
func (m message) up(giaddr string, option82 ...byte) message {
	m = m.with()
	m.hops++
	if !m.giaddr.IsValid() {
		m.giaddr = addr(giaddr)
	}
	if len(option82) == 0 {
		return m
	}
	b := m.bytes()
	end := 236 + len(m.opts)
	switch {
	case len(m.tail) == 0:
		// The options stop where the message does.
		m.opts, m.tail = b[236:], []byte{255}
	case slices.ContainsFunc(m.tail[1:], func(c byte) bool { return c != 0 }):
		// What follows END moves, and its padding with it.
		m.tail, m.size = b[end:], 0
	default:
		// Padding gives way.
		m.tail, m.size = m.tail[:1], len(b)
	}
	m.opts = append(m.opts, option82...)
	return m
}

// addr parses an address; the empty string is none.
func addr(s string) netip.Addr {
	if s == "" {
		return netip.Addr{}
	}
	return netip.MustParseAddr(s)
}

func hops(n byte) mod        { return func(m *message) { m.hops = n } }
func secs(n uint16) mod      { return func(m *message) { m.secs = n } }
func flags(n uint16) mod     { return func(m *message) { m.flags = n } }
func ciaddr(s string) mod    { return func(m *message) { m.ciaddr = addr(s) } }
func yiaddr(s string) mod    { return func(m *message) { m.yiaddr = addr(s) } }
func siaddr(s string) mod    { return func(m *message) { m.siaddr = addr(s) } }
func giaddrOf(s string) mod  { return func(m *message) { m.giaddr = addr(s) } }
func htype(t, hlen byte) mod { return func(m *message) { m.htype, m.hlen = t, hlen } }
func op(n byte) mod          { return func(m *message) { m.op = n } }
func size(n int) mod         { return func(m *message) { m.size = n } }
func tail(b ...byte) mod     { return func(m *message) { m.tail = b } }
func options(b ...byte) mod  { return func(m *message) { m.opts = append(slices.Clone(cookie), b...) } }
func vend(b ...byte) mod     { return func(m *message) { m.opts, m.tail = b, nil } }
func sname(b ...byte) mod    { return func(m *message) { copy(m.sname[:], b) } }
func file(b ...byte) mod     { return func(m *message) { copy(m.file[:], b) } }
func opt(c byte, v ...byte) mod {
	return func(m *message) { m.opts = append(m.opts, option(c, v...)...) }
}

func chaddr(b ...byte) mod {
	return func(m *message) { m.chaddr = [16]byte{}; copy(m.chaddr[:], b) }
}

// cut keeps the first n octets.
func cut(n int) mod { return func(m *message) { m.raw = m.bytes()[:n] } }

// option writes code, length and value.
func option(code byte, value ...byte) []byte {
	return append([]byte{code, byte(len(value))}, value...)
}

// o82 writes option 82 from whole suboptions.
func o82(subs ...[]byte) []byte { return option(82, slices.Concat(subs...)...) }

// sub writes a suboption; text makes its value.
func sub(code byte, value ...byte) []byte { return option(code, value...) }

func text(s string) []byte { return []byte(s) }

func fill(n int, b byte) []byte { return slices.Repeat([]byte{b}, n) }

// cid is option 82 as the relay adds it by default: circuit-id = link name.
func cid(link string) []byte { return o82(sub(1, text(link)...)) }

var cookie = []byte{99, 130, 83, 99}

var macC = []byte{0x02, 0x00, 0x00, 0x00, 0x00, 0xc0}

// base is what clients and servers have in common here.
func base(op byte) message {
	m := message{op: op, htype: 1, hlen: 6, xid: 0x3903f326, tail: []byte{255}, size: 300}
	copy(m.chaddr[:], macC)
	return m
}

// request is a message of a client, with a parameter request list.
func request(msgType byte, mods ...mod) message {
	m := base(1)
	m.opts = slices.Concat(cookie, option(53, msgType), option(55, 1, 3, 6, 15))
	return m.with(mods...)
}

// discover is the first message of a client without an address.
func discover(mods ...mod) message { return request(tDiscover, mods...) }

// reply is a message of the server S to the client on d0, for 192.0.2.77.
func reply(msgType byte, mods ...mod) message {
	m := base(2)
	m.yiaddr, m.giaddr = addr("192.0.2.77"), addr(addrD0)
	m.opts = slices.Concat(cookie, option(53, msgType), option(54, 198, 51, 100, 10), option(51, 0, 0, 0x0e, 0x10))
	return m.with(mods...)
}

// offer is the answer to discover.
func offer(mods ...mod) message { return reply(tOffer, mods...) }

// bootp is a request without a cookie: vend all zero (RFC 951, section 3).
func bootp(mods ...mod) message { return base(1).with(vend(fill(64, 0)...)).with(mods...) }
