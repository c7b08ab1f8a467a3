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
// asks for the first time: so a server that was down is asked, and shows that it is back.
type Trials struct{ due []atomic.Bool } // by agent.StandingOf

// NewTrials returns those of a policy: none is due.
func NewTrials(p *agent.Policy) *Trials {
	return &Trials{make([]atomic.Bool, len(p.Groups)*dhcp.Families)}
}

// Set makes a trial due in each group that has a server which is down.
func (t *Trials) Set(all []agent.Standing) {
	for i := range min(len(t.due), len(all)) {
		t.due[i].Store(all[i].Down != 0)
	}
}

// take reports whether a trial is due in one of some groups, and is done now.
func (t *Trials) take(groups []int, f dhcp.Family) bool {
	for _, g := range groups {
		if due := &t.due[agent.StandingOf(g, f)]; due.Load() && due.CompareAndSwap(true, false) {
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
}

// A Keeper keeps which server of each group is active, through changes of the
// configuration too. The zero value knows of none. It belongs to one goroutine.
type Keeper struct{ groups map[string]*kept }

// A kept is what is known of a group of one family.
type kept struct {
	active string                   // server; "": none was chosen yet
	up     map[string]time.Duration // since when each server answers; always: it never did not
	seen   bool                     // in the policy at hand
}

const always = math.MinInt64

// Step makes the Standings of a policy's groups of what is known at a moment. down tells
// of a server of the policy that it does not answer as it should, refuses why. It returns
// what has changed, too.
func (k *Keeper) Step(p *agent.Policy, now time.Duration, down, refuses func(server int) bool) (all []agent.Standing, changes []Change) {
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
			st.Down = v.look(p, members, now, down)
			for i, n := range members {
				if st.Down>>i&1 == 1 && refuses(n) {
					st.Refusing |= 1 << i
				}
			}
			if p.Groups[g].Mode != agent.Failover {
				continue
			}
			st.Active = v.choose(p, members, now, st.Down, p.Groups[g].Back)
			if to := ServerName(&p.Servers[members[st.Active]]); to != v.active {
				from := slices.IndexFunc(members, func(n int) bool { return ServerName(&p.Servers[n]) == v.active })
				if from >= 0 {
					changes = append(changes, Change{g, f, v.active, to, st.Down>>from&1 == 1})
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
		v = &kept{up: make(map[string]time.Duration)}
		k.groups[key] = v
	}
	v.seen = true
	return v
}

// look notes which servers are down, and since when the others are not.
func (v *kept) look(p *agent.Policy, members []int, now time.Duration, down func(int) bool) (mask uint64) {
	for i, n := range members {
		name := ServerName(&p.Servers[n])
		since, up := v.up[name]
		switch {
		case !p.Servers[n].Listens && down(n):
			mask |= 1 << i
			v.up[name] = math.MaxInt64
		case !up:
			v.up[name] = always
		case since == math.MaxInt64:
			v.up[name] = now
		}
	}
	return mask
}

// choose returns which server is to be active: the most preferred that is up, but one
// before the present one only after it has been up for long enough. If none is up, the
// present one stays.
func (v *kept) choose(p *agent.Policy, members []int, now time.Duration, down uint64, back time.Duration) int {
	present := slices.IndexFunc(members, func(n int) bool { return ServerName(&p.Servers[n]) == v.active })
	first := -1
	for i, n := range members {
		if down>>i&1 == 1 || p.Servers[n].Listens {
			continue
		}
		if first < 0 {
			first = i
		}
		if i == present || present < 0 || down>>present&1 == 1 {
			return i
		}
		since := v.up[ServerName(&p.Servers[n])]
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
