package config

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/relay/agent"
)

// config holds the parts of the file against each other and puts them together.
func (r *reader) config(f *file, host Host) *Config {
	c := &Config{Metrics: f.metrics, Control: f.control, Recorder: f.recorder, Log: f.log, Unconfined: f.relay.unconfined, src: r.src}
	c.Policy.ReplySources = f.replySources
	c.Policy.Hostname = f.hostname
	if f.hostname == "" {
		c.Policy.Hostname = host.Hostname[:min(len(host.Hostname), maxHostname)]
	}
	c.Policy.DUID = f.duid
	c.Policy.Alone = f.relay.alone
	about := r.servers(f, host.Lookup)
	c.servers = about.listed
	seen := names{paths: map[string]string{}}
	all := r.newRoll(f, about, &c.Policy)
	for i := range f.interfaces {
		s := &f.interfaces[i]
		seen.add(r, s)
		if s.Off {
			s.Servers, s.Groups = nil, nil
			c.Policy.Interfaces = append(c.Policy.Interfaces, s.Interface)
			continue
		}
		all.serve(s)
		all.classes(s, f.classes)
		r.checkInterface(s, &c.Policy)
		if !s.V4.Option82.On {
			// How to treat an echo is all that is left of it.
			s.V4.Option82 = agent.Option82{DropMismatch: s.V4.Option82.DropMismatch}
		}
		c.Policy.Interfaces = append(c.Policy.Interfaces, s.Interface)
	}
	for n := range c.Policy.Servers {
		addr := c.Policy.Servers[n].Addr
		for _, p := range about.listed[addr].answersFrom {
			if p.Addr().Is4() != addr.Addr().Is4() {
				continue // of a name with addresses of both families
			}
			c.Policy.AnswersFrom = append(c.Policy.AnswersFrom, agent.OtherAddress{Server: n, From: p})
		}
	}
	all.checkClasses(f)
	c.Names, c.Policy.Former = slices.Sorted(maps.Keys(all.looked)), all.former
	r.checkSome(f)
	all.tellUnused(f)
	for _, s := range f.servers {
		if s.host.name != "" {
			if !all.looked[s.host.name] {
				r.warn(s.path, "no interface lists the server "+s.host.String(), "add it to the servers of one, or remove this table")
			}
			continue
		}
		if _, used := all.addrs[s.addr]; !used && s.addr.IsValid() {
			r.warn(s.path, "no interface lists the server "+s.addr.String(), "add it to the servers of one, or remove this table")
		}
	}
	return c
}

// checkSome finds a file that serves nobody and does not say so: most often it is
// empty, or was cut short. Where something else is wrong, that says more.
func (r *reader) checkSome(f *file) {
	switch listed := len(f.interfaces) > 0; {
	case f.none && listed:
		r.wrong("interfaces", `"none" is written, and there is an [[interface]]`, "remove one or the other")
	case !f.none && !listed && len(r.problems) == 0:
		r.wrong("", "there is no [[interface]], so no client would be served",
			`write one with a name and servers, or interfaces = "none" at the top of the file if nothing is to be relayed`)
	}
}

// A book holds what [[server]] says of each address, and what holds of others.
type book struct {
	listed map[netip.AddrPort]server
	named  map[string]server
	hosts  map[hostOf]server
	others server
	lookup func(name string) (now, former []netip.Addr) // see Host.Lookup
}

func (b *book) of(a netip.AddrPort) agent.Server {
	s, ok := b.listed[a]
	if !ok {
		s = b.others
		s.link = a.Addr().Zone()
	}
	s.addr = a
	return s.resolved()
}

// resolved returns a server whose address is known.
func (s *server) resolved() agent.Server {
	to := agent.Server{Addr: s.addr, Link: s.link, VRF: s.vrf, VSS: s.vss, NoLinkSelection: !s.linkSel, Name: s.name, Delay: s.delay, Listens: s.listens, Host: s.host.name}
	if s.source.Is4() == s.addr.Addr().Is4() { // a name may have addresses of both families
		to.Source = s.source
	}
	return to
}

func (r *reader) servers(f *file, lookup func(string) (now, former []netip.Addr)) *book {
	b := book{listed: map[netip.AddrPort]server{}, named: map[string]server{}, hosts: map[hostOf]server{}, others: builtin(serverKeys()), lookup: lookup}
	for _, s := range f.servers {
		if s.name != "" {
			b.named[s.name] = s
		}
		if s.host.name != "" {
			if first, ok := b.hosts[s.host]; ok {
				r.wrong(s.path+".address", s.host.String()+" is already "+r.src.other(first.path, s.path), "make one of both")
			}
			b.hosts[s.host] = s
			continue
		}
		if first, ok := b.listed[s.addr]; ok {
			r.wrong(s.path+".address", s.addr.String()+" is already "+r.src.other(first.path, s.path), "make one of both")
			continue
		}
		if s.addr.IsValid() {
			b.listed[s.addr] = s
		}
	}
	return &b
}

// place returns a server of a list as [[server]] has it: a link-local address that bears no
// interface gets that of the only one with the same address.
func (r *reader) place(a netip.AddrPort, about *book, at string) netip.AddrPort {
	if !local(a.Addr()) || a.Addr().Zone() != "" {
		return a
	}
	var found []netip.AddrPort
	for have := range about.listed {
		if netip.AddrPortFrom(have.Addr().WithZone(""), have.Port()) == a {
			found = append(found, have)
		}
	}
	address := a.Addr().String()
	switch {
	case len(found) == 1:
		return found[0]
	case len(found) > 1:
		r.wrong(at, address+" is on several interfaces", "write which: "+strconv.Quote(slices.MinFunc(found, netip.AddrPort.Compare).Addr().String()))
	default:
		r.wrong(at, address+" is link-local, and nothing says on which interface it is",
			`write "`+address+`%uplink" with the interface's name, or a [[server]] with address = "`+address+`" and interface = "uplink"`)
	}
	return a
}

// Names are the names of the interfaces so far. Only patterns can take another
// name, so that thousands of plain names cost one look-up each.
type names struct {
	paths    map[string]string
	patterns []*settings
}

// add checks a name against those before it.
func (n *names) add(r *reader, s *settings) {
	at := join(s.path, "name")
	if s.Name == "" || r.failed(at) {
		return
	}
	if first, ok := n.paths[s.Name]; ok {
		r.wrong(at, strconv.Quote(s.Name)+" is already "+r.src.other(first, s.path), "make one of both")
		return
	}
	n.paths[s.Name] = s.path
	for _, b := range n.patterns {
		if isPattern(s.Name) && takes(b.Name, s.Name) {
			r.wrong(at, r.src.other(b.path, s.path)+" "+strconv.Quote(b.Name)+" comes before and holds for all that "+strconv.Quote(s.Name)+" means", "move this interface before that one")
			return
		}
	}
	if isPattern(s.Name) {
		n.patterns = append(n.patterns, s)
	}
}

// takes reports whether a pattern holds for everything that a later one can mean, as far
// as that can be told.
func takes(pattern, later string) bool {
	stem, ok := strings.CutSuffix(pattern, "*")
	return ok && !isPattern(stem) && strings.HasPrefix(later, stem)
}

// checkGroup finds multicast groups of which nobody says where they are.
func (r *reader) checkGroup(a netip.AddrPort, about *book, at string) {
	said := about.listed[a]
	if !a.Addr().IsMulticast() || said.link != "" || said.path != "" && r.failed(join(said.path, "interface")) {
		return
	}
	r.wrong(at, a.Addr().String()+" is a multicast group, and nothing says on which interface it is",
		`write a [[server]] with address = "`+a.Addr().String()+`" and interface = "..."`)
}
