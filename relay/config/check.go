package config

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// checkInterface finds settings of one interface that contradict each other.
// Each problem is told where the setting is given, be it in the defaults.
func (r *reader) checkInterface(s *settings, p *agent.Policy) {
	r.checkServers(s, p)
	r.checkGiaddr(s)
	r.checkRelayed(s)
	r.check6(s, p)
	if !s.V4.Option82.On {
		r.checkWithoutOption82(s)
		return
	}
	r.checkIdentifiers(s, p)
	r.checkLength(s)
	r.checkVSS(s, p)
	r.checkLinkSelection(s, p)
	if o := &s.V4.Option82; o.Override && !o.Flags {
		r.warn(r.src.given(s.path, "dhcpv4.option82.server_id_override"), "servers cannot tell renewals that come through this relay from broadcasts",
			"write flags = true beside it (RFC 5107, section 4)")
	}
}

// failed reports whether a problem was found with the value at a path, or
// within it.
func (r *reader) failed(path string) bool {
	for _, bad := range r.bad {
		if rest, ok := strings.CutPrefix(bad, path); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}

func (r *reader) checkServers(s *settings, p *agent.Policy) {
	at := r.src.given(s.path, "servers")
	if len(s.servers) == 0 {
		if !r.lost && !r.failed(join(s.path, "servers")) && !r.failed("defaults.servers") {
			r.wrong(at, "this interface has no servers", `write servers = ["10.9.0.2"] here or in [defaults], or relay = false to leave the interface alone`)
		}
		return
	}
	v4, v6 := 0, 0
	for _, i := range s.Servers {
		if p.Servers[i].Addr.Addr().Is4() {
			v4++
		} else {
			v6++
		}
	}
	if n := max(v4, v6); n > agent.MaxServers {
		r.wrong(at, fmt.Sprintf("%d servers of one family, and an interface can have %d", n, agent.MaxServers), "leave some out, or name relays that pass requests on to several")
	}
	r.checkTwins(s, p)
	r.checkRoles(s, p)
}

// checkRoles finds an interface whose servers of a family never answer, or none at once.
func (r *reader) checkRoles(s *settings, p *agent.Policy) {
	for f := range dhcp.Family(dhcp.Families) {
		listed, answers, prompt := 0, 0, 0
		for _, i := range s.Servers[:len(s.Servers)-s.ForClasses] {
			v := &p.Servers[i]
			if dhcp.FamilyOf(v.Addr.Addr()) != f {
				continue
			}
			listed++
			if !v.Listens {
				answers++
				if v.Delay == 0 {
					prompt++
				}
			}
		}
		at := r.src.given(s.path, "servers")
		switch {
		case listed > 0 && answers == 0 && len(s.Hosts) == 0:
			r.wrong(at, fmt.Sprintf("no %s server of this interface answers: each has the role \"listen\"", f.IP()), "add one that does")
		case answers > 0 && prompt == 0:
			r.warn(at, fmt.Sprintf("each %s server of this interface has a delay, so all are asked at once", f.IP()), "leave one of them without")
		}
	}
}

// checkTwins finds servers at one address: replies tell one from the other by the
// port alone that they come from.
func (r *reader) checkTwins(s *settings, p *agent.Policy) {
	seen := make(map[netip.Addr]netip.AddrPort, len(s.Servers))
	for _, i := range s.Servers {
		a := p.Servers[i].Addr
		if other, ok := seen[a.Addr()]; ok {
			r.warn(r.src.given(s.path, "servers"), fmt.Sprintf("%s and %s have one address: replies that come from neither port are counted for one of them", other, a),
				"have each answer from the port that it listens on, or give one an address of its own")
			continue
		}
		seen[a.Addr()] = a
	}
}

func (r *reader) checkGiaddr(s *settings) {
	at := r.src.given(s.path, "dhcpv4.giaddr")
	if s.V4.SmartAfter > 0 && s.V4.Address.Kind == giaddr.Given {
		r.wrong(r.src.given(s.path, "dhcpv4.smart_relay_after"), "giaddr is the one address "+s.V4.Address.String()+", so there is no next one to try",
			`write smart_relay_after = 0, or giaddr = "primary"`)
	}
	if s.V4.Address.Kind == giaddr.Borrowed && s.V4.Address.Link == s.Name {
		r.wrong(at, fmt.Sprintf("%q borrows from itself", s.Name), `write giaddr = "primary"`)
	}
}

func (r *reader) checkRelayed(s *settings) {
	at := r.src.given(s.path, "dhcpv4.relayed_requests")
	if !s.Trusted && strings.HasPrefix(at, s.path+".") {
		r.warn(at, "this has no effect: an interface that is not trusted drops relayed requests", "write trusted = true beside it, or remove it")
	}
}

// checkWithoutOption82 finds settings that need the option that is switched off.
func (r *reader) checkWithoutOption82(s *settings) {
	const or = ", or leave option82 switched on"
	if s.V4.SourcePort != port4 {
		r.wrong(r.src.given(s.path, "dhcpv4.source_port"), fmt.Sprintf("servers answer to port %d only if option 82 says so (RFC 8357, section 5.1), and %q has it switched off", s.V4.SourcePort, s.Name),
			"write source_port = 67"+or)
	}
	if s.V4.Relayed == agent.Append || s.V4.Relayed == agent.Replace {
		r.wrong(r.src.given(s.path, "dhcpv4.relayed_requests"), fmt.Sprintf("%q has option 82 switched off, so there is none to put in", s.Name), `write relayed_requests = "forward"`+or)
	}
	if s.V4.Option82.VSS.On {
		r.warn(r.src.given(s.path, "dhcpv4.option82"), "with option 82 the vss of [defaults] is switched off too, so servers cannot tell this interface's VPN",
			"switch the other suboptions off, each for itself")
	}
}

// identifiers are the templates of option 82 by their keys.
func identifiers(o *agent.Option82) []named {
	return []named{{"circuit_id", o.CircuitID}, {"remote_id", o.RemoteID}, {"subscriber_id", o.SubscriberID}}
}

type named struct {
	key      string
	template agent.Template
}

func (r *reader) checkIdentifiers(s *settings, p *agent.Policy) {
	for _, id := range identifiers(&s.V4.Option82) {
		at := r.src.given(s.path, "dhcpv4.option82."+id.key)
		if p.Hostname == "" && id.template.Uses("hostname") {
			r.wrong(at, "{hostname} is empty, since this host has no name", `write hostname = "..." at the top of the file`)
		}
		// That few links have no MAC needs no warning of its own.
		if id.key != "remote_id" && !id.template.Empty() && id.template.MinLen() == 0 {
			r.warn(at, fmt.Sprintf("%q is empty on interfaces that do not have it, and is left out there", id.template), "add text or a placeholder that all have, such as {interface}")
		}
	}
}

// checkLength proves that option 82 fits into its length octet on every link:
// it is never split (RFC 3396, section 4).
func (r *reader) checkLength(s *settings) {
	total := 0
	all := s.V4.Suboptions()
	parts := make([]string, len(all))
	for i, p := range all {
		total += p.Most
		parts[i] = fmt.Sprintf("%s %d", strings.TrimPrefix(strings.TrimPrefix(p.Key, "dhcpv4."), "option82."), p.Most)
	}
	at := r.src.given(s.path, "dhcpv4.option82")
	switch {
	case total == 0:
		r.warn(at, "all suboptions are switched off, so option 82 is not sent", "write option82 = false, or switch one on")
	case total > math.MaxUint8:
		r.wrong(at, fmt.Sprintf("option 82 can take %d octets, and has room for 255", total), "shorten it: "+strings.Join(parts, ", "))
	}
}

// checkVSS finds a VPN that no server is told of (RFC 6607, section 4.1).
func (r *reader) checkVSS(s *settings, p *agent.Policy) {
	if !s.V4.Option82.VSS.On || understood(s, p, dhcp.V4) {
		return
	}
	r.wrong(r.src.given(s.path, "dhcpv4.option82.vss"), "no IPv4 server of this interface understands VSS, so none learns the clients' VPN",
		"write vss = true in the [[server]], or vss = false here")
}

// checkLinkSelection finds link selection that no server gets, and servers that lack it and
// VSS apart: a request is edited from one form into the next, and takes nothing back.
func (r *reader) checkLinkSelection(s *settings, p *agent.Policy) {
	o := &s.V4.Option82
	if o.LinkSel == agent.LinkSelOff {
		return
	}
	gets, lacksIt, lacksVSS := len(s.Hosts) > 0, "", ""
	for _, i := range s.Servers {
		v := &p.Servers[i]
		switch {
		case v.Addr.Addr().Is6():
			continue
		case !v.NoLinkSelection && !v.VSS:
			lacksVSS = v.Addr.Addr().String()
		case v.NoLinkSelection && v.VSS:
			lacksIt = v.Addr.Addr().String()
		}
		gets = gets || !v.NoLinkSelection
	}
	at := r.src.given(s.path, "dhcpv4.option82.link_selection")
	switch {
	case o.VSS.On && lacksIt != "" && lacksVSS != "":
		r.wrong(at, fmt.Sprintf("%s gets VSS and no link selection, and %s link selection and no VSS", lacksIt, lacksVSS), "have one of both get neither, or switch one of the suboptions off")
	case !gets && slices.ContainsFunc(s.Servers, func(i int) bool { return p.Servers[i].Addr.Addr().Is4() }):
		r.warn(at, "no IPv4 server of this interface gets it: each has link_selection = false", "leave it out here, or there")
	}
}

// understood reports whether a server of the family understands VSS, or whether
// there is no server at all, which is another problem.
func understood(s *settings, p *agent.Policy, f dhcp.Family) bool {
	if len(s.Servers) == 0 || len(s.Hosts) > 0 {
		return true
	}
	for _, i := range s.Servers {
		if p.Servers[i].VSS && p.Servers[i].Addr.Addr().Is4() == (f == dhcp.V4) {
			return true
		}
	}
	return false
}
