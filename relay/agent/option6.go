package agent

import (
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// render6 writes the options of a Relay-forward for a link; last adds the one
// that each message completes. VSS comes first, so that little has to move when
// it is taken out.
func (s *Snapshot) render6(l *Link, last func(*Link, *option), ps *problems) option {
	c := &l.Interface.V6
	facts := s.facts(l)
	var o option
	if c.VSS.On {
		o.bytes = dhcp6.AppendVSS(o.bytes, c.VSS.Type, c.VSS.Name)
		o.vss = len(o.bytes)
	}
	id, slots := c.InterfaceID.render(nil, &facts)
	if len(id)+len(slots) == 0 {
		id = []byte(l.Host.Name)
	}
	o.interfaceID(id, slots)
	if id, slots := c.RemoteID.ID.render(nil, &facts); len(id)+len(slots) > 0 {
		head := len(o.bytes)
		o.bytes = dhcp6.AppendRemoteID(o.bytes, c.RemoteID.Enterprise, id)
		o.fillIn(head, len(o.bytes)-len(id), slots)
	}
	at := len(o.bytes)
	if id, slots := c.SubscriberID.render(nil, &facts); len(id)+len(slots) > 0 {
		o.bytes = dhcp6.AppendOption(o.bytes, dhcp6.OptionSubscriberID, id)
		o.fillIn(at, len(o.bytes)-len(id), slots)
	}
	o.others = l.Side[dhcp.V6].choosing.rules.encode(dhcp.V6, &facts, bootp.Span{Off: at, Len: len(o.bytes) - at})
	if c.RelayID && len(s.Policy.DUID) > 0 {
		o.bytes = dhcp6.AppendOption(o.bytes, dhcp6.OptionRelayID, s.Policy.DUID)
	}
	if len(c.EchoRequest) > 0 {
		o.bytes = dhcp6.AppendEchoRequest(o.bytes, c.EchoRequest...)
	}
	if len(c.RSOO) > 0 {
		o.bytes = dhcp6.AppendOption(o.bytes, dhcp6.OptionRSOO, c.RSOO)
	}
	last(l, &o)
	if dhcp6.Room(len(o.bytes)+o.filled()) > Headroom {
		ps.add(l.Host.Name, "the options of DHCPv6 would take more than their room and are left out, but for the Interface-Id", "shorten dhcpv6.rsoo and the identifiers")
		var least option
		least.interfaceID(id, slots)
		return least
	}
	return o
}

// interfaceID adds the Interface-Id, into which messages fill in slots.
func (o *option) interfaceID(id []byte, slots []slot) {
	head := len(o.bytes)
	o.circuit = id
	o.bytes = dhcp6.AppendOption(o.bytes, dhcp6.OptionInterfaceID, id)
	o.fillIn(head, len(o.bytes)-len(id), slots)
	if len(slots) > 0 {
		o.gaps.circuit = offsets(slots)
	}
}

// addClientMAC ends the options for the messages of clients: with option 79
// where the link has link-layer addresses (RFC 6939, section 4), and before it
// with a Relay Source Port if this relay alone has one (RFC 8357, section 5.2).
func (s *Snapshot) addClientMAC(l *Link, o *option) {
	if l.Interface.V6.SourcePort != dhcp.ServerPort6 {
		o.bytes = dhcp6.AppendRelayPort(o.bytes, 0)
	}
	if !l.Interface.V6.ClientMAC || len(l.Host.MAC) == 0 {
		return
	}
	n := len(o.bytes)
	o.bytes = dhcp6.AppendClientLinkLayer(o.bytes, l.Host.Type, l.Host.MAC)
	o.last, o.fill = int32(len(o.bytes)-n), int32(len(l.Host.MAC))
}

// addRelayPort ends the options for what other relays have relayed: with a Relay
// Source Port, and never with option 79 (RFC 6939, section 5).
func (s *Snapshot) addRelayPort(_ *Link, o *option) {
	n := len(o.bytes)
	o.bytes = dhcp6.AppendRelayPort(o.bytes, 0)
	o.last = int32(len(o.bytes) - n)
	o.fill = 2
}
