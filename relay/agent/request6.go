package agent

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

const (
	maxHops6 = 32 // RFC 3315, section 5.5: never more
)

// Relay6 decides on one DHCPv6 message and edits it in its Buf, which needs
// Headroom in front of the message.
func (s *Snapshot) Relay6(b *Buf, in Ingress) (v Verdict) {
	s.Decide6(b, &in, &v)
	return v
}

// Decide6 is Relay6 with the verdict put where it is to be.
func (s *Snapshot) Decide6(b *Buf, in *Ingress, v *Verdict) {
	v.begin(dhcp.V6, s.ingress(in))
	v.Reason = s.relay6(b, in, v)
}

// relay6 says all but the reason in v, and returns that.
func (s *Snapshot) relay6(b *Buf, in *Ingress, v *Verdict) Reason {
	m := dhcp6.Message(b.Bytes())
	if len(m) > 0 && m.Type() == dhcp6.RelayReply {
		v.Direction = dhcp.Replies
	}
	switch {
	case in.Truncated:
		return Oversize
	case !m.Valid():
		return Short
	}
	v.Type = typeOf(uint8(m.Type()))
	if in.Refused != Relayed {
		return in.Refused
	}
	if v.Direction == dhcp.Replies {
		return s.reply6(b, m, in, v)
	}
	return s.request6(b, m, in, v)
}

// request6 decides on a message from a client or from a relay nearer to it.
func (s *Snapshot) request6(b *Buf, m dhcp6.Message, in *Ingress, v *Verdict) Reason {
	l := v.Link
	if l == nil {
		return s.stray(in)
	}
	if r := s.admit6(l, m, in); r != Relayed {
		return r
	}
	if s.ignored != nil && s.ignores(l, in, v) {
		return IgnoredPort
	}
	if side := &l.Side[dhcp.V6]; side.choosing.rules != nil {
		if r := side.class6(m, s.portOf(l, in), in, v); r != Relayed {
			return r
		}
	}
	c := &l.Interface.V6
	v.SrcPort = c.SourcePort
	v.Src = c.source(l.Side[dhcp.V6].first())
	s.choose6(m, in, v)
	if m.Type() == dhcp6.RelayForward {
		return s.further6(b, m, in, v)
	}
	return s.first6(b, in, v)
}

// admit6 checks what holds for every request of a link.
func (s *Snapshot) admit6(l *Link, m dhcp6.Message, in *Ingress) Reason {
	from := in.Src.Addr()
	switch {
	case s.ownOn(l, from):
		return OwnMessage
	case !validPeer(from):
		return PeerInvalid
	case len(l.Side[dhcp.V6].Servers) == 0:
		return NoServer
	case l.Side[dhcp.V6].State == Standby:
		return OnStandby
	case m.Type() == dhcp6.RelayForward:
		return s.admitRelay6(l, m)
	}
	c := &l.Interface.V6
	switch t := m.Type(); {
	case t == dhcp6.Advertise, t == dhcp6.Reply, t == dhcp6.Reconfigure, t == dhcp6.LeaseQueryReply:
		// RFC 9915, sections 16.3, 16.10 and 16.11; RFC 5007, section 4.2.2.
		return ServerMessage
	case !in.Dst.IsMulticast() && !c.AcceptUnicast:
		return UnicastClient
	case slices.Contains(c.RefuseTypes, uint8(t)):
		return TypeRefused
	}
	return Relayed
}

// admitRelay6 checks what another relay has relayed.
func (s *Snapshot) admitRelay6(l *Link, m dhcp6.Message) Reason {
	if !l.Interface.Trusted {
		return RelayForwardUntrusted
	}
	c := &l.Interface.V6
	if m.HopCount() >= min(c.HopLimit, maxHops6) {
		return HopLimit
	}
	opts, ok := m.Scan()
	if !ok {
		return OptionsMalformed
	}
	if _, ok := m.Decapsulate(&opts); !ok {
		return NoRelayMessage
	}
	if s.passed(l, m) {
		return OwnMessage
	}
	if c.RefuseRSOO && m.HasRSOO() {
		return RSOORefused
	}
	return Relayed
}

// passed reports whether a Relay-forward, or one inside it, bears as peer-address
// what this host sends from: then the message comes round again, and without an
// end but the hop limit it would be copied to each server each time.
func (s *Snapshot) passed(l *Link, m dhcp6.Message) bool {
	for range maxHops6 {
		if s.ownPeer(l, m) {
			return true
		}
		inner, ok := m.Inside()
		if !ok || inner.Type() != dhcp6.RelayForward {
			break
		}
		m = inner
	}
	return false
}

// ownPeer reports whether the peer-address of a Relay-forward is this host's. The
// link-local addresses of other networks may be others' there, so the link-address
// has to say that it was heard on this link.
func (s *Snapshot) ownPeer(l *Link, m dhcp6.Message) bool {
	peer := m.PeerAddress()
	if !peer.IsLinkLocalUnicast() {
		return s.Owns(l.Host.VRF, peer)
	}
	heard := m.LinkAddress()
	return s.ownOn(l, peer) && slices.ContainsFunc(l.Host.Addrs, func(a giaddr.Addr) bool {
		return !heard.IsLinkLocalUnicast() && a.Prefix.Contains(heard)
	})
}

// first6 makes this relay the first one of a message (RFC 9915, section 19.1.1).
func (s *Snapshot) first6(b *Buf, in *Ingress, v *Verdict) Reason {
	c := v.Link.Side[dhcp.V6].first()
	if c == nil || !c.Addr.IsValid() {
		return NoLinkAddress
	}
	if v.id > 0 || c.opt.gaps != nil {
		return s.firstFilled6(b, in, &c.opt, c.Addr, v)
	}
	return put6(b, in, &c.opt, c.opt.bytes, c.Addr, v)
}

// firstFilled6 is first6 with what the message fills in, and the subscriber-id of its
// class.
func (s *Snapshot) firstFilled6(b *Buf, in *Ingress, o *option, link netip.Addr, v *Verdict) Reason {
	var room [Headroom]byte
	return put6(b, in, o, s.fill(room[:0], o, len(room)-dhcp6.Room(0), in, v), link, v)
}

// put6 puts the header and the options of a link around a client's message.
func put6(b *Buf, in *Ingress, o *option, opts []byte, link netip.Addr, v *Verdict) Reason {
	fill := in.MAC
	if len(fill) != int(o.fill) {
		opts, fill = opts[:len(opts)-int(o.last)], nil
	}
	v.NoMAC = o.fill > 0 && fill == nil
	return wrap(b, dhcp6.Header{Link: link, Peer: in.Src.Addr()}, opts, fill, o.vss, v)
}

// further6 relays what another relay has relayed (RFC 9915, section 19.1.2).
func (s *Snapshot) further6(b *Buf, m dhcp6.Message, in *Ingress, v *Verdict) Reason {
	side := &v.Link.Side[dhcp.V6]
	o := side.chained
	if o == nil {
		return NoLinkAddress
	}
	if v.id > 0 || o.gaps != nil {
		return s.chainFilled6(b, m, in, o, v)
	}
	return chain6(b, m, in, o.bytes, v)
}

// chainFilled6 is further6 with what the message fills in, and the subscriber-id of its
// class.
func (s *Snapshot) chainFilled6(b *Buf, m dhcp6.Message, in *Ingress, o *option, v *Verdict) Reason {
	var room [Headroom]byte
	return chain6(b, m, in, s.fill(room[:0], o, len(room)-dhcp6.Room(0), in, v), v)
}

// chain6 puts a header and options around what another relay has relayed.
func chain6(b *Buf, m dhcp6.Message, in *Ingress, opts []byte, v *Verdict) Reason {
	side := &v.Link.Side[dhcp.V6]
	o := side.chained
	h := dhcp6.Header{Hop: m.HopCount() + 1, Peer: in.Src.Addr()}
	if a := side.Addr(); h.Peer.IsLinkLocalUnicast() && a.IsValid() && !a.IsLinkLocalUnicast() {
		h.Link = a
	}
	var port [2]byte
	fill := port[:]
	if p := in.Src.Port(); p != dhcp.ServerPort6 {
		binary.BigEndian.PutUint16(fill, p)
	} else if v.Link.Interface.V6.SourcePort == dhcp.ServerPort6 {
		opts, fill = opts[:len(opts)-int(o.last)], nil
	}
	return wrap(b, h, opts, fill, o.vss, v)
}

// wrap puts a relay header and options around a message where it lies, and what
// each message tells into the end of the last option. vss octets of VSS come
// first among the options.
func wrap(b *Buf, h dhcp6.Header, opts, fill []byte, vss int, v *Verdict) Reason {
	at, ok := dhcp6.Encapsulate(b.Store, b.Off, b.Len, h, opts)
	if !ok {
		return Oversize
	}
	b.Off, b.Len = at, b.Len+b.Off-at
	copy(b.Store[at+dhcp6.RelayHeaderLen+len(opts)-len(fill):], fill)
	v.vss = vss
	return Relayed
}

// shedVSS6 takes the VSS option out, which follows the header.
func (v *Verdict) shedVSS6(b *Buf) {
	header := b.Store[b.Off : b.Off+dhcp6.RelayHeaderLen]
	copy(b.Store[b.Off+v.vss:], header)
	b.Off, b.Len = b.Off+v.vss, b.Len-v.vss
	v.vss = 0
}

// clientKey6 returns what stays the same of a client through all relays: its
// DUID, or else (RFC 9915, section 18.2.6, allows none) where it sends from.
func clientKey6(inner dhcp6.Message, from []byte) []byte {
	if id := inner.ClientID(); len(id) > 0 {
		return id
	}
	return from
}

// validPeer reports whether a client or a relay can have the address.
func validPeer(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast()
}

// ownOn reports whether an address that is heard or used on a link is this
// host's. Link-local addresses of other links are others' there.
func (s *Snapshot) ownOn(l *Link, a netip.Addr) bool {
	if !a.IsLinkLocalUnicast() {
		return s.Owns(l.Host.VRF, a)
	}
	for i := range l.Host.Addrs {
		if l.Host.Addrs[i].Prefix.Addr() == a {
			return true
		}
	}
	return false
}
