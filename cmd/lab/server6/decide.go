package server6

import (
	"bytes"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"dhcp-relay/cmd/lab/rkap"
	"dhcp-relay/cmd/lab/server"
)

// A request is a message with what is worked out from it once.
type request struct {
	*dhcpv6.Message

	client string // DUID
	sub    *Subnet
	peer   *peer
	now    time.Time
}

// answer decides on a message and returns the reply, or nil (RFC 9915, section
// 18.3).
func (s *Server) answer(m *dhcpv6.Message, p *peer, now time.Time) *dhcpv6.Message {
	r := &request{Message: m, sub: s.choose(p.path), peer: p, now: now}
	if id := m.Options.ClientID(); id != nil {
		r.client = string(id.ToBytes())
	}
	if !s.admits(r) {
		return nil
	}
	switch m.MessageType {
	case dhcpv6.MessageTypeSolicit:
		if s.conf.Rapid && m.GetOneOption(dhcpv6.OptionRapidCommit) != nil {
			a := s.leases(r, server.Bound, s.conf.Lease)
			a.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit})
			return a
		}
		a := s.leases(r, server.Offered, s.conf.Hold)
		a.MessageType = dhcpv6.MessageTypeAdvertise
		return a
	case dhcpv6.MessageTypeRequest:
		return s.leases(r, server.Bound, s.conf.Lease)
	case dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRebind:
		return s.extend(r)
	case dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline:
		return s.giveBack(r)
	case dhcpv6.MessageTypeConfirm:
		return s.confirm(r)
	case dhcpv6.MessageTypeInformationRequest:
		return s.reply(r)
	}
	return nil
}

// admits checks what RFC 9915, section 16, has servers check.
func (s *Server) admits(r *request) bool {
	var named []byte
	if id := r.Options.ServerID(); id != nil {
		named = id.ToBytes()
	}
	switch r.MessageType {
	case dhcpv6.MessageTypeSolicit, dhcpv6.MessageTypeRebind, dhcpv6.MessageTypeConfirm:
		return r.client != "" && named == nil && r.sub != nil
	case dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline:
		return r.client != "" && bytes.Equal(named, s.conf.ID) && r.sub != nil
	case dhcpv6.MessageTypeInformationRequest:
		return named == nil || bytes.Equal(named, s.conf.ID)
	}
	return false
}

// leases answers with an address or prefix for each identity association.
func (s *Server) leases(r *request, st server.State, d time.Duration) *dhcpv6.Message {
	a := s.reply(r)
	for _, x := range r.associations() {
		wish := netip.Prefix{}
		if len(x.named) > 0 {
			wish = x.named[0]
		}
		p, ok := s.pool.pick(&x.ia, r.sub, wish, r.now)
		if !ok {
			a.AddOption(x.refuse(iana.StatusNoAddrsAvail, iana.StatusNoPrefixAvail))
			continue
		}
		if l := s.pool.at(p, r.now); l == nil || l.State != server.Bound || st == server.Bound {
			s.hold(r, &x.ia, p, st, d)
		}
		a.AddOption(x.give(p, s.conf.Lease))
	}
	return a
}

// extend answers a Renew or Rebind.
func (s *Server) extend(r *request) *dhcpv6.Message {
	a := s.reply(r)
	for _, x := range r.associations() {
		l := s.pool.of(&x.ia, r.sub, r.now)
		switch {
		case l != nil && l.State == server.Bound:
			s.hold(r, &x.ia, l.Prefix, server.Bound, s.conf.Lease)
			a.AddOption(x.give(l.Prefix, s.conf.Lease))
		case r.MessageType == dhcpv6.MessageTypeRebind:
			return nil // another server may know the client
		default:
			a.AddOption(x.refuse(iana.StatusNoBinding, iana.StatusNoBinding))
		}
	}
	return a
}

// giveBack answers a Release or Decline.
func (s *Server) giveBack(r *request) *dhcpv6.Message {
	for _, x := range r.associations() {
		for _, p := range x.named {
			l := s.pool.at(p, r.now)
			if l == nil || !x.holds(l) {
				continue
			}
			if r.MessageType == dhcpv6.MessageTypeDecline {
				s.hold(r, &x.ia, p, server.Declined, s.conf.Lease)
			} else {
				delete(s.pool.leases, p)
			}
		}
	}
	a := s.reply(r)
	a.AddOption(&dhcpv6.OptStatusCode{StatusCode: iana.StatusSuccess})
	return a
}

// confirm tells a client whether its addresses are of the network that it is on.
func (s *Server) confirm(r *request) *dhcpv6.Message {
	status := iana.StatusSuccess
	named := 0
	for _, x := range r.associations() {
		for _, p := range x.named {
			named++
			if !r.sub.Prefix.Contains(p.Addr()) {
				status = iana.StatusNotOnLink
			}
		}
	}
	if named == 0 {
		return nil
	}
	a := s.reply(r)
	a.AddOption(&dhcpv6.OptStatusCode{StatusCode: status})
	return a
}

func (s *Server) hold(r *request, a *ia, p netip.Prefix, st server.State, d time.Duration) {
	s.pool.leases[p] = &Lease{Prefix: p, State: st, Client: []byte(r.client), IAID: a.id, Until: r.now.Add(d)}
}

// reply starts a Reply. A client that can be reconfigured is given a key.
func (s *Server) reply(r *request) *dhcpv6.Message {
	a := &dhcpv6.Message{MessageType: dhcpv6.MessageTypeReply, TransactionID: r.TransactionID}
	if id := r.Options.ClientID(); id != nil {
		a.AddOption(dhcpv6.OptClientID(id))
	}
	a.AddOption(dhcpv6.OptServerID(s.id))
	if s.conf.DNS.IsValid() && r.Options.RequestedOptions().Contains(dhcpv6.OptionDNSRecursiveNameServer) {
		a.AddOption(dhcpv6.OptDNS(s.conf.DNS.AsSlice()))
	}
	if r.MessageType == dhcpv6.MessageTypeRequest && r.GetOneOption(dhcpv6.OptionReconfAccept) != nil {
		r.peer.told++
		a.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionReconfAccept})
		a.AddOption(rkap.Option(r.peer.key, r.peer.told))
	}
	return a
}

// An association is an identity association of a message.
type association struct {
	ia

	named []netip.Prefix // the addresses or prefixes in it
}

// associations returns the identity associations of a message.
func (r *request) associations() []association {
	var out []association
	for _, x := range r.Options.IANA() {
		a := association{ia: ia{client: r.client, id: x.IaId}}
		for _, addr := range x.Options.Addresses() {
			ip, _ := netip.AddrFromSlice(addr.IPv6Addr.To16())
			a.named = append(a.named, netip.PrefixFrom(ip, 128))
		}
		out = append(out, a)
	}
	for _, x := range r.Options.IAPD() {
		a := association{ia: ia{client: r.client, id: x.IaId, prefix: true}}
		for _, p := range x.Options.Prefixes() {
			if p.Prefix == nil {
				continue // a length alone, which is a wish that this server does not heed
			}
			ip, _ := netip.AddrFromSlice(p.Prefix.IP.To16())
			ones, _ := p.Prefix.Mask.Size()
			a.named = append(a.named, netip.PrefixFrom(ip, ones))
		}
		out = append(out, a)
	}
	return out
}

// give returns the association with what it has got.
func (a *association) give(p netip.Prefix, d time.Duration) dhcpv6.Option {
	if a.prefix {
		o := &dhcpv6.OptIAPD{IaId: a.id, T1: d / 2, T2: d * 4 / 5}
		o.Options.Add(&dhcpv6.OptIAPrefix{
			PreferredLifetime: d, ValidLifetime: d,
			Prefix: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 128)},
		})
		return o
	}
	o := &dhcpv6.OptIANA{IaId: a.id, T1: d / 2, T2: d * 4 / 5}
	o.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: p.Addr().AsSlice(), PreferredLifetime: d, ValidLifetime: d})
	return o
}

// refuse returns the association with the status for addresses or for prefixes.
func (a *association) refuse(addr, prefix iana.StatusCode) dhcpv6.Option {
	if a.prefix {
		o := &dhcpv6.OptIAPD{IaId: a.id}
		o.Options.Add(&dhcpv6.OptStatusCode{StatusCode: prefix})
		return o
	}
	o := &dhcpv6.OptIANA{IaId: a.id}
	o.Options.Add(&dhcpv6.OptStatusCode{StatusCode: addr})
	return o
}
