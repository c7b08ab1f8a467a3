package relay

import (
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/bootp"
)

// face returns which address of a link to try for a client. It costs a look at
// the link where smart relay is off.
func (l *loop) face(b *agent.Buf, in agent.Ingress) int {
	to := l.state.snap.Link(in.Link)
	if to == nil || to.Interface.SmartAfter == 0 || len(to.Faces) < 2 {
		return 0
	}
	p := bootp.Packet(b.Bytes())
	if !p.Valid() || p.Op() != bootp.Request || !p.Giaddr().IsUnspecified() {
		return 0
	}
	if opts, ok := p.Scan(); !ok || opts.Type != bootp.Discover {
		return l.engine.retry.Face(in.Link, p.Chaddr(), len(to.Faces))
	}
	return l.engine.retry.Asked(in.Link, p.Chaddr(), to.Interface.SmartAfter, len(to.Faces))
}

// answered notes that a client of a smart link has got an answer.
func (l *loop) answered(b *agent.Buf, v *agent.Verdict) {
	if v.Family != agent.V4 || v.Link.Interface.SmartAfter == 0 {
		return
	}
	l.engine.retry.Answered(v.Link.Host.Index, bootp.Packet(b.Bytes()).Chaddr())
}
