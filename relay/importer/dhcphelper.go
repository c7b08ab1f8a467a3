package importer

import (
	"slices"
	"strings"
)

// readDHCPHelper reads /etc/default/dhcp-helper, or a command line.
func readDHCPHelper(r *reader, text string) error {
	for n, line := range logical(text) {
		line = strings.TrimSpace(line)
		args, ok := strings.CutPrefix(line, "DHCPHELPER_OPTS=")
		if !ok {
			args, ok = cutCommand(line, "dhcp-helper")
		}
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		words, err := split(args, n)
		if err != nil {
			return err
		}
		var inner []word
		for _, w := range words {
			more, err := split(w.text, n)
			if err != nil {
				return err
			}
			inner = append(inner, more...)
		}
		r.dhcpHelper(n, inner)
	}
	return nil
}

// dhcpHelper carries one command line over.
func (r *reader) dhcpHelper(line int, words []word) {
	var servers, links, except []string
	for i := 0; i < len(words); i++ {
		option, value := words[i].text, ""
		if len(option) > 2 {
			option, value = option[:2], option[2:]
		} else if slices.Contains([]string{"-s", "-b", "-i", "-e", "-r", "-u"}, option) && i+1 < len(words) {
			i++
			value = words[i].text
		}
		switch option {
		case "-s":
			servers = append(servers, value)
		case "-i":
			links = append(links, value)
		case "-e":
			except = append(except, value)
		case "-b":
			r.cannot(line, "-b "+value+" broadcasts requests to the servers' network, and here they go to servers by unicast", "write the addresses of the servers, or the router's own if it is the server, into servers")
		case "-p":
			r.cannot(line, "-p: a relay listens on the ports of DHCP", `write the port of a server behind its address, such as "10.9.0.2:1067"`)
		case "-r", "-u", "-d", "-n":
		default:
			r.cannot(line, words[i].text+" is no option of dhcp-helper that is known here", "see what it did, and write that into relay.toml")
		}
	}
	if len(links) == 0 && len(servers) > 0 {
		links = []string{"*"}
		r.differs(`dhcp-helper without -i serves every interface. "*" does so as well: list the clients' interfaces in its place.`)
	}
	if slices.Contains(links, "*") {
		r.except(line, except)
	}
	for _, name := range links {
		l := r.helperLink(line, name)
		if l == nil {
			continue
		}
		for _, s := range servers {
			if a, ok := r.destination(line, s, only4, ""); ok {
				l.add(a)
			}
		}
		l.set["dhcpv4.option82"] = "false" // it adds none
	}
	r.differs("Requests may have passed 4 relays (hop_limit): write more where more stand in a row.")
}

// except leaves interfaces alone that a pattern matches.
func (r *reader) except(line int, names []string) {
	for _, name := range names {
		if l := r.at(line, name); l != nil {
			l.off = true
		}
	}
}

func (r *reader) helperLink(line int, name string) *link {
	if name == "*" {
		return r.named(line, name, "every interface")
	}
	return r.at(line, name)
}
