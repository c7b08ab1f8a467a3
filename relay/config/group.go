package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// maxBack is the longest that a preferred server can be made to wait.
const maxBack = 24 * time.Hour

// A listed is one entry of a list of servers: an address, the name of a server or of a
// group, or a DNS name.
type listed struct {
	addr netip.AddrPort
	name string // as it is written; "" if it is an address
	host hostOf // what name is as a DNS name, if it can be one
	path string
}

// A serverGroup is what a [[server_group]] says.
type serverGroup struct {
	name  string
	mode  agent.Mode
	back  time.Duration
	late  time.Duration
	split []uint16
	list  []listed
	path  string
	used  bool
	hosts []string // DNS names on the list
}

func groupKeys() []key[serverGroup] {
	return []key[serverGroup]{
		{
			"name", "", `a name, such as "campus"`,
			"What interfaces list the group by, among their servers.",
			func(r *reader, v value, to *serverGroup) { to.name = r.name(v) },
		},
		{
			"servers", "", `a list of addresses, names of [[server]] and DNS names, such as ["10.9.0.2", "10.9.0.3", "kea1"]`,
			"The servers of the group, the most preferred first.",
			func(r *reader, v value, to *serverGroup) {
				if list, ok := r.list(v, wantServer); ok {
					to.list = r.entries(list)
				}
			},
		},
		{
			"mode", `"all"`, `"all", "failover", "hash" or "balance"`,
			"Which of them get a request: a copy to each; the most preferred one that answers in time; always the same one for a client (RFC 1542, section 4.1.1); or that which holds the client's hash bucket (RFC 3074). While none answers, all are asked; a client of failover that asks again asks all.",
			choice(func(g *serverGroup) *agent.Mode { return &g.mode }, modes()...),
		},
		{
			"back", `"30s"`, `"at once", "never", or a time such as "30s" or "10m"`,
			"In failover mode, how long a preferred server has to answer again, and in time, before it takes over again.",
			readBack,
		},
		{
			"split", "[]", "a list of numbers that sum up to 256, one for each server of a family, or [] for equal parts",
			"In balance mode, how many of the 256 hash buckets each server holds, in the order of servers.",
			readSplit,
		},
		{
			"late", "0", "a number of seconds from 1 to 255, or 0 for never",
			"In balance mode, after how long a client's requests go to all servers of the group: the delayed service parameter (RFC 3074, section 5).",
			seconds(func(g *serverGroup) *time.Duration { return &g.late }),
		},
	}
}

// seconds reads a time that messages bear in an octet or two.
func seconds[T any](field func(*T) *time.Duration) func(*reader, value, *T) {
	return func(r *reader, v value, to *T) {
		if n, ok := r.number(v, 0, 255); ok {
			*field(to) = time.Duration(n) * time.Second
		}
	}
}

func readBack(r *reader, v value, to *serverGroup) {
	s, ok := r.text(v)
	if !ok {
		return
	}
	switch s {
	case "at once":
		to.back = 0
	case "never":
		to.back = agent.NeverBack
	default:
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 || d > maxBack {
			r.fail(v, "", "%q is no time up to 24h", s)
			return
		}
		to.back = d
	}
}

func readSplit(r *reader, v value, to *serverGroup) {
	list, _ := r.list(v, "a number of hash buckets from 0 to 256")
	to.split = nil
	sum := 0
	for _, v := range list {
		n, ok := r.number(v, 0, agent.Buckets)
		if !ok {
			return
		}
		to.split = append(to.split, uint16(n))
		sum += int(n)
	}
	if len(to.split) > 0 && sum != agent.Buckets {
		r.fail(v, "", "these are %d hash buckets, and there are %d", sum, agent.Buckets)
	}
}

// name reads what a server or a group is called, which no address is.
func (r *reader) name(v value) string {
	s, ok := r.text(v)
	if ok && !isName(s) {
		r.fail(v, "", "%q is no name: it needs a letter first, then letters, digits, dots, hyphens and underscores", s)
		return ""
	}
	return s
}

// isName reports whether a text can name a server or a group.
func isName(s string) bool {
	letter := func(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
	if s == "" || len(s) > 64 || !letter(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !letter(c) && (c < '0' || c > '9') && !strings.ContainsRune("._-", rune(c)) {
			return false
		}
	}
	return true
}

func readGroups(r *reader, v value, to *file) {
	list, _ := r.list(v, "a table")
	for _, v := range list {
		g := builtin(groupKeys())
		g.path = v.path
		if !readTable(r, groupKeys(), v, &g) {
			continue
		}
		if !r.src.has(v.path + ".name") {
			r.wrong(v.path, "this group has no name", `write name = "campus", as interfaces list it among their servers`)
		}
		if len(g.list) == 0 && !r.failed(v.path+".servers") {
			r.wrong(v.path, "this group has no servers", `write servers = ["10.9.0.2", "10.9.0.3"]`)
		}
		r.checkGroupKeys(&g)
		to.groups = append(to.groups, &g)
	}
}

// checkGroupKeys finds keys that the mode of a group has no use for.
func (r *reader) checkGroupKeys(g *serverGroup) {
	for _, k := range []struct {
		key   string
		mode  agent.Mode
		given bool
	}{
		{"back", agent.Failover, g.back != builtin(groupKeys()).back},
		{"split", agent.Balance, len(g.split) > 0},
		{"late", agent.Balance, g.late > 0},
	} {
		if k.given && g.mode != k.mode {
			r.warn(join(g.path, k.key), fmt.Sprintf("this has no effect: the mode of the group is %q", g.mode), fmt.Sprintf("write mode = %q, or remove it", k.mode))
		}
	}
}

// A roll puts servers and groups into a policy, each once, as interfaces list them.
type roll struct {
	r      *reader
	about  *book
	policy *agent.Policy
	named  map[string]*serverGroup
	addrs  map[netip.AddrPort]int // indexes into Policy.Servers
	groups map[string]int         // indexes into Policy.Groups, by name, or mode and servers
	looked map[string]bool        // DNS names that are listed
	former []agent.Server         // of DNS names
}

func (r *reader) newRoll(f *file, about *book, p *agent.Policy) *roll {
	l := &roll{r: r, about: about, policy: p, named: make(map[string]*serverGroup), addrs: make(map[netip.AddrPort]int), groups: make(map[string]int), looked: make(map[string]bool)}
	taken := make(map[string]string)
	take := func(name, path string) bool {
		if first, ok := taken[name]; ok && name != "" {
			r.wrong(path+".name", strconv.Quote(name)+" is already "+first, "give one of both another name")
			return false
		}
		taken[name] = path
		return true
	}
	for _, s := range f.servers {
		take(s.name, s.path)
	}
	for _, g := range f.groups {
		if g.name != "" && take(g.name, g.path) {
			l.named[g.name] = g
		}
	}
	return l
}

// servers returns the indexes of the servers that an entry stands for: one, or those
// that a DNS name means now. host is that name, "" if it is none.
func (l *roll) servers(e listed, list string) (all []int, host string) {
	a := e.addr
	if e.name == "" {
		a = l.r.place(a, l.about, list)
		return []int{l.add(a, l.about.of(a), list)}, ""
	}
	s, ok := l.about.named[e.name]
	if !ok && e.host.name != "" {
		if s, ok = l.about.hosts[e.host]; !ok {
			s, ok = l.about.others, true
			s.host = e.host
		}
	}
	switch {
	case !ok:
		l.r.wrong(e.path, fmt.Sprintf("there is no server with the name %q", e.name), l.known())
		return nil, ""
	case s.host.name != "":
		return l.meant(s, e.path, list), s.host.name
	case !s.addr.IsValid():
		return nil, "" // which was told of
	}
	return []int{l.add(s.addr, l.about.of(s.addr), list)}, ""
}

// maxNames is how many DNS names a configuration may have.
const maxNames = 64

// meant returns the servers that a DNS name means now. Of an address that has a
// [[server]] of its own, that holds.
func (l *roll) meant(s server, at, list string) (all []int) {
	name := s.host.name
	if l.looked[name] = true; len(l.looked) > maxNames {
		l.r.wrong(at, fmt.Sprintf("there are more than %d DNS names", maxNames), "write addresses for some")
		return nil
	}
	if l.about.lookup == nil {
		return nil
	}
	now, former := l.about.lookup(name)
	for _, a := range now {
		to := s.at(a)
		if text, _ := refuseServer(to.addr); text != "" || local(a) || a.IsMulticast() {
			l.r.warn(at, fmt.Sprintf("%s is %s now, which is left out: it is no address that a name can give to a server", name, a), "correct what DNS or /etc/hosts says of the name")
			continue
		}
		if _, ok := l.about.listed[to.addr]; !ok {
			l.about.listed[to.addr] = to
		}
		n := l.add(to.addr, l.about.of(to.addr), list)
		l.policy.Servers[n].Host = cmp.Or(l.policy.Servers[n].Host, name)
		all = append(all, n)
	}
	for _, a := range former {
		to := s.at(a)
		l.former = append(l.former, to.resolved())
	}
	return all
}

// at returns what holds for an address of a DNS name.
func (s server) at(a netip.Addr) server {
	s.addr = netip.AddrPortFrom(a, cmp.Or(s.host.port, dhcp.FamilyOf(a).Port()))
	return s
}

// add enters a server once, and returns its index.
func (l *roll) add(a netip.AddrPort, s agent.Server, list string) int {
	n, ok := l.addrs[a]
	if !ok {
		n = len(l.policy.Servers)
		l.addrs[a] = n
		l.r.checkGroup(a, l.about, list)
		l.policy.Servers = append(l.policy.Servers, s)
	}
	return n
}

// known says which names there are.
func (l *roll) known() string {
	names := make([]string, 0, len(l.named)+len(l.about.named))
	for name := range l.named {
		names = append(names, strconv.Quote(name))
	}
	for name := range l.about.named {
		names = append(names, strconv.Quote(name))
	}
	if len(names) == 0 {
		return `write an address, or a [[server]] or [[server_group]] with this name`
	}
	slices.Sort(names)
	return "write an address, or one of " + strings.Join(names, ", ")
}

// group returns the index of a named group.
func (l *roll) group(g *serverGroup) int {
	if n, ok := l.groups[g.name]; ok {
		return n
	}
	g.used = true
	made := agent.Group{Name: g.name, Mode: g.mode, Back: g.back, Late: g.late, Split: g.split}
	for _, e := range g.list {
		if _, ok := l.named[e.name]; ok && e.name != "" {
			l.r.wrong(e.path, fmt.Sprintf("%q is a group, and a group lists servers", e.name), "list its servers, or list both groups in the interface")
			continue
		}
		all, host := l.servers(e, join(g.path, "servers"))
		if host != "" {
			g.hosts = append(g.hosts, host)
		}
		for _, n := range all {
			switch {
			case !slices.Contains(made.Servers, n):
				made.Servers = append(made.Servers, n)
			case len(g.hosts) == 0: // else the name has the address
				l.r.wrong(e.path, l.policy.Servers[n].Addr.Addr().String()+" is on the list twice", "remove one")
			}
		}
	}
	n := l.enter(g.name, made)
	if len(g.hosts) == 0 {
		l.checkMode(n, join(g.path, "mode"), join(g.path, "split"))
	} else if len(g.split) > 0 {
		l.r.warn(join(g.path, "split"), "while a DNS name means another number of servers than this, each holds an equal part", "write their addresses, or leave this out")
	}
	return n
}

// enter enters a group under a key.
func (l *roll) enter(key string, g agent.Group) int {
	n := len(l.policy.Groups)
	l.groups[key] = n
	l.policy.Groups = append(l.policy.Groups, g)
	return n
}

// checkMode finds a mode that has nothing to choose from.
func (l *roll) checkMode(group int, mode, split string) {
	g := &l.policy.Groups[group]
	most := 0
	for f := range dhcp.Family(dhcp.Families) {
		n := len(l.policy.Members(group, f))
		if len(g.Split) > 0 && n > 0 && n != len(g.Split) {
			l.r.wrong(split, fmt.Sprintf("the hash buckets are split among %d, and there are %d %s servers", len(g.Split), n, f.IP()), "write a number for each")
		}
		most = max(most, n)
	}
	if g.Mode != agent.All && most == 1 {
		l.r.warn(mode, fmt.Sprintf("%q chooses among servers of one family, and there is one", g.Mode), `add servers, or write mode = "all"`)
	}
}

// serve gives an interface its servers, and the groups that they are in: those without
// a name are together where the first of them is listed.
func (l *roll) serve(s *settings) {
	s.Servers, s.Groups, s.Hosts = nil, nil, nil
	var plain []int
	var groups []int
	const unnamed = -1
	for _, e := range s.servers {
		if g, ok := l.named[e.name]; ok && e.name != "" {
			groups = append(groups, l.group(g))
			s.meets(g.hosts...)
			continue
		}
		all, host := l.servers(e, l.r.src.given(s.path, "servers"))
		if host != "" {
			s.meets(host)
		}
		for _, n := range all {
			switch {
			case slices.Contains(plain, n) && len(s.Hosts) > 0: // the name has the address
			case slices.Contains(plain, n):
				l.twice(s, n)
			default:
				plain = append(plain, n)
			}
		}
		if len(plain) > 0 && !slices.Contains(groups, unnamed) {
			groups = append(groups, unnamed)
		}
	}
	if s.mode == agent.All && len(plain) > 0 && len(groups) == 1 {
		s.Servers = plain // a copy to each needs no group
		l.checkNext(s)
		return
	}
	for _, n := range groups {
		if n == unnamed {
			n = l.unnamed(s, plain)
		}
		for _, server := range l.policy.Groups[n].Servers {
			if slices.Contains(s.Servers, server) {
				l.twice(s, server)
				return
			}
			s.Servers = append(s.Servers, server)
		}
		s.Groups = append(s.Groups, n)
	}
	l.checkNext(s)
}

// meets notes DNS names among the servers of an interface.
func (s *settings) meets(hosts ...string) {
	for _, h := range hosts {
		if !slices.Contains(s.Hosts, h) {
			s.Hosts = append(s.Hosts, h)
		}
	}
}

func (l *roll) twice(s *settings, server int) {
	l.r.wrong(l.r.src.given(s.path, "servers"), l.policy.Servers[server].Addr.Addr().String()+" is on the list twice", "remove one")
}

// unnamed returns the group of the servers that an interface lists without a name.
// Interfaces that list the same share it.
func (l *roll) unnamed(s *settings, servers []int) int {
	key := fmt.Sprint(s.mode, servers) // no name begins so and has a space
	n, ok := l.groups[key]
	if !ok {
		n = l.enter(key, agent.Group{Mode: s.mode, Back: builtin(groupKeys()).back, Servers: servers})
	}
	if len(s.Hosts) == 0 {
		l.checkMode(n, l.r.src.given(s.path, "mode"), "")
	}
	return n
}

// checkNext finds what is to be asked next where there is nothing.
func (l *roll) checkNext(s *settings) {
	at := l.r.src.given(s.path, "next_after")
	if s.NextAfter > 0 && len(s.Groups) < 2 && strings.HasPrefix(at, s.path+".") {
		l.r.warn(at, "this has no effect: the servers of this interface are one group", "list several [[server_group]] in servers, in the order in which they are to be asked")
	}
}

// tellUnused warns of groups that no interface lists.
func (l *roll) tellUnused(f *file) {
	for _, g := range f.groups {
		if l.named[g.name] == g && !g.used {
			l.r.warn(g.path, fmt.Sprintf("no interface lists the group %q", g.name), "add it to the servers of one, or remove this table")
		}
	}
}
