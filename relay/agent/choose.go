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
	Refusing uint64 // bit n: of those the n-th refuses its clients, so that who asks again is to be spared
	Active   int    // Failover: the one that is asked
}

// StandingOf returns the index of a group's Standing in Ingress.Standings.
func StandingOf(group int, f dhcp.Family) int { return group*dhcp.Families + int(f) }

// A share is what a group is of the servers of a link in one family.
type share struct {
	group   int    // index into Policy.Groups
	from    int    // where in Side.Servers it begins
	servers []int  // of Side.Servers
	answers uint64 // bit n: the n-th of servers is one that answers
}

// A choosing is what a Side knows of its servers beside their places. Links of one
// Interface share it.
type choosing struct {
	shares  []share
	answers uint64 // bit n: the n-th of Side.Servers is one that answers
	listens uint64 // the same of those that only listen
	on      bool   // a request may go to some of them only
}

// learnChoosing finds out among which servers of a side is to be chosen.
func (s *Snapshot) learnChoosing(l *Link, f dhcp.Family) {
	side, key := &l.Side[f], chooser{l.Interface, f}
	if side.choosing = s.choosings[key]; side.choosing != nil {
		return
	}
	c := new(choosing)
	side.choosing, s.choosings[key] = c, c
	for i, n := range side.Servers {
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
		c.shares = []share{{group: -1, servers: side.Servers, answers: c.answers}}
	}
}

// A chooser is an interface in one family.
type chooser struct {
	of     *Interface
	family dhcp.Family
}

// Chooses reports whether a request of the side may go to some of its servers only.
func (s *Side) Chooses() bool { return s.choosing.on }

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
	side := &v.Link.Side[v.Family]
	v.Due = side.choosing.answers
	if side.choosing.on {
		v.Asked = s.asked(v, side, in, a)
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
func (s *Snapshot) asked(v *Verdict, side *Side, in *Ingress, a *asker) uint64 {
	mask, next := side.choosing.listens, v.Link.Interface.NextAfter
	tries := a.tries
	for i := range side.choosing.shares {
		p := &side.choosing.shares[i]
		st := in.standing(p.group, v.Family)
		mask |= s.within(p, st, tries, a) << p.from
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
	a := asker{named: -1}
	if opts.ServerID.IsValid() && !s.owns(v.Link.Host.VRF, opts.ServerID) { // else the relay stands for it (RFC 5107)
		a.names, a.named = true, s.named4(v.Link, opts.ServerID, in)
		v.Elsewhere = a.named < 0
	}
	if v.Link.Side[dhcp.V4].choosing.on {
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
	if in.Named > 0 {
		a.named = slices.Index(side.Servers, in.Named-1)
	}
	if side.choosing.on {
		inner, _ := m.Innermost()
		from := in.Src.Addr().As16()
		a.id, a.tries, a.trial = clientKey6(inner, from[:]), in.Tries, in.Trial
		a.waited = inner.ElapsedTime()
		a.any = inner.Type() == dhcp6.Rebind
		a.names = inner.ServerID() != nil
	}
	s.choose(v, in, &a)
}
