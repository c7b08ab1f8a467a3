package config

import (
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

// A listed is one entry of a list of servers: an address, or the name of a server or of
// a group.
type listed struct {
	addr netip.AddrPort
	name string // "" if it is an address
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
}

func groupKeys() []key[serverGroup] {
	return []key[serverGroup]{
		{
			"name", "", `a name, such as "campus"`,
			"What interfaces list the group by, among their servers.",
			func(r *reader, v value, to *serverGroup) { to.name = r.name(v) },
		},
		{
			"servers", "", `a list of addresses and names of [[server]], such as ["10.9.0.2", "10.9.0.3", "kea1"]`,
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
}

func (r *reader) newRoll(f *file, about *book, p *agent.Policy) *roll {
	l := &roll{r: r, about: about, policy: p, named: make(map[string]*serverGroup), addrs: make(map[netip.AddrPort]int), groups: make(map[string]int)}
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

// server returns the index of a listed server, -1 if there is none.
func (l *roll) server(e listed, list string) int {
	a := e.addr
	if e.name != "" {
		s, ok := l.about.named[e.name]
		if !ok {
			l.r.wrong(e.path, fmt.Sprintf("there is no server with the name %q", e.name), l.known())
			return -1
		}
		if a = s.addr; !a.IsValid() {
			return -1 // which was told of
		}
	} else {
		a = l.r.place(a, l.about, list)
	}
	n, ok := l.addrs[a]
	if !ok {
		n = len(l.policy.Servers)
		l.addrs[a] = n
		l.r.checkGroup(a, l.about, list)
		l.policy.Servers = append(l.policy.Servers, l.about.of(a))
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
		n := l.server(e, join(g.path, "servers"))
		switch {
		case n < 0:
		case slices.Contains(made.Servers, n):
			l.r.wrong(e.path, l.policy.Servers[n].Addr.Addr().String()+" is on the list twice", "remove one")
		default:
			made.Servers = append(made.Servers, n)
		}
	}
	n := l.add(g.name, made)
	l.checkMode(n, join(g.path, "mode"), join(g.path, "split"))
	return n
}

// add adds a group under a key.
func (l *roll) add(key string, g agent.Group) int {
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
	s.Servers, s.Groups = nil, nil
	var plain []int
	var groups []int
	const unnamed = -1
	for _, e := range s.servers {
		if g, ok := l.named[e.name]; ok && e.name != "" {
			groups = append(groups, l.group(g))
			continue
		}
		n := l.server(e, l.r.src.given(s.path, "servers"))
		if n < 0 {
			continue
		}
		if slices.Contains(plain, n) {
			l.twice(s, n)
			continue
		}
		if plain = append(plain, n); len(plain) == 1 {
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

func (l *roll) twice(s *settings, server int) {
	l.r.wrong(l.r.src.given(s.path, "servers"), l.policy.Servers[server].Addr.Addr().String()+" is on the list twice", "remove one")
}

// unnamed returns the group of the servers that an interface lists without a name.
// Interfaces that list the same share it.
func (l *roll) unnamed(s *settings, servers []int) int {
	key := fmt.Sprint(s.mode, servers) // no name begins so and has a space
	n, ok := l.groups[key]
	if !ok {
		n = l.add(key, agent.Group{Mode: s.mode, Back: builtin(groupKeys()).back, Servers: servers})
	}
	l.checkMode(n, l.r.src.given(s.path, "mode"), "")
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
