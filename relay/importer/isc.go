package importer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// readISC reads /etc/default/isc-dhcp-relay, of which there is one for each family,
// and /etc/sysconfig/dhcrelay.
func readISC(r *reader, text string) error {
	vars, err := assignments(text)
	if err != nil {
		return err
	}
	var c dhcrelay
	var interfaces, servers []word
	for _, v := range vars {
		switch v.name {
		case "OPTIONS", "DHCRELAYARGS", "DHCRELAY_OPTIONS", "ARGS":
			c.args(r, v.words)
		case "INTERFACES", "INTERFACESv4":
			interfaces = append(interfaces, v.words...)
		case "SERVERS", "DHCPSERVERS":
			servers = append(servers, v.words...)
		default:
			if len(v.words) > 0 {
				r.cannot(v.line, v.name+" is no setting of isc-dhcp-relay that is known here", "see what it did, and write that into relay.toml")
			}
		}
	}
	for _, w := range interfaces {
		// Debian's scripts hand these to -i, those of DHCPv6 have -l and -u in OPTIONS.
		if !c.v6 {
			c.both = append(c.both, w)
		}
	}
	c.servers = append(c.servers, servers...)
	c.plan(r)
	return nil
}

// readDhcrelay reads command lines: of a shell, a unit, a process list.
func readDhcrelay(r *reader, text string) error {
	for n, line := range logical(text) {
		args, ok := cutCommand(line, "dhcrelay")
		if !ok || strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		words, err := split(args, n)
		if err != nil {
			return err
		}
		var c dhcrelay
		c.args(r, words)
		if len(c.both)+len(c.down)+len(c.servers)+len(c.lower) > 0 {
			c.plan(r)
		}
	}
	return nil
}

// A dhcrelay is a command line of ISC dhcrelay.
type dhcrelay struct {
	v6      bool
	both    []word // -i
	down    []word // -id
	up      []word // -iu
	lower   []word // -l
	upper   []word // -u
	servers []word

	agent, ifid bool
	dropAlien   bool // -D
	mode        string
	hops, size  string
	uplink      string // -U
	port        string // -rp
	subscriber  string
}

// args reads the words of a command line.
func (c *dhcrelay) args(r *reader, words []word) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		arg := func() (v word) {
			if i++; i < len(words) {
				return words[i]
			}
			r.cannot(w.line, w.text+" has no value", "complete the line")
			return word{line: w.line}
		}
		switch w.text {
		case "-4", "-d", "-q", "--no-pid", "":
		case "-6":
			c.v6 = true
		case "-pf":
			arg()
		case "-i":
			c.both = append(c.both, arg())
		case "-id":
			c.down = append(c.down, arg())
		case "-iu":
			c.up = append(c.up, arg())
		case "-l":
			c.v6, c.lower = true, append(c.lower, arg())
		case "-u":
			c.v6, c.upper = true, append(c.upper, arg())
		case "-a":
			c.agent = true
		case "-D":
			c.dropAlien = true
		case "-I":
			c.v6, c.ifid = true, true
		default:
			c.valued(r, w, arg)
		}
	}
}

// valued reads an option that has a value, or a server.
func (c *dhcrelay) valued(r *reader, w word, arg func() word) {
	switch w.text {
	case "-c":
		c.hops = arg().text
	case "-A":
		c.size = arg().text
	case "-m":
		c.mode = strings.ToLower(arg().text)
	case "-U":
		c.uplink, c.agent = arg().text, true
	case "-rp":
		c.port, c.agent = arg().text, true
	case "-s":
		c.v6, c.subscriber = true, arg().text
	case "-p":
		if p := arg(); p.text != "67" && p.text != "547" {
			r.cannot(p.line, "-p "+p.text+": a relay listens on the ports of DHCP, 67 and 547", `write the port of a server behind its address, such as "10.9.0.2:1067"`)
		}
	case "-g":
		r.cannot(w.line, "-g "+arg().text+" changes giaddr in replies, which RFC 1542, section 4.1.2, does not allow", "leave it: clients do not look at giaddr")
	default:
		if strings.HasPrefix(w.text, "-") || strings.ContainsAny(w.text, "$`") {
			r.cannot(w.line, w.text+" is no option of dhcrelay that is known here", "see what it did, and write that into relay.toml")
			return
		}
		if !slices.Contains([]string{";", "&", "&&", "|", "||"}, w.text) {
			c.servers = append(c.servers, w)
		}
	}
}

// plan carries the command line over.
func (c *dhcrelay) plan(r *reader) {
	if c.v6 {
		c.plan6(r)
		return
	}
	links := append(slices.Clone(c.both), c.down...)
	if len(links) == 0 && len(c.servers) > 0 {
		line := c.servers[0].line
		r.differs(`dhcrelay without -i serves every interface, the one to the servers too. "*" does so as well: list the clients' interfaces in its place.`)
		c.link(r, r.named(line, "*", "every interface"))
	}
	if len(c.both) > 1 && len(c.down)+len(c.up) == 0 {
		r.differs("Clients' and servers' interfaces are named alike (-i). Take out those that lead to servers alone: here replies are heard wherever they come in.")
	}
	for _, w := range links {
		c.link(r, r.at(w.line, w.text))
	}
	c.different(r)
}

func (c *dhcrelay) different(r *reader) {
	r.differs("The giaddr is the lowest of an interface's primary addresses; dhcrelay takes the first.")
	if !r.options.ISC {
		if c.hops == "" {
			r.differs("Requests may have passed 4 relays (hop_limit); with dhcrelay 9.")
		}
		if c.agent && c.size == "" {
			r.differs("Option 82 is added to messages of up to the MTU; dhcrelay does so up to 576 octets (max_message_size).")
		}
	}
	if c.agent {
		r.differs("dhcrelay puts option 82 over the padding that clients send, and cuts off the rest; here nothing that clients send is changed.")
	}
}

// link gives an interface what the command line says.
func (c *dhcrelay) link(r *reader, l *link) {
	if l == nil {
		return
	}
	for _, s := range c.servers {
		if a, ok := r.destination(s.line, s.text, only4, ""); ok {
			l.add(a)
		}
	}
	if c.port != "" {
		l.set["dhcpv4.source_port"] = number(r, l.line, "-rp", c.port, 1, 65535)
	}
	if c.hops != "" || r.options.ISC {
		l.set["dhcpv4.hop_limit"] = c.hopLimit(r, l.line)
	}
	if c.agent {
		c.option82(r, l)
	} else {
		l.set["dhcpv4.option82"] = "false"
	}
	c.relayed(r, l)
	if r.options.ISC {
		iscDefaults(l)
	}
}

// hopLimit is one less than with dhcrelay, which drops what has reached the limit.
func (c *dhcrelay) hopLimit(r *reader, line int) string {
	n := 10
	if c.hops != "" {
		v, err := strconv.Atoi(c.hops)
		if err != nil || v < 2 || v > 17 {
			r.cannot(line, fmt.Sprintf("-c %s: the limit of hops is 1 to 16 (RFC 1542, section 4.1.1)", c.hops), "write hop_limit in [defaults.dhcpv4]")
			v = min(max(v, 2), 17)
		}
		n = v
	}
	return strconv.Itoa(n - 1)
}

// option82 carries -a and what depends on it over.
func (c *dhcrelay) option82(r *reader, l *link) {
	if c.size != "" || r.options.ISC {
		l.set["dhcpv4.max_message_size"] = number(r, l.line, "-A", cmp.Or(c.size, "576"), 576, 65507)
	}
	if c.dropAlien {
		l.set["dhcpv4.option82.mismatch"] = `"drop"`
	}
	if c.uplink != "" {
		if name, why, do := r.rename(c.uplink); why == "" {
			l.set["dhcpv4.giaddr"] = quoted(name)
		} else {
			r.cannot(l.line, why, do)
		}
		l.set["dhcpv4.option82.link_selection"] = `"address"`
	}
}

// relayed carries -m over, which concerns what bears option 82. What other relays
// have relayed is taken from trusted interfaces alone.
func (c *dhcrelay) relayed(r *reader, l *link) {
	mode := c.mode
	if mode == "" && r.options.ISC {
		mode = "replace" // as dhcrelay does without -m
	}
	if !c.agent {
		mode = "forward" // it looks at option 82 with -a only
	}
	switch mode {
	case "", "discard": // what bears option 82 is dropped where none is trusted
	case "append", "replace", "forward":
		if r.options.ISC || c.mode != "" && c.agent {
			l.set["trusted"] = "true"
			l.set["dhcpv4.relayed_requests"] = quoted(mode)
		}
	default:
		r.cannot(l.line, "-m "+mode+" is none of append, replace, forward and discard", "write relayed_requests in [defaults.dhcpv4]")
	}
}

// iscDefaults is where dhcrelay chooses otherwise than this relay by default.
func iscDefaults(l *link) {
	l.set["dhcpv4.refuse_types"] = "[]"
}

// plan6 carries a command line of DHCPv6 over.
func (c *dhcrelay) plan6(r *reader) {
	for _, w := range c.servers {
		r.cannot(w.line, w.text+": with -6 servers are named by -u", "write it into servers")
	}
	for _, w := range c.lower {
		addr, name, zone := strings.Cut(w.text, "%")
		if !zone {
			addr, name = "", w.text
		}
		name, index, _ := strings.Cut(name, "#")
		l := r.at(w.line, name)
		if l == nil {
			continue
		}
		for _, u := range c.upper {
			r.upper(l, u)
		}
		if a, err := netip.ParseAddr(addr); err == nil && a.Is6() && usable(a) && !a.IsMulticast() && !a.IsLinkLocalUnicast() {
			l.set["dhcpv6.link_address"] = quoted(addr)
		} else if addr != "" {
			r.cannot(w.line, addr+" is no global IPv6 address", "write link_address in [interface.dhcpv6]")
		}
		c.link6(r, l, w.line, index)
	}
	r.differs("An Interface-Id is sent always; dhcrelay sends it with -I or several -l.")
}

// upper adds a server of DHCPv6: an address and the interface that leads to it, or
// that alone for all servers there.
func (r *reader) upper(l *link, w word) {
	addr, name, zone := strings.Cut(w.text, "%")
	if !zone {
		addr, name = "ff05::1:3", w.text
	}
	name, why, do := r.rename(name)
	a, err := netip.ParseAddr(addr)
	if err == nil && (a.IsLinkLocalUnicast() || a.IsMulticast()) && why != "" {
		r.cannot(w.line, why, do)
		return
	}
	if err == nil && a.IsLinkLocalUnicast() {
		addr += "%" + name
	}
	if err == nil && a.Is6() && a.IsMulticast() {
		r.group(w.line, l, a, name)
	} else if s, ok := r.destination(w.line, addr, only6, ""); ok {
		l.add(s)
	}
}

func (c *dhcrelay) link6(r *reader, l *link, line int, index string) {
	if c.subscriber != "" {
		r.identifier(line, l, "dhcpv6.subscriber_id", c.subscriber)
	}
	if c.hops != "" || r.options.ISC {
		l.set["dhcpv6.hop_limit"] = number(r, line, "-c", cmp.Or(c.hops, "10"), 1, 32)
	}
	if n, err := strconv.ParseUint(index, 10, 32); err == nil {
		// It is an int in the order of the host; nearly all are little-endian.
		l.set["dhcpv6.interface_id"] = fmt.Sprintf(`"{hex:%02x%02x%02x%02x}"`, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
		r.differs("The Interface-Id after # is written as dhcrelay sends it on a little-endian machine.")
	} else {
		r.differs("The Interface-Id is the interface's name, which stays the same; with dhcrelay it is the interface's index.")
	}
	if r.options.ISC {
		l.set["dhcpv6.client_mac"] = "false"
		l.set["dhcpv6.refuse_types"] = "[]"
		l.set["trusted"] = "true"
	}
}

// number reads a number of an option, and says so if it is out of bounds.
func number(r *reader, line int, option, s string, least, greatest int) string {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > greatest {
		r.cannot(line, fmt.Sprintf("%s %s: %d to %d can be", option, s, least, greatest), "see relay.toml(5)")
		n = min(max(n, least), greatest)
	}
	return strconv.Itoa(n)
}
