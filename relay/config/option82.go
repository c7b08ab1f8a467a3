package config

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"dhcp-relay/relay/agent"
)

const option82Why = "Option 82, the relay agent information (RFC 3046). option82 = false in place of the table switches it off."

// What true stands for: the interface's name, and an identifier that no other
// relay has (RFC 3046, section 3.2).
const (
	defaultCircuitID = "{interface}"
	defaultRemoteID  = "{mac}"
)

const wantVSS = `false, the name of the VPN as the servers know it, "vpn:00aabb:00000001" for a VPN-ID (RFC 2685), or "global"`

const wantEnterprise = "a number that IANA has registered, from 0 to 4294967295"

const wantTemplate = `false, true for %q, or text with placeholders such as "{hostname}:{interface}"`

// option82Keys are the keys of [defaults.dhcpv4.option82] and
// [interface.dhcpv4.option82].
func option82Keys() []key[agent.Option82] {
	type o = agent.Option82
	return []key[o]{
		{
			"preset", `"none"`, wantPreset(presetNames(ofOption82)),
			"A form of circuit_id and remote_id that servers know from relays of a vendor, as far as it is published. What stands beside it holds before it.",
			readPreset,
		},
		{
			"circuit_id", `"{interface}"`, fmt.Sprintf(wantTemplate, defaultCircuitID),
			"Suboption 1: the clients' interface. There are {interface}, {ifalias}, {hostname}, {vlan}, {svlan} and {cvlan} (the outer and the inner of stacked VLANs), {mac}, {giaddr}, {vlan:raw}, {svlan:raw}, {cvlan:raw}, {mac:raw}, {giaddr:raw}, {hex:0006ab}, of each request {port} and {port_alias} (the port of a bridge by which it came) and {client_mac}, and more in relay.toml(5).",
			identifier(func(c *o) *agent.Template { return &c.CircuitID }, defaultCircuitID),
		},
		{
			"remote_id", "false", fmt.Sprintf(wantTemplate, defaultRemoteID),
			"Suboption 2: an identifier that is unique in the world (RFC 3046, section 3.2), with the same placeholders.",
			identifier(func(c *o) *agent.Template { return &c.RemoteID }, defaultRemoteID),
		},
		{
			"subscriber_id", "false", "false, or printable ASCII with the placeholders of circuit_id in text form",
			"Suboption 6: the subscriber, whichever way attached (RFC 3993).",
			readSubscriberID,
		},
		{
			"link_selection", "false", `false, "subnet", "address" or a prefix such as "192.0.2.0/24"`,
			"Suboption 5: the clients' subnet, where giaddr does not tell it (RFC 3527): as the RFC has it, as the interface's address, or a given one.",
			readLinkSelection,
		},
		{
			"flags", "false", "true or false",
			"Suboption 10: whether the client sent by broadcast or unicast (RFC 5010).",
			flag(func(c *o) *bool { return &c.Flags }),
		},
		{
			"server_id_override", "false", `false, true for the interface's address, or an address such as "192.0.2.1"`,
			"Suboption 11: clients renew through this relay, at this address (RFC 5107).",
			readOverride,
		},
		{
			"relay_id", "false", `false, text, or octets such as "hex:0002a1"`,
			"Suboption 12: this relay, unique in your network and stable (RFC 6925).",
			readRelayID,
		},
		{
			"vendor", "[]", `a list such as [{ enterprise = 9, data = "text" }, { enterprise = 9, data = "hex:00ff" }]`,
			"Suboption 9: what a vendor's server wants (RFC 4243).",
			readVendor,
		},
		{
			"vss", "false", wantVSS,
			"Suboptions 151 and 152: the VPN of the clients, sent to servers that understand it (RFC 6607).",
			func(r *reader, v value, to *o) {
				if vss, ok := r.vss(v); ok {
					to.VSS = vss
				}
			},
		},
		{
			"mismatch", `"strip"`, `"strip" or "drop"`,
			"What to do with a reply whose option 82 is not ours: take it out, or drop the reply.",
			either(func(c *o) *bool { return &c.DropMismatch }, "strip", "drop"),
		},
	}
}

func readOption82(r *reader, v value, to *agent.Interface4) {
	switch on := v.any.(type) {
	case bool:
		to.Option82.On = on
	case map[string]any:
		to.Option82.On = true
		readTable(r, option82Keys(), v, &to.Option82)
	default:
		r.mistyped(v)
	}
}

// off reports whether a value that is not just a switch is false. It notes a
// problem with true.
func (r *reader) off(v value) (off, ok bool) {
	switch b := v.any.(type) {
	case bool:
		if b {
			r.fail(v, "", "true says not what")
		}
		return !b, !b
	case string:
		return false, true
	}
	r.mistyped(v)
	return false, false
}

// identifier reads a template; true stands for usual.
func identifier(field func(*agent.Option82) *agent.Template, usual string) func(*reader, value, *agent.Option82) {
	return func(r *reader, v value, to *agent.Option82) {
		var s string
		switch a := v.any.(type) {
		case string:
			s = a
		case bool:
			if a {
				s = usual
			}
		default:
			r.mistyped(v)
			return
		}
		if t, ok := r.template(v, s); ok {
			*field(to) = t
		}
	}
}

func (r *reader) template(v value, s string) (agent.Template, bool) {
	t, err := agent.ParseTemplate(s)
	if err != nil {
		r.refuse(v, err)
		return t, false
	}
	if t.MaxLen() > math.MaxUint8 {
		r.fail(v, "shorten it", "this can be %d octets long, and a suboption has room for 255", t.MaxLen())
		return t, false
	}
	return t, true
}

func readSubscriberID(r *reader, v value, to *agent.Option82) {
	off, ok := r.off(v)
	if off || !ok {
		if off {
			to.SubscriberID = agent.Template{}
		}
		return
	}
	s := v.any.(string)
	if s == "" {
		r.fail(v, "write false to send none", "a subscriber-id has at least one octet (RFC 3993, section 3.1)")
		return
	}
	t, ok := r.template(v, s)
	switch {
	case !ok:
	case !t.Text():
		r.fail(v, "leave out octets beyond printable ASCII and the raw placeholders", "%q can give more than the NVT ASCII of a subscriber-id (RFC 3993, section 3.1)", s)
	default:
		to.SubscriberID = t
	}
}

func readLinkSelection(r *reader, v value, to *agent.Option82) {
	off, ok := r.off(v)
	if !ok {
		return
	}
	s, _ := v.any.(string)
	switch {
	case off:
		to.LinkSel, to.LinkSelNet = agent.LinkSelOff, netip.Prefix{}
	case s == "subnet":
		to.LinkSel, to.LinkSelNet = agent.LinkSelSubnet, netip.Prefix{}
	case s == "address":
		to.LinkSel, to.LinkSelNet = agent.LinkSelAddress, netip.Prefix{}
	default:
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil:
			r.fail(v, "", "%q is no prefix", s)
		case !p.Addr().Is4() || p.Bits() == 0:
			r.fail(v, "", "%q is no IPv4 subnet", s)
		case p != p.Masked():
			r.fail(v, "write "+strconv.Quote(p.Masked().String()), "%q has bits beyond its length", s)
		default:
			to.LinkSel, to.LinkSelNet = agent.LinkSelGiven, p
		}
	}
}

func readOverride(r *reader, v value, to *agent.Option82) {
	switch a := v.any.(type) {
	case bool:
		to.Override, to.OverrideAddr = a, netip.Addr{}
	case string:
		if addr, ok := r.unicast4(v, a); ok {
			to.Override, to.OverrideAddr = true, addr
		}
	default:
		r.mistyped(v)
	}
}

func readRelayID(r *reader, v value, to *agent.Option82) {
	off, ok := r.off(v)
	if !ok {
		return
	}
	if off {
		to.RelayID = nil
		return
	}
	b, ok := r.octets(v, math.MaxUint8)
	switch {
	case !ok:
	case len(b) == 0:
		r.fail(v, "write false to send none", "a relay-id has at least one octet (RFC 6925, section 4)")
	default:
		to.RelayID = b
	}
}

// octets reads text, or octets in hexadecimal after "hex:".
func (r *reader) octets(v value, most int) ([]byte, bool) {
	s, ok := r.text(v)
	if !ok {
		return nil, false
	}
	b := []byte(s)
	if digits, ok := strings.CutPrefix(s, "hex:"); ok {
		var err error
		if b, err = hex.DecodeString(digits); err != nil {
			r.fail(v, `write two hexadecimal digits for each octet, such as "hex:0002a1"`, "%q holds no octets", s)
			return nil, false
		}
	}
	if len(b) > most {
		r.fail(v, "shorten it", "this is %d octets long, and there is room for %d", len(b), most)
		return nil, false
	}
	return b, true
}

// A vendor is one element of suboption 9.
type vendor struct {
	enterprise uint32
	data       []byte
}

func vendorKeys() []key[vendor] {
	return []key[vendor]{
		{
			"enterprise", "", wantEnterprise,
			"The vendor's enterprise number.",
			func(r *reader, v value, to *vendor) {
				n, _ := r.number(v, 0, math.MaxUint32)
				to.enterprise = uint32(n)
			},
		},
		{
			"data", "", `text, or octets such as "hex:00ff"`,
			"What the vendor defines.",
			func(r *reader, v value, to *vendor) { to.data, _ = r.octets(v, math.MaxUint8-5) },
		},
	}
}

// readVendor renders suboption 9 (RFC 4243, section 3): for each vendor four
// octets of enterprise number, one of length, and the data.
func readVendor(r *reader, v value, to *agent.Option82) {
	list, ok := r.list(v, `a table such as { enterprise = 9, data = "text" }`)
	if !ok {
		return
	}
	var b []byte
	for _, v := range list {
		var one vendor
		if !readTable(r, vendorKeys(), v, &one) {
			continue
		}
		missing(r, vendorKeys(), v)
		b = binary.BigEndian.AppendUint32(b, one.enterprise)
		b = append(b, byte(len(one.data)))
		b = append(b, one.data...)
	}
	if len(b) > math.MaxUint8 {
		r.fail(v, "shorten it", "all vendors together take %d octets, and a suboption has room for 255", len(b))
		return
	}
	to.Vendor = b
}

// The types of VPN identifiers (RFC 6607, section 3.5).
const (
	vssName   = 0
	vssVPNID  = 1
	vssGlobal = 255
)

// maxVSSName leaves room for the type octet.
const maxVSSName = math.MaxUint8 - 1

// vss reads a virtual subnet selection.
func (r *reader) vss(v value) (vss agent.VSS, ok bool) {
	off, ok := r.off(v)
	if !ok {
		return vss, false
	}
	s, _ := v.any.(string)
	id, isID := strings.CutPrefix(s, "vpn:")
	switch {
	case off:
		return vss, true
	case s == "global":
		return agent.VSS{On: true, Type: vssGlobal}, true
	case isID:
		b, ok := parseVPNID(id)
		if !ok {
			r.fail(v, `write six and eight hexadecimal digits, such as "vpn:00aabb:00000001"`, "%q holds no VPN-ID of 7 octets (RFC 2685)", s)
			return vss, false
		}
		return agent.VSS{On: true, Type: vssVPNID, Name: b}, true
	case s == "" || len(s) > maxVSSName || strings.IndexFunc(s, unprintable) >= 0:
		r.fail(v, "", "%q is no name of 1 to %d octets of printable ASCII (RFC 6607, section 3.5)", s, maxVSSName)
		return vss, false
	}
	return agent.VSS{On: true, Type: vssName, Name: []byte(s)}, true
}

func unprintable(c rune) bool { return c < ' ' || c > '~' }

// parseVPNID parses three octets of OUI and four of index, "00aabb:00000001".
func parseVPNID(s string) ([]byte, bool) {
	oui, index, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(oui + index)
	return b, err == nil && len(oui) == 6 && len(index) == 8
}
