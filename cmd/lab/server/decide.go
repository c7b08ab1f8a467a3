package server

import (
	"bytes"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A request is a message with what is worked out from it once.
type request struct {
	*dhcpv4.DHCPv4

	client string
	wish   netip.Addr // the address that the client names: option 50, or ciaddr
	sub    *Subnet
	id     netip.Addr // the server identifier to answer with
	now    time.Time
}

// answer decides on a message and returns the reply, or nil.
func (s *Server) answer(m *dhcpv4.DHCPv4, now time.Time) *dhcpv4.DHCPv4 {
	if m.OpCode != dhcpv4.OpcodeBootRequest {
		return nil
	}
	r := &request{DHCPv4: m, client: clientKey(m), now: now, id: s.id(m)}
	r.sub = s.choose(m)
	if r.sub == nil {
		return nil
	}
	if r.wish = ip(m.RequestedIPAddress()); !r.wish.IsValid() {
		r.wish = ip(m.ClientIPAddr)
	}
	switch m.MessageType() {
	case dhcpv4.MessageTypeNone:
		return s.bootp(r)
	case dhcpv4.MessageTypeDiscover:
		return s.discover(r)
	case dhcpv4.MessageTypeRequest:
		return s.request(r)
	case dhcpv4.MessageTypeDecline:
		s.decline(r)
	case dhcpv4.MessageTypeRelease:
		s.release(r)
	case dhcpv4.MessageTypeInform:
		return s.reply(r, dhcpv4.MessageTypeAck, netip.Addr{})
	case dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeAck, dhcpv4.MessageTypeNak:
		// Not for a server.
	}
	return nil
}

func (s *Server) discover(r *request) *dhcpv4.DHCPv4 {
	a, ok := s.pool.pick(r.client, r.sub, r.wish, r.now)
	if !ok {
		return nil
	}
	if l := s.pool.at(a, r.now); l == nil {
		s.hold(r, a, Offered, s.conf.Hold)
	}
	return s.reply(r, dhcpv4.MessageTypeOffer, a)
}

// request answers a Request in the states of RFC 2131, section 4.3.2.
func (s *Server) request(r *request) *dhcpv4.DHCPv4 {
	own, held := s.pool.of(r.client, r.sub, r.now), s.pool.at(r.wish, r.now)
	switch selected := ip(r.ServerIdentifier()); {
	case selected.IsValid(): // SELECTING
		mine := selected == s.conf.ID || selected == r.id
		if !mine || own == nil || own.Addr != r.wish {
			// The client took another server's offer. Under server identifier
			// override all servers bear the relay's address, and the address
			// alone tells whose offer it was.
			s.pool.free(r.client, Offered)
			return nil
		}
	case !r.sub.Prefix.Contains(r.wish): // INIT-REBOOT or REBINDING on another network
		return s.nak(r, "wrong network")
	case held != nil && held.Client != r.client:
		return s.nak(r, "address is another client's")
	case own != nil && own.Addr != r.wish:
		return s.nak(r, "not the address of this client")
	case own == nil: // no record of the client: silence
		return nil
	}
	s.hold(r, r.wish, Bound, s.conf.Lease)
	return s.reply(r, dhcpv4.MessageTypeAck, r.wish)
}

func (s *Server) decline(r *request) {
	if l := s.pool.at(r.wish, r.now); l != nil && l.Client == r.client {
		s.hold(r, r.wish, Declined, s.conf.Lease)
	}
}

func (s *Server) release(r *request) {
	if l := s.pool.at(r.wish, r.now); l != nil && l.Client == r.client {
		delete(s.pool.leases, r.wish)
	}
}

func (s *Server) bootp(r *request) *dhcpv4.DHCPv4 {
	a, ok := s.conf.Bootp[r.ClientHWAddr.String()]
	if !ok || !r.sub.Prefix.Contains(a) {
		return nil
	}
	s.hold(r, a, Bound, s.conf.Lease)
	return s.reply(r, dhcpv4.MessageTypeNone, a)
}

func (s *Server) hold(r *request, a netip.Addr, st State, d time.Duration) {
	s.pool.leases[a] = &Lease{
		Addr: a, State: st, Client: r.client, MAC: r.ClientHWAddr, Until: r.now.Add(d),
		AgentInfo: bytes.Clone(r.Options.Get(dhcpv4.OptionRelayAgentInformation)),
	}
}

// nak refuses. Behind a relay the broadcast flag is set, since the client may
// have no address that works here (RFC 2131, section 4.3.2).
func (s *Server) nak(r *request, why string) *dhcpv4.DHCPv4 {
	m := s.reply(r, dhcpv4.MessageTypeNak, netip.Addr{})
	m.ClientIPAddr = net.IPv4zero
	m.UpdateOption(dhcpv4.OptMessage(why))
	if !m.GatewayIPAddr.IsUnspecified() {
		m.SetBroadcast()
	}
	return m
}

// reply builds a reply; t is MessageTypeNone for BOOTP.
func (s *Server) reply(r *request, t dhcpv4.MessageType, your netip.Addr) *dhcpv4.DHCPv4 {
	m, err := dhcpv4.NewReplyFromRequest(r.DHCPv4)
	if err != nil {
		panic("server: reply without modifiers: " + err.Error())
	}
	m.DeleteOption(dhcpv4.OptionRelayAgentInformation)
	if your.IsValid() {
		m.YourIPAddr = your.AsSlice()
	}
	mask := net.CIDRMask(r.sub.Prefix.Bits(), 32)
	if t != dhcpv4.MessageTypeNak {
		m.UpdateOption(dhcpv4.OptSubnetMask(mask))
		if r.sub.Router.IsValid() {
			m.UpdateOption(dhcpv4.OptRouter(r.sub.Router.AsSlice()))
		}
	}
	if t == dhcpv4.MessageTypeNone {
		m.ServerIPAddr = s.conf.ID.AsSlice()
	} else {
		m.UpdateOption(dhcpv4.OptMessageType(t))
		m.UpdateOption(dhcpv4.OptServerIdentifier(r.id.AsSlice()))
	}
	if t == dhcpv4.MessageTypeOffer || t == dhcpv4.MessageTypeAck && your.IsValid() {
		m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(s.conf.Lease))
		m.UpdateOption(dhcpv4.OptRenewTimeValue(s.conf.Lease / 2))
		m.UpdateOption(dhcpv4.OptRebindingTimeValue(s.conf.Lease * 7 / 8))
	}
	if t == dhcpv4.MessageTypeAck {
		m.ClientIPAddr = r.ClientIPAddr
	}
	if id := r.Options.Get(dhcpv4.OptionClientIdentifier); id != nil {
		m.UpdateOption(dhcpv4.OptClientIdentifier(id)) // RFC 6842
	}
	if info := r.Options.Get(dhcpv4.OptionRelayAgentInformation); info != nil && !s.conf.NoEcho {
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, info))
	}
	return m
}

// id returns the server identifier for the reply, which a relay may override
// (RFC 5107, section 4).
func (s *Server) id(m *dhcpv4.DHCPv4) netip.Addr {
	if a := sub82(m, dhcpv4.ServerIdentifierOverrideSubOption.Code()); a.IsValid() {
		return a
	}
	return s.conf.ID
}

// choose returns the client's subnet: by link selection (RFC 3527), else
// giaddr, else ciaddr, else the server's own link. It is nil if the server does
// not serve it.
func (s *Server) choose(m *dhcpv4.DHCPv4) *Subnet {
	if a := sub82(m, dhcpv4.LinkSelectionSubOption.Code()); a.IsValid() {
		return s.pool.subnet(a)
	}
	for _, a := range []net.IP{m.GatewayIPAddr, m.ClientIPAddr} {
		if a := ip(a); a.IsValid() {
			return s.pool.subnet(a)
		}
	}
	return s.pool.subnet(s.conf.ID)
}

// sub82 returns the address in a suboption of option 82, invalid if there is none.
func sub82(m *dhcpv4.DHCPv4, code uint8) netip.Addr {
	info := m.RelayAgentInfo()
	if info == nil {
		return netip.Addr{}
	}
	return ip(info.Get(dhcpv4.GenericOptionCode(code)))
}

// ip returns an address of four octets; the zero Addr for 0.0.0.0 and all else.
func ip(b net.IP) netip.Addr {
	a, ok := netip.AddrFromSlice(b.To4())
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// clientKey identifies a client: option 61, else type and hardware address
// (RFC 2131, section 4.2).
func clientKey(m *dhcpv4.DHCPv4) string {
	if id := m.Options.Get(dhcpv4.OptionClientIdentifier); len(id) > 0 {
		return "id " + string(id)
	}
	return m.HWType.String() + " " + m.ClientHWAddr.String()
}
