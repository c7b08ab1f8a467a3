package importer

import (
	"slices"
	"strings"
)

// A relayGroup is what Junos says of a group of interfaces, of a family, in a
// routing instance. The group without a name holds for all of them.
type relayGroup struct {
	instance, name string
	v6             bool
	links          []word
	active         string // server group
	servers        []word // of helpers bootp
	rest           []said
}

// said is a statement about one interface, or all of a group.
type said struct {
	statement
	link string
}

// unserved reports whether the interface is not to be served.
func (s said) unserved() bool {
	w := s.words
	return w[0] == "exclude" || w[0] == "no-listen" || len(w) > 1 && w[0] == "overrides" && w[1] == "disable-relay"
}

// A junos is a configuration of Junos.
type junos struct {
	*reader
	groups  []*relayGroup
	servers map[string][]word // by instance, family and server group
}

// readJunos reads forwarding-options, at the top and in routing instances.
func readJunos(r *reader, text string) error {
	all, err := statements(text)
	if err != nil {
		return err
	}
	j := &junos{reader: r, servers: map[string][]word{}}
	for _, s := range all {
		instance := ""
		if w, ok := s.after("routing-instances"); ok && len(w) > 0 {
			instance = w[0]
		}
		if w, ok := s.after("dhcp-relay"); ok {
			j.relay(s.line, instance, w)
		} else if w, ok := s.after("helpers", "bootp"); ok {
			j.helper(s.line, instance, w)
		}
	}
	for _, g := range j.groups {
		if g.name != "" || len(g.links) > 0 {
			j.plan(g)
		}
	}
	return nil
}

func (j *junos) group(instance, name string, v6 bool) *relayGroup {
	i := slices.IndexFunc(j.groups, func(g *relayGroup) bool { return g.instance == instance && g.name == name && g.v6 == v6 })
	if i >= 0 {
		return j.groups[i]
	}
	g := &relayGroup{instance: instance, name: name, v6: v6}
	j.groups = append(j.groups, g)
	return g
}

func serverKey(instance string, v6 bool, group string) string {
	if v6 {
		return instance + " 6 " + group
	}
	return instance + " 4 " + group
}

// relay reads a statement below dhcp-relay.
func (j *junos) relay(line int, instance string, w []string) {
	v6 := len(w) > 0 && w[0] == "dhcpv6"
	if v6 {
		w = w[1:]
	}
	name := ""
	if len(w) > 1 && w[0] == "group" {
		name, w = w[1], w[2:]
	}
	g := j.group(instance, name, v6)
	switch {
	case len(w) == 0:
	case w[0] == "server-group" && len(w) > 1:
		key := serverKey(instance, v6, w[1])
		for _, a := range w[2:] {
			j.servers[key] = append(j.servers[key], word{a, line})
		}
	case w[0] == "active-server-group" && len(w) > 1:
		g.active = w[1]
	case w[0] == "interface" && len(w) > 1:
		if !slices.ContainsFunc(g.links, func(l word) bool { return l.text == w[1] }) {
			g.links = append(g.links, word{w[1], line})
		}
		if len(w) > 2 {
			g.rest = append(g.rest, said{statement{line, w[2:]}, w[1]})
		}
	default:
		g.rest = append(g.rest, said{statement{line, w}, ""})
	}
}

// helper reads a statement below helpers bootp. Each interface is a group.
func (j *junos) helper(line int, instance string, w []string) {
	name := ""
	if len(w) > 1 && w[0] == "interface" {
		name, w = w[1], w[2:]
	}
	g := j.group(instance, "bootp "+name, false)
	if name != "" && len(g.links) == 0 {
		g.links = []word{{name, line}}
	}
	switch {
	case len(w) > 1 && w[0] == "server":
		g.servers = append(g.servers, word{w[1], line})
		if len(w) > 3 && w[2] == "routing-instance" {
			j.vrf(line, w[1], w[3])
		}
	case len(w) > 0:
		g.rest = append(g.rest, said{statement{line, w}, ""})
	}
}

// plan carries a group over.
func (j *junos) plan(g *relayGroup) {
	above := j.group(g.instance, "", g.v6)
	if bootp := strings.HasPrefix(g.name, "bootp "); bootp {
		above = j.group(g.instance, "bootp ", false)
	}
	servers := g.servers
	if len(servers) == 0 {
		servers = above.servers
	}
	if active := g.active; active != "" || above.active != "" {
		if active == "" {
			active = above.active
		}
		servers = j.servers[serverKey(g.instance, g.v6, active)]
	}
	for _, w := range g.links {
		rest := slices.Clone(above.rest)
		if g != above {
			rest = append(rest, g.rest...)
		}
		rest = slices.DeleteFunc(rest, func(s said) bool { return s.link != "" && s.link != w.text })
		if slices.ContainsFunc(rest, said.unserved) {
			continue
		}
		l := j.at(w.line, w.text)
		if l == nil {
			continue
		}
		f := only4
		if g.v6 {
			f = only6
		}
		for _, s := range servers {
			if a, ok := j.destination(s.line, s.text, f, ""); ok {
				l.add(a)
				j.vrf(s.line, a, g.instance)
			}
		}
		j.settings(g, l, rest)
	}
	if len(g.links) > 0 && strings.Contains(g.links[0].text, ".") {
		j.differs("The units of irb and vlan are taken for VLANs: irb.10 is vlan10 here. --name 'irb.10=br10' says otherwise.")
	}
}

// settings carries over what is said of an interface.
func (j *junos) settings(g *relayGroup, l *link, rest []said) {
	option := false
	for _, s := range rest {
		w := s.words
		switch {
		case w[0] == "relay-option-82" || w[0] == "relay-agent-option" || w[0] == "dhcp-option82":
			option = true
			j.option82(l, s.statement)
		case w[0] == "overrides" && len(w) > 1:
			j.override(l, s.statement)
		case w[0] == "maximum-hop-count" && len(w) > 1 && !g.v6:
			l.set["dhcpv4.hop_limit"] = number(j.reader, s.line, w[0], w[1], 1, 16)
		case w[0] == "minimum-wait-time" && len(w) > 1:
			l.set["dhcpv4.min_secs"] = number(j.reader, s.line, w[0], w[1], 0, 65535)
		case w[0] == "source-address-giaddr":
			l.set["dhcpv4.source"] = `"giaddr"`
		case w[0] == "relay-agent-interface-id" || w[0] == "description" || w[0] == "forward-only" || w[0] == "forward-snooped-clients" || w[0] == "no-snoop" || w[0] == "client-response-ttl" || w[0] == "server-response-time":
		case w[0] == "relay-agent-remote-id" || w[0] == "relay-option-79" || w[0] == "vendor-option" || w[0] == "server-match":
			j.cannot(s.line, w[0]+" has a form of the vendor's", "write remote_id in [interface.dhcpv6], if servers look at it")
		default:
			j.cannot(s.line, strings.Join(w, " ")+" has no counterpart here", "see relay.toml(5) for what comes near")
		}
	}
	if !g.v6 {
		if !option {
			l.set["dhcpv4.option82"] = "false"
		}
		return
	}
	j.differs("An Interface-Id is sent always, the interface's name on this host (interface_id).")
}

// option82 carries the parts of option 82 over; without any it is the circuit-id.
func (j *junos) option82(l *link, s statement) {
	w := s.words[1:]
	switch {
	case len(w) == 0, w[0] == "circuit-id":
		j.differs("The circuit-id is the interface's name on this host; Junos writes that of the switch's port and the VLAN. Write preset = \"junos\", or circuit_id with {port}, where servers look at it.")
		if slices.Contains(w, "use-interface-description") {
			j.cannot(s.line, "the circuit-id is the description of the interface", "give interfaces an alias (ip link set dev eth1 alias TEXT), or write circuit_id")
		} else if slices.Contains(w, "host-name") {
			l.set["dhcpv4.option82.circuit_id"] = `"{hostname}:{interface}"`
		}
	case w[0] == "remote-id":
		l.set["dhcpv4.option82.remote_id"] = "true"
		if slices.Contains(w, "host-name") || slices.Contains(w, "hostname") {
			l.set["dhcpv4.option82.remote_id"] = `"{hostname}"`
		}
	case w[0] == "server-id-override":
		l.set["dhcpv4.option82.server_id_override"] = "true"
		l.set["dhcpv4.option82.flags"] = "true"
	case w[0] == "link-selection":
		l.set["dhcpv4.option82.link_selection"] = `"subnet"`
	default:
		j.cannot(s.line, strings.Join(s.words, " ")+" has no counterpart here", "see relay.toml(5), [defaults.dhcpv4.option82]")
	}
}

// override carries an override over.
func (j *junos) override(l *link, s statement) {
	switch w := s.words[1]; w {
	case "trust-option-82":
		l.set["trusted"] = "true"
	case "always-write-option-82":
		l.set["trusted"] = "true"
		l.set["dhcpv4.relayed_requests"] = `"replace"`
	case "layer2-unicast-replies", "allow-snooped-clients", "no-allow-snooped-clients", "no-arp", "no-bind-on-request", "bootp-support", "send-release-on-delete",
		"allow-no-end-option", "replace-ip-source-with":
		if w == "replace-ip-source-with" {
			l.set["dhcpv4.source"] = `"giaddr"`
		}
	case "relay-source":
		if len(s.words) < 3 {
			return
		}
		name, why, do := j.rename(s.words[2])
		if why != "" {
			j.cannot(s.line, why, do)
			return
		}
		l.set["dhcpv4.giaddr"] = quoted(name)
		l.set["dhcpv4.option82.link_selection"] = `"subnet"`
	default:
		j.cannot(s.line, "overrides "+strings.Join(s.words[1:], " ")+" has no counterpart here", "see relay.toml(5) for what comes near")
	}
}
