package relay

import (
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// face returns which address of a link to try for a client, and whether the
// message begins a conversation, so that it counts as a try once it is relayed.
// It costs a look at the link where smart relay is off.
func (l *loop) face(b *agent.Buf, in *agent.Ingress) (face int, try bool) {
	to := l.state.snap.Link(in.Link)
	if to == nil || to.Interface.V4.SmartAfter == 0 || len(to.Side[dhcp.V4].Choices) < 2 {
		return 0, false
	}
	p := bootp.Packet(b.Bytes())
	if !p.Valid() || p.Op() != bootp.Request || !p.Giaddr().IsUnspecified() {
		return 0, false
	}
	// A BOOTP client asks once and again, as a DHCP client does by DISCOVER.
	if opts, ok := p.Scan(); ok && opts.Type != bootp.Discover && opts.Type != 0 {
		return l.engine.retry.Face(in.Link, p.Chaddr(), len(to.Side[dhcp.V4].Choices)), false
	}
	return l.engine.retry.Next(in.Link, p.Chaddr(), to.Interface.V4.SmartAfter, len(to.Side[dhcp.V4].Choices)), true
}

// tried notes that a client was tried with an address.
func (l *loop) tried(b *agent.Buf, v *agent.Verdict) {
	chaddr := bootp.Packet(b.Bytes()).Chaddr()
	l.engine.retry.Asked(v.Link.Host.Index, chaddr, v.Link.Interface.V4.SmartAfter, len(v.Link.Side[dhcp.V4].Choices))
}

// answered notes that a client of a smart link has got an answer.
func (l *loop) answered(b *agent.Buf, v *agent.Verdict) {
	if v.Family != dhcp.V4 || v.Link.Interface.V4.SmartAfter == 0 {
		return
	}
	l.engine.retry.Answered(v.Link.Host.Index, bootp.Packet(b.Bytes()).Chaddr())
}
