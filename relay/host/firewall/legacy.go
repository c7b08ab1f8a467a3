package firewall

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The programs whose rules the kernel plays beside those of nftables: their chains have
// them for a family.
const (
	legacy4 = "iptables-legacy"
	legacy6 = "ip6tables-legacy"
)

// AddLegacy4 adds the rules that iptables-legacy-save prints (iptables-save(8)), each in
// the words of nftables.
func (r *Ruleset) AddLegacy4(saved []byte) { r.addLegacy(legacy4, "ip", saved) }

// AddLegacy6 does the same for ip6tables-legacy-save.
func (r *Ruleset) AddLegacy6(saved []byte) { r.addLegacy(legacy6, "ip6", saved) }

func (r *Ruleset) addLegacy(program, protocol string, saved []byte) {
	table := ""
	for line := range strings.Lines(string(saved)) {
		line = strings.TrimSpace(line)
		if counters, rest, ok := strings.Cut(line, "] "); ok && strings.HasPrefix(counters, "[") {
			line = rest
		}
		w := words(line)
		switch {
		case len(w) == 0 || w[0] == "":
		case w[0][0] == '*':
			table = w[0][1:]
		case w[0][0] == ':' && len(w) > 1:
			r.chains = append(r.chains, legacyChain(name{program, table, w[0][1:]}, w[1]))
		case w[0] == "-A" && len(w) > 1:
			if c := r.chain(name{program, table, w[1]}); c != nil {
				l := legacyRule{protocol: protocol}
				l.read(w[2:], func(to string) bool { return r.chain(name{program, table, to}) != nil })
				c.rules, c.texts = append(c.rules, l.rule), append(c.texts, line)
			}
		}
	}
}

// legacyChain is a chain as its line tells it: a policy of "-" is none.
func legacyChain(n name, policy string) *chain {
	c := &chain{name: n}
	if policy == "-" {
		return c
	}
	c.hook, c.policy = strings.ToLower(n.name), strings.ToLower(policy)
	switch n.table { // enum nf_ip_hook_priorities of the kernel
	case "raw":
		c.prio = -300
	case "mangle":
		c.prio = -150
	case "nat":
		c.prio = -100
	case "security":
		c.prio = 50
	}
	return c
}

// A legacyRule is one while it is read.
type legacyRule struct {
	protocol string // "ip" or "ip6"
	negated  bool   // the next match is
	rule     rule
}

// An object of a document.
type doc = map[string]any

// add adds a statement.
func (l *legacyRule) add(key string, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic("firewall: a statement is no JSON: " + err.Error())
	}
	l.rule = append(l.rule, map[string]json.RawMessage{key: b})
}

// match adds a match of what an expression looks at.
func (l *legacyRule) match(left, right any) {
	op := "=="
	if l.negated {
		op = "!="
	}
	l.add("match", doc{"op": op, "left": left, "right": right})
}

// unknown adds a match of which nobody knows.
func (l *legacyRule) unknown() { l.add("match", doc{}) }

// read reads what follows the name of the chain. An option that is not known takes the
// words up to the next option for its own.
func (l *legacyRule) read(w []string, isChain func(string) bool) {
	for len(w) > 0 {
		option := w[0]
		w = w[1:]
		switch option {
		case "!":
			l.negated = true
			continue
		case "-j", "-g":
			if len(w) > 0 {
				l.target(option, w, isChain)
			}
			return
		}
		if !strings.HasPrefix(option, "-") {
			continue
		}
		if len(w) > 0 && l.option(option, w[0]) {
			w = w[1:]
		} else {
			l.unknown()
		}
		l.negated = false
	}
}

// option adds what an option with a value asks for, and reports whether it is known.
func (l *legacyRule) option(option, value string) bool {
	switch option {
	case "-m":
		return slices.Contains([]string{"udp", "tcp", "multiport", "conntrack", "state", "comment", "addrtype", "pkttype", "limit", "hashlimit"}, value)
	case "--comment":
	case "-i":
		l.match(doc{"meta": doc{"key": "iifname"}}, pattern(value))
	case "-o":
		// What comes in has no interface to go out by, of which "+" is the name too.
		if l.negated == (value == "+") {
			l.match(doc{"meta": doc{"key": "l4proto"}}, "nothing")
		}
	case "-s":
		return l.address("saddr", value)
	case "-d":
		return l.address("daddr", value)
	case "-p":
		switch value {
		case "all":
			return !l.negated
		case "17":
			value = "udp"
		}
		l.match(doc{"meta": doc{"key": "l4proto"}}, value)
	case "--sport", "--sports":
		return l.ports("sport", value)
	case "--dport", "--dports":
		return l.ports("dport", value)
	case "--ctstate", "--state":
		l.match(doc{"ct": doc{"key": "state"}}, among(value))
	case "--dst-type":
		l.match(doc{"fib": doc{"result": "type", "flags": []string{"daddr"}}}, among(value))
	case "--pkt-type":
		l.match(doc{"meta": doc{"key": "pkttype"}}, strings.Replace(value, "unicast", "host", 1))
	case "--limit", "--hashlimit-upto", "--hashlimit-above":
		l.add("limit", doc{"inv": l.negated != (option == "--hashlimit-above")})
	case "--limit-burst", "--hashlimit-burst", "--hashlimit-mode", "--hashlimit-name", "--hashlimit-srcmask", "--hashlimit-dstmask",
		"--hashlimit-htable-size", "--hashlimit-htable-max", "--hashlimit-htable-expire", "--hashlimit-htable-gcinterval":
	default:
		return false
	}
	return true
}

// pattern returns the name of interfaces as nftables has it.
func pattern(s string) string {
	if p, ok := strings.CutSuffix(s, "+"); ok {
		return p + "*"
	}
	return s
}

// among is the set that a list stands for.
func among(list string) any { return doc{"set": strings.Split(strings.ToLower(list), ",")} }

// address adds the match of an address or prefix, but not of one whose mask has gaps.
func (l *legacyRule) address(field, value string) bool {
	p, err := netip.ParsePrefix(value)
	if err != nil {
		a, err := netip.ParseAddr(value)
		if err != nil {
			return false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	l.match(doc{"payload": doc{"protocol": l.protocol, "field": field}}, doc{"prefix": doc{"addr": p.Addr(), "len": p.Bits()}})
	return true
}

// ports adds the match of ports and ranges of them.
func (l *legacyRule) ports(field, list string) bool {
	var set []any
	for s := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(s, ":")
		low, err := strconv.ParseUint(from, 10, 16)
		if err != nil {
			return false
		}
		if !isRange {
			set = append(set, low)
			continue
		}
		high, err := strconv.ParseUint(to, 10, 16)
		if err != nil {
			return false
		}
		set = append(set, doc{"range": []uint64{low, high}})
	}
	l.match(doc{"payload": doc{"protocol": "udp", "field": field}}, doc{"set": set})
	return true
}

// target adds what becomes of a packet that matches.
func (l *legacyRule) target(option string, w []string, isChain func(string) bool) {
	switch to := w[0]; {
	case option == "-g":
		l.add("goto", doc{"target": to})
	case isChain(to):
		l.add("jump", doc{"target": to})
	case to == "NOTRACK", to == "CT" && slices.Contains(w, "--notrack"):
		l.add("notrack", nil)
	case slices.Contains([]string{"ACCEPT", "DROP", "REJECT", "RETURN"}, to):
		l.add(strings.ToLower(to), nil)
	case slices.Contains([]string{"AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CT", "DSCP", "LOG", "MARK", "NFLOG", "SET", "TOS", "TRACE", "TTL"}, to):
		l.add("log", nil) // the packet goes on
	default:
		l.add("xt", nil)
	}
}

// words splits a line, where words with spaces stand in quotes.
func words(line string) (all []string) {
	var word strings.Builder
	quoted, escaped, started := false, false, false
	for _, c := range line {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted, started = !quoted, true
		case c == ' ' && !quoted:
			if started {
				all = append(all, word.String())
			}
			word.Reset()
			started = false
		default:
			word.WriteRune(c)
			started = true
		}
	}
	if started {
		all = append(all, word.String())
	}
	return all
}
