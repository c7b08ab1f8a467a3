package config

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/class"
	"dhcp-relay/relay/wire/dhcp"
)

// A clientClass is what a [[class]] says.
type clientClass struct {
	agent.Class
	only   int // 0: both families; else a family and 1
	list   []listed
	path   string
	hosts  []string // DNS names in list
	rolled bool     // Groups are known
}

const (
	wantClassText = `text, of which a * at either end stands for anything, such as "PXEClient*", or a list of them`
	wantMAC       = `the first octets of a MAC, such as "00:1b:fc", or a list of them`

	maxMACPrefix = 16 // octets of chaddr
)

// classKeys are the keys of [[class]].
func classKeys() []key[clientClass] {
	type c = clientClass
	return []key[c]{
		{
			"name", "", `a name, such as "voip"`,
			"What metrics, explain and trace call the class.",
			func(r *reader, v value, to *c) { to.Name = r.name(v) },
		},
		{
			"interfaces", "[]", `a list of names of interfaces and patterns, such as ["vlan10", "ap*"], or [] for all`,
			"On which interfaces the class holds.",
			readClassInterfaces,
		},
		{
			"family", `"both"`, `"both", "dhcpv4" or "dhcpv6"`,
			"Of which family the requests are.",
			choice(func(k *c) *int { return &k.only }, "both", "dhcpv4", "dhcpv6"),
		},
		{
			"vendor_class", "[]", wantClassText,
			"What the client says of its maker: option 60, or in DHCPv6 the data of option 16.",
			texts(class.VendorClass),
		},
		{
			"user_class", "[]", wantClassText,
			"What the client says of its use: option 77, or option 15 in DHCPv6.",
			texts(class.UserClass),
		},
		{
			"architecture", "[]", "a list of numbers from 0 to 65535, such as [7, 9]",
			"The processor architectures of a client that boots from the network: option 93, or option 61 in DHCPv6.",
			numbers(class.Architecture, 0xffff, func(n int64) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }),
		},
		{
			"enterprise", "[]", "a list of numbers that IANA has registered, such as [311]",
			"The enterprise numbers in option 16 of DHCPv6; no request of DHCPv4 bears one there.",
			numbers(class.Enterprise, 0xffffffff, func(n int64) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }),
		},
		{
			"mac", "[]", wantMAC,
			"How the client's hardware address begins: chaddr, or in DHCPv6 the address that the frame came from, which nobody knows of clients behind another relay.",
			readClassMAC,
		},
		{
			"bridge_ports", "[]", `the name of a port, of which a * at either end stands for anything, such as "swp*", or a list of them`,
			"By which port of a bridge the request came; of no class with it is what comes by one that is not known.",
			texts(class.Port),
		},
		{
			"servers", "[]", `a list as in [[interface]], such as ["pxe1", "10.9.5.2"], or [] for those of the interface`,
			"Where requests of the class go instead, in each family of which there is a server here. With those of the interface it has up to 16 of each family.",
			func(r *reader, v value, to *c) {
				if list, ok := r.list(v, wantServer); ok {
					to.list = r.entries(list)
				}
			},
		},
		{
			"drop", "false", "true or false",
			"Whether requests of the class are dropped.",
			flag(func(k *c) *bool { return &k.Drop }),
		},
		{
			"subscriber_id", "false", "false, or printable ASCII with the placeholders of circuit_id in text form",
			"The subscriber-id of the class, in place of that of the interface: suboption 6 (RFC 3993), or option 38 in DHCPv6 (RFC 4580).",
			func(r *reader, v value, to *c) {
				var o agent.Option82
				readSubscriberID(r, v, &o)
				to.SubscriberID = o.SubscriberID
			},
		},
	}
}

func readClasses(r *reader, v value, to *file) {
	list, _ := r.list(v, "a table")
	if len(list) > class.MaxRules {
		r.fail(v, "give classes that do the same several values in one list", "these are %d classes, and there can be %d", len(list), class.MaxRules)
		return
	}
	names := make(map[string]string)
	for _, v := range list {
		c := builtin(classKeys())
		c.path = v.path
		if !readTable(r, classKeys(), v, &c) {
			continue
		}
		first, taken := names[c.Name]
		switch at := v.path + ".name"; {
		case !r.src.has(at):
			r.wrong(v.path, "this class has no name", `write name = "voip", as metrics are to call it`)
		case taken && c.Name != "":
			r.wrong(at, strconv.Quote(c.Name)+" is already "+r.src.other(first, v.path), "give one of both another name")
		}
		names[c.Name] = v.path
		r.checkClass(&c)
		to.classes = append(to.classes, &c)
	}
}

// checkClass finds keys of one class that contradict each other.
func (r *reader) checkClass(c *clientClass) {
	if c.Drop && (len(c.list) > 0 || !c.SubscriberID.Empty()) {
		r.wrong(join(c.path, "drop"), "what is dropped goes to no server and has no subscriber-id", "remove drop, or servers and subscriber_id")
	}
	for f := range c.Not {
		c.Not[f] = c.only != 0 && c.only != f+1
	}
	if len(c.Rule[class.Enterprise]) > 0 {
		if c.Not[dhcp.V6] {
			r.never(c, "enterprise", "no request of DHCPv4 has the enterprise number of option 16", `remove it, or write family = "dhcpv6"`)
		}
		c.Not[dhcp.V4] = true
	}
	for f, key := range map[class.Field]string{class.VendorClass: "vendor_class", class.UserClass: "user_class"} {
		long := func(p class.Pattern) bool { return len(p.Text) > class.MaxScan }
		if ps := c.Rule[f]; len(ps) > 0 && c.Not[dhcp.V6] && !slices.ContainsFunc(ps, func(p class.Pattern) bool { return !long(p) }) {
			r.never(c, key, fmt.Sprintf("no option of DHCPv4 has more than %d octets", class.MaxScan), "shorten the text")
		}
	}
}

// never warns of a class that no request can be of.
func (r *reader) never(c *clientClass, key, why, hint string) {
	at := c.path
	if key != "" {
		at = join(at, key)
	}
	r.warn(at, fmt.Sprintf("no request can be of the class %q: %s", c.Name, why), hint)
}

// each reads one value or a list of them.
func (r *reader) each(v value, read func(v value, s string)) {
	if s, ok := v.any.(string); ok {
		read(v, s)
		return
	}
	list, _ := r.list(v, v.want)
	for _, v := range list {
		if s, ok := r.text(v); ok {
			read(v, s)
		}
	}
}

// texts reads what an option of the client has to say.
func texts(f class.Field) func(*reader, value, *clientClass) {
	return func(r *reader, v value, to *clientClass) {
		to.Rule[f] = nil
		r.each(v, func(v value, s string) {
			p, err := parseText(s)
			if err != nil {
				r.fail(v, "", "%q: %s", s, err)
				return
			}
			to.Rule[f] = append(to.Rule[f], p)
		})
	}
}

// parseText reads a text with a * at either end, and octets as in templates.
func parseText(s string) (p class.Pattern, err error) {
	p.Kind = class.Exact
	if rest, ok := strings.CutSuffix(s, "*"); ok {
		p.Kind, s = class.Prefix, rest
	}
	if rest, ok := strings.CutPrefix(s, "*"); ok {
		if p.Kind == class.Exact {
			return p, fmt.Errorf("a * at the beginning needs one at the end: %q", s+"*")
		}
		p.Kind, s = class.Substring, rest
	}
	t, err := agent.ParseTemplate(s)
	switch {
	case err != nil:
		return p, err
	case t.Varies():
		return p, errors.New("there is no placeholder but {hex:...} here")
	case t.Empty() && p.Kind == class.Exact:
		return p, fmt.Errorf("no client says nothing; %q is for all who say something", "*")
	case strings.Contains(s, "*"):
		return p, errors.New("a * stands for something only at the ends; write {hex:2a} for the character itself")
	}
	p.Text = string(t.Append(nil, &agent.Facts{}))
	if p.Text == "" {
		p.Kind = class.Prefix
	}
	if p.Kind == class.Substring && len(p.Text) > class.MaxScan {
		return p, fmt.Errorf("only %d octets are looked through", class.MaxScan)
	}
	return p, nil
}

// numbers reads a list of numbers as options have them.
func numbers(f class.Field, most int64, octets func(int64) []byte) func(*reader, value, *clientClass) {
	return func(r *reader, v value, to *clientClass) {
		to.Rule[f] = nil
		list, _ := r.list(v, "a number")
		for _, v := range list {
			if n, ok := r.number(v, 0, most); ok {
				to.Rule[f] = append(to.Rule[f], class.Pattern{Kind: class.Exact, Text: string(octets(n))})
			}
		}
	}
}

func readClassMAC(r *reader, v value, to *clientClass) {
	to.Rule[class.MAC] = nil
	r.each(v, func(v value, s string) {
		b, err := hex.DecodeString(strings.NewReplacer(":", "", "-", "", ".", "").Replace(strings.TrimRight(s, "*:")))
		if err != nil || len(b) == 0 || len(b) > maxMACPrefix {
			r.fail(v, "", "%q is no beginning of a MAC", s)
			return
		}
		to.Rule[class.MAC] = append(to.Rule[class.MAC], class.Pattern{Kind: class.Prefix, Text: string(b)})
	})
}

func readClassInterfaces(r *reader, v value, to *clientClass) {
	to.Interfaces = nil
	list, _ := r.list(v, "the name of an interface, or a pattern")
	for _, v := range list {
		s, ok := r.text(v)
		if !ok {
			continue
		}
		if _, err := path.Match(s, ""); err != nil || !isPattern(s) && !giaddr.ValidAltName(s) {
			r.fail(v, "", "%q is neither a name that an interface can have nor a pattern", s)
			continue
		}
		to.Interfaces = append(to.Interfaces, s)
	}
}

// mayHold reports whether a class may hold for a link of an [[interface]].
func (c *clientClass) mayHold(name string) bool {
	return len(c.Interfaces) == 0 || slices.ContainsFunc(c.Interfaces, func(p string) bool { return mayMeet(p, name) })
}

// mayMeet reports whether there may be a name that both patterns mean.
func mayMeet(a, b string) bool {
	if isPattern(a) && isPattern(b) {
		return true
	}
	m, _ := path.Match(a, b)
	n, _ := path.Match(b, a)
	return a == b || m || n
}

// classes gives an interface the servers of the classes that may hold there, after its own.
func (l *roll) classes(s *settings, all []*clientClass) {
	for _, c := range all {
		if !c.mayHold(s.Name) {
			continue
		}
		l.r.checkSubscriber(s, c)
		l.class(c)
		s.meets(c.hosts...)
		for _, g := range c.Groups {
			if slices.Contains(s.ClassGroups, g) {
				continue
			}
			s.ClassGroups = append(s.ClassGroups, g)
			for _, n := range l.policy.Groups[g].Servers {
				if !slices.Contains(s.Servers, n) {
					s.Servers = append(s.Servers, n)
					s.ForClasses++
				}
			}
		}
	}
}

// checkSubscriber proves that option 82 has room for the subscriber-id of a class.
func (r *reader) checkSubscriber(s *settings, c *clientClass) {
	if !s.V4.Option82.On || c.SubscriberID.Empty() || c.Not[dhcp.V4] {
		return
	}
	v4 := s.V4
	v4.Option82.SubscriberID = c.SubscriberID
	total := 0
	for _, p := range v4.Suboptions() {
		total += p.Most
	}
	if total > math.MaxUint8 {
		r.wrong(join(c.path, "subscriber_id"), fmt.Sprintf("with it option 82 of %q can take %d octets, and has room for 255", s.Name, total), "shorten it, or the other identifiers there")
	}
}

// class finds out which groups of servers a class has: those that it lists without a name
// are one, of which each gets a copy.
func (l *roll) class(c *clientClass) {
	if c.rolled {
		return
	}
	c.rolled = true
	var plain, seen []int
	at := join(c.path, "servers")
	for _, e := range c.list {
		if g, ok := l.named[e.name]; ok && e.name != "" {
			c.Groups = append(c.Groups, l.group(g))
			c.hosts = append(c.hosts, g.hosts...)
			continue
		}
		all, host := l.servers(e, at)
		if host != "" {
			c.hosts = append(c.hosts, host)
		}
		for _, n := range all {
			if len(c.hosts) == 0 || !slices.Contains(plain, n) {
				plain = append(plain, n)
			}
		}
	}
	if len(plain) > 0 {
		key := fmt.Sprint(agent.All, plain)
		n, ok := l.groups[key]
		if !ok {
			n = l.enter(key, agent.Group{Mode: agent.All, Back: builtin(groupKeys()).back, Servers: plain})
		}
		c.Groups = append(c.Groups, n)
	}
	for _, g := range c.Groups {
		for _, n := range l.policy.Groups[g].Servers {
			if slices.Contains(seen, n) {
				l.r.wrong(at, l.policy.Servers[n].Addr.Addr().String()+" is on the list twice", "remove one")
				return
			}
			seen = append(seen, n)
		}
	}
}

// checkClasses finds classes that no request can be of, and puts all into the policy.
func (l *roll) checkClasses(f *file) {
	for i, c := range f.classes {
		l.class(c)
		l.policy.Classes = append(l.policy.Classes, c.Class)
		if c.Not != [dhcp.Families]bool{true, true} && !l.shadowed(f.classes[:i], c) {
			l.checkServed(f, c)
		}
	}
}

// shadowed warns of a class all of whose requests are of an earlier one.
func (l *roll) shadowed(before []*clientClass, c *clientClass) bool {
	for _, b := range before {
		if b.covers(c) {
			l.r.never(c, "", fmt.Sprintf("all of them are of %q, %s", b.Name, l.r.src.other(b.path, c.path)), "move it before that one, or remove it")
			return true
		}
	}
	return false
}

// covers reports whether all requests of a class are of this one, as far as that can be
// told.
func (c *clientClass) covers(d *clientClass) bool {
	for f := range c.Not {
		if c.Not[f] && !d.Not[f] {
			return false
		}
	}
	if !c.Rule.Covers(&d.Rule) {
		return false
	}
	if len(c.Interfaces) == 0 {
		return true
	}
	return len(d.Interfaces) > 0 && !slices.ContainsFunc(d.Interfaces, func(later string) bool {
		return !slices.ContainsFunc(c.Interfaces, func(p string) bool {
			m, _ := path.Match(p, later)
			return p == later || takes(p, later) || m && !isPattern(later)
		})
	})
}

// checkServed warns of a class that holds on no interface, or for a family of which none
// has servers, and of servers that its requests cannot go to.
func (l *roll) checkServed(f *file, c *clientClass) {
	holds, useful := false, false
	var served, own [dhcp.Families]bool
	for i := range f.interfaces {
		s := &f.interfaces[i]
		if s.Off || !c.mayHold(s.Name) {
			continue
		}
		holds = true
		useful = useful || len(s.Hosts) > 0
		for _, n := range s.Servers {
			served[dhcp.FamilyOf(l.policy.Servers[n].Addr.Addr())] = true
		}
	}
	for _, g := range c.Groups {
		for _, n := range l.policy.Groups[g].Servers {
			own[dhcp.FamilyOf(l.policy.Servers[n].Addr.Addr())] = true
		}
	}
	for f := range dhcp.Family(dhcp.Families) {
		useful = useful || served[f] && !c.Not[f]
		if own[f] && c.Not[f] {
			l.r.warn(join(c.path, "servers"), fmt.Sprintf("no request of the class %q goes to its %s servers", c.Name, f.IP()), "remove them, or the condition on the family")
		}
	}
	switch {
	case !holds && len(f.interfaces) > 0:
		l.r.never(c, "interfaces", "it holds on no [[interface]]", "write names that they have")
	case holds && !useful:
		l.r.never(c, "", "no interface on which it holds has servers of its family", "add servers, or remove it")
	}
}
