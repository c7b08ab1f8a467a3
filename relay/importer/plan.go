package importer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/config"
)

// A plan is what the sources ask for, in words of this relay.
type plan struct {
	options  Options
	sources  []string // files, each with its kind
	notes    []string // where this relay does something else, for all interfaces
	problems []config.Problem
	links    []*link
	servers  []server // what is more to say of a server than its address
	replies  []string // reply_sources
}

// A link is one [[interface]].
type link struct {
	name    string
	old     string // as it was called; "" if the same
	file    string
	line    int // where it is configured first
	servers []string
	set     map[string]string // values as TOML by the path of the key, such as "dhcpv4.hop_limit"
	notes   []string

	description string
	off         bool // an exception from a pattern
}

// A server is one [[server]].
type server struct {
	address, link, vrf string
}

// at returns the link of a name of the old configuration, a new one if there is
// none yet; nil if no interface here can be meant, which is said.
func (r *reader) at(line int, old string) *link {
	name, why, do := r.rename(old)
	if why != "" {
		r.cannot(line, why, do)
		return nil
	}
	return r.named(line, name, old)
}

// named returns the link of a name, a new one if there is none yet; nil if another
// interface is called so already, which is said.
func (r *reader) named(line int, name, old string) *link {
	if i := slices.IndexFunc(r.links, func(l *link) bool { return l.name == name }); i >= 0 {
		l := r.links[i]
		if l.old != "" && old != name && !strings.EqualFold(l.old, old) {
			r.cannot(line, fmt.Sprintf("%s and %s would both be %s here", l.old, old, name), "say what this one is called with --name '"+old+"=eth1'")
			return nil
		}
		return l
	}
	l := &link{name: name, file: r.file, line: line, set: map[string]string{}}
	if old != name {
		l.old = old
	}
	r.links = append(r.links, l)
	return l
}

// describe says what a link is for.
func (l *link) describe(s string) {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "?"), func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }), " ")
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest])
	}
	l.description = s
}

// longest is how many characters a description can have.
const longest = 120

// note adds a comment to the link.
func (l *link) note(s string) {
	if !slices.Contains(l.notes, s) {
		l.notes = append(l.notes, s)
	}
}

// add adds a server as it is written here; twice is once.
func (l *link) add(server string) {
	if !slices.Contains(l.servers, server) {
		l.servers = append(l.servers, server)
	}
}

// quoted, and the like, write values as TOML.

func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range strings.ToValidUTF8(s, "\ufffd") {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func list(all []string) string {
	q := make([]string, len(all))
	for i, s := range all {
		q[i] = quoted(s)
	}
	return "[" + strings.Join(q, ", ") + "]"
}

// identifier gives an interface an identifier that is text, which servers compare.
func (r *reader) identifier(line int, l *link, key, s string) {
	if s == "" || len(s) > longestID || strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' }) {
		r.cannot(line, fmt.Sprintf("%q is no identifier of 1 to %d printable characters of ASCII", s, longestID), "write "+key[strings.LastIndexByte(key, '.')+1:]+" in its [[interface]]")
		return
	}
	l.set[key] = literal(s)
	if key == "dhcpv4.option82.vss" { // the one that is no template
		l.set[key] = quoted(s)
	}
}

// longestID is how many octets an identifier can have, so that several fit into
// option 82.
const longestID = 64

// literal writes text that is no template: braces would begin a placeholder.
func literal(s string) string {
	if !strings.ContainsAny(s, "{}") {
		return quoted(s)
	}
	return quoted(fmt.Sprintf("{hex:%x}", s))
}

// family tells the families of servers.
type family int

const (
	either family = iota
	only4
	only6
)

// destination reads the address of a server, with the port if it is not the
// standard one, or its DNS name; what cannot be one is said.
func (r *reader) destination(line int, s string, f family, port string) (string, bool) {
	s = r.options.Names.address(s)
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil && config.IsDNSName(s):
		r.differs("A server that is a DNS name is looked up again when its TTL is over; each of its addresses, of either family, is a server.")
		if port != "" && port != "67" && port != "547" {
			s += ":" + port
		}
		return s, true
	case err != nil:
		r.cannot(line, fmt.Sprintf("the server %q is no address, and no DNS name with a dot", s), fmt.Sprintf("say which it is with --name '%s=10.9.0.2', or write its address into servers", s))
		return "", false
	case f == only4 && !a.Is4(), f == only6 && a.Is4():
		r.cannot(line, s+" is an address of the other family", "write one of the family that is relayed")
		return "", false
	case a.IsMulticast():
		r.cannot(line, s+" says not on which link", "add it to servers, and a [[server]] with its interface")
		return "", false
	case !usable(a):
		r.cannot(line, s+" is no address that a server can have: here requests go to servers by unicast", "write the addresses of the servers into servers")
		return "", false
	}
	switch local := a.IsLinkLocalUnicast() && a.Is6(); {
	case local && !giaddr.ValidName(a.Zone()):
		r.cannot(line, s+" says not on which link", "write it as "+a.WithZone("").String()+"%eth0")
		return "", false
	case !local:
		a = a.WithZone("")
	}
	standard := "67"
	if a.Is6() {
		standard = "547"
	}
	if port == "" || port == standard {
		return a.String(), true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		r.cannot(line, fmt.Sprintf("%q is no port", port), "leave it away, or write the server's")
		return "", false
	}
	return netip.AddrPortFrom(a, uint16(n)).String(), true
}

// group adds the multicast group of the servers on a link.
func (r *reader) group(line int, l *link, a netip.Addr, link string) {
	a = a.WithZone("")
	l.add(a.String())
	r.through(line, server{address: a.String(), link: link})
}

// usable reports whether an address can be a server's.
func usable(a netip.Addr) bool {
	if a.Is4() {
		b := a.As4()
		return b[0] != 0 && b[0] != 127 && b[0] < 224
	}
	return !a.Is4In6() && !a.IsUnspecified() && !a.IsLoopback()
}

// through says by which interface or VRF a server is reached. A server has one
// way only.
func (r *reader) through(line int, s server) {
	i := slices.IndexFunc(r.servers, func(t server) bool { return t.address == s.address })
	switch {
	case i < 0:
		r.servers = append(r.servers, s)
	case r.servers[i] != s:
		r.cannot(line, fmt.Sprintf("%s is reached in two ways (%s and %s), and a server has one here", s.address, r.servers[i].way(), s.way()),
			"leave one out of its interfaces, or give the server a second address")
	}
}

func (s server) way() string {
	switch {
	case s.vrf != "":
		return "VRF " + s.vrf
	case s.link != "":
		return "interface " + s.link
	}
	return "the default VRF"
}

// vrf says that a server is in a VRF, "" for the default one.
func (r *reader) vrf(line int, address, vrf string) {
	if vrf == "default" || vrf == "global" {
		vrf = ""
	}
	if vrf != "" {
		if vrf = r.options.Names.name(vrf); !giaddr.ValidAltName(vrf) {
			r.cannot(line, fmt.Sprintf("%q is no name that a VRF can have", vrf), "say what it is called here with --name '"+vrf+"=blue'")
			return
		}
	}
	r.through(line, server{address: address, vrf: vrf})
}

// finish drops the links that have no servers, and says so.
func (p *plan) finish() {
	p.links = slices.DeleteFunc(p.links, func(l *link) bool {
		if len(l.servers) > 0 || l.off {
			return false
		}
		p.problems = append(p.problems, config.Problem{
			File: l.file, Line: l.line, Text: cmp.Or(l.old, l.name) + " has no server that can be carried over, so it is left out",
			Hint: "write an [[interface]] with its servers, if it is to be served",
		})
		return true
	})
	p.servers = slices.DeleteFunc(p.servers, func(s server) bool {
		return s.link == "" && s.vrf == "" || !slices.ContainsFunc(p.links, func(l *link) bool { return slices.Contains(l.servers, s.address) })
	})
	for _, l := range p.links {
		p.fit(l)
	}
	p.always()
}

// always says what this relay does whatever the old one was.
func (p *plan) always() {
	r := &reader{plan: p}
	if slices.ContainsFunc(p.links, func(l *link) bool { return !l.off && l.set["trusted"] == "" }) {
		r.differs("Requests that bear option 82 already, and those that another relay has relayed, are dropped unless the interface has trusted = true (RFC 3046, section 2.1).")
	}
	if p.options.ISC && slices.ContainsFunc(p.links, func(l *link) bool { return l.set["trusted"] == "true" }) {
		r.differs("With trusted = true the relay takes option 82 and giaddr from whoever is attached, as dhcrelay does. Take it out where only clients are.")
	}
	if slices.ContainsFunc(p.links, func(l *link) bool { return l.v6() && l.set["dhcpv6.client_mac"] == "" }) {
		r.differs("DHCPv6 servers get option 79, the client's link-layer address (client_mac).")
	}
}

// v6 reports whether a link has servers of DHCPv6.
func (l *link) v6() bool {
	return slices.ContainsFunc(l.servers, func(s string) bool { return strings.Count(s, ":") > 1 })
}

// most is how many servers of a family an interface can have.
const most = 16

// fit takes out of a link what would be refused.
func (p *plan) fit(l *link) {
	count := map[bool]int{}
	l.servers = slices.DeleteFunc(l.servers, func(s string) bool {
		v6 := strings.Count(s, ":") > 1
		count[v6]++
		if count[v6] <= most {
			return false
		}
		p.problems = append(p.problems, config.Problem{
			File: l.file, Line: l.line, Text: fmt.Sprintf("%s is one of more than %d servers of an interface", s, most),
			Hint: "leave some out, or name relays that pass requests on to several",
		})
		return true
	})
	if count[false] == 0 || count[true] == 0 {
		for key := range l.set {
			if count[false] == 0 && strings.HasPrefix(key, "dhcpv4") || count[true] == 0 && strings.HasPrefix(key, "dhcpv6") {
				delete(l.set, key)
			}
		}
	}
	if l.set["dhcpv4.giaddr"] == quoted(l.name) {
		delete(l.set, "dhcpv4.giaddr")
	}
	if l.set["dhcpv4.option82"] == "false" {
		// Without option 82 there is none to put in.
		if v := l.set["dhcpv4.relayed_requests"]; v == `"append"` || v == `"replace"` {
			l.set["dhcpv4.relayed_requests"] = `"forward"`
		}
		for key := range l.set {
			if strings.HasPrefix(key, "dhcpv4.option82.") {
				delete(l.set, key)
			}
		}
	}
}
