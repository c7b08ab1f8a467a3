package relay

import (
	"encoding/binary"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/host/udp"
	"dhcp-relay/relay/limit"
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
	requestAge = 2 * time.Second
	replyAge   = 4 * time.Second
)

// clientSlots is how many clients are known to have sent last; 8 octets each.
const clientSlots = 1 << 14

// modest is how many requests a second a client sends at most that counts as one that does
// not send much, where client_limit does not say.
const modest = 20

// burstSeconds is how much of a limit may come at once: clients ask together, as after a
// power cut.
const burstSeconds = 10

// A ration is what a link may send of one family, and each of its clients before it is
// greedy.
type ration struct {
	link, client limit.Rate
	buckets      *buckets
}

// Buckets are those of a link in each family, for requests and replies apart: who forges
// replies must not use up what requests need. They outlive states.
type buckets [dhcp.Families][dhcp.Directions]limit.Bucket

// setRations gives each link of a state its ration.
func (e *Engine) setRations(s *state) {
	kept := make(map[int]*buckets, len(s.Snap.Links))
	s.rations = make([]ration, len(s.Snap.Links))
	for _, l := range s.Snap.Links {
		b := e.buckets[l.Host.Index]
		if b == nil {
			b = new(buckets)
		}
		kept[l.Host.Index] = b
		i, each := l.Interface, modest
		if i.ClientLimit != 0 {
			each = i.ClientLimit
		}
		s.rations[l.ID] = ration{limit.PerSecond(i.Limit, burstSeconds*i.Limit), limit.PerSecond(each, burstSeconds*each), b}
	}
	e.buckets = kept
}

// refuse returns why a message is not to be relayed, whatever it says; else Relayed. It
// tells of a request whether its client has sent much of late.
func (l *loop) refuse(d *udp.Datagram, m []byte) (r agent.Reason, greedy bool) {
	reply := isReply(l.batch.Family, m)
	switch {
	case d.Age > replyAge, d.Age > requestAge && !reply:
		return agent.Stale, false
	case l.cut.exceeded(d.Link, d.Age, l.batch.Now):
		return agent.Overload, false
	}
	link := l.state.Snap.Link(d.Link)
	if link == nil {
		return agent.Relayed, false
	}
	of := &l.state.rations[link.ID]
	dir := dhcp.Requests
	if reply {
		dir = dhcp.Replies
	} else if greedy = !l.clientMay(link, d, m, of.client); greedy && link.Interface.ClientLimit != 0 {
		return agent.ClientLimit, true
	}
	if !of.buckets[l.batch.Family][dir].Take(l.batch.Now, of.link, greedy) {
		return agent.InterfaceLimit, greedy
	}
	return agent.Relayed, greedy
}

// clientMay reports whether the client that sent a request may send it by a rate, and
// counts clients that have not been heard lately.
func (l *loop) clientMay(link *agent.Link, d *udp.Datagram, m []byte, r limit.Rate) bool {
	t := l.engine.clients
	var k limit.Key
	if l.batch.Family == dhcp.V4 {
		p := bootp.Packet(m)
		if !p.Valid() {
			return true
		}
		lo, hi := p.ChaddrWords()
		if lo|hi == 0 {
			return true // as of all clients on InfiniBand (RFC 4390, section 2.1)
		}
		k = t.Key(d.Link, lo, hi)
	} else {
		if len(m) > 0 && m[0] == byte(dhcp6.RelayForward) {
			return true // a relay's address stands for many clients
		}
		a := d.Src.Addr().As16()
		k = t.Key(d.Link, binary.NativeEndian.Uint64(a[:]), binary.NativeEndian.Uint64(a[8:]))
	}
	ok, known := t.Take(k, l.batch.Now, r)
	if !known {
		l.state.Links[link.ID].NewClient(l.batch.Family)
	}
	return ok
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
