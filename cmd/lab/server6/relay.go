package server6

import (
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv6"
)

// optionVSS is virtual subnet selection (RFC 6607, section 3.4).
const optionVSS dhcpv6.OptionCode = 68

// unwrap returns a client's message and the Relay-forwards around it, of any
// depth; the path is nil if there are none.
func unwrap(d dhcpv6.DHCPv6) (m *dhcpv6.Message, path *dhcpv6.RelayMessage, ok bool) {
	path, relayed := d.(*dhcpv6.RelayMessage)
	for {
		switch x := d.(type) {
		case *dhcpv6.Message:
			if !relayed {
				path = nil
			}
			return x, path, true
		case *dhcpv6.RelayMessage:
			if x.MessageType != dhcpv6.MessageTypeRelayForward {
				return nil, nil, false
			}
			d = x.Options.RelayMessage()
		default:
			return nil, nil, false
		}
	}
}

// wrap puts a message for a client into the Relay-replies that answer the
// Relay-forwards around its last message (RFC 9915, section 19.3).
func (s *Server) wrap(fwd *dhcpv6.RelayMessage, m *dhcpv6.Message) dhcpv6.DHCPv6 {
	inner := dhcpv6.DHCPv6(m)
	if next, ok := fwd.Options.RelayMessage().(*dhcpv6.RelayMessage); ok {
		inner = s.wrap(next, m)
	}
	r := &dhcpv6.RelayMessage{
		MessageType: dhcpv6.MessageTypeRelayReply, HopCount: fwd.HopCount,
		LinkAddr: fwd.LinkAddr, PeerAddr: fwd.PeerAddr,
	}
	for _, code := range s.echoed(fwd) {
		for _, o := range fwd.Options.Get(code) {
			r.AddOption(o)
		}
	}
	r.AddOption(dhcpv6.OptRelayMessage(inner))
	return r
}

// echoed returns the options that a relay gets back: its Interface-Id and port
// (RFC 8357, section 5.3), its VPN, and those that it asks for (RFC 4994).
func (s *Server) echoed(fwd *dhcpv6.RelayMessage) []dhcpv6.OptionCode {
	out := []dhcpv6.OptionCode{dhcpv6.OptionRelayPort, optionVSS}
	if !s.conf.NoEcho {
		out = append(out, dhcpv6.OptionInterfaceID)
	}
	if ero := fwd.GetOneOption(dhcpv6.OptionEchoRequest); ero != nil {
		for c := range slices.Chunk(ero.ToBytes(), 2) {
			if code := dhcpv6.OptionCode(c[0])<<8 | dhcpv6.OptionCode(c[len(c)-1]); !slices.Contains(out, code) {
				out = append(out, code)
			}
		}
	}
	return out
}

// choose returns the client's subnet: by the Interface-Id or link-address of the
// relay nearest to the client that gives a useful one. It is nil if the server
// does not serve it; a client without a relay is on no subnet of this server.
func (s *Server) choose(path *dhcpv6.RelayMessage) *Subnet {
	var found *Subnet
	for r := path; r != nil; {
		if sub := s.named(r); sub != nil {
			found = sub
		}
		r, _ = r.Options.RelayMessage().(*dhcpv6.RelayMessage)
	}
	return found
}

// named returns the subnet that one relay names.
func (s *Server) named(r *dhcpv6.RelayMessage) *Subnet {
	link, _ := netip.AddrFromSlice(r.LinkAddr.To16())
	id := string(r.Options.InterfaceID())
	for i := range s.conf.Subnets {
		sub := &s.conf.Subnets[i]
		if sub.InterfaceID != "" && sub.InterfaceID == id || sub.InterfaceID == "" && sub.Prefix.Contains(link) {
			return sub
		}
	}
	return nil
}
