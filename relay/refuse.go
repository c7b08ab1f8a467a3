package relay

import (
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// How old a message may be when it is read. A relay that cannot read all that comes
// would else serve it in order, each client long after it has asked again: at first
// after 4 seconds in DHCPv4 (RFC 2131, section 4.1), after 1 in DHCPv6 (RFC 9915,
// section 15). A reply has cost the server a lease, and the client takes it for as long
// as it waits, which is longer.
const (
	requestAge = time.Second
	replyAge   = 4 * time.Second
)

// refuse returns why a message is not to be relayed, whatever it says; else Relayed.
func (l *loop) refuse(d *udp.Datagram, m []byte) agent.Reason {
	most := requestAge
	if isReply(l.batch.Family, m) {
		most = replyAge
	}
	if d.Age > most {
		return agent.Stale
	}
	return agent.Relayed
}

// isReply reports whether a message is for a client, by its first octet.
func isReply(f dhcp.Family, m []byte) bool {
	if len(m) == 0 {
		return false
	}
	if f == dhcp.V6 {
		return m[0] == byte(dhcp6.RelayReply)
	}
	return m[0] == bootp.Reply
}
