package importer

import (
	"cmp"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

func readIOS(r *reader, text string) error  { return r.cisco(text) }
func readNXOS(r *reader, text string) error { return r.cisco(text) }
func readEOS(r *reader, text string) error  { return r.cisco(text) }

// A command is a line of a configuration, as words.
type command struct {
	line  int
	words []string
}

// is reports whether the command begins with words.
func (c command) is(words string) bool {
	w := strings.Fields(words)
	return len(c.words) >= len(w) && slices.EqualFunc(c.words[:len(w)], w, strings.EqualFold)
}

// value returns the word behind a keyword, "" if it is not there.
func (c command) value(keyword string) string {
	for i, w := range c.words[:max(len(c.words)-1, 0)] {
		if strings.EqualFold(w, keyword) {
			return c.words[i+1]
		}
	}
	return ""
}

func (c command) String() string { return strings.Join(c.words, " ") }

// A port is an interface of a router whose configuration is a list of commands.
type port struct {
	name     string
	line     int
	commands []command
}

// has returns the first command that begins with words.
func (p *port) has(words string) (command, bool) {
	i := slices.IndexFunc(p.commands, func(c command) bool { return c.is(words) })
	if i < 0 {
		return command{}, false
	}
	return p.commands[i], true
}

// addr returns the first address of a family, invalid if there is none.
func (p *port) addr(v6 bool) (a netip.Addr) {
	words := "ip address"
	if v6 {
		words = "ipv6 address"
	}
	for _, c := range p.commands {
		if !c.is(words) || len(c.words) < 3 {
			continue
		}
		s, _, _ := strings.Cut(c.words[2], "/")
		if a, err := netip.ParseAddr(s); err == nil && !a.IsLinkLocalUnicast() {
			return a
		}
	}
	return a
}

// A cisco is a configuration of IOS, NX-OS or EOS.
type cisco struct {
	*reader
	global port
	ports  []*port
}

// cisco reads interfaces and their commands, and carries over what is a relay's.
func (r *reader) cisco(text string) error {
	c := &cisco{reader: r}
	at := &c.global
	// What was pasted into a page has often lost its indentation.
	flat := !regexp.MustCompile(`(?m)^[ \t]+(?:ip|ipv6) `).MatchString(text)
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		words := strings.Fields(line)
		inner := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		switch {
		case len(words) == 0:
			continue
		case strings.HasPrefix(words[0], "!") || words[0] == "exit" || words[0] == "end":
			if !inner {
				at = &c.global
			}
			continue
		case strings.EqualFold(words[0], "interface") && len(words) > 1:
			at = &port{name: ifName(words[1:]), line: n}
			c.ports = append(c.ports, at)
			continue
		case !inner && !flat:
			at = &c.global
		}
		at.commands = append(at.commands, command{n, words})
	}
	c.globals()
	for _, p := range c.ports {
		c.port(p)
	}
	return nil
}

// ifName joins what is written in two words, such as "Vlan 10".
func ifName(words []string) string {
	if len(words) > 1 && words[1][0] >= '0' && words[1][0] <= '9' && !strings.ContainsAny(words[0], "0123456789") {
		return words[0] + words[1]
	}
	return words[0]
}

// relays reports whether a command is about relaying.
func (c command) relays() bool {
	return c.is("ip helper-address") || c.is("ip dhcp relay") || c.is("ip dhcp-relay") || c.is("ip dhcp smart-relay") ||
		c.is("tunnel requests") || c.is("mlag peer-link requests") || c.is("ipv6 dhcp relay") || c.is("ipv6 dhcp-relay") || c.is("ipv6 dhcp smart-relay")
}

// globals says what of the global commands is not carried over.
func (c *cisco) globals() {
	for _, g := range c.global.commands {
		switch {
		case g.is("ip forward-protocol udp"):
			c.differs("Nothing but DHCP is relayed: ip forward-protocol, and what else goes to a helper address (TFTP, DNS, NetBIOS, ...), has no counterpart.")
		case g.is("ip dhcp relay information option"), g.is("ip dhcp relay information policy"), g.is("ip dhcp relay information trust-all"),
			g.is("ip dhcp relay information check"), g.is("ip dhcp smart-relay"), g.is("ip dhcp relay source-interface"), g.is("ip dhcp-relay source-interface"),
			g.is("ip dhcp relay always-on"), g.is("ipv6 dhcp relay always-on"), g.is("ip dhcp relay all-subnets"), g.is("ipv6 dhcp relay source-interface"):
		case len(g.words) == 3 && g.is("ip dhcp relay"), len(g.words) == 3 && g.is("ipv6 dhcp relay"): // the service of NX-OS
		case g.is("ipv6 dhcp relay option79"), g.is("ipv6 dhcp relay option link-layer-address"):
		case g.is("ip dhcp relay sub-option"), g.is("ipv6 dhcp relay option"):
			c.cannot(g.line, g.String()+" gives an identifier a form of the vendor's", "write circuit_id, remote_id or interface_id with placeholders, if servers look at it")
		case g.relays():
			c.cannot(g.line, g.String()+" has no counterpart here", "see relay.toml(5) for what comes near")
		}
	}
	if c.kind == IOS && slices.ContainsFunc(c.ports, func(p *port) bool { _, ok := p.has("ip helper-address"); return ok }) {
		c.differs("Nothing but DHCP is relayed: ip forward-protocol, and what else goes to a helper address (TFTP, DNS, NetBIOS, ...), has no counterpart.")
	}
}

// port carries an interface over, if it relays.
func (c *cisco) port(p *port) {
	i := slices.IndexFunc(p.commands, func(k command) bool {
		return k.is("ip helper-address") || k.is("ip dhcp relay address") || k.is("ipv6 dhcp relay destination") || k.is("ipv6 dhcp relay address")
	})
	if i < 0 {
		return
	}
	l := c.link(p, p.commands[i].line)
	if l == nil {
		return
	}
	if d, ok := p.has("description"); ok {
		l.describe(strings.Join(d.words[1:], " "))
	}
	if _, ok := p.has("shutdown"); ok {
		l.note("The interface was shut down.")
	}
	c.defaults(p, l)
	for _, k := range p.commands {
		if k.relays() {
			c.command(p, l, k)
		}
	}
	c.differs("The giaddr is the lowest of an interface's primary addresses; check it where there are several.")
}

// link returns the link of an interface. One of a VLAN on a trunk is called by the
// VLAN.
func (c *cisco) link(p *port, line int) *link {
	name, why, do := c.rename(p.name)
	for _, words := range []string{"encapsulation dot1q", "encapsulation dot1q vlan"} {
		if k, ok := p.has(words); ok && why != "" {
			if id := k.words[len(strings.Fields(words)):]; len(id) > 0 && strings.Trim(id[0], "0123456789") == "" {
				name, why = "vlan"+id[0], ""
			}
		}
	}
	if why != "" {
		c.cannot(line, why, do)
		return nil
	}
	return c.named(p.line, name, p.name)
}

// defaults is what the global commands say of each interface.
func (c *cisco) defaults(p *port, l *link) {
	option := false
	for _, g := range c.global.commands {
		switch {
		case g.is("ip dhcp relay information option"):
			option = true
			if g.is("ip dhcp relay information option vpn") {
				c.vpn(p, l)
			}
			if g.is("ip dhcp relay information option trust") {
				l.set["trusted"] = "true"
			}
		case g.is("ip dhcp relay information trust-all"):
			l.set["trusted"] = "true"
		case g.is("ip dhcp relay information check"):
			l.set["dhcpv4.option82.mismatch"] = `"drop"`
		case g.is("ip dhcp relay information policy"):
			c.policy(l, g)
		case g.is("ip dhcp smart-relay"), g.is("ip dhcp relay all-subnets"):
			l.set["dhcpv4.smart_relay_after"] = "3"
		case g.is("ip dhcp relay source-interface"), g.is("ip dhcp-relay source-interface"), g.is("ipv6 dhcp relay source-interface"):
			c.source(l, g)
		}
	}
	if k, ok := p.has("ip dhcp relay information option"); ok && !k.is("ip dhcp relay information option-insert none") {
		option = true
	}
	if _, ok := p.has("ip dhcp relay information option-insert"); ok {
		option = true
	}
	if option {
		c.differs("circuit-id and remote-id of option 82 have a form of the vendor's there; here circuit-id is the interface's name. Write preset, or circuit_id and remote_id with placeholders, where servers look at them.")
	} else if _, ok := l.set["dhcpv4.option82.link_selection"]; ok {
		l.set["dhcpv4.option82.circuit_id"] = "false"
	} else {
		l.set["dhcpv4.option82"] = "false"
	}
	if k, ok := p.has("ip unnumbered"); ok {
		c.borrow(l, k)
	}
}

// borrow takes the giaddr from another interface.
func (c *cisco) borrow(l *link, k command) {
	name, why, do := c.rename(ifName(k.words[min(2, len(k.words)-1):]))
	if why != "" {
		c.cannot(k.line, why, do)
		return
	}
	l.set["dhcpv4.giaddr"] = quoted(name)
}

// vpn tells servers the VRF of the clients (RFC 6607).
func (c *cisco) vpn(p *port, l *link) {
	if vrf := p.vrf(); vrf != "" {
		c.identifier(p.line, l, "dhcpv4.option82.vss", vrf)
		l.set["dhcpv4.option82.link_selection"] = `"subnet"`
		l.set["dhcpv4.option82.server_id_override"] = "true"
		l.set["dhcpv4.option82.flags"] = "true"
	}
}

// vrf returns the VRF of an interface, "" for the default one.
func (p *port) vrf() string {
	for _, words := range []string{"vrf forwarding", "ip vrf forwarding", "vrf member", "vrf"} {
		if k, ok := p.has(words); ok && len(k.words) > len(strings.Fields(words)) {
			return k.words[len(k.words)-1]
		}
	}
	return ""
}

// policy is what becomes of requests that bear option 82.
func (c *cisco) policy(l *link, k command) {
	words := map[string]string{"drop": "drop", "keep": "forward", "replace": "replace", "encapsulate": "append"}
	word, ok := words[strings.ToLower(k.words[len(k.words)-1])]
	if !ok {
		c.cannot(k.line, k.String()+" is no policy that is known here", "write relayed_requests in [defaults.dhcpv4]")
		return
	}
	l.set["trusted"] = "true"
	l.set["dhcpv4.relayed_requests"] = quoted(word)
}

// source is the address that requests come from, which replies go to.
func (c *cisco) source(l *link, k command) {
	name := ifName(k.words[min(4, len(k.words)-1):])
	if !k.is("ipv6") {
		to, why, do := c.rename(name)
		if why != "" {
			c.cannot(k.line, why, do)
			return
		}
		l.set["dhcpv4.giaddr"] = quoted(to)
		l.set["dhcpv4.source"] = `"giaddr"`
		l.set["dhcpv4.option82.link_selection"] = `"subnet"`
		c.differs("The giaddr is the address of " + to + ", and option 82 tells the clients' subnet (RFC 3527), which servers must understand.")
		return
	}
	if a := c.addressOf(name, true); a.IsValid() {
		l.set["dhcpv6.source"] = quoted(a.String())
		return
	}
	c.cannot(k.line, "no IPv6 address of "+name+" is known", "write it as source in [interface.dhcpv6]")
}

func (c *cisco) addressOf(name string, v6 bool) (a netip.Addr) {
	i := slices.IndexFunc(c.ports, func(p *port) bool { return strings.EqualFold(p.name, name) })
	if i < 0 {
		return a
	}
	return c.ports[i].addr(v6)
}

// command carries a command of an interface over.
func (c *cisco) command(p *port, l *link, k command) {
	switch {
	case k.is("ip helper-address"), k.is("ip dhcp relay address"):
		c.helper(p, l, k, only4)
	case k.is("ipv6 dhcp relay destination"), k.is("ipv6 dhcp relay address"):
		c.helper(p, l, k, only6)
	case k.is("ip dhcp relay information trusted"):
		l.set["trusted"] = "true"
	case k.is("ip dhcp relay information policy"), k.is("ip dhcp relay information policy-action"):
		c.policy(l, k)
	case k.is("ip dhcp relay information option circuit-id") && len(k.words) == 7:
		c.identifier(k.line, l, "dhcpv4.option82.circuit_id", k.words[6])
	case k.is("ip dhcp relay information option subscriber-id") && len(k.words) == 7:
		c.identifier(k.line, l, "dhcpv4.option82.subscriber_id", k.words[6])
	case k.is("ip dhcp relay information option"), k.is("ip dhcp relay information option-insert"):
	case k.is("ip dhcp relay information check"), k.is("ip dhcp relay information check-reply"):
		l.set["dhcpv4.option82.mismatch"] = `"drop"`
	case k.is("ip dhcp smart-relay"), k.is("ip dhcp relay all-subnets"):
		l.set["dhcpv4.smart_relay_after"] = "3"
	case k.is("ip dhcp relay source-interface"), k.is("ipv6 dhcp relay source-interface"):
		c.source(l, k)
		if l.set["dhcpv4.option82"] == "false" && l.set["dhcpv4.option82.link_selection"] != "" {
			delete(l.set, "dhcpv4.option82")
			l.set["dhcpv4.option82.circuit_id"] = "false"
		}
	case k.is("ipv6 dhcp relay interface-id") && len(k.words) == 5:
		c.identifier(k.line, l, "dhcpv6.interface_id", k.words[4])
	case k.is("ipv6 dhcp relay trust"):
		l.set["trusted"] = "true"
	default:
		c.cannot(k.line, k.String()+" has no counterpart here", "see relay.toml(5) for what comes near")
	}
}

// helper adds a server with what stands around its address.
func (c *cisco) helper(p *port, l *link, k command, f family) {
	skip := map[bool]int{true: 2, false: 4}[k.is("ip helper-address")]
	rest := command{k.line, k.words[skip:]}
	vrf := cmp.Or(rest.value("vrf"), rest.value("use-vrf"), p.vrf()) // without a word it is the clients'
	if len(rest.words) > 0 && strings.EqualFold(rest.words[0], "vrf") {
		rest.words = rest.words[min(2, len(rest.words)):]
	}
	if len(rest.words) > 0 && strings.EqualFold(rest.words[0], "global") {
		vrf, rest.words = "", rest.words[1:]
	}
	if len(rest.words) == 0 {
		c.cannot(k.line, k.String()+" names no server", "complete it")
		return
	}
	addr, others := rest.words[0], command{k.line, rest.words[1:]}
	if a, err := netip.ParseAddr(addr); err == nil && a.Is6() && (a.IsLinkLocalUnicast() || a.IsMulticast()) {
		c.local(l, k, a, others)
		return
	}
	s, ok := c.destination(k.line, addr, f, "")
	if !ok {
		return
	}
	l.add(s)
	c.vrf(k.line, s, vrf)
	c.around(l, k, others, f)
}

// local adds a server that is reached by an interface: a link-local address, or all
// servers of a link.
func (c *cisco) local(l *link, k command, a netip.Addr, others command) {
	out := others.value("interface")
	if out == "" && len(others.words) > 0 {
		out = ifName(others.words)
	} else if out != "" {
		i := slices.Index(others.words, out)
		out = ifName(others.words[i:])
	}
	if out == "" {
		c.cannot(k.line, a.String()+" says not on which link", "write it as "+a.String()+"%eth0")
		return
	}
	name, why, do := c.rename(out)
	if why != "" {
		c.cannot(k.line, why, do)
		return
	}
	if a.IsMulticast() {
		c.group(k.line, l, a, name)
		return
	}
	if s, ok := c.destination(k.line, a.String()+"%"+name, only6, ""); ok {
		l.add(s)
	}
}

// around is what stands behind the address of a server.
func (c *cisco) around(l *link, k, others command, f family) {
	table := map[bool]string{true: "dhcpv6", false: "dhcpv4"}[f == only6]
	for i := 0; i < len(others.words); i++ {
		word, value := strings.ToLower(others.words[i]), others.value(others.words[i])
		i++
		switch {
		case word == "vrf" || word == "use-vrf":
		case word == "source-interface" || word == "local-interface":
			name := ifName(others.words[min(i, len(others.words)-1):])
			if a := c.addressOf(name, f == only6); a.IsValid() {
				l.set[table+".source"] = quoted(a.String())
			} else {
				c.cannot(k.line, "no address of "+name+" is known, which requests are to come from", "write it as source in [interface."+table+"]")
			}
		case word == "source-address" && valid(value, f):
			l.set[table+".source"] = quoted(value)
		case word == "link-address" && valid(value, f):
			l.set["dhcpv6.link_address"] = quoted(value)
		case f == only6 && c.kind == IOS:
			// The outgoing interface, which the route decides here.
			l.note(fmt.Sprintf("The route decides on the way to the server; the interface %s was named.", ifName(others.words[i-1:])))
		default:
			c.cannot(k.line, k.String()+": "+word+" has no counterpart here", "see relay.toml(5) for what comes near")
			return
		}
	}
}

func valid(s string, f family) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4() == (f == only4) && a.Zone() == ""
}
