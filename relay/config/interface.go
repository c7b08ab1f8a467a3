package config

import (
	"net/netip"
	"path"
	"strconv"
	"strings"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
)

// The limits of RFC 1542, section 4.1.1, for hops, and of RFC 2131, section 2,
// and UDP for the size of a message.
const (
	maxHops     = 16
	minSize     = 576
	maxSize     = 65507
	maxAttempts = 100
	maxHostname = 64
)

// Settings are what holds for an interface. Its servers are addresses until
// they are held against [[server]].
type settings struct {
	agent.Interface
	servers []netip.AddrPort
	path    string
}

func nameKey() key[settings] {
	return key[settings]{
		"name", "", `the name of an interface, or a pattern with * ? [ ] such as "vlan*"`,
		"Which interfaces this is about, by their names or alternative names; none need exist yet. No pattern matches lo, or a port of a bridge, bond or team.",
		readName,
	}
}

// interfaceKeys are the keys of [defaults] and, beside the name, of
// [[interface]].
func interfaceKeys() []key[settings] {
	return []key[settings]{
		{
			"servers", "[]", `a list of addresses, such as ["10.9.0.2", "10.9.0.3:1067", "2001:db8:9::2"]`,
			"Where requests go, IPv4 to IPv4 servers and IPv6 to IPv6 servers. The list of an interface takes the place of this one. It has up to 16 of each family.",
			readServerList,
		},
		{
			"mode", `"all"`, `"all" or "hash"`,
			"Which servers get a request: a copy to each, or always the same one for a client (RFC 1542, section 4.1.1).",
			choice(func(s *settings) *agent.Mode { return &s.Mode }, "all", "hash"),
		},
		{
			"trusted", "false", "true or false",
			"Relays or switches that add option 82 are attached, not only clients (RFC 3046, section 2.1).",
			flag(func(s *settings) *bool { return &s.Trusted }),
		},
		{
			"hop_limit", "4", "a number from 1 to 16",
			"Requests that have passed more relays than this are dropped (RFC 1542, section 4.1.1).",
			number(1, maxHops, func(s *settings) *uint8 { return &s.V4.HopLimit }),
		},
		{
			"min_secs", "0", "a number of seconds from 0 to 65535",
			"Relay only for clients that have tried for so long; for a relay that stands by (RFC 1542, section 3.2).",
			number(0, 65535, func(s *settings) *uint16 { return &s.V4.MinSecs }),
		},
		{
			"bootp", "true", "true or false",
			"Relay plain BOOTP too.",
			flag(func(s *settings) *bool { return &s.V4.Bootp }),
		},
		{
			"strict_min_300", "false", "true or false",
			"Drop messages of fewer than 300 octets (RFC 1542, section 2.1). Many clients and servers send such.",
			flag(func(s *settings) *bool { return &s.V4.Strict300 }),
		},
		{
			"broadcast", "false", "true or false",
			"Broadcast every reply to the clients, also to those that ask for unicast.",
			flag(func(s *settings) *bool { return &s.V4.Broadcast }),
		},
		{
			"giaddr", `"primary"`, `"primary", an address of this host, a prefix such as "192.0.2.0/24", or the name of an interface to borrow from`,
			"Which address stands for the clients' network (RFC 1542, section 4.1.1).",
			readGiaddr,
		},
		{
			"smart_relay_after", "0", "a number from 0 (never) to 100",
			"After so many unanswered requests of a client, try the interface's next address as giaddr.",
			number(0, maxAttempts, func(s *settings) *int { return &s.V4.SmartAfter }),
		},
		{
			"relayed_requests", `"forward"`, `"forward", "append", "replace" or "drop"`,
			"What to do with requests that another relay has relayed, on a trusted interface: send them on as they are (RFC 3046, section 2.1.1), add an option 82, put ours in place of theirs, or drop them.",
			choice(func(s *settings) *agent.Relayed4 { return &s.V4.Relayed }, "forward", "append", "replace", "drop"),
		},
		{
			"source", `"route"`, `"route", "giaddr" or an IPv4 address of this host`,
			"The source address towards the servers: what the route gives, the giaddr, or one address.",
			readSource,
		},
		{
			"source_port", "67", "a port from 1 to 65535",
			"The source port towards the servers. Other than 67 it needs servers that know RFC 8357; what does not bear the suboption 19 that tells them, such as plain BOOTP, leaves from 67.",
			number(1, 65535, func(s *settings) *uint16 { return &s.V4.SourcePort }),
		},
		{
			"max_message_size", "0", "0 for the MTU, or a number of octets from 576 to 65507",
			"The largest message that option 82 may make (RFC 3046, section 2.1).",
			readMaxSize,
		},
		{
			"oversize", `"without_option82"`, `"without_option82" or "drop"`,
			"What to do with a message that option 82 would make too large. One that is too large without it goes out in fragments, as it came, or is dropped, too.",
			either(func(s *settings) *bool { return &s.V4.DropOversize }, "without_option82", "drop"),
		},
		{
			"option82", "true", "true, false or a table [defaults.option82] or [interface.option82]",
			option82Why,
			readOption82,
		},
		{
			"dhcpv4", "", "a table [defaults.dhcpv4] or [interface.dhcpv4]",
			dhcpv4Why,
			readDHCPv4,
		},
		{
			"dhcpv6", "", "a table [defaults.dhcpv6] or [interface.dhcpv6]",
			dhcpv6Why,
			readDHCPv6,
		},
	}
}

// either is a choice between two that is kept as a boolean.
func either[T any](field func(*T) *bool, no, yes string) func(*reader, value, *T) {
	return func(r *reader, v value, to *T) {
		if i, ok := r.choice(v, no, yes); ok {
			*field(to) = i == 1
		}
	}
}

func readName(r *reader, v value, to *settings) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	to.Name = s
	if _, err := path.Match(s, ""); err != nil {
		r.fail(v, `close each "[" with a "]", and write \\ only before a character that it escapes`, "%q is no pattern", s)
		return
	}
	switch {
	case s == "" || !isPattern(s) && !giaddr.ValidAltName(s):
		r.fail(v, nameHint(s), "%q is no name that an interface can have", s)
	case strings.ContainsAny(s, "/ :"):
		r.fail(v, nameHint(s), "%q matches no name that an interface can have", s)
	default:
		if class := numberRange(s); class != "" {
			r.warn(v.path, class+" stands for one character, not for a number", "write an [[interface]] or a pattern for each range of digits, such as vlan1[0-9] and vlan20 for 10 to 20")
		}
	}
}

// nameHint says what to write for a name that cannot be one, "" if the name tells
// nothing.
func nameHint(s string) string {
	trimmed := strings.TrimSpace(s)
	words := strings.Fields(trimmed)
	before, _, label := strings.Cut(s, ":")
	switch {
	case trimmed != s && trimmed != "" && len(words) == 1:
		return "write " + strconv.Quote(trimmed)
	case len(words) > 1:
		return "write an [[interface]] for each name"
	case label && giaddr.ValidName(before):
		return "write " + strconv.Quote(before) + ": what follows the colon is a label of one of its addresses"
	}
	return ""
}

// numberRange returns a class of characters in a pattern that is written like a
// range of numbers of several digits, "" if there is none.
func numberRange(pattern string) string {
	_, rest, _ := strings.Cut(pattern, "[")
	class, _, ok := strings.Cut(rest, "]")
	from, to, dash := strings.Cut(class, "-")
	if !ok || !dash || len(from)+len(to) < 3 || from == "" || to == "" || strings.Trim(from+to, "0123456789") != "" {
		return ""
	}
	return "[" + class + "]"
}

func isPattern(s string) bool { return strings.ContainsAny(s, `*?[\`) }

func readGiaddr(r *reader, v value, to *settings) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	rule, err := giaddr.ParseRule4(s)
	if err != nil {
		r.refuse(v, err)
		return
	}
	to.V4.Address = rule
}

func readSource(r *reader, v value, to *settings) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	switch s {
	case "route":
		to.V4.Source, to.V4.SourceAddr = agent.SourceRoute, netip.Addr{}
	case "giaddr":
		to.V4.Source, to.V4.SourceAddr = agent.SourceGiaddr, netip.Addr{}
	default:
		if a, ok := r.unicast4(v, s); ok {
			to.V4.Source, to.V4.SourceAddr = agent.SourceGiven, a
		}
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

func readMaxSize(r *reader, v value, to *settings) {
	n, ok := r.number(v, 0, maxSize)
	if !ok {
		return
	}
	if n > 0 && n < minSize {
		r.fail(v, "", "%d is less than every client and server must accept (RFC 2131, section 2)", n)
		return
	}
	to.V4.MaxSize = int(n)
}
