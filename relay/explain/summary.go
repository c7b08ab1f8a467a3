package explain

import (
	"fmt"

	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// summarize names a message by what can be read of it, be it broken.
func summarize(m *Message) Summary {
	f := dhcp.FamilyOf(m.Dst.Addr())
	s := Summary{
		Family: f, Type: "unknown", Interface: m.Link,
		Source: m.Src, Destination: m.Dst, Octets: len(m.Data),
	}
	if f == dhcp.V6 {
		s.name6(m.Data)
	} else {
		s.name4(m.Data)
	}
	return s
}

func (s *Summary) name4(b []byte) {
	p := bootp.Packet(b)
	if !p.Valid() {
		return
	}
	s.Xid = fmt.Sprintf("0x%08x", p.Xid())
	s.Client.MAC = text.Octets(p.Chaddr())
	if opts, ok := p.Scan(); ok {
		s.Type = typeName(opts.Type.String(), byte(opts.Type))
	} else if !p.DHCP() {
		s.Type = bootp.Type(0).String()
	}
}

func (s *Summary) name6(b []byte) {
	m := dhcp6.Message(b)
	if !m.Valid() {
		return
	}
	s.Type = typeName(m.Type().String(), byte(m.Type()))
	inner, depth := m.Innermost()
	if inner.IsRelay() {
		return
	}
	if depth > 0 {
		s.Type += " of " + typeName(inner.Type().String(), byte(inner.Type()))
	}
	s.Xid = fmt.Sprintf("0x%06x", inner.Xid())
	s.Client.DUID = text.Octets(inner.ClientID())
}

// typeName returns the name of a message type, or its number if it has none.
func typeName(name string, number byte) string {
	if name == "unknown" {
		return fmt.Sprintf("type %d", number)
	}
	return name
}
