package agent

import (
	"net/netip"
	"slices"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// Option82 says what the relay agent information option holds (RFC 3046).
type Option82 struct {
	On           bool
	CircuitID    Template     // suboption 1; empty: absent
	RemoteID     Template     // suboption 2; empty: absent
	SubscriberID Template     // suboption 6, RFC 3993; empty: absent
	LinkSel      LinkSel      // suboption 5, RFC 3527
	LinkSelNet   netip.Prefix // LinkSel == LinkSelGiven
	Flags        bool         // suboption 10, RFC 5010
	Override     bool         // suboption 11, RFC 5107
	OverrideAddr netip.Addr   // the address in suboption 11; zero: the link's own
	RelayID      []byte       // suboption 12, RFC 6925; empty: absent
	Vendor       []byte       // the rendered value of suboption 9, RFC 4243; empty: absent
	VSS          VSS          // suboptions 151 and 152, RFC 6607
	DropMismatch bool         // drop replies on untrusted links whose option 82 is not ours, rather than stripping it
}

// A LinkSel says what suboption 5 holds.
type LinkSel uint8

// The forms of suboption 5.
const (
	LinkSelOff     LinkSel = iota
	LinkSelSubnet          // the subnet's number (RFC 3527, section 3)
	LinkSelAddress         // the link's own address, as many peers send it
	LinkSelGiven           // the number of Option82.LinkSelNet
)

// A Suboption is what one key of the configuration adds to option 82.
type Suboption struct {
	Key  string // in the configuration, such as "dhcpv4.option82.circuit_id"
	Most int    // octets that it takes at most, with codes and lengths
}

// Suboptions returns what option 82 of an interface holds, in the order in which
// it is sent.
func (i *Interface4) Suboptions() []Suboption {
	var all []Suboption
	for _, p := range suboptions() {
		if n := p.most(i); n > 0 {
			all = append(all, Suboption{p.key, n})
		}
	}
	return all
}

// SuboptionKey returns the key that makes the relay send a suboption of a code, or
// "" if none does.
func SuboptionKey(code byte) string {
	for _, p := range suboptions() {
		if slices.Contains(p.code, code) {
			return p.key
		}
	}
	return ""
}

// A suboption is a row of the table of all that option 82 can hold.
type suboption struct {
	key  string
	code []byte                // one or several
	most func(*Interface4) int // as Suboption.Most; 0: it is not sent
	add  func(*option, *ingredients)
}

// The ingredients are what the suboptions of a link are made of.
type ingredients struct {
	in     *Interface4
	choice *Choice // nil: for requests that another relay has relayed
	facts  Facts
}

// suboptions returns the table from which option 82 is both rendered and measured:
// nothing is sent whose length has not been counted.
func suboptions() []suboption {
	return []suboption{
		{
			"dhcpv4.option82.circuit_id",
			[]byte{bootp.SubCircuitID},
			func(i *Interface4) int { return templated(i.Option82.CircuitID) },
			func(o *option, g *ingredients) {
				o.circuit = o.identify(bootp.SubCircuitID, g.in.Option82.CircuitID, &g.facts)
			},
		},
		{
			"dhcpv4.option82.remote_id",
			[]byte{bootp.SubRemoteID},
			func(i *Interface4) int { return templated(i.Option82.RemoteID) },
			func(o *option, g *ingredients) { o.identify(bootp.SubRemoteID, g.in.Option82.RemoteID, &g.facts) },
		},
		{
			"dhcpv4.option82.link_selection",
			[]byte{bootp.SubLinkSelection},
			func(i *Interface4) int { return sent(i.Option82.LinkSel != LinkSelOff, 4) },
			func(o *option, g *ingredients) {
				if g.choice == nil {
					return
				}
				if a := linkSelection(&g.in.Option82, g.choice); a.IsValid() {
					o.sel = true
					o.add(bootp.SubLinkSelection, a.AsSlice())
				}
			},
		},
		{
			"dhcpv4.option82.subscriber_id",
			[]byte{bootp.SubSubscriberID},
			func(i *Interface4) int { return templated(i.Option82.SubscriberID) },
			func(o *option, g *ingredients) {
				o.identify(bootp.SubSubscriberID, g.in.Option82.SubscriberID, &g.facts)
			},
		},
		{
			"dhcpv4.option82.vendor",
			[]byte{bootp.SubVendor},
			func(i *Interface4) int { return sent(len(i.Option82.Vendor) > 0, len(i.Option82.Vendor)) },
			func(o *option, g *ingredients) { o.add(bootp.SubVendor, g.in.Option82.Vendor) },
		},
		{
			"dhcpv4.option82.flags",
			[]byte{bootp.SubFlags},
			func(i *Interface4) int { return sent(i.Option82.Flags, 1) },
			func(o *option, _ *ingredients) {
				o.flags = int32(len(o.bytes) + subHead)
				o.add(bootp.SubFlags, []byte{0})
			},
		},
		{
			"dhcpv4.option82.server_id_override",
			[]byte{bootp.SubServerOverride},
			func(i *Interface4) int { return sent(i.Option82.Override, 4) },
			func(o *option, g *ingredients) {
				if g.choice == nil {
					return
				}
				a := g.choice.Local
				if given := g.in.Option82.OverrideAddr; given.IsValid() {
					a = given
				}
				o.add(bootp.SubServerOverride, a.AsSlice())
			},
		},
		{
			"dhcpv4.option82.relay_id",
			[]byte{bootp.SubRelayID},
			func(i *Interface4) int { return sent(len(i.Option82.RelayID) > 0, len(i.Option82.RelayID)) },
			func(o *option, g *ingredients) {
				o.add(bootp.SubRelayID, g.in.Option82.RelayID)
				o.marks(bootp.SubRelayID, g.in.Option82.RelayID)
			},
		},
		{
			"dhcpv4.source_port",
			[]byte{bootp.SubSourcePort},
			func(i *Interface4) int { return sent(i.SourcePort != dhcp.ServerPort4, 0) },
			// What another relay has relayed is answered to that relay, which does not
			// listen on the port of this one (RFC 8357, section 5.1).
			func(o *option, g *ingredients) {
				if g.choice != nil {
					o.add(bootp.SubSourcePort, nil)
					o.port = true
				}
			},
		},
		{
			// The last, for it is left out of copies to servers that do not know it.
			"dhcpv4.option82.vss",
			[]byte{bootp.SubVSS, bootp.SubVSSControl},
			func(i *Interface4) int { return sent(i.Option82.VSS.On, 1+len(i.Option82.VSS.Name)+subHead) },
			func(o *option, g *ingredients) {
				n, vss := len(o.bytes), &g.in.Option82.VSS
				o.add(bootp.SubVSS, append([]byte{vss.Type}, vss.Name...))
				o.add(bootp.SubVSSControl, nil)
				o.vss = len(o.bytes) - n
			},
		},
	}
}

// subHead is the octets of a suboption's code and length.
const subHead = 2

// sent returns the octets of a suboption with a value of so many, if it is on.
func sent(on bool, value int) int {
	if !on {
		return 0
	}
	return subHead + value
}

// templated returns the octets of a suboption made from a template at most.
func templated(t Template) int { return sent(!t.Empty(), t.MaxLen()) }
