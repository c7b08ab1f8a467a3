package agent

import (
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A Group is servers among which a Mode chooses.
type Group struct {
	Name    string // "" for what interfaces list without a name
	Mode    Mode
	Servers []int         // indexes into Policy.Servers, both families, the most preferred first
	Back    time.Duration // Failover: how long a preferred server has to answer before it is asked again; NeverBack
	Split   []uint16      // Balance: how many of the Buckets each server of a family has; empty: equal parts
	// Late is after what time a client's requests go to each server of Balance: the
	// delayed service parameter (RFC 3074, section 5.3); 0: never.
	Late time.Duration
}

// NeverBack is a Group.Back by which a preferred server is asked again only when the
// one in its place no longer answers.
const NeverBack = -1

// Members returns the servers of a group in a family, as indexes into Policy.Servers.
func (p *Policy) Members(group int, f dhcp.Family) (members []int) {
	for _, n := range p.Groups[group].Servers {
		if dhcp.FamilyOf(p.Servers[n].Addr.Addr()) == f {
			members = append(members, n)
		}
	}
	return members
}

// A Standing is what the recent past says of a group's servers of one family, by
// their place among Policy.Members. The zero value: all answer, ask the first.
type Standing struct {
	Down     uint64 // bit n: the n-th does not answer as it should
	Late     uint64 // Failover, bit n: the n-th answers late, so that it is asked if all do
	Refusing uint64 // bit n: of those the n-th refuses its clients, so that who asks again is to be spared
	Active   int    // Failover: the one that is asked
}

// StandingOf returns the index of a group's Standing in Ingress.Standings.
func StandingOf(group int, f dhcp.Family) int { return group*dhcp.Families + int(f) }

// A share is what a group is of the servers of a link in one family.
type share struct {
	group   int    // index into Policy.Groups
	from    int    // where in Side.Servers it begins
	places  []int  // where in Side.Servers each is, if they are not in a row
	servers []int  // indexes into Policy.Servers
	answers uint64 // bit n: the n-th of servers is one that answers
}

// A choosing is what a Side knows of its servers beside their places: of those that
// requests of no class go to, or of those for some classes. Links of one Interface share
// it.
type choosing struct {
	shares  []share
	mask    uint64 // bit n: the n-th of Side.Servers is one of them; all bits: there are no others
	answers uint64 // the same of those that answer
	listens uint64 // the same of those that only listen
	on      bool   // a request may go to some of them only

	rules   *ruleSet    // the classes of requests; nil: there are none
	tries   bool        // the same as on, of a target
	targets []*choosing // by rule.target; nil: where requests of no class go
}

// learnChoosing finds out among which servers of a side is to be chosen.
func (s *Snapshot) learnChoosing(l *Link, f dhcp.Family) {
	side, key := &l.Side[f], chooser{l.Interface, f, s.classing.of(l, f)}
	if side.choosing = s.choosings[key]; side.choosing != nil {
		return
	}
	c := &choosing{mask: ^uint64(0), rules: key.rules}
	side.choosing, s.choosings[key] = c, c
	own := side.Servers
	if l.Interface.ForClasses > 0 {
		own = own[:s.ownServers(l.Interface, f)]
		c.mask = 1<<len(own) - 1
	}
	for i, n := range own {
		v := &s.Policy.Servers[n]
		if v.Listens {
			c.listens |= 1 << i
		} else {
			c.answers |= 1 << i
		}
		c.on = c.on || v.Delay > 0
	}
	from := 0
	for _, g := range l.Interface.Groups {
		n := len(s.Policy.Members(g, f))
		if n == 0 {
			continue
		}
		p := share{group: g, from: from, servers: side.Servers[from : from+n]}
		p.answers = c.answers >> from & (1<<n - 1)
		c.on = c.on || s.Policy.Groups[g].Mode != All && n > 1
		c.shares = append(c.shares, p)
		from += n
	}
	if len(c.shares) > 1 && l.Interface.NextAfter > 0 {
		c.on = true
	}
	if len(c.shares) == 0 {
		c.shares = []share{{group: -1, servers: own, answers: c.answers}}
	}
	for _, groups := range s.classing.lists {
		t := s.target(side, f, groups)
		c.targets = append(c.targets, t)
		c.tries = c.tries || t != nil && t.on
	}
}

// ownServers returns how many servers of a family requests of no class go to.
func (s *Snapshot) ownServers(in *Interface, f dhcp.Family) (n int) {
	for _, i := range in.Servers[:len(in.Servers)-in.ForClasses] {
		if dhcp.FamilyOf(s.Policy.Servers[i].Addr.Addr()) == f {
			n++
		}
	}
	return n
}

// target returns what a side knows of the servers for a class, nil if they are none of
// the family, or the side has them not.
func (s *Snapshot) target(side *Side, f dhcp.Family, groups []int) *choosing {
	c := new(choosing)
	for _, g := range groups {
		p := share{group: g, servers: s.Policy.Members(g, f)}
		if len(p.servers) == 0 {
			continue
		}
		for i, n := range p.servers {
			at := slices.Index(side.Servers, n)
			if at < 0 {
				return nil
			}
			p.places = append(p.places, at)
			c.mask |= 1 << at
			if s.Policy.Servers[n].Listens {
				c.listens |= 1 << at
			} else {
				c.answers |= 1 << at
				p.answers |= 1 << i
			}
			c.on = c.on || s.Policy.Servers[n].Delay > 0
		}
		c.on = c.on || s.Policy.Groups[g].Mode != All && len(p.servers) > 1
		c.shares = append(c.shares, p)
	}
	if c.mask == 0 {
		return nil
	}
	return c
}

// spread returns where in Side.Servers those of a share are that have a bit in mask.
func (p *share) spread(mask uint64) (all uint64) {
	if p.places == nil {
		return mask << p.from
	}
	for ; mask != 0; mask &= mask - 1 {
		all |= 1 << p.places[bits.TrailingZeros64(mask)]
	}
	return all
}

// A chooser is an interface in one family, on links where some classes hold.
type chooser struct {
	of     *Interface
	family dhcp.Family
	rules  *ruleSet
}

// Chooses reports whether a request of the side may go to some of its servers only, by
// more than its class.
func (s *Side) Chooses() bool { return s.choosing.on || s.choosing.tries }

// Ordinary returns the servers of the side to which requests of no class go: bit n for
// the n-th of Servers.
func (s *Side) Ordinary() uint64 { return s.choosing.mask }

// An asker is what of a request the choice of servers depends on.
type asker struct {
	id     []byte        // what stays the same of the client
	waited time.Duration // how long the client has tried
	tries  int           // how often it has asked in vain
	names  bool          // it names a server,
	named  int           // the one with this index in Side.Servers; -1: nobody knows which
	any    bool          // each server may answer
	trial  bool          // see Ingress.Trial
}

// choose says which of the link's servers get a request, and which of them are to
// answer it.
func (s *Snapshot) choose(v *Verdict, in *Ingress, a *asker) {
	c := v.Link.Side[v.Family].chosen(v)
	v.Due, v.Asked = c.answers, c.mask
	if c.on {
		v.Asked = s.asked(v, c, in, a)
	}
	if a.named >= 0 {
		// Its silence says nothing of the others.
		v.Due = 1 << a.named & v.Due
		v.Asked |= 1 << a.named
	}
	v.Due &= v.Asked
}

// asked returns which servers a request goes to, by their place in Side.Servers: with
// NextAfter those of one group after the other, as the client asks in vain; a group of
// which none answers is not waited for.
func (s *Snapshot) asked(v *Verdict, c *choosing, in *Ingress, a *asker) uint64 {
	mask, next := c.listens, v.Link.Interface.NextAfter
	tries := a.tries
	for i := range c.shares {
		p := &c.shares[i]
		st := in.standing(p.group, v.Family)
		mask |= p.spread(s.within(p, st, tries, a))
		switch {
		case next == 0 || p.answers&^st.Down == 0:
		case tries < next:
			return mask
		default:
			tries -= next
		}
	}
	return mask
}

// standing returns the Standing of a group, the zero value for none.
func (in *Ingress) standing(group int, f dhcp.Family) (st Standing) {
	if i := StandingOf(group, f); group >= 0 && i < len(in.Standings) {
		st = in.Standings[i]
	}
	return st
}

// within returns which servers of a group a request goes to. Where none answers, it is
// all of them.
func (s *Snapshot) within(p *share, st Standing, tries int, a *asker) uint64 {
	up := p.answers &^ st.Down
	if up == 0 {
		return p.answers
	}
	all := p.answers &^ s.early(p, a.waited)
	if up &= all; up == 0 { // those that need not wait do not answer
		all, up = p.answers, p.answers&^st.Down
	}
	if p.group < 0 || a.any {
		return all
	}
	again := all &^ st.Refusing
	if a.trial || again == 0 {
		again = all
	}
	g := &s.Policy.Groups[p.group]
	switch g.Mode {
	case All:
		return all
	case Failover:
		switch {
		case a.names && a.named < 0:
			return all
		case tries > 0:
			return again
		case st.Active < len(p.servers) && up>>st.Active&1 == 1:
			return 1 << st.Active
		}
		return 1 << bits.TrailingZeros64(up)
	case Hash:
		if tries == 0 || st.Down == 0 {
			return 1 << s.pick(p.servers, up, a.id)
		}
	case Balance:
		if g.Late > 0 && a.waited >= g.Late || tries > 0 && st.Down != 0 {
			return again
		}
		if n := owner(bucket(a.id), len(p.servers), g.Split); up>>n&1 == 1 {
			return 1 << n
		}
		return 1 << s.pick(p.servers, up, a.id)
	}
	return all
}

// early returns which servers of a group a client has not tried for long enough for.
func (s *Snapshot) early(p *share, waited time.Duration) (mask uint64) {
	for i, n := range p.servers {
		if s.Policy.Servers[n].Delay > waited {
			mask |= 1 << i
		}
	}
	return mask
}

// choose4 chooses the servers of a DHCPv4 request. Who rebinds has tried to renew in
// vain (RFC 2131, section 4.4.5).
func (s *Snapshot) choose4(p bootp.Packet, opts *bootp.Layout, in *Ingress, v *Verdict) {
	a, c := asker{named: -1}, v.Link.Side[dhcp.V4].chosen(v)
	if opts.ServerID.IsValid() && !s.Owns(v.Link.Host.VRF, opts.ServerID) { // else the relay stands for it (RFC 5107)
		a.names, a.named = true, c.only(s.named4(v.Link, opts.ServerID, in))
		v.Elsewhere = a.named < 0
	}
	if c.on {
		a.id, a.tries, a.trial = clientKey4(p, opts), in.Tries, in.Trial
		a.waited = time.Duration(p.Secs()) * time.Second
		if opts.Type == bootp.DHCPRequest && !opts.ServerID.IsValid() && !p.Ciaddr().IsUnspecified() {
			a.tries = max(a.tries, 1)
		}
	}
	s.choose(v, in, &a)
}

// named4 returns which of a link's servers the address in option 54 means, -1 if none.
func (s *Snapshot) named4(l *Link, id netip.Addr, in *Ingress) int {
	servers := l.Side[dhcp.V4].Servers
	for i, n := range servers {
		if s.Policy.Servers[n].Addr.Addr() == id {
			return i
		}
	}
	return slices.Index(servers, in.Named-1)
}

// choose6 chooses the servers of a DHCPv6 request. A Rebind is for any server (RFC
// 9915, section 18.2.5).
func (s *Snapshot) choose6(m dhcp6.Message, in *Ingress, v *Verdict) {
	a := asker{named: -1}
	side := &v.Link.Side[dhcp.V6]
	c := side.chosen(v)
	if in.Named > 0 {
		a.named = c.only(slices.Index(side.Servers, in.Named-1))
	}
	if c.on {
		inner, _ := m.Innermost()
		from := in.Src.Addr().As16()
		a.id, a.tries, a.trial = clientKey6(inner, from[:]), in.Tries, in.Trial
		a.waited = inner.ElapsedTime()
		a.any = inner.Type() == dhcp6.Rebind
		a.names = inner.ServerID() != nil
	}
	s.choose(v, in, &a)
}

// only returns the place of a server that a request names, -1 if it is not for the
// request's class.
func (c *choosing) only(place int) int {
	if place >= 0 && c.mask>>place&1 == 0 {
		return -1
	}
	return place
}
