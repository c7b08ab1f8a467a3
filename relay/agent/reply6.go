package agent

import (
	"net/netip"

	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// reply6 decides on a Relay-reply from a server or from a relay nearer to it
// (RFC 9915, section 19.2). Of the message inside not an octet is changed.
func (s *Snapshot) reply6(b *Buf, m dhcp6.Message, in *Ingress, v *Verdict) Reason {
	heard := v.Link
	if heard == nil && s.twins[in.Link] != nil {
		return SameNetwork
	}
	if heard != nil && heard.Interface.Trusted {
		// The next relay towards the server may be attached here.
		heard = nil
	}
	vrf := s.vrfOf[in.Link]
	if r := s.mayReply(in, heard, v.Link, vrf); r != Relayed {
		return r
	}
	v.Link = nil
	opts, ok := m.Scan()
	if !ok {
		return OptionsMalformed
	}
	inner, ok := m.Decapsulate(&opts)
	if !ok {
		return NoRelayMessage
	}
	v.Type = typeOf(uint8(inner.Type()))
	to, r := s.home6(m, &opts, vrf)
	if r != Relayed {
		return r
	}
	v.Link = to.link
	if r := s.vssReason6(m, &opts, in, to.link); r != Relayed {
		return r
	}
	peer := m.PeerAddress()
	switch {
	case !validPeer(peer), s.ownOn(to.link, peer):
		return PeerInvalid
	case !to.link.Host.Up:
		return LinkDown
	}
	v.To, v.Dst, v.Port = ToHost, peer, dhcp.ClientPort6
	if inner.Type() == dhcp6.RelayReply {
		if r := further(to.link, inner, peer); r != Relayed {
			return r
		}
		v.Port, v.Chained = relayPort6(m, &opts), true
	}
	b.Off, b.Len = b.Off+opts.RelayMsg.Off, opts.RelayMsg.Len
	v.framed = !v.Chained && to.link.ethernet && to.link.linkLocal.IsValid()
	return Relayed
}

// further checks a Relay-reply that is for another relay: of a sender's choice are its
// content, receiver and port, so it goes to relays alone, where such are expected.
// Whether this one has asked is for who knows the past to say, see Verdict.Chained.
func further(l *Link, inner dhcp6.Message, peer netip.Addr) Reason {
	if last, _ := inner.Innermost(); last.IsRelay() {
		return NoRelayMessage
	}
	if !l.Interface.Trusted || !l.near(peer) {
		return RelayReplyRefused
	}
	return Relayed
}

// near reports whether an address is on the link.
func (l *Link) near(a netip.Addr) bool {
	if a.IsLinkLocalUnicast() {
		return true
	}
	for i := range l.Host.Addrs {
		if p := l.Host.Addrs[i].Prefix; p.Contains(a) && !p.Addr().IsLinkLocalUnicast() {
			return true
		}
	}
	return false
}

// relayPort6 returns the port of the next relay (RFC 8357, section 5.2). It is
// for nobody but relays, lest a server's reply reach any port of a client.
func relayPort6(m dhcp6.Message, opts *dhcp6.Layout) uint16 {
	if p := m.DownstreamPort(opts); p != 0 {
		return p
	}
	return dhcp.ServerPort6
}

// home6 finds the link that a reply is for (RFC 9915, section 19.2).
func (s *Snapshot) home6(m dhcp6.Message, opts *dhcp6.Layout, vrf string) (member, Reason) {
	if opts.NumInterfaceID > 1 {
		return member{}, AmbiguousReply
	}
	ms := s.named6(m, opts, vrf)
	to := s.only(ms, dhcp.V6, vrf)
	switch {
	case to.link != nil:
		return to, Relayed
	case len(ms) < 2:
		return to, UnknownLink
	}
	return to, AmbiguousReply
}

// named6 returns the links that a reply names: by Interface-Id if it is known, be
// it from before a rename or a reload; else by link-address, unless that is
// link-local, which says nothing of a link whose Interface-Id is not known. Of the
// link that bears an Interface-Id and one that bore it, as after a swap of names, the
// reply is for the latter if the link-address is its and not the former's.
func (s *Snapshot) named6(m dhcp6.Message, opts *dhcp6.Layout, vrf string) members {
	link := m.LinkAddress()
	if opts.InterfaceID.Present() {
		id := m.Value(opts.InterfaceID)
		now, past := s.ids.members.among(id), s.past.names[&s.ids].among(id)
		switch was := past.at(link); {
		case len(now) > 0 && len(was) > 0 && len(now.at(link)) == 0:
			return was
		case len(now) > 0:
			return now
		case s.only(past, dhcp.V6, vrf).link != nil:
			return past
		}
		if filled := s.filled6(id, link); len(filled) > 0 {
			return filled
		}
		if link.IsLinkLocalUnicast() {
			return nil
		}
	}
	if g := s.groups[link]; g != nil {
		return g.members
	}
	return nil
}

// filled6 returns the links that an Interface-Id names into which messages fill in
// something, by the link-address where that says more.
func (s *Snapshot) filled6(id []byte, link netip.Addr) members {
	if g := s.groups[link]; g != nil {
		if ms := g.members.like(id); len(ms) > 0 {
			return ms
		}
	}
	if ms := s.ids.members.like(id); len(ms) > 0 {
		return ms
	}
	return s.past.names[&s.ids].like(id)
}

// vssReason6 checks what the server made of the VSS that it was told: without
// an echo it has ignored it, and with another VPN than the client's it cannot
// be served (RFC 6607, sections 5 and 5.1).
func (s *Snapshot) vssReason6(m dhcp6.Message, opts *dhcp6.Layout, in *Ingress, l *Link) Reason {
	vpn := &l.Interface.V6.VSS
	if opts.VSS.Present() {
		if !vpn.is(m.Value(opts.VSS)) {
			return VSSUnknown
		}
		return Relayed
	}
	if told, known := s.servers[placeOf(in.Src.Addr(), in.Link)]; vpn.On && (told || !known) {
		return VSSIgnored
	}
	return Relayed
}

// from6 returns the link's address to send to a client from: of the client's scope
// if there is one (RFC 6724, section 5, rule 2), of its prefix rather than of
// another, the link-local one otherwise.
func (l *Link) from6(client netip.Addr) netip.Addr {
	if client.IsLinkLocalUnicast() {
		return l.linkLocal
	}
	best, rank := l.linkLocal, 0
	for i := range l.Host.Addrs {
		a := &l.Host.Addrs[i]
		own, r := a.Prefix.Addr(), 1
		if !own.Is6() || own.IsLinkLocalUnicast() || !a.Source() {
			continue
		}
		if !a.Deprecated {
			r += 2
		}
		if a.Prefix.Contains(client) {
			r++
		}
		if r > rank {
			best, rank = own, r
		}
	}
	return best
}
