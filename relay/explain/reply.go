package explain

import (
	"errors"
	"net/netip"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// errNoReply says that a message is not relayed to servers, so that none can
// answer.
var errNoReply = errors.New("the message does not reach a server, so there is no reply to it")

// Reply returns the answer that a usual server at an address gives to the message
// that was explained last: it echoes option 82, or the Interface-Id, and offers
// the next address of the clients' subnet, or yiaddr if that is valid.
func (r *Relay) Reply(server, yiaddr netip.Addr) (Message, error) {
	if r.last == nil || dhcp.FamilyOf(server) != r.last.v.Family {
		return Message{}, errNoReply
	}
	l, v := r.last.v.Link, r.last.v
	b := clone(&r.last.b)
	v.Shape(&b, r.formOf(&v, server))
	a := Message{Link: r.uplink(server, l), Src: netip.AddrPortFrom(server.WithZone(""), v.Family.Port())}
	port := v.SrcPort
	if v.Family == dhcp.V4 {
		p := bootp.Packet(b.Bytes())
		if !yiaddr.IsValid() {
			yiaddr = offer(l, p)
		}
		a.Data = reply4(p, server, yiaddr)
		a.Dst = netip.AddrPortFrom(p.Giaddr(), port)
		return a, nil
	}
	to := r.sourceTo(&v, server)
	if !to.IsValid() {
		to = r.address6(a.Link, l, server.Is6() && server.IsLinkLocalUnicast())
	}
	a.Data, a.Dst = reply6(b.Bytes()), netip.AddrPortFrom(to, port)
	return a, nil
}

// ExplainReply explains what Reply returned. What comes after it is still about
// the same request.
func (r *Relay) ExplainReply(m Message) (Result, error) {
	last := r.last
	res, err := r.Explain(m)
	r.last = last
	return res, err
}

// formOf returns in which form a request goes to a server; one that is not configured is
// a stranger that might get all of it.
func (r *Relay) formOf(v *agent.Verdict, server netip.Addr) agent.Form {
	form := agent.NoCopy
	for i := range r.snap.Policy.Servers {
		if s := &r.snap.Policy.Servers[i]; s.Addr.Addr().WithZone("") == server.WithZone("") {
			if f := v.FormOf(s); form == agent.NoCopy || f < form {
				form = f
			}
		}
	}
	return form
}

// sourceTo returns where a request to a server leaves from.
func (r *Relay) sourceTo(v *agent.Verdict, server netip.Addr) netip.Addr {
	for _, n := range v.Link.Side[v.Family].Servers {
		if to := &r.snap.Policy.Servers[n]; to.Addr.Addr().WithZone("") == server.WithZone("") {
			return v.SourceTo(to)
		}
	}
	return v.Src
}

// uplink returns the interface by which a server's reply comes: the one on whose
// subnet it is, else one in the VRF of the server that has no clients.
func (r *Relay) uplink(server netip.Addr, clients *agent.Link) string {
	vrf := clients.Host.VRF
	for _, n := range clients.Side[dhcp.FamilyOf(server)].Servers {
		if to := &r.snap.Policy.Servers[n]; to.Addr.Addr().WithZone("") == server.WithZone("") {
			if to.Link != "" {
				return to.Link
			}
			vrf = 0
			if dev := r.byName[to.VRF]; dev != nil {
				vrf = dev.Index
			}
		}
	}
	other := ""
	for i := range r.host {
		l := &r.host[i]
		if l.VRF != vrf || l.Loopback || l.IsVRF {
			continue
		}
		for _, a := range l.Addrs {
			if a.Prefix.Contains(server) {
				return l.Name
			}
		}
		if r.snap.Link(l.Index) == nil && other == "" {
			other = l.Name
		}
	}
	return other
}

// address6 returns an address of the host to which a server can answer: a
// link-local one of the uplink to a server that has such.
func (r *Relay) address6(uplink string, clients *agent.Link, local bool) netip.Addr {
	for _, l := range []*giaddr.Link{r.byName[uplink], &clients.Host} {
		if l == nil {
			continue
		}
		for _, a := range l.Addrs {
			if b := a.Prefix.Addr(); b.Is6() && b.IsLinkLocalUnicast() == local && a.Source() {
				return b
			}
		}
	}
	for i := range r.host {
		for _, a := range r.host[i].Addrs {
			if b := a.Prefix.Addr(); b.Is6() && !b.IsLinkLocalUnicast() && !b.IsLoopback() {
				return b
			}
		}
	}
	return clients.Side[dhcp.V6].Addr()
}

// offer returns an address for the client: the one that it has, else the next
// after giaddr on the client's subnet.
func offer(l *agent.Link, p bootp.Packet) netip.Addr {
	if a := p.Ciaddr(); !a.IsUnspecified() {
		return a
	}
	for i := range l.Side[dhcp.V4].Choices {
		if f := &l.Side[dhcp.V4].Choices[i]; f.Addr == p.Giaddr() {
			if next := f.Local.Next(); f.Subnet.Contains(next) {
				return next
			}
		}
	}
	return p.Giaddr().Next()
}

// reply4 writes the answer to a relayed request (RFC 2131, section 4.3.1, table
// 3).
func reply4(p bootp.Packet, server, yiaddr netip.Addr) []byte {
	b := make([]byte, bootp.HeaderLen, 2*bootp.MinLen)
	copy(b, p[:44])
	b[0], b[3] = bootp.Reply, 0
	clear(b[8:10])
	opts, ok := p.Scan()
	if !ok {
		copy(b[16:], yiaddr.AsSlice())
		return append(b, make([]byte, bootp.MinLen-len(b))...)
	}
	t := bootp.Ack
	if opts.Type == bootp.Discover {
		t = bootp.Offer
	}
	if opts.Type == bootp.Inform {
		yiaddr = netip.IPv4Unspecified()
	}
	copy(b[16:], yiaddr.AsSlice())
	b = append(b, 99, 130, 83, 99, bootp.OptionMessageType, 1, byte(t))
	b = append(append(b, bootp.OptionServerID, 4), server.AsSlice()...)
	for _, s := range opts.Relay[:min(opts.NumRelay, bootp.MaxRelay)] {
		b = appendEcho(b, p[s.Off+2:s.Off+s.Len])
	}
	b = append(b, bootp.OptionEnd)
	return append(b, make([]byte, max(0, bootp.MinLen-len(b)))...)
}

// appendEcho appends option 82 as a server sends it back: what it has done with
// the VPN it tells by taking VSS-Control out (RFC 6607, section 5).
func appendEcho(b, v []byte) []byte {
	at := len(b)
	b = append(b, bootp.OptionRelay, 0)
	for len(v) >= 2 && len(v) >= 2+int(v[1]) {
		n := 2 + int(v[1])
		if v[0] != bootp.SubVSSControl {
			b = append(b, v[:n]...)
		}
		v = v[n:]
	}
	b[at+1] = byte(len(b) - at - 2)
	return b
}

// reply6 writes the answer to a Relay-forward (RFC 9915, section 19.3): a
// Relay-reply for each header that the server has seen.
func reply6(m dhcp6.Message) []byte {
	if m.Type() != dhcp6.RelayForward {
		t := dhcp6.Reply
		if m.Type() == dhcp6.Solicit {
			t = dhcp6.Advertise
		}
		b := append([]byte{byte(t)}, m[1:dhcp6.HeaderLen]...)
		if id := m.ClientID(); id != nil {
			b = dhcp6.AppendOption(b, dhcp6.OptionClientID, id)
		}
		return dhcp6.AppendOption(b, 2, []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 9}) // Server Identifier
	}
	b := append([]byte{byte(dhcp6.RelayReply)}, m[1:dhcp6.RelayHeaderLen]...)
	opts, ok := m.Scan()
	if !ok {
		return b
	}
	for _, o := range []struct {
		code uint16
		span dhcp6.Span
	}{{dhcp6.OptionInterfaceID, opts.InterfaceID}, {dhcp6.OptionVSS, opts.VSS}, {dhcp6.OptionRelayPort, opts.RelayPort}} {
		if o.span.Present() {
			b = dhcp6.AppendOption(b, o.code, m.Value(o.span))
		}
	}
	inner, ok := m.Decapsulate(&opts)
	if !ok {
		return b
	}
	return dhcp6.AppendOption(b, dhcp6.OptionRelayMsg, reply6(inner))
}
