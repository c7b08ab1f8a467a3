package importer

import (
	"net/netip"
	"regexp"
	"strings"
)

// readDnsmasq reads the relay lines of dnsmasq, in its file or on its command line:
//
//	dhcp-relay=<local address>[,<server>[#<port>]][,<interface>]
//
// and the relays of OpenWrt, which has them in sections of /etc/config/dhcp.
func readDnsmasq(r *reader, text string) error {
	if strings.Contains(text, "config relay") {
		return r.openWrt(text)
	}
	arg := regexp.MustCompile(`(?:^|\s)(?:--)?dhcp-(split-)?relay\s*[= ]\s*["']?([0-9a-fA-F.:][^\s"']*)`)
	for n, line := range logical(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		for _, m := range arg.FindAllStringSubmatch(line, -1) {
			if m[1] != "" {
				r.cannot(n, "dhcp-split-relay gives servers the address of another interface as giaddr", `write an [[interface]] with its servers, giaddr = "the uplink's name" and link_selection = "address"`)
				continue
			}
			r.relayLine(n, strings.Split(m[2], ","))
		}
	}
	return nil
}

// openWrt reads the sections "config relay" of /etc/config/dhcp.
func (r *reader) openWrt(text string) error {
	var f [3]string // local address, server, interface
	first, in := 0, false
	end := func() {
		if in && f[0] != "" {
			r.relayLine(first, strings.Split(strings.TrimRight(strings.Join(f[:], ","), ","), ","))
		}
		f = [3]string{}
	}
	for n, line := range logical(text) {
		words, err := split(line, n)
		if err != nil {
			return err
		}
		switch {
		case len(words) > 1 && words[0].text == "config":
			end()
			first, in = n, words[1].text == "relay"
		case len(words) > 2 && words[0].text == "option" && in:
			switch words[1].text {
			case "local_addr":
				f[0] = words[2].text
			case "server_addr":
				f[1] = words[2].text
			case "interface":
				f[2] = words[2].text
			}
		}
	}
	end()
	return nil
}

// relayLine carries one relay of dnsmasq over.
func (r *reader) relayLine(line int, f []string) {
	local, err := netip.ParseAddr(f[0])
	if err != nil || !usable(local) || local.Zone() != "" || local.IsMulticast() || local.IsLinkLocalUnicast() {
		r.cannot(line, f[0]+" is no address of an interface", "write an [[interface]] with its servers")
		return
	}
	name, ok := r.options.Names.find(f[0])
	if !ok && r.options.Hosts != nil {
		name = r.options.Hosts(local)
	}
	if name == "" {
		r.cannot(line, "no interface of this host has "+f[0]+", by which dnsmasq knows the clients' interface", "say which it is with --name '"+f[0]+"=eth1'")
		return
	}
	l := r.at(line, name)
	if l == nil {
		return
	}
	if l.old == "" {
		l.old = f[0]
	}
	r.relayServers(line, l, local, f[1:])
	key, value := "dhcpv4.giaddr", quoted(local.String())
	if local.Is6() {
		key = "dhcpv6.link_address"
	}
	if had, ok := l.set[key]; ok && had != value {
		r.cannot(line, l.name+" gets requests relayed in the name of two addresses", "leave one out, or have smart_relay_after try them in turn")
		return
	}
	l.set[key] = value
	r.dnsmasqDiffers(l, local)
}

// relayServers adds the servers of one relay: an address, or the interface that
// leads to all servers.
func (r *reader) relayServers(line int, l *link, local netip.Addr, rest []string) {
	f, link := only4, ""
	if local.Is6() {
		f = only6
	}
	if len(rest) > 1 {
		link = rest[1]
	} else if len(rest) == 1 && !strings.ContainsAny(rest[0], ":.") && !strings.Contains(rest[0], "#") {
		rest, link = nil, rest[0]
	}
	if len(rest) == 0 && f == only6 && link != "" {
		if name, why, do := r.rename(link); why != "" {
			r.cannot(line, why, do)
		} else {
			r.group(line, l, netip.MustParseAddr("ff05::1:3"), name)
		}
		return
	}
	if len(rest) == 0 || rest[0] == "" || rest[0] == "0.0.0.0" {
		r.cannot(line, "the requests are broadcast to the servers' network, and here they go to servers by unicast", "write the addresses of the servers into servers")
		return
	}
	addr, port, _ := strings.Cut(rest[0], "#")
	if a, err := netip.ParseAddr(addr); err == nil && a.IsLinkLocalUnicast() && a.Zone() == "" && link != "" {
		name, why, do := r.rename(link)
		if why != "" {
			r.cannot(line, why, do)
			return
		}
		addr += "%" + name
	}
	s, ok := r.destination(line, addr, f, port)
	if !ok {
		return
	}
	l.add(s)
	if link != "" {
		r.differs("dnsmasq takes replies from the named interface alone; here they may come in by any that leads to the server.")
	}
}

func (r *reader) dnsmasqDiffers(l *link, local netip.Addr) {
	if local.Is6() {
		l.set["dhcpv6.source"] = `"link_address"`
		r.differs("An Interface-Id is sent (interface_id); dnsmasq sends none.")
		return
	}
	l.set["dhcpv4.option82"] = "false" // it adds none
	l.set["dhcpv4.source"] = `"giaddr"`
	r.differs("Requests may have passed 4 relays (hop_limit); with dnsmasq 20.")
}
