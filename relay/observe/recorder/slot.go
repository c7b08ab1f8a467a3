package recorder

import (
	"encoding/binary"
	"math"
	"net/netip"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A slot is one message in the ring. It fills two cache lines, and has no
// pointers: the garbage collector need not look at the ring.
type slot struct {
	at         int64  // nanoseconds since 1970
	took       uint32 // nanoseconds until Done, or the most that there is room for
	pos        uint32 // place of the octets as received in all that was ever written; wraps
	receivedAt uint32 // index of the octets as received
	literalAt  uint32 // index of what is kept of those as sent
	delta
	size, sentSize uint16 // octets that there were
	srcPort        uint16
	dstPort        uint16
	port           uint16 // Client's; ToServers: Servers
	errno          uint16
	heard, link    uint32
	src, dst, from [16]byte
	way            [16]byte // Client's address; ToServers: Copies, Refused and Earlier, 32 bits each, and Class, 16
	hw             [6]byte
	typ, outcome   uint8
	flags          uint8
	kinds          uint8 // of the addresses, two bits each
}

// The flags of a slot.
const (
	flagV6 = 1 << iota
	flagReply
	flagOmitted
	flagToFrame
	flagToHost
	flagZeros // of the octets as received
	flagFurther
)

// The kinds of addresses, and where each address has its own.
const (
	kind4, kind6                           = 1, 2
	kindSrc, kindDst, kindFrom, kindClient = 0, 2, 4, 6
)

// set takes over an event.
func (s *slot) set(e *Event) {
	s.at = e.At
	s.took = uint32(min(max(e.Done-e.At, 0), math.MaxUint32))
	s.typ, s.outcome = e.Type, uint8(e.Outcome)
	s.errno = uint16(e.Errno)
	s.heard, s.link = uint32(e.Heard), uint32(e.Link)
	s.srcPort, s.dstPort = e.Src.Port(), e.Dst.Port()
	// Into their place at once, where As16 goes by the stack. There is room for all but
	// a zone, which no address has.
	_, _ = e.Src.Addr().AppendBinary(s.src[:0])
	_, _ = e.Dst.Addr().AppendBinary(s.dst[:0])
	_, _ = e.From.AppendBinary(s.from[:0])
	kinds := kindOf(e.Src.Addr())<<kindSrc | kindOf(e.Dst.Addr())<<kindDst | kindOf(e.From)<<kindFrom
	if e.To == agent.ToServers {
		s.port = uint16(e.Servers)
		binary.NativeEndian.PutUint32(s.way[:4], uint32(e.Copies))
		binary.NativeEndian.PutUint32(s.way[4:8], uint32(e.Refused))
		binary.NativeEndian.PutUint32(s.way[8:12], uint32(e.Earlier))
		binary.NativeEndian.PutUint16(s.way[12:14], uint16(e.Class))
	} else {
		s.port, s.hw = e.Client.Port(), e.HW
		_, _ = e.Client.Addr().AppendBinary(s.way[:0])
		kinds |= kindOf(e.Client.Addr()) << kindClient
	}
	s.kinds = kinds
	s.flags = flagsOf(e)
}

func flagsOf(e *Event) (f uint8) {
	if e.Family == dhcp.V6 {
		f = flagV6
	}
	if e.Direction == dhcp.Replies {
		f |= flagReply
	}
	if e.Omitted {
		f |= flagOmitted
	}
	switch e.To {
	case agent.ToServers:
	case agent.ToFrame:
		f |= flagToFrame
	case agent.ToHost:
		f |= flagToHost
	}
	return f
}

func kindOf(a netip.Addr) uint8 {
	switch {
	case a.Is4():
		return kind4
	case a.IsValid():
		return kind6
	}
	return 0
}

func (s *slot) unpack(b [16]byte, at int) netip.Addr {
	switch s.kinds >> at & 3 {
	case kind4:
		return netip.AddrFrom4([4]byte(b[:4]))
	case kind6:
		return netip.AddrFrom16(b)
	}
	return netip.Addr{}
}

// message returns the Message of a slot.
func (s *slot) message(received, sent []byte, lists [][]Server, classes []string) Message {
	m := Message{
		At: time.Unix(0, s.at), Done: time.Unix(0, s.at+int64(s.took)),
		Type: s.typ, Outcome: agent.Reason(s.outcome), Heard: int(s.heard), Link: int(s.link),
		Src:      netip.AddrPortFrom(s.unpack(s.src, kindSrc), s.srcPort),
		Dst:      netip.AddrPortFrom(s.unpack(s.dst, kindDst), s.dstPort),
		From:     s.unpack(s.from, kindFrom),
		Received: received, Size: int(s.size), Sent: sent, SentLen: int(s.sentSize),
		Omitted: s.flags&flagOmitted != 0, Further: s.flags&flagFurther != 0, Errno: syscall.Errno(s.errno),
	}
	if s.flags&flagV6 != 0 {
		m.Family = dhcp.V6
	}
	if s.flags&flagReply != 0 {
		m.Direction = dhcp.Replies
	}
	switch {
	case s.flags&flagToFrame != 0:
		m.To = agent.ToFrame
	case s.flags&flagToHost != 0:
		m.To = agent.ToHost
	default:
		s.servers(&m, lists)
		if n := int(binary.NativeEndian.Uint16(s.way[12:14])); n < len(classes) {
			m.Class = classes[n]
		}
		return m
	}
	m.Client, m.HW = netip.AddrPortFrom(s.unpack(s.way, kindClient), s.port), s.hw
	return m
}

// servers sets which servers got a copy, and to which the kernel refused it.
func (s *slot) servers(m *Message, lists [][]Server) {
	if int(s.port) >= len(lists) {
		return
	}
	copies, refused := binary.NativeEndian.Uint32(s.way[:4]), binary.NativeEndian.Uint32(s.way[4:8])
	earlier := binary.NativeEndian.Uint32(s.way[8:12])
	var own []netip.Addr
	some := false
	for n, to := range lists[s.port] {
		a := to.Addr
		if copies>>n&1 == 1 {
			m.Servers, own = append(m.Servers, a), append(own, to.Source)
			if to.Source.IsValid() {
				some = true
			}
		}
		if earlier>>n&1 == 1 {
			m.Earlier = append(m.Earlier, a)
		}
		if refused>>n&1 == 1 {
			m.Refused = append(m.Refused, a)
		}
	}
	if some {
		m.Own = own
	}
}
