package agent

import (
	"net/netip"
	"slices"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

const (
	maxHops    = 16    // RFC 1542, section 4.1.1: never more
	maxPayload = 65507 // octets of a UDP payload in IPv4
)

// Relay4 decides on one BOOTP or DHCPv4 message and edits it in its Buf.
func (s *Snapshot) Relay4(b *Buf, in Ingress) (v Verdict) {
	s.Decide4(b, &in, &v)
	return v
}

// Decide4 is Relay4 with the verdict put where it is to be.
func (s *Snapshot) Decide4(b *Buf, in *Ingress, v *Verdict) {
	v.begin(dhcp.V4, s.ingress(in))
	v.Reason = s.relay4(b, in, v)
}

// relay4 says all but the reason in v, and returns that.
func (s *Snapshot) relay4(b *Buf, in *Ingress, v *Verdict) Reason {
	p := bootp.Packet(b.Bytes())
	if len(p) > 0 && p[0] == bootp.Reply {
		v.Direction = dhcp.Replies
	}
	switch {
	case in.Truncated:
		return Oversize
	case !p.Valid():
		return Short
	case p.Hlen() > 16:
		return BadHlen
	case p.Op() != bootp.Request && p.Op() != bootp.Reply:
		return BadOp
	}
	var opts bootp.Layout
	if p.DHCP() && !opts.Scan(p) {
		return OptionsMalformed
	}
	v.Type = typeOf(uint8(opts.Type))
	if in.Refused != Relayed {
		return in.Refused
	}
	if p.Op() == bootp.Reply {
		return s.reply4(b, p, &opts, in, v)
	}
	return s.request4(b, p, &opts, in, v)
}

// request4 decides on a message from a client or from a relay nearer to it.
func (s *Snapshot) request4(b *Buf, p bootp.Packet, opts *bootp.Layout, in *Ingress, v *Verdict) Reason {
	l := v.Link
	if l == nil {
		return s.stray(in)
	}
	if r := s.admit4(l, p, opts, in); r != Relayed {
		return r
	}
	if s.ignored != nil && s.ignores(l, in, v) {
		return IgnoredPort
	}
	if l.Side[dhcp.V4].choosing.rules != nil {
		if r := l.Side[dhcp.V4].class4(p, s.portOf(l, in), v); r != Relayed {
			return r
		}
	}
	// Another port only with suboption 19 (RFC 8357, section 5.1), see add82.
	v.SrcPort = dhcp.ServerPort4
	v.Named = opts.ServerID.IsValid()
	var r Reason
	if p.Giaddr().IsUnspecified() {
		r = s.first4(b, p, opts, in, v)
	} else {
		r = s.further4(b, p, opts, in, v)
	}
	if r != Relayed {
		return r
	}
	s.choose4(p, opts, in, v)
	p = bootp.Packet(b.Bytes())
	p.SetHops(p.Hops() + 1)
	// RFC 1542, section 2.1: peers may drop what is shorter.
	if p, ok := p.Pad(bootp.MinLen); ok {
		b.set(p)
	}
	return Relayed
}

// admit4 checks what holds for every request of a link.
func (s *Snapshot) admit4(l *Link, p bootp.Packet, opts *bootp.Layout, in *Ingress) Reason {
	c := &l.Interface.V4
	switch {
	case c.Strict300 && len(p) < bootp.MinLen:
		return Short
	case s.Owns(l.Host.VRF, in.Src.Addr()):
		return OwnMessage
	case p.Hops() > min(c.HopLimit, maxHops):
		return HopLimit
	case p.Secs() < c.MinSecs:
		return SecsBelow
	case opts.Type == 0 && !c.Bootp:
		return BootpRefused
	case len(l.Side[dhcp.V4].Servers) == 0:
		return NoServer
	case l.Side[dhcp.V4].State == Standby:
		return OnStandby
	case opts.NumRelay > 0 && !l.Interface.Trusted:
		return UntrustedOption82
	case opts.NumRelay > 0 && !relayInfoValid(p, opts):
		return Option82Malformed
	case opts.Plain():
		if slices.Contains(c.RefuseTypes, uint8(opts.Type)) && p.Giaddr().IsUnspecified() {
			return TypeRefused
		}
		return Relayed
	}
	return l.Interface.admitAll4(p, opts)
}

// admitAll4 checks what servers find where others do not look: an option 82 in
// sname or file they join with the relay's own (RFC 3396, section 7), and by the
// relay's giaddr they trust a leasequery (RFC 4388, section 7).
func (c *Interface) admitAll4(p bootp.Packet, opts *bootp.Layout) Reason {
	a := p.Aggregate(opts)
	if a.Relay && !c.Trusted {
		return UntrustedOption82
	}
	if !p.Giaddr().IsUnspecified() {
		return Relayed
	}
	for _, t := range c.V4.RefuseTypes {
		if a.MayBe(bootp.Type(t)) {
			return TypeRefused
		}
	}
	return Relayed
}

// relayInfoValid reports whether option 82 of a message can be parsed.
func relayInfoValid(p bootp.Packet, opts *bootp.Layout) bool {
	var scratch [bootp.MaxRelay * 255]byte
	return opts.NumRelay <= bootp.MaxRelay && bootp.RelayInfo(p.RelayValue(opts, scratch[:])).Valid()
}

// first4 makes this relay the first one of a request (RFC 1542, section 4.1.1).
func (s *Snapshot) first4(b *Buf, p bootp.Packet, opts *bootp.Layout, in *Ingress, v *Verdict) Reason {
	l := v.Link
	side := &l.Side[dhcp.V4]
	if len(side.Choices) == 0 {
		return NoGiaddr
	}
	c := side.nearest(clientAddr(p, opts), in.Choice)
	p.SetGiaddr(c.Addr)
	v.Src = l.Interface.V4.source(c)
	// A trusted switch has added option 82: RFC 3046, section 2.1, forbids a second.
	if opts.NumRelay > 0 || !p.DHCP() {
		return Relayed
	}
	return s.add82(b, p, opts, &c.opt, in, v)
}

// clientAddr returns the address that the client has, or was offered: its subnet
// tells the choice. The address in a DISCOVER is only a wish.
func clientAddr(p bootp.Packet, opts *bootp.Layout) (a netip.Addr) {
	if a := p.Ciaddr(); !a.IsUnspecified() {
		return a
	}
	if opts.Type == bootp.Discover {
		return a
	}
	return opts.Requested
}

// further4 relays a request that another relay has relayed: its giaddr stays,
// and by default nothing is added (RFC 3046, section 2.1.1).
func (s *Snapshot) further4(b *Buf, p bootp.Packet, opts *bootp.Layout, in *Ingress, v *Verdict) Reason {
	l, a := v.Link, p.Giaddr()
	switch {
	case !validGiaddr(a):
		return GiaddrInvalid
	case s.ownsNear(l, a):
		return GiaddrSpoof
	case !l.Interface.Trusted:
		return GiaddrUntrusted
	}
	side, c := &l.Side[dhcp.V4], &l.Interface.V4
	v.Src = c.source(side.first())
	if !p.DHCP() && c.Relayed != Drop {
		return Relayed
	}
	switch c.Relayed {
	case Drop:
		return GiaddrRefused
	case Append:
		return s.add82(b, p, opts, side.chained, in, v)
	case Replace:
		if opts.NumRelay > 0 {
			p = p.RemoveAll(opts)
			*opts, _ = p.Scan()
			b.set(p)
		}
		return s.add82(b, p, opts, side.chained, in, v)
	case Forward:
	}
	return Relayed
}

// add82 inserts option 82, or leaves it out where there is no room for it
// (RFC 3046, section 2.1).
func (s *Snapshot) add82(b *Buf, p bootp.Packet, opts *bootp.Layout, o *option, in *Ingress, v *Verdict) Reason {
	if o == nil || o.bytes == nil {
		return Relayed
	}
	if v.id > 0 || o.gaps != nil {
		return s.addFilled(b, p, opts, o, in, v)
	}
	return s.put82(b, p, opts, o, o.bytes, 0, in, v)
}

// addFilled is add82 with what the message fills in, and the subscriber-id of its class.
func (s *Snapshot) addFilled(b *Buf, p bootp.Packet, opts *bootp.Layout, o *option, in *Ingress, v *Verdict) Reason {
	var room [2 + maxOption82]byte
	all := s.fill(room[:0], o, len(room), in, v)
	all[1] = byte(len(all) - 2)
	return s.put82(b, p, opts, o, all, len(all)-len(o.bytes), in, v)
}

// put82 inserts option 82 as it is in all, in which what follows the subscriber-id has
// moved.
func (s *Snapshot) put82(b *Buf, p bootp.Packet, opts *bootp.Layout, o *option, all []byte, moved int, in *Ingress, v *Verdict) Reason {
	if len(all) <= 2 {
		return Relayed
	}
	c := &v.Link.Interface.V4
	limit := maxPayload
	if c.MaxSize > 0 {
		limit = min(limit, c.MaxSize)
	}
	n := len(p)
	if q, ok := p.Insert(opts, all); ok {
		if len(q) <= limit {
			if o.flags > 0 && s.Owns(v.Link.Host.VRF, in.Dst) {
				q[opts.End+int(o.flags)+moved] = flagUnicast
			}
			b.set(q)
			if o.port {
				v.SrcPort = c.SourcePort
			}
			v.added, v.vss, v.sel, v.bare = bootp.Span{Off: opts.End, Len: len(all)}, o.vss, o.sel, n
			return Relayed
		}
		// What was absorbed of the padding comes back as the zeros it was.
		b.set(q.Remove(bootp.Span{Off: opts.End, Len: len(all)})[:n])
	}
	if c.DropOversize {
		return Oversize
	}
	v.Omitted = true
	return Relayed
}

// shed takes option 82 out again, after the kernel has said that the message is
// too large for the way to a server. It reports false if the message is to be
// dropped: by setting, or because option 82 is not what makes it too large.
func (v *Verdict) shed(b *Buf) bool {
	if v.added.Len == 0 || v.Link.Interface.V4.DropOversize {
		return false
	}
	p := bootp.Packet(b.Bytes()).Remove(v.added)
	// What was absorbed of the padding comes back.
	p, _ = p.Pad(max(bootp.MinLen, v.bare))
	b.set(p)
	v.added, v.vss, v.sel, v.Omitted = bootp.Span{}, 0, false, true
	v.SrcPort = dhcp.ServerPort4
	return true
}

// shedVSS takes the VSS out of option 82 or out of the Relay-forward.
func (v *Verdict) shedVSS(b *Buf) {
	if v.Family == dhcp.V6 {
		v.shedVSS6(b)
		return
	}
	v.shedSub(b, bootp.Span{Off: v.added.Len - v.vss, Len: v.vss})
	v.vss = 0
}

// shedLinkSelection takes suboption 5 out of option 82: where it is depends on what the
// message has filled in before it.
func (v *Verdict) shedLinkSelection(b *Buf) {
	all := b.Bytes()[v.added.Off : v.added.Off+v.added.Len]
	for at := subHead; at+1 < len(all); at += subHead + int(all[at+1]) {
		if all[at] == bootp.SubLinkSelection {
			v.shedSub(b, bootp.Span{Off: at, Len: subHead + int(all[at+1])})
			break
		}
	}
	v.sel = false
}

// shedSub takes suboptions out of option 82, or all of it if they are all there is. in
// is where they are in it.
func (v *Verdict) shedSub(b *Buf, in bootp.Span) {
	p := bootp.Packet(b.Bytes())
	if rest := v.added.Len - in.Len; rest > 2 {
		p[v.added.Off+1] -= byte(in.Len)
		p = p.Remove(bootp.Span{Off: v.added.Off + in.Off, Len: in.Len})
		v.added.Len = rest
	} else {
		p = p.Remove(v.added)
		v.added = bootp.Span{}
	}
	p, _ = p.Pad(bootp.MinLen)
	b.set(p)
}

// validGiaddr reports whether a relay can have the address (RFC 3046, section
// 2.1.1, speaks of a valid giaddr).
func validGiaddr(a netip.Addr) bool {
	b := a.As4()
	return b[0] != 0 && b[0] != 127 && b[0] < 224
}

// clientKey4 returns what stays the same of a client.
func clientKey4(p bootp.Packet, opts *bootp.Layout) []byte {
	if len(opts.ClientID) > 0 {
		return opts.ClientID
	}
	return p.Chaddr()
}
