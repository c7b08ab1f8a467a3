package group

import (
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// Trials say in which groups a client's requests are to go to all servers, though it
// asks for the first time: so a server that was down or late is asked, and shows that it
// is back.
type Trials struct{ due []atomic.Int32 } // how many, by agent.StandingOf

// lateTrials is how many clients in a second a late server is asked for: it shows by
// several answers that it is in time again.
const lateTrials = 4

// NewTrials returns those of a policy: none is due.
func NewTrials(p *agent.Policy) *Trials {
	return &Trials{make([]atomic.Int32, len(p.Groups)*dhcp.Families)}
}

// Set makes trials due in each group that has a server which is down or late.
func (t *Trials) Set(all []agent.Standing) {
	for i := range min(len(t.due), len(all)) {
		n := int32(0)
		switch {
		case all[i].Late != 0:
			n = lateTrials
		case all[i].Down != 0:
			n = 1
		}
		t.due[i].Store(n)
	}
}

// take reports whether a trial is due in one of some groups, and is done now.
func (t *Trials) take(groups []int, f dhcp.Family) bool {
	for _, g := range groups {
		due := &t.due[agent.StandingOf(g, f)]
		if n := due.Load(); n > 0 && due.CompareAndSwap(n, n-1) {
			return true
		}
	}
	return false
}

// A Change is a group that asks another server than before.
type Change struct {
	Group  int // index into Policy.Groups
	Family dhcp.Family
	From   string // server, "" at first
	To     string
	Failed bool // the one before is down
	Late   bool // the one before answers late
}

// A Condition is how a server does, as far as the choice among several goes.
type Condition struct {
	Down    bool // it does not answer as it should
	Refuses bool // that is because it refuses its clients
	Late    bool // it answers, later than clients like to wait
}

// A Keeper keeps which server of each group is active, through changes of the
// configuration too. The zero value knows of none. It belongs to one goroutine.
type Keeper struct{ groups map[string]*kept }

// A kept is what is known of a group of one family.
type kept struct {
	active string                   // server; "": none was chosen yet
	well   map[string]time.Duration // since when each server answers in time; always: it never did not
	seen   bool                     // in the policy at hand
	rests  time.Duration            // until when lateness is no reason to ask another one
}

const always = math.MinInt64

// lateRest is how long after another server was asked because of lateness that is no
// reason again: load that makes one late may make the other late, too.
const lateRest = time.Minute

// Step makes the Standings of a policy's groups of what is known at a moment. does tells
// how a server of the policy does. It returns what has changed, too.
func (k *Keeper) Step(p *agent.Policy, now time.Duration, does func(server int) Condition) (all []agent.Standing, changes []Change) {
	if k.groups == nil {
		k.groups = make(map[string]*kept)
	}
	for _, v := range k.groups {
		v.seen = false
	}
	all = make([]agent.Standing, len(p.Groups)*dhcp.Families)
	for g := range p.Groups {
		for f := range dhcp.Family(dhcp.Families) {
			members := p.Members(g, f)
			if len(members) == 0 {
				continue
			}
			v := k.of(p, g, f)
			st := &all[agent.StandingOf(g, f)]
			*st = v.look(p, members, now, does)
			if p.Groups[g].Mode != agent.Failover {
				st.Late = 0
				continue
			}
			st.Active = v.choose(p, members, now, st, p.Groups[g].Back)
			if to := ServerName(&p.Servers[members[st.Active]]); to != v.active {
				from := slices.IndexFunc(members, func(n int) bool { return ServerName(&p.Servers[n]) == v.active })
				if from >= 0 {
					c := Change{Group: g, Family: f, From: v.active, To: to, Failed: st.Down>>from&1 == 1}
					if c.Late = st.Late>>from&1 == 1 && st.Active > from; c.Late {
						v.rests = now + lateRest
					}
					changes = append(changes, c)
				}
				v.active = to
			}
		}
	}
	for key, v := range k.groups {
		if !v.seen {
			delete(k.groups, key)
		}
	}
	return all, changes
}

// of returns what is known of a group, by its name or else its servers.
func (k *Keeper) of(p *agent.Policy, g int, f dhcp.Family) *kept {
	key := f.String() + " " + Name(p, g)
	v := k.groups[key]
	if v == nil {
		v = &kept{well: make(map[string]time.Duration)}
		k.groups[key] = v
	}
	v.seen = true
	return v
}

// look notes how servers do, and since when those that do well have done so.
func (v *kept) look(p *agent.Policy, members []int, now time.Duration, does func(int) Condition) (st agent.Standing) {
	for i, n := range members {
		name := ServerName(&p.Servers[n])
		since, known := v.well[name]
		is := does(n)
		if p.Servers[n].Listens {
			is = Condition{}
		}
		bit := uint64(1) << i
		switch {
		case is.Down:
			st.Down |= bit
			if is.Refuses {
				st.Refusing |= bit
			}
			v.well[name] = math.MaxInt64
		case is.Late:
			st.Late |= bit
			v.well[name] = math.MaxInt64
		case !known:
			v.well[name] = always
		case since == math.MaxInt64:
			v.well[name] = now
		}
	}
	return st
}

// choose returns which server is to be active: the most preferred that is not down, nor
// late where another one is not, once in lateRest; but one before the present one only
// after it has done well for long enough. If all are down, the present one stays.
func (v *kept) choose(p *agent.Policy, members []int, now time.Duration, st *agent.Standing, back time.Duration) int {
	out := st.Down
	for i, n := range members {
		if now >= v.rests && (st.Down|st.Late)>>i&1 == 0 && !p.Servers[n].Listens {
			out |= st.Late
		}
	}
	present := slices.IndexFunc(members, func(n int) bool { return ServerName(&p.Servers[n]) == v.active })
	first := -1
	for i, n := range members {
		if out>>i&1 == 1 || p.Servers[n].Listens {
			continue
		}
		if first < 0 {
			first = i
		}
		if i == present || present < 0 || out>>present&1 == 1 {
			return i
		}
		since := v.well[ServerName(&p.Servers[n])]
		if i < present && (since == always || back >= 0 && now-since >= back) {
			return i
		}
	}
	return max(present, first, 0)
}

// Name returns how a group is called: by its name, else by its servers.
func Name(p *agent.Policy, g int) string {
	if name := p.Groups[g].Name; name != "" {
		return name
	}
	names := make([]string, 0, len(p.Groups[g].Servers))
	for _, n := range p.Groups[g].Servers {
		names = append(names, ServerName(&p.Servers[n]))
	}
	return strings.Join(names, " ")
}

// ServerName returns how a server is called: by its address, and its port and VRF where
// they are unusual.
func ServerName(s *agent.Server) string {
	name := s.Addr.Addr().String()
	if s.Addr.Port() != dhcp.FamilyOf(s.Addr.Addr()).Port() {
		name = s.Addr.String()
	}
	if s.VRF != "" {
		name += " in " + s.VRF
	}
	return name
}
