package agent

import (
	"bytes"
	"net/netip"
	"slices"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// An option is what a link adds to each request, rendered: option 82 (RFC 3046,
// section 2.0), or the options of a Relay-forward (RFC 9915, section 19.1).
type option struct {
	bytes   []byte // all of it, with codes and lengths; nil if nothing is sent
	vss     int    // octets of VSS: the suboptions at the end of bytes, or the first option
	circuit []byte // value of suboption 1, or of Interface-Id
	gaps    *gaps  // what each message fills in; nil: nothing

	others *subscribers // what classes have in place of the subscriber-id; nil: none has

	// Option 82 alone.
	mark  []byte // value of the suboption that tells our echo from another's
	code  byte   // code of that suboption, 0 if none is sent
	port  bool   // suboption 19 is in it, so that a server answers to another port than 67
	sel   bool   // suboption 5 is in it
	flags int32  // offset of the value of suboption 10 in bytes, 0 if absent

	// Relay-forward alone: the last option is completed for each message.
	last int32 // octets of that option, 0 if there is none
	fill int32 // octets to fill in at its end
}

// flagUnicast says that the client sent its message by unicast (RFC 5010,
// section 3).
const flagUnicast = 0x80

// maxOption82 is the greatest length of option 82's value: it is never split
// (RFC 3396, section 4).
const maxOption82 = 255

// render writes option 82 of a link. With a nil choice it is that for requests
// which another relay has relayed: this relay sets no giaddr there, so it says
// nothing of the subnet either (RFC 3527, section 3).
func (s *Snapshot) render(l *Link, choice *Choice, ps *problems) option {
	c := &l.Interface.V4
	if !c.Option82.On {
		return option{}
	}
	facts := s.facts(l)
	facts.Giaddr = l.Side[dhcp.V4].Addr()
	if choice != nil {
		facts.Giaddr = choice.Addr
	}
	o := option{bytes: []byte{bootp.OptionRelay, 0}}
	from := ingredients{c, choice, facts}
	for _, p := range suboptions() {
		at := len(o.bytes)
		if p.most(c) > 0 {
			p.add(&o, &from)
		}
		if slices.Contains(p.code, bootp.SubSubscriberID) {
			o.others = l.Side[dhcp.V4].choosing.rules.encode(dhcp.V4, &facts, bootp.Span{Off: at, Len: len(o.bytes) - at})
		}
	}
	n := len(o.bytes) + o.filled() - 2
	if n == 0 && o.others == nil {
		return option{}
	}
	if n > maxOption82 {
		ps.add(l.Host.Name, "option 82 would be longer than 255 octets and is left out", "shorten its identifiers")
		return option{circuit: o.circuit}
	}
	o.bytes[1] = byte(len(o.bytes) - 2)
	return o
}

// facts returns what identifiers can say of a link, but for its giaddr.
func (s *Snapshot) facts(l *Link) Facts {
	return Facts{
		Interface: l.Host.Name, Alias: l.Host.Alias, Hostname: s.Policy.Hostname,
		VLAN: l.Host.VLAN, Outer: l.Host.OuterVLAN, MAC: l.Host.MAC,
	}
}

// add appends a suboption.
func (o *option) add(code byte, value []byte) {
	if len(value) <= maxOption82 {
		o.bytes = bootp.AppendSub(o.bytes, code, value)
	}
}

// marks notes the first suboption that tells our echo from another's.
func (o *option) marks(code byte, value []byte) {
	if o.code == 0 {
		o.code, o.mark = code, value
	}
}

// identify appends a suboption made from a template and returns its value.
func (o *option) identify(code byte, t Template, f *Facts) []byte {
	v, slots := t.render(nil, f)
	if len(v)+len(slots) == 0 {
		return nil
	}
	head := len(o.bytes)
	o.add(code, v)
	o.fillIn(head, head+subHead, slots)
	if o.code == 0 && len(slots) > 0 {
		o.gaps.mark = offsets(slots)
	}
	o.marks(code, v)
	if code == bootp.SubCircuitID && len(slots) > 0 {
		o.gaps.circuit = offsets(slots)
	}
	return v
}

// linkSelection returns the value of suboption 5 (RFC 3527, section 3), which is
// not valid if the suboption is not sent.
func linkSelection(c *Option82, choice *Choice) (a netip.Addr) {
	switch c.LinkSel {
	case LinkSelSubnet:
		return choice.Subnet.Masked().Addr()
	case LinkSelAddress:
		return choice.Local
	case LinkSelGiven:
		return c.LinkSelNet.Masked().Addr()
	case LinkSelOff:
	}
	return a
}

// ours reports whether an echoed option 82 is the one that is sent under a choice,
// or was before its identifiers changed.
func (s *Snapshot) ours(c *Choice, v bootp.RelayInfo) bool {
	return c.opt.ours(v) || s.past.ours(c, v)
}

// ours reports whether an echoed option 82, which is valid, is the one that the
// link sends. Only what identifies is compared: servers reorder and change the
// rest. Where nothing identifies, it is ours if it holds nothing that the link
// does not send.
func (o *option) ours(v bootp.RelayInfo) bool {
	if sub, ok := v.Sub(bootp.SubSubscriberID); ok && (o.code == 0 || o.code == bootp.SubSubscriberID) && o.others.have(sub) {
		return true
	}
	if o.code == 0 {
		for ; len(v) > 0 && len(o.bytes) > 2; v = v[2+int(v[1]):] {
			if _, ok := bootp.RelayInfo(o.bytes[2:]).Sub(v[0]); !ok {
				return false
			}
		}
		return len(o.bytes) > 2
	}
	echo, ok := v.Sub(o.code)
	return ok && bears(echo, o.mark, o.markGaps())
}

// is reports whether the value of a VSS suboption or option names this VPN.
func (v *VSS) is(value []byte) bool {
	return v.On && len(value) > 0 && value[0] == v.Type && bytes.Equal(value[1:], v.Name)
}

// vssReason checks what the server made of the VSS that it was told: an echo of
// both suboptions shows that it ignored it, another VPN that it cannot be served
// (RFC 6607, sections 5 and 5.1).
func vssReason(c *Option82, v bootp.RelayInfo) Reason {
	vpn, ok := v.Sub(bootp.SubVSS)
	if !ok {
		return Relayed
	}
	if !c.VSS.is(vpn) {
		return VSSUnknown
	}
	if _, control := v.Sub(bootp.SubVSSControl); control {
		return VSSIgnored
	}
	return Relayed
}
