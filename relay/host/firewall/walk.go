package firewall

import "encoding/json"

// A verdict is what a chain does with a packet.
type verdict uint8

const (
	goesOn verdict = iota // with the next rule, or the policy
	accept
	drop
	returns
)

// A walk is the way of one packet.
type walk struct {
	rules     *Ruleset
	packet    Packet
	untracked bool
	unsure    bool   // a rule that was not understood may have accepted it
	text      string // of the rule that drops it, in brackets; "" if it is not known
}

// deepest is how many chains may call one another; the kernel allows 16.
const deepest = 16

// chain plays the packet through a chain, and says which one drops it.
func (w *walk) chain(c *chain, depth int) (verdict, *chain) {
	if depth > deepest {
		w.unsure = true
		return goesOn, c
	}
	for i, r := range c.rules {
		switch v, by := w.rule(c, r, depth); v {
		case accept, drop:
			if by == c && i < len(c.texts) {
				w.text = " (" + c.texts[i] + ")"
			}
			return v, by
		case returns:
			return goesOn, c
		case goesOn:
		}
	}
	return goesOn, c
}

// rule plays the packet against one rule.
func (w *walk) rule(c *chain, r rule, depth int) (verdict, *chain) {
	matches := yes
	for _, statement := range r {
		for key, body := range statement {
			switch key {
			case "match":
				matches = min(matches, w.match(c, body))
			case "vmap":
				var is answer
				if statement, is = w.vmap(c, body); is != yes {
					w.unsure = w.unsure || is == maybe && matches != no
					break // what is not in the map goes on
				}
				if matches == yes {
					for key, body := range statement {
						return w.act(c, key, body, depth)
					}
				}
				w.unsure = true
			case "counter", "log", "comment", "mangle", "meta", "ct helper", "quota", "set":
			case "limit":
				matches = min(matches, limited(body))
			case "notrack":
				w.untracked = w.untracked || matches == yes
			case "accept", "jump", "goto", "queue":
				if matches == maybe {
					w.unsure = true
				}
				if matches == yes {
					return w.act(c, key, body, depth)
				}
			case "drop", "reject", "return", "continue":
				if matches == yes {
					return w.act(c, key, body, depth)
				}
				if matches == maybe && key == "return" {
					w.unsure = true
				}
			default:
				matches = min(matches, maybe)
				w.unsure = w.unsure || matches == maybe
			}
			if matches == no {
				return goesOn, c
			}
		}
	}
	return goesOn, c
}

// act carries a verdict out.
func (w *walk) act(c *chain, key string, body json.RawMessage, depth int) (verdict, *chain) {
	switch key {
	case "accept":
		return accept, c
	case "drop", "reject":
		return drop, c
	case "return":
		return returns, c
	case "jump", "goto":
		var to struct{ Target string }
		next := (*chain)(nil)
		if json.Unmarshal(body, &to) == nil {
			next = w.rules.chain(name{c.family, c.table, to.Target})
		}
		if next == nil {
			w.unsure = true
			return goesOn, c
		}
		v, by := w.chain(next, depth+1)
		if v == goesOn && key == "goto" {
			return returns, c
		}
		return v, by
	case "continue":
		return goesOn, c
	}
	w.unsure = true // a program has it
	return goesOn, c
}

// limited says whether a limit lets a packet match: the rate of a few does not reach
// it.
func limited(body json.RawMessage) answer {
	var l struct{ Inv bool }
	if json.Unmarshal(body, &l) != nil {
		return maybe // by a named limit
	}
	if l.Inv {
		return no
	}
	return yes
}
