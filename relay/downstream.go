package relay

import (
	"net/netip"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// downstreamSlots is how many relays nearer to the clients are remembered; 8 octets
// each.
const downstreamSlots = 1 << 12

// downstream notes the relays nearer to the clients whose requests are relayed, and
// refuses replies for those that have not asked.
func (l *loop) downstream(d *udp.Datagram, v *agent.Verdict) {
	switch {
	case v.Reason != agent.Relayed:
	case v.Chained:
		to := netip.AddrPortFrom(v.Dst, v.Port)
		if !l.engine.downstream.MayGet(v.Link.Host.Index, to, dhcp.ServerPort6, l.sight.now) {
			v.Reason = agent.RelayReplyRefused
		}
	case v.To == agent.ToServers && heard(d)[0] == byte(dhcp6.RelayForward):
		l.engine.downstream.Asked(v.Link.Host.Index, d.Src, l.sight.now)
	}
}
