package config

import (
	"fmt"
	"math"
	"net/netip"
	"slices"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
	"dhcp-relay/relay/wire/duid"
)

const dhcpv6Why = "What holds for DHCPv6 (RFC 9915)."

// maxHops6 is what RFC 3315, section 5.5, allowed; RFC 9915, section 7.6, has 8.
const maxHops6 = 32

const wantTemplate6 = "text with the placeholders of circuit_id but {giaddr}"

// dhcpv6Keys are the keys of [defaults.dhcpv6] and [interface.dhcpv6].
func dhcpv6Keys() []key[agent.Interface6] {
	type i6 = agent.Interface6
	return []key[i6]{
		{
			"link_address", `"primary"`, `"primary", an address of the clients' prefix (of this host or not), a prefix such as "2001:db8:1::/64", the name of an interface to borrow from, or "link-local"`,
			"Which address stands for the clients' network (RFC 9915, section 19.1.1). With \"link-local\" the servers must choose by the Interface-Id: others declare the clients' leases void.",
			addressRule(func(c *i6) *agent.Common { return &c.Common }, giaddr.ParseRule6),
		},
		{
			"hop_limit", "8", "a number from 1 to 32",
			"What has passed this many relays before this one is dropped (RFC 9915, section 19.1.2).",
			number(1, maxHops6, func(c *i6) *uint8 { return &c.HopLimit }),
		},
		{
			"source", `"route"`, `"route", "link_address" or an IPv6 address of this host`,
			"The source address towards the servers: what the route gives, but no temporary address (RFC 8981) where there is another, the link-address, or one address.",
			sourceAddress(func(c *i6) *agent.Common { return &c.Common }, "link_address", (*reader).unicast6),
		},
		{
			"source_port", "547", "a port from 1 to 65535",
			"The source port towards the servers. Other than 547 it needs servers that know RFC 8357.",
			number(1, 65535, func(c *i6) *uint16 { return &c.SourcePort }),
		},
		{
			"accept_unicast", "false", "true or false",
			"Relay what clients send to an address of this host, too, which RFC 9915, section 16, advises against.",
			flag(func(c *i6) *bool { return &c.AcceptUnicast }),
		},
		{
			"refuse_types", "[14]", `a list of message types, by number or name, such as ["leasequery", 200]`,
			"Messages of clients that are not relayed. 14 is LEASEQUERY, which is for routers to send (RFC 5007, section 5).",
			readRefuseTypes,
		},
		{
			"refuse_rsoo", "false", "true or false",
			"Drop what another relay has added options for the client to (RFC 6422, section 5).",
			flag(func(c *i6) *bool { return &c.RefuseRSOO }),
		},
		{
			"preset", `"none"`, wantPreset(presetNames(ofDHCPv6)),
			"A form of interface_id that servers know from relays of a vendor, as for dhcpv4.option82; remote_id is not sent. What stands beside it holds before it.",
			readPreset6,
		},
		{
			"interface_id", `"{interface}"`, "true for \"{interface}\", or " + wantTemplate6,
			"Option 18: the clients' interface, by which replies find their way. It is always sent, and must be the same after a restart (RFC 9915, section 21.18).",
			readInterfaceID,
		},
		{
			"remote_id", "false", `false, or a table such as { enterprise = 9, id = "{mac}" }`,
			"Option 37: an identifier that is unique in the world, in a form that the owner of the enterprise number has defined (RFC 4649).",
			readRemoteID6,
		},
		{
			"subscriber_id", "false", "false, or " + wantTemplate6,
			"Option 38: the subscriber, whichever way attached (RFC 4580).",
			readSubscriberID6,
		},
		{
			"relay_id", "false", "true or false",
			"Option 53: the DUID of this relay (RFC 5460), see duid.",
			flag(func(c *i6) *bool { return &c.RelayID }),
		},
		{
			"client_mac", "true", "true or false",
			"Option 79: the link-layer address of the client (RFC 6939).",
			flag(func(c *i6) *bool { return &c.ClientMAC }),
		},
		{
			"echo_request", "[]", "a list of option codes, such as [37, 38]",
			"Option 43: what servers are to send back of the options that this relay adds (RFC 4994).",
			readEchoRequest,
		},
		{
			"vss", "false", wantVSS,
			"Option 68: the VPN of the clients, sent to servers that understand it (RFC 6607).",
			func(r *reader, v value, to *i6) {
				if vss, ok := r.vss(v); ok {
					to.VSS = vss
				}
			},
		},
		{
			"rsoo", "[]", `a list such as [{ code = 65, data = "hex:0365727000" }]`,
			"Option 66: options for the client (RFC 6422). Those that RFC 6422 permits: 65, the ERP local domain name.",
			readRSOO,
		},
	}
}

func readDHCPv6(r *reader, v value, to *settings) { readTable(r, dhcpv6Keys(), v, &to.V6) }

// unicast6 parses an IPv6 address that a host can have and servers can reply to.
func (r *reader) unicast6(v value, s string) (netip.Addr, bool) {
	rule, err := giaddr.ParseRule6(s)
	if err != nil || rule.Kind != giaddr.Given {
		r.fail(v, "", "%q is no global or unique-local IPv6 address that a host can have", s)
		return netip.Addr{}, false
	}
	return rule.Addr, true
}

// numbers reads a list of numbers without repetition.
func (r *reader) numbers(v value, want string, greatest int64) ([]int64, bool) {
	list, ok := r.list(v, want)
	if !ok {
		return nil, false
	}
	ns := make([]int64, 0, len(list))
	for _, e := range list {
		n, ok := r.number(e, 1, greatest)
		switch {
		case !ok:
		case slices.Contains(ns, n):
			r.fail(e, "remove one", "%d is on the list already", n)
		default:
			ns = append(ns, n)
		}
	}
	return ns, true
}

func readRefuseTypes(r *reader, v value, to *agent.Interface6) {
	types, ok := r.types(v, func(n uint8) string { return dhcp6.Type(n).String() })
	if !ok {
		return
	}
	to.RefuseTypes = nil
	for _, n := range types {
		if t := dhcp6.Type(n); t == dhcp6.RelayForward || t == dhcp6.RelayReply {
			r.fail(v, "remove it; trusted says whether other relays are attached", "%d is no message of a client", n)
			continue
		}
		to.RefuseTypes = append(to.RefuseTypes, n)
	}
}

// readEchoRequest refuses the options that the relay acts upon: whether they are
// there must not depend on an echo request (RFC 4994, section 4).
func readEchoRequest(r *reader, v value, to *agent.Interface6) {
	ns, ok := r.numbers(v, "an option code from 1 to 65535", math.MaxUint16)
	if !ok {
		return
	}
	to.EchoRequest = nil
	for _, n := range ns {
		switch n {
		case dhcp6.OptionRelayMsg, dhcp6.OptionInterfaceID, dhcp6.OptionEchoRequest, dhcp6.OptionVSS, dhcp6.OptionRelayPort:
			r.fail(v, "remove it", "the relay acts upon option %d, which servers send back without being asked (RFC 4994, section 4)", n)
		default:
			to.EchoRequest = append(to.EchoRequest, uint16(n))
		}
	}
}

// template6 reads an identifier, which gives at least one octet on every link.
func (r *reader) template6(v value, s string) (agent.Template, bool) {
	t, ok := r.template(v, s)
	switch {
	case !ok:
	case t.Uses("giaddr"):
		r.fail(v, "", "%q: there is no giaddr in DHCPv6", s)
	case t.MinLen() == 0:
		r.fail(v, "add text or a placeholder that all interfaces have, such as {interface}", "%q can be empty", s)
	default:
		return t, true
	}
	return t, false
}

func readInterfaceID(r *reader, v value, to *agent.Interface6) {
	s := defaultCircuitID
	switch a := v.any.(type) {
	case string:
		s = a
	case bool:
		if !a {
			r.fail(v, "", "replies need it to find their way")
			return
		}
	default:
		r.mistyped(v)
		return
	}
	if t, ok := r.template6(v, s); ok {
		to.InterfaceID = t
	}
}

func readSubscriberID6(r *reader, v value, to *agent.Interface6) {
	off, ok := r.off(v)
	if !ok {
		return
	}
	if off {
		to.SubscriberID = agent.Template{}
		return
	}
	if t, ok := r.template6(v, v.any.(string)); ok {
		to.SubscriberID = t
	}
}

func remoteIDKeys() []key[agent.RemoteID] {
	return []key[agent.RemoteID]{
		{
			"enterprise", "", wantEnterprise,
			"The enterprise number whose owner has defined the form of the identifier.",
			func(r *reader, v value, to *agent.RemoteID) {
				n, _ := r.number(v, 0, math.MaxUint32)
				to.Enterprise = uint32(n)
			},
		},
		{
			"id", "", wantTemplate6,
			"The identifier.",
			func(r *reader, v value, to *agent.RemoteID) {
				if s, ok := r.text(v); ok {
					to.ID, _ = r.template6(v, s)
				}
			},
		},
	}
}

func readRemoteID6(r *reader, v value, to *agent.Interface6) {
	switch a := v.any.(type) {
	case bool:
		if a {
			r.fail(v, "", "true says not what")
			return
		}
		to.RemoteID = agent.RemoteID{}
	case map[string]any:
		to.RemoteID = agent.RemoteID{}
		if readTable(r, remoteIDKeys(), v, &to.RemoteID) {
			missing(r, remoteIDKeys(), v)
		}
	default:
		r.mistyped(v)
	}
}

// missing notes the keys that a table must have and has not.
func missing[T any](r *reader, keys []key[T], v value) {
	m, _ := v.any.(map[string]any)
	for _, k := range keys {
		if _, ok := m[k.name]; !ok {
			r.wrong(v.path, "there is no "+k.name, "write "+k.name+", which is "+k.want)
		}
	}
}

// A supplied is one option of the RSOO.
type supplied struct {
	code uint16
	data []byte
}

func rsooKeys() []key[supplied] {
	return []key[supplied]{
		{
			"code", "", "65, which is the ERP local domain name",
			"The code of an option that a relay may supply.",
			func(r *reader, v value, to *supplied) {
				n, ok := r.number(v, 1, math.MaxUint16)
				if ok && n != dhcp6.OptionERPLocalDomain {
					r.fail(v, "", "relays must not supply option %d (RFC 6422, section 5)", n)
				}
				to.code = uint16(n)
			},
		},
		{
			"data", "", `text, or octets such as "hex:0365727000"`,
			"The value of the option.",
			func(r *reader, v value, to *supplied) { to.data, _ = r.octets(v, agent.Headroom) },
		},
	}
}

// readRSOO renders the options of option 66.
func readRSOO(r *reader, v value, to *agent.Interface6) {
	list, ok := r.list(v, `a table such as { code = 65, data = "hex:0365727000" }`)
	if !ok {
		return
	}
	to.RSOO = nil
	for _, v := range list {
		var one supplied
		if !readTable(r, rsooKeys(), v, &one) {
			continue
		}
		missing(r, rsooKeys(), v)
		to.RSOO = dhcp6.AppendOption(to.RSOO, one.code, one.data)
	}
}

// check6 finds settings of DHCPv6 that contradict each other.
func (r *reader) check6(s *settings, p *agent.Policy) {
	c := &s.V6
	at := func(key string) string { return r.src.given(s.path, "dhcpv6."+key) }
	for _, id := range identifiers6(c) {
		if p.Hostname == "" && id.template.Uses("hostname") {
			r.wrong(at(id.key), "{hostname} is empty, since this host has no name", `write hostname = "..." at the top of the file`)
		}
	}
	if c.Address.Kind == giaddr.Borrowed && c.Address.Link == s.Name {
		r.wrong(at("link_address"), fmt.Sprintf("%q borrows from itself", s.Name), `write link_address = "primary"`)
	}
	if n := octets6(c, len(p.DUID)); n > agent.Headroom {
		r.wrong(r.src.given(s.path, "dhcpv6"), fmt.Sprintf("the options can take %d octets with their header, and there is room for %d", n, agent.Headroom), "shorten rsoo, or the identifiers")
	}
	if c.VSS.On && !understood(s, p, dhcp.V6) {
		r.wrong(at("vss"), "no IPv6 server of this interface understands VSS, so none learns the clients' VPN",
			"write vss = true in the [[server]], or vss = false here")
	}
}

// identifiers6 are the templates of DHCPv6 by their keys.
func identifiers6(c *agent.Interface6) []named {
	return []named{{"interface_id", c.InterfaceID}, {"remote_id", c.RemoteID.ID}, {"subscriber_id", c.SubscriberID}}
}

// octets6 returns how many octets a relay puts in front of a message at most.
// name is the length of its DUID, 0 if that is not known.
func octets6(c *agent.Interface6, name int) int {
	const (
		maxMAC  = 2 + 20 // of InfiniBand, with the hardware type
		maxPort = 2      // Relay Source Port
		head    = dhcp6.OptionHeaderLen
	)
	n := head + c.InterfaceID.MaxLen() + head + maxPort + head + maxMAC
	add := func(on bool, length int) {
		if on {
			n += head + length
		}
	}
	add(!c.RemoteID.ID.Empty(), 4+c.RemoteID.ID.MaxLen())
	add(!c.SubscriberID.Empty(), c.SubscriberID.MaxLen())
	if name == 0 {
		name = duid.MaxLen
	}
	add(c.RelayID, name)
	add(len(c.EchoRequest) > 0, 2*len(c.EchoRequest))
	add(c.VSS.On, 1+len(c.VSS.Name))
	add(len(c.RSOO) > 0, len(c.RSOO))
	return dhcp6.Room(n)
}
