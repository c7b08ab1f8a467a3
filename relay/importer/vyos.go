package importer

import (
	"slices"
	"strings"
)

// readVyOS reads service dhcp-relay and service dhcpv6-relay. Below them is
// dhcrelay, which is started as VyOS does.
func readVyOS(r *reader, text string) error {
	all, err := statements(text)
	if err != nil {
		return err
	}
	var v4, v6 dhcrelay
	v4.agent, v6.v6 = true, true
	seen := false
	for _, s := range all {
		w, ok := s.under("service")
		if !ok {
			w = s.words
		}
		s = statement{s.line, w}
		if w, ok := s.under("dhcp-relay"); ok && len(w) > 0 {
			seen = true
			v4.vyos4(r, statement{s.line, w})
		} else if w, ok := s.under("dhcpv6-relay"); ok && len(w) > 0 {
			v6.vyos6(r, statement{s.line, w})
		}
	}
	if v4.mode == "" {
		v4.mode = "forward"
	}
	if seen {
		v4.plan(r)
	}
	if len(v6.lower) > 0 {
		v6.plan(r)
	}
	return nil
}

func (c *dhcrelay) vyos4(r *reader, s statement) {
	w := s.words
	last := word{w[len(w)-1], s.line}
	switch {
	case len(w) == 1 && w[0] == "disable":
		r.cannot(s.line, "the relay is disabled", "do not start dhcp-relay")
	case len(w) != 2 && w[0] != "relay-options":
		r.cannot(s.line, strings.Join(w, " ")+" is not known here", "see relay.toml(5) for what comes near")
	case w[0] == "interface":
		c.both = append(c.both, last)
	case w[0] == "listen-interface":
		c.down = append(c.down, last)
	case w[0] == "upstream-interface":
		c.up = append(c.up, last)
	case w[0] == "server":
		c.servers = append(c.servers, last)
	case len(w) == 3 && w[1] == "hop-count":
		c.hops = last.text
	case len(w) == 3 && w[1] == "max-size":
		c.size = last.text
	case len(w) == 3 && w[1] == "relay-agents-packets":
		c.mode = last.text
	case len(w) == 3 && w[1] == "port" && last.text == "67":
	default:
		r.cannot(s.line, strings.Join(w, " ")+" has no counterpart here", "see relay.toml(5) for what comes near")
	}
}

func (c *dhcrelay) vyos6(r *reader, s statement) {
	w := s.words
	switch {
	case w[0] == "listen-interface" && len(w) == 2:
		c.lower = append(c.lower, word{w[1], s.line})
	case w[0] == "listen-interface" && len(w) == 4 && w[2] == "address":
		c.lower = append(slices.DeleteFunc(c.lower, func(l word) bool { return l.text == w[1] }), word{w[3] + "%" + w[1], s.line})
	case w[0] == "upstream-interface" && len(w) == 4 && w[2] == "address":
		c.upper = append(c.upper, word{w[3] + "%" + w[1], s.line})
	case w[0] == "upstream-interface" && len(w) == 2:
		c.upper = append(c.upper, word{w[1], s.line})
	case w[0] == "max-hop-count" && len(w) == 2:
		c.hops = w[1]
	case w[0] == "use-interface-id-option":
		c.ifid = true
	case w[0] == "disable":
		r.cannot(s.line, "the relay is disabled", "do not start dhcp-relay")
	default:
		r.cannot(s.line, strings.Join(w, " ")+" is not known here", "see relay.toml(5) for what comes near")
	}
}
