package config

import (
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
)

const maxHostname = 64

// The largest limits: more has never been seen of one interface, or of one client.
const (
	maxLimit       = 1_000_000
	maxClientLimit = 100_000

	maxProbeInterval = 86400
)

// Settings are what holds for an interface. Its servers are addresses until
// they are held against [[server]].
type settings struct {
	agent.Interface
	servers []listed
	mode    agent.Mode // of servers that are in no [[server_group]]
	path    string
}

func nameKey() key[settings] {
	return key[settings]{
		"name", "", `the name of an interface, or a pattern with * ? [ ] such as "vlan*"`,
		"Which interfaces this is about, by their names or alternative names; none need exist yet. No pattern matches lo, or a port of a bridge, bond or team.",
		readName,
	}
}

// descriptionKey is for people; it is no key of [defaults].
func descriptionKey() key[settings] {
	return key[settings]{
		"description", `""`, fmt.Sprintf("text of at most %d characters in one line", maxDescription),
		"What the interface is for, as status, the page and config show tell it.",
		func(r *reader, v value, to *settings) {
			s, ok := r.text(v)
			if !ok {
				return
			}
			if utf8.RuneCountInString(s) > maxDescription || strings.ContainsFunc(s, unicode.IsControl) {
				r.fail(v, "", "this is too long, or has line ends or control characters")
				return
			}
			to.Description = s
		},
	}
}

// maxDescription is as much as a line of status takes, in characters.
const maxDescription = 120

// interfaceKeys are the keys of [defaults] and, beside the name, of
// [[interface]].
func interfaceKeys() []key[settings] {
	return []key[settings]{
		{
			"servers", "[]", `a list of addresses, such as ["10.9.0.2", "10.9.0.3:1067", "2001:db8:9::2"], and of names of [[server]] and [[server_group]], and DNS names`,
			"Where requests go, IPv4 to IPv4 servers and IPv6 to IPv6 servers. The list of an interface takes the place of this one. It has up to 16 of each family.",
			readServerList,
		},
		{
			"relay", "true", "true or false",
			"Whether to relay at all. With false the interface is left alone, as an exception from a pattern: the name of an interface holds before any pattern, wherever it stands.",
			func(r *reader, v value, to *settings) {
				if on, ok := r.boolean(v); ok {
					to.Off = !on
				}
			},
		},
		{
			"mode", `"all"`, `"all", "failover", "hash" or "balance"`,
			"Which of the servers that are in no [[server_group]] get a request, as there.",
			choice(func(s *settings) *agent.Mode { return &s.mode }, modes()...),
		},
		{
			"next_after", "0", "a number of tries from 1 to 100, or 0 for all groups at once",
			"After how many tries without an answer a client's requests go to the next group of servers, too: a second site. A group of which no server answers is not waited for.",
			number(0, 100, func(s *settings) *int { return &s.NextAfter }),
		},
		{
			"trusted", "false", "true or false",
			"Relays or switches that add option 82 are attached, not only clients (RFC 3046, section 2.1).",
			flag(func(s *settings) *bool { return &s.Trusted }),
		},
		{
			"active", `"always"`, wantActive,
			"While what this router serves the interface, where another one could: while it has one of the addresses (of each family those of that family, if there are any; a link-local one on the interface itself, or on a macvlan of it, as VRRP has), or while the file is there and is empty or says active or master. Else the interface is on standby, hears and counts requests and relays none.",
			readActive,
		},
		{
			"ignore_ports", "[]", `a list of names of ports and patterns, such as ["vxlan*", "peerlink"]`,
			"The ports of the bridge, below this interface, whose requests are not relayed, because another router hears and relays them: the tunnels of EVPN, the peer link of an MLAG pair.",
			readIgnorePorts,
		},
		{
			"limit", "0", "a number of messages a second up to 1000000, or 0 for no limit",
			"How much may come from the interface, requests and replies apart, each family by itself; what comes in ten seconds may come at once. Without a limit, too, an interface that sends more than the relay can read takes nothing from others.",
			number(0, maxLimit, func(s *settings) *int { return &s.Limit }),
		},
		{
			"client_limit", "0", "a number of requests a second up to 100000, or 0 for no limit",
			"How much may come from one client: a hardware address, or in DHCPv6 a source address. What comes in ten seconds may come at once. Without a limit, too, a client that sends much takes nothing from the others of its interface, where that exceeds limit, its share of what the relay can read or its share of a slow server: half of a burst is for those that send little.",
			number(0, maxClientLimit, func(s *settings) *int { return &s.ClientLimit }),
		},
		{
			"probe_interval", "0", "a number of seconds up to 86400, or 0 for never",
			"How often the servers are asked as by a client of the interface, as dhcp-relay probe does, for dhcp_relay_probe_success. Set it for a few interfaces, not for hundreds: one is asked after the other.",
			number(0, maxProbeInterval, func(s *settings) *int { return &s.ProbeInterval }),
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

// readIgnorePorts reads names and patterns of ports of bridges.
func readIgnorePorts(r *reader, v value, to *settings) {
	list, ok := r.list(v, "the name of a port, or a pattern")
	if !ok {
		return
	}
	to.IgnorePorts = nil
	for _, v := range list {
		s, ok := r.text(v)
		if !ok {
			continue
		}
		if _, err := path.Match(s, ""); err != nil || s == "" || strings.ContainsAny(s, "/ :") || !isPattern(s) && !giaddr.ValidAltName(s) {
			r.fail(v, nameHint(s), "%q is no name that a port can have, and no pattern of such", s)
			continue
		}
		to.IgnorePorts = append(to.IgnorePorts, s)
	}
}

func modes() (names []string) {
	for m := range agent.NumModes {
		names = append(names, agent.Mode(m).String())
	}
	return names
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

// addressRule reads which address stands for the clients of a family.
func addressRule[T any](of func(*T) *agent.Common, parse func(string) (giaddr.Rule, error)) func(*reader, value, *T) {
	return func(r *reader, v value, to *T) {
		s, ok := r.text(v)
		if !ok {
			return
		}
		rule, err := parse(s)
		if err != nil {
			r.refuse(v, err)
			return
		}
		of(to).Address = rule
	}
}

// sourceAddress reads which address requests of a family leave with; own is the word for
// that which stands for the clients.
func sourceAddress[T any](of func(*T) *agent.Common, own string, given func(*reader, value, string) (netip.Addr, bool)) func(*reader, value, *T) {
	return func(r *reader, v value, to *T) {
		s, ok := r.text(v)
		if !ok {
			return
		}
		c := of(to)
		switch s {
		case "route":
			c.Source, c.SourceAddr = agent.SourceRoute, netip.Addr{}
		case own:
			c.Source, c.SourceAddr = agent.SourceGiaddr, netip.Addr{}
		default:
			if a, ok := given(r, v, s); ok {
				c.Source, c.SourceAddr = agent.SourceGiven, a
			}
		}
	}
}
