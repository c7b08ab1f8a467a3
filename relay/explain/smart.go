package explain

import (
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
)

// face returns which address of a link to try for a client, as the daemon does,
// and whether the message counts as a try once it is relayed.
func (r *Relay) face(b *agent.Buf, in agent.Ingress) (face int, try bool) {
	to := r.snap.Link(in.Link)
	if to == nil || to.Interface.SmartAfter == 0 || len(to.Faces) < 2 {
		return 0, false
	}
	p := bootp.Packet(b.Bytes())
	if !p.Valid() || p.Op() != bootp.Request || !p.Giaddr().IsUnspecified() {
		return 0, false
	}
	if opts, ok := p.Scan(); ok && opts.Type != bootp.Discover && opts.Type != 0 {
		return r.retry.Face(in.Link, p.Chaddr(), len(to.Faces)), false
	}
	return r.retry.Next(in.Link, p.Chaddr(), to.Interface.SmartAfter, len(to.Faces)), true
}

// note remembers what the next message of the client depends on.
func (r *Relay) note(b *agent.Buf, v *agent.Verdict, try bool) {
	if v.Reason != agent.Relayed || v.Link.Interface.SmartAfter == 0 {
		return
	}
	chaddr := bootp.Packet(b.Bytes()).Chaddr()
	switch {
	case v.To != agent.ToServers:
		r.retry.Answered(v.Link.Host.Index, chaddr)
	case try:
		r.retry.Asked(v.Link.Host.Index, chaddr, v.Link.Interface.SmartAfter, len(v.Link.Faces))
	}
}
