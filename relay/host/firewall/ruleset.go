package firewall

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A Ruleset is what nftables and iptables-legacy do with packets that come in.
type Ruleset struct {
	chains []*chain
	sets   map[name]elements
}

// A name tells an object of a table apart.
type name struct{ family, table, name string }

// A chain is one with its rules, in order.
type chain struct {
	name
	hook   string // "" of one that others jump to
	prio   int
	policy string // "drop", else what passes its end goes on
	rules  []rule
	texts  []string // of the rules, where it is known
}

// A rule is its statements, in order: the name of each, and what it says.
type rule []map[string]json.RawMessage

// The elements of a set or map.
type elements []json.RawMessage

// An object is a chain, rule, set or map as nft prints it.
type object struct {
	Family, Table, Name string
	Chain               string // of a rule
	Hook, Policy        string
	Prio                int
	Expr                rule
	Elem                elements
}

// Parse reads what nft --json list ruleset prints (libnftables-json(5)).
func Parse(data []byte) (*Ruleset, error) {
	var doc struct {
		Nftables []struct {
			Chain, Rule, Set, Map *object
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read the ruleset of nft: %w", err)
	}
	r := &Ruleset{sets: make(map[name]elements)}
	for _, o := range doc.Nftables {
		if c := o.Chain; c != nil {
			r.chains = append(r.chains, &chain{name: name{c.Family, c.Table, c.Name}, hook: c.Hook, prio: c.Prio, policy: c.Policy})
		}
		for _, s := range []*object{o.Set, o.Map} {
			if s != nil {
				r.sets[name{s.Family, s.Table, s.Name}] = s.Elem
			}
		}
	}
	for _, o := range doc.Nftables {
		if o.Rule == nil {
			continue
		}
		if c := r.chain(name{o.Rule.Family, o.Rule.Table, o.Rule.Chain}); c != nil {
			c.rules = append(c.rules, o.Rule.Expr)
		}
	}
	return r, nil
}

func (r *Ruleset) chain(n name) *chain {
	i := slices.IndexFunc(r.chains, func(c *chain) bool { return c.name == n })
	if i < 0 {
		return nil
	}
	return r.chains[i]
}

// String names the chain for people, as nft does.
func (c *chain) String() string {
	return strings.Join([]string{"chain", c.family, c.table, c.name.name}, " ")
}

// Drop says which chain drops a packet, and whether one does for certain. What the
// rules say that is not understood is taken to let it pass.
func (r *Ruleset) Drop(p Packet) (why string, drops bool) {
	families := []string{"inet", "ip", legacy4}
	if p.Dst.Addr().Is6() {
		families = []string{"inet", "ip6", legacy6}
	}
	bases := make([]*chain, 0, len(r.chains))
	for _, hook := range []string{"prerouting", "input"} {
		var at []*chain
		for _, c := range r.chains {
			if c.hook == hook && slices.Contains(families, c.family) {
				at = append(at, c)
			}
		}
		slices.SortStableFunc(at, func(a, b *chain) int { return a.prio - b.prio })
		bases = append(bases, at...)
	}
	w := &walk{rules: r, packet: p}
	for _, c := range bases {
		switch verdict, by := w.chain(c, 0); {
		case verdict == drop && w.unsure:
			return "", false
		case verdict == drop:
			return fmt.Sprintf("a rule of %s drops %s%s", by, p, w.text), true
		case verdict == goesOn && c.policy == "drop" && !w.unsure:
			return fmt.Sprintf("%s drops by policy, and no rule accepts %s", c, p), true
		case verdict == goesOn && c.policy == "drop":
			return "", false
		}
		w.unsure = false
	}
	return "", false
}
