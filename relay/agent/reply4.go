package agent

import (
	"net/netip"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// reply4 decides on a message from a server (RFC 1542, section 4.1.2). Nothing
// of it is changed but option 82.
func (s *Snapshot) reply4(b *Buf, p bootp.Packet, opts *bootp.Layout, in *Ingress, v *Verdict) Reason {
	if v.Link == nil && s.twins[in.Link] != nil {
		return SameNetwork
	}
	vrf := s.vrfOf[in.Link]
	if r := s.mayReply(in, v.Link, v.Link, vrf); r != Relayed {
		return r
	}
	v.Link = nil
	if t := opts.Type; t == bootp.LeaseUnassigned || t == bootp.LeaseUnknown || t == bootp.LeaseActive {
		return Leasequery
	}
	g := s.groups[p.Giaddr()]
	if g == nil {
		return BogusGiaddr
	}
	var echo bootp.RelayInfo
	switch {
	case opts.NumRelay == 1:
		echo = p.RelayValue(opts, nil)
	case opts.NumRelay > 1:
		var scratch [bootp.MaxRelay * 255]byte // cleared only where it is needed
		echo = p.RelayValue(opts, scratch[:])
	}
	if opts.NumRelay > 0 && (opts.NumRelay > bootp.MaxRelay || !echo.Valid()) {
		return Option82Malformed
	}
	circuit, _ := echo.Sub(bootp.SubCircuitID)
	to := g.find(s, vrf, circuit)
	switch {
	case to.link != nil:
	case len(g.members) == 1:
		return BogusGiaddr
	default:
		return AmbiguousReply
	}
	v.Link, v.Src = to.link, to.choice.Local
	if r := s.strip(b, p, opts, echo, to); r != Relayed {
		return r
	}
	if !to.link.Host.Up {
		return LinkDown
	}
	deliver(bootp.Packet(b.Bytes()), opts.Type, v)
	return Relayed
}

// mayReply checks who sent a reply, and where it was heard: a configured server may
// reply where its route leads, others never on a client-facing link. heard is that
// link, nil if the next relay towards the server may be attached to it; facing is the
// same without the exception. In another VRF a server's address is somebody else's, so
// clients there are not taken for it, unless it serves them: what comes by a route that
// leaks from one VRF to another, the kernel shows as heard on the clients' link.
func (s *Snapshot) mayReply(in *Ingress, heard, facing *Link, vrf string) Reason {
	from := in.Src.Addr()
	at := placeOf(from, in.Link)
	if _, ok := s.servers[at]; ok && (heard == nil || at.link != 0 || s.serverIn(from, vrf) || s.serves(from, heard)) {
		if facing != nil && !s.leads(in, facing) {
			return ReplyFromClient
		}
		return Relayed
	}
	if heard != nil {
		return ReplyFromClient
	}
	for i := range s.Policy.AnswersFrom {
		if s.Policy.AnswersFrom[i].From.Contains(from) {
			return Relayed
		}
	}
	for _, p := range s.Policy.ReplySources {
		if p.Contains(from) {
			return Relayed
		}
	}
	if len(s.Policy.ReplySources) > 0 || in.Unasked {
		return ReplySource
	}
	return Relayed
}

// leads reports whether the route to a server leads to the client-facing link that
// heard it. Else a client bears the server's address.
func (s *Snapshot) leads(in *Ingress, l *Link) bool {
	if in.Routes == nil {
		return true
	}
	from := in.Src.Addr()
	for i := range s.Policy.Servers {
		v := &s.Policy.Servers[i]
		switch {
		case v.Addr.Addr().WithZone("") != from:
		case v.Link != "":
			if s.named[v.Link] == in.Link {
				return true
			}
		case v.VRF != l.vrf && s.serves(from, l), s.routed(in, i, l):
			return true
		}
	}
	return s.wasIn(from, l.vrf) && l.near(from)
}

// wasIn reports whether an address is that of a former server in the VRF.
func (s *Snapshot) wasIn(a netip.Addr, vrf string) bool {
	for i := range s.Policy.Former {
		if v := &s.Policy.Former[i]; v.VRF == vrf && v.Addr.Addr() == a {
			return true
		}
	}
	return false
}

// routed reports whether the route to a server leads to a link, by the link's prefixes
// where the route is not known yet.
func (s *Snapshot) routed(in *Ingress, server int, l *Link) bool {
	if server >= len(in.Routes) || in.Routes[server] == nil {
		return l.near(in.Src.Addr())
	}
	for _, hop := range in.Routes[server] {
		if hop == in.Link || hop == l.Host.Index || s.twins[hop] == l {
			return true
		}
	}
	return false
}

// serverIn reports whether an address is that of a server in the VRF.
func (s *Snapshot) serverIn(a netip.Addr, vrf string) bool {
	for i := range s.Policy.Servers {
		if v := &s.Policy.Servers[i]; v.VRF == vrf && v.Addr.Addr() == a {
			return true
		}
	}
	return s.wasIn(a, vrf)
}

// serves reports whether an address is that of one of the link's servers.
func (s *Snapshot) serves(a netip.Addr, l *Link) bool {
	for _, i := range l.Side[dhcp.FamilyOf(a)].Servers {
		if s.Policy.Servers[i].Addr.Addr() == a {
			return true
		}
	}
	return false
}

// strip removes the echo of option 82 (RFC 3046, section 2.1): on untrusted
// links any, on trusted ones ours alone, for a downstream element may have
// added the other.
func (s *Snapshot) strip(b *Buf, p bootp.Packet, opts *bootp.Layout, echo bootp.RelayInfo, to member) Reason {
	if opts.NumRelay > 0 {
		c, ours := to.link.Interface, s.ours(to.choice, echo)
		if !ours && !c.Trusted && c.V4.Option82.DropMismatch {
			return Option82Mismatch
		}
		if ours || !c.Trusted {
			if r := vssReason(&c.V4.Option82, echo); r != Relayed {
				return r
			}
			p = p.RemoveAll(opts)
		}
	}
	// RFC 1542, section 2.1: clients may drop what is shorter.
	if q, ok := p.Pad(bootp.MinLen); ok {
		p = q
	}
	b.set(p)
	return Relayed
}

// deliver chooses the last hop of a reply.
func deliver(p bootp.Packet, t bootp.Type, v *Verdict) {
	v.To, v.Dst, v.Port = ToFrame, netip.AddrFrom4([4]byte{255, 255, 255, 255}), dhcp.ClientPort4
	yiaddr, ciaddr := p.Yiaddr(), p.Ciaddr()
	dst := yiaddr
	if dst.IsUnspecified() {
		// The answer to an INFORM bears no yiaddr (RFC 2131, section 4.3.5).
		dst = ciaddr
	}
	// A NAK reaches the client whatever address it thinks it has (RFC 2131, section 4.3.2).
	broadcast := p.Broadcast() || v.Link.Interface.V4.Broadcast || t == bootp.Nak || !validGiaddr(dst)
	switch {
	case broadcast:
	case v.Link.ethernet && framed(p):
		v.Dst, v.HW = dst, p.Chaddr()
	case dst == ciaddr || !v.Link.ethernet && !v.Link.Host.Broadcast:
		// The client has the address already, so it answers to it (RFC 4390,
		// section 2.2); or there is nothing to address on the link.
		v.To, v.Dst = ToHost, dst
	}
	if !v.Link.ethernet {
		v.To = ToHost
	}
}

// framed reports whether chaddr is an Ethernet address that a frame can be sent
// to. Else the reply is broadcast (RFC 1542, section 3.1.1).
func framed(p bootp.Packet) bool {
	c := p.Chaddr()
	return p.Htype() == 1 && len(c) == 6 && c[0]&1 == 0 && (c[0]|c[1]|c[2]|c[3]|c[4]|c[5]) != 0
}
