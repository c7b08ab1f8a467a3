package smartrelay

import (
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// Choose returns which of the addresses of the link that hears a DHCPv4 message to try
// for its client (agent.Ingress.Choice), and whether the message counts as a try: it
// begins a conversation. Note is to be called when the message has been decided on.
// Where smart relay is off it costs a look at the link.
func (t *Table) Choose(s *agent.Snapshot, link int, m []byte) (choice int, try bool) {
	l := s.Link(link)
	if l == nil || l.Interface.V4.SmartAfter == 0 || len(l.Side[dhcp.V4].Choices) < 2 {
		return 0, false
	}
	p := bootp.Packet(m)
	if !p.Valid() || p.Op() != bootp.Request || !p.Giaddr().IsUnspecified() {
		return 0, false
	}
	// A BOOTP client asks once and again, as a DHCP client does by DISCOVER.
	if opts, ok := p.Scan(); ok && opts.Type != bootp.Discover && opts.Type != 0 {
		return t.current(link, p.Chaddr(), len(l.Side[dhcp.V4].Choices)), false
	}
	return t.following(link, p.Chaddr(), l.Interface.V4.SmartAfter, len(l.Side[dhcp.V4].Choices)), true
}

// Note remembers what the next message of a client depends on: that one was relayed
// which counts as a try, or that an answer was. m is the message as it was relayed.
func (t *Table) Note(v *agent.Verdict, m []byte, try bool) {
	if v.Reason != agent.Relayed || v.Family != dhcp.V4 || v.Link.Interface.V4.SmartAfter == 0 {
		return
	}
	chaddr := bootp.Packet(m).Chaddr()
	switch {
	case v.To != agent.ToServers:
		t.answered(v.Link.Host.Index, chaddr)
	case try:
		t.asked(v.Link.Host.Index, chaddr, v.Link.Interface.V4.SmartAfter, len(v.Link.Side[dhcp.V4].Choices))
	}
}
