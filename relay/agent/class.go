package agent

import (
	"encoding/binary"
	"path"
	"slices"

	"dhcp-relay/relay/class"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A Class is what is to be done with the requests of some clients. Of several that a
// request is of, the first one holds.
type Class struct {
	Name       string
	Rule       class.Rule
	Not        [dhcp.Families]bool // families of which no request is of the class
	Interfaces []string            // names of links, and patterns of such; empty: all

	Drop         bool
	Groups       []int    // indexes into Policy.Groups: where requests go instead, in families of which they have servers; empty: where others go
	SubscriberID Template // in place of that of the interface; empty: that
}

// Holds reports whether a class is for requests that are heard on a link.
func (c *Class) Holds(names ...string) bool {
	return len(c.Interfaces) == 0 || slices.ContainsFunc(c.Interfaces, func(p string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			ok, _ := path.Match(p, name)
			return ok || p == name
		})
	})
}

// A ruleSet is the classes that requests of some links in one family may be of.
type ruleSet struct {
	match *class.Matcher
	rules []rule       // by the rules of match
	ids   []Template   // the subscriber-ids of rules, each once
	fixed []subscriber // what they are on every link; nil: links differ
}

// A rule is what of a Class the decision needs.
type rule struct {
	class  int // index into Policy.Classes
	target int // index into choosing.targets, -1: the servers of the interface
	id     int // index into ids, -1: that of the interface
	drop   bool
}

// A classing makes the ruleSets of a policy's classes, each once.
type classing struct {
	classes []Class
	lists   [][]int // of Groups, each once
	sets    map[string]*ruleSet
}

func newClassing(p *Policy) *classing {
	c := &classing{classes: p.Classes, sets: make(map[string]*ruleSet)}
	for i := range c.classes {
		if g := c.classes[i].Groups; len(g) > 0 && c.target(g) < 0 {
			c.lists = append(c.lists, g)
		}
	}
	return c
}

func (c *classing) target(groups []int) int {
	return slices.IndexFunc(c.lists, func(g []int) bool { return slices.Equal(g, groups) })
}

// of returns the ruleSet of a link in a family, nil if its requests are of no class.
func (c *classing) of(l *Link, f dhcp.Family) *ruleSet {
	if len(c.classes) == 0 {
		return nil
	}
	var which []int
	key := []byte{byte(f)}
	names := append([]string{l.Host.Name}, l.Host.AltNames...)
	for i := range c.classes {
		if !c.classes[i].Not[f] && c.classes[i].Holds(names...) {
			which = append(which, i)
			key = binary.AppendUvarint(key, uint64(i))
		}
	}
	if which == nil {
		return nil
	}
	if s := c.sets[string(key)]; s != nil {
		return s
	}
	s := &ruleSet{}
	all := make([]class.Rule, len(which))
	for n, i := range which {
		k := &c.classes[i]
		all[n] = k.Rule
		r := rule{class: i, target: -1, id: -1, drop: k.Drop}
		if len(k.Groups) > 0 {
			r.target = c.target(k.Groups)
		}
		if !k.SubscriberID.Empty() {
			if r.id = slices.IndexFunc(s.ids, k.SubscriberID.Equal); r.id < 0 {
				r.id = len(s.ids)
				s.ids = append(s.ids, k.SubscriberID)
			}
		}
		s.rules = append(s.rules, r)
	}
	s.match = class.New(all)
	if !slices.ContainsFunc(s.ids, Template.Varies) {
		s.fixed = encodeIDs(s.ids, f, &Facts{})
	}
	c.sets[string(key)] = s
	return s
}

// The subscribers are the subscriber-ids of classes on a link.
type subscribers struct {
	in  bootp.Span   // where that of the interface is in an option, with code and length, or would be
	ids []subscriber // by rule.id
}

// A subscriber is a subscriber-id as a suboption or as an option, of no octets where there
// is nothing to say.
type subscriber struct {
	bytes []byte
	value int    // where its value begins
	slots []slot // what messages fill in
	gaps  []int  // where, as offsets in the value
}

// encode returns the subscriber-ids of classes on a link, nil if there are none.
func (s *ruleSet) encode(f dhcp.Family, facts *Facts, in bootp.Span) *subscribers {
	switch {
	case s == nil || len(s.ids) == 0:
		return nil
	case s.fixed != nil:
		return &subscribers{in, s.fixed}
	}
	return &subscribers{in, encodeIDs(s.ids, f, facts)}
}

// encodeIDs returns subscriber-ids as a suboption of option 82 (RFC 3993) or as an option
// of DHCPv6 (RFC 4580).
func encodeIDs(ids []Template, f dhcp.Family, facts *Facts) []subscriber {
	all := make([]subscriber, len(ids))
	for i, t := range ids {
		v, slots := t.render(nil, facts)
		s := subscriber{gaps: offsets(slots), slots: slots}
		switch {
		case len(v)+len(slots) == 0 || f == dhcp.V4 && len(v)+most(slots) > maxOption82:
			continue
		case f == dhcp.V4:
			s.bytes = bootp.AppendSub(nil, bootp.SubSubscriberID, v)
		default:
			s.bytes = dhcp6.AppendOption(nil, dhcp6.OptionSubscriberID, v)
		}
		s.value = len(s.bytes) - len(v)
		for j := range slots {
			slots[j].at += s.value
		}
		all[i] = s
	}
	return all
}

// classify notes which class a request is of, the n-th rule of its link, -1 for none. It
// returns whether it is to be dropped for that.
func (v *Verdict) classify(s *ruleSet, n int) Reason {
	if n < 0 {
		return Relayed
	}
	r := &s.rules[n]
	v.Class, v.target, v.id = uint16(r.class+1), int16(r.target+1), int16(r.id+1)
	if r.drop {
		return ClassDrop
	}
	return Relayed
}

// ClassOf returns the class that a request is of, nil for none.
func (s *Snapshot) ClassOf(v *Verdict) *Class {
	if v.Class == 0 {
		return nil
	}
	return &s.Policy.Classes[v.Class-1]
}

// GroupsOf returns the groups among whose servers is chosen for a request, as indexes
// into Policy.Groups: those of its class if they have servers of the family.
func (s *Snapshot) GroupsOf(v *Verdict) []int {
	if v.target > 0 && v.Link.Side[v.Family].choosing.targets[v.target-1] != nil {
		return s.ClassOf(v).Groups
	}
	return v.Link.Interface.Groups
}

// Classes reports whether requests of a link may be of a class in a family.
func (s *Side) Classes() bool { return s.choosing != nil && s.choosing.rules != nil }

// class4 finds the class of a request of DHCPv4.
func (s *Side) class4(p bootp.Packet, by *port, v *Verdict) Reason {
	if r := v.classify(s.choosing.rules, s.choosing.rules.match.Match4(p, by.text())); r != Relayed {
		return r
	}
	return s.served(v)
}

// class6 finds the class of a DHCPv6 message. What other relays have relayed says
// nothing of the client's link-layer address here.
func (s *Side) class6(m dhcp6.Message, by *port, in *Ingress, v *Verdict) Reason {
	mac := in.MAC
	if m.IsRelay() {
		m, _ = m.Innermost()
		mac = nil
	}
	if r := v.classify(s.choosing.rules, s.choosing.rules.match.Match6(m, mac, by.text())); r != Relayed {
		return r
	}
	return s.served(v)
}

// served says whether there is a server for a request: an interface may have such for
// some classes only.
func (s *Side) served(v *Verdict) Reason {
	if s.chosen(v).mask == 0 {
		return NoServer
	}
	return Relayed
}

// chosen returns among which servers is to be chosen for a request.
func (s *Side) chosen(v *Verdict) *choosing {
	if v.target > 0 {
		if c := s.choosing.targets[v.target-1]; c != nil {
			return c
		}
	}
	return s.choosing
}

// other returns the subscriber-id that stands in an option in place of that of the
// interface, nil if none does or the option would be longer than limit.
func (o *option) other(id int16, limit int) *subscriber {
	if id == 0 || o.others == nil {
		return nil
	}
	x := &o.others.ids[id-1]
	if len(x.bytes) == 0 || len(o.bytes)+o.filled()-o.others.in.Len+len(x.bytes)+most(x.slots) > limit {
		return nil
	}
	return x
}

// have reports whether a subscriber-id is that of a class.
func (s *subscribers) have(value []byte) bool {
	return s != nil && slices.ContainsFunc(s.ids, func(x subscriber) bool {
		return len(x.bytes) > 0 && bears(value, x.bytes[x.value:], x.gaps)
	})
}
