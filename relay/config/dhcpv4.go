package config

import (
	"net/netip"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
)

const dhcpv4Why = "What holds for BOOTP and DHCPv4 (RFC 2131)."

// The limits of RFC 1542, section 4.1.1, for hops, and of RFC 2131, section 2,
// and UDP for the size of a message.
const (
	maxHops     = 16
	minSize     = 576
	maxSize     = 65507
	maxAttempts = 100
)

// dhcpv4Keys are the keys of [defaults.dhcpv4] and [interface.dhcpv4].
func dhcpv4Keys() []key[agent.Interface4] {
	type i4 = agent.Interface4
	return []key[i4]{
		{
			"giaddr", `"primary"`, `"primary", an address of this host, a prefix such as "192.0.2.0/24", or the name of an interface to borrow from`,
			"Which address stands for the clients' network (RFC 1542, section 4.1.1).",
			addressRule(func(c *i4) *agent.Common { return &c.Common }, giaddr.ParseRule4),
		},
		{
			"hop_limit", "4", "a number from 1 to 16",
			"Requests that have passed more relays than this are dropped (RFC 1542, section 4.1.1).",
			number(1, maxHops, func(c *i4) *uint8 { return &c.HopLimit }),
		},
		{
			"min_secs", "0", "a number of seconds from 0 to 65535",
			"Relay only for clients that have tried for so long; for a relay that stands by (RFC 1542, section 3.2).",
			number(0, 65535, func(c *i4) *uint16 { return &c.MinSecs }),
		},
		{
			"bootp", "true", "true or false",
			"Relay plain BOOTP too.",
			flag(func(c *i4) *bool { return &c.Bootp }),
		},
		{
			"strict_min_300", "false", "true or false",
			"Drop messages of fewer than 300 octets (RFC 1542, section 2.1). Many clients and servers send such.",
			flag(func(c *i4) *bool { return &c.Strict300 }),
		},
		{
			"broadcast", "false", "true or false",
			"Broadcast every reply to the clients, also to those that ask for unicast.",
			flag(func(c *i4) *bool { return &c.Broadcast }),
		},
		{
			"refuse_types", "[10, 11, 12, 13]", `a list of message types, by number or name, such as [10, "inform"]`,
			"Messages of clients that are not relayed. 10 to 13 are DHCPLEASEQUERY and its answers, which servers trust by giaddr (RFC 4388, section 7): they are for routers and servers to send.",
			readRefuseTypes4,
		},
		{
			"smart_relay_after", "0", "a number from 0 (never) to 100",
			"After so many unanswered requests of a client, try the interface's next address as giaddr.",
			number(0, maxAttempts, func(c *i4) *int { return &c.SmartAfter }),
		},
		{
			"relayed_requests", `"forward"`, `"forward", "append", "replace" or "drop"`,
			"What to do with requests that another relay has relayed, on a trusted interface: send them on as they are (RFC 3046, section 2.1.1), add an option 82, put ours in place of theirs, or drop them.",
			choice(func(c *i4) *agent.Relayed4 { return &c.Relayed }, "forward", "append", "replace", "drop"),
		},
		{
			"source", `"route"`, `"route", "giaddr" or an IPv4 address of this host`,
			"The source address towards the servers: what the route gives, the giaddr, or one address.",
			sourceAddress(func(c *i4) *agent.Common { return &c.Common }, "giaddr", (*reader).unicast4),
		},
		{
			"source_port", "67", "a port from 1 to 65535",
			"The source port towards the servers. Other than 67 it needs servers that know RFC 8357; what does not bear the suboption 19 that tells them, such as plain BOOTP, leaves from 67.",
			number(1, 65535, func(c *i4) *uint16 { return &c.SourcePort }),
		},
		{
			"max_message_size", "0", "0 for the MTU, or a number of octets from 576 to 65507",
			"The largest message that option 82 may make (RFC 3046, section 2.1).",
			readMaxSize,
		},
		{
			"oversize", `"without_option82"`, `"without_option82" or "drop"`,
			"What to do with a message that option 82 would make too large. One that is too large without it goes out in fragments, as it came, or is dropped, too.",
			either(func(c *i4) *bool { return &c.DropOversize }, "without_option82", "drop"),
		},
		{
			"option82", "true", "true, false or a table [defaults.dhcpv4.option82] or [interface.dhcpv4.option82]",
			option82Why,
			readOption82,
		},
	}
}

func readDHCPv4(r *reader, v value, to *settings) { readTable(r, dhcpv4Keys(), v, &to.V4) }

func readRefuseTypes4(r *reader, v value, to *agent.Interface4) {
	if types, ok := r.types(v, func(n uint8) string { return bootp.Type(n).String() }); ok {
		to.RefuseTypes = types
	}
}

// unicast4 parses an IPv4 address that a host can have.
func (r *reader) unicast4(v value, s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || !giaddr.Unicast4(a) {
		r.fail(v, "", "%q is no IPv4 address that a host can have", s)
		return a, false
	}
	return a, true
}

func readMaxSize(r *reader, v value, to *agent.Interface4) {
	n, ok := r.number(v, 0, maxSize)
	if !ok {
		return
	}
	if n > 0 && n < minSize {
		r.fail(v, "", "%d is less than every client and server must accept (RFC 2131, section 2)", n)
		return
	}
	to.MaxSize = int(n)
}
