package importer

import "strings"

// A network is a .network file of systemd-networkd.
type network struct {
	names   []string
	line    int
	targets []word
	circuit word
	remote  word
}

// readNetworkd reads .network files of systemd-networkd, several in a row too.
func readNetworkd(r *reader, text string) error {
	var n network
	section := ""
	for line, s := range logical(text) {
		s = strings.TrimSpace(s)
		if s == "" || strings.HasPrefix(s, "#") || strings.HasPrefix(s, ";") {
			continue
		}
		if strings.HasPrefix(s, "[") {
			section = strings.Trim(s, "[]")
			if section == "Match" {
				n.plan(r)
				n = network{line: line}
			}
			continue
		}
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return lineError{line, "this is neither [Section] nor Key=Value"}
		}
		n.setting(r, line, section+"."+strings.TrimSpace(key), strings.TrimSpace(value))
	}
	n.plan(r)
	return nil
}

func (n *network) setting(r *reader, line int, key, value string) {
	switch key {
	case "Match.Name":
		n.names = strings.Fields(value)
	case "DHCPServer.RelayTarget":
		n.targets = append(n.targets, word{value, line})
	case "DHCPServer.RelayAgentCircuitId":
		n.circuit = n.identifier(r, line, value)
	case "DHCPServer.RelayAgentRemoteId":
		n.remote = n.identifier(r, line, value)
	case "DHCPServer.BindToInterface", "DHCPServer.BindLocally":
		r.differs("The sockets hear every interface, whatever " + strings.TrimPrefix(key, "DHCPServer.") + "= says; what interfaces without [[interface]] send is dropped.")
	default:
		if strings.HasPrefix(key, "DHCPRelay.") || strings.HasPrefix(key, "DHCPv6Relay.") || key == "Network.DHCPRelay" {
			r.cannot(line, "the settings of relays of systemd 261 and later are not read", "write an [[interface]] with its servers")
		}
	}
}

// identifier returns what is written after "string:".
func (n *network) identifier(r *reader, line int, value string) word {
	s, ok := strings.CutPrefix(value, "string:")
	if !ok || s == "" {
		r.cannot(line, value+" is no identifier: networkd takes string:TEXT", "write circuit_id or remote_id in [interface.dhcpv4.option82]")
		return word{}
	}
	return word{s, line}
}

// plan carries the file over, if it asks for a relay.
func (n *network) plan(r *reader) {
	if len(n.targets) == 0 {
		return
	}
	if len(n.names) == 0 {
		r.cannot(n.targets[0].line, "[Match] tells no Name= of an interface", "write an [[interface]] with its name")
		return
	}
	names := n.names
	if first, all := strings.CutPrefix(names[0], "!"); all {
		r.except(n.line, append([]string{first}, names[1:]...))
		names = []string{"*"}
	}
	for _, name := range names {
		l := r.pattern(n.line, name)
		if l == nil {
			continue
		}
		t := n.targets[len(n.targets)-1]
		if a, ok := r.destination(t.line, t.text, only4, ""); ok {
			l.add(a)
		}
		l.set["dhcpv4.option82.circuit_id"] = "false"
		if n.circuit.text != "" {
			r.identifier(n.circuit.line, l, "dhcpv4.option82.circuit_id", n.circuit.text)
		}
		if n.remote.text != "" {
			r.identifier(n.remote.line, l, "dhcpv4.option82.remote_id", n.remote.text)
		}
		if l.set["dhcpv4.option82.circuit_id"] == "false" && l.set["dhcpv4.option82.remote_id"] == "" {
			l.set["dhcpv4.option82"] = "false" // it adds none
		}
	}
}

// pattern returns the link of a name or pattern.
func (r *reader) pattern(line int, name string) *link {
	if strings.ContainsAny(name, "*?[") && !strings.ContainsAny(name, `\/ :`) && strings.Count(name, "[") == strings.Count(name, "]") && !strings.Contains(name, "[]") {
		return r.named(line, name, name)
	}
	return r.at(line, name)
}
