package firewall

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/netip"
	"strings"
)

// An answer is whether something is so.
type answer uint8

const (
	no answer = iota
	maybe
	yes
)

func answerOf(b bool) answer {
	if b {
		return yes
	}
	return no
}

func (a answer) not() answer { return yes - a }

// match says whether the packet matches.
func (w *walk) match(c *chain, body json.RawMessage) answer {
	var m struct {
		Op          string
		Left, Right json.RawMessage
	}
	if json.Unmarshal(body, &m) != nil {
		return maybe
	}
	left, is := w.value(m.Left)
	if is != yes {
		return is
	}
	switch m.Op {
	case "==", "in":
		return w.is(c, left, m.Right)
	case "!=":
		return w.is(c, left, m.Right).not()
	case "<", ">", "<=", ">=":
		right, ok := literal(m.Right)
		n, known := compare(left, right)
		if !ok || !known {
			return maybe
		}
		return answerOf(map[string]bool{"<": n < 0, ">": n > 0, "<=": n <= 0, ">=": n >= 0}[m.Op])
	}
	return maybe
}

// vmap looks the packet up in a map of verdicts.
func (w *walk) vmap(c *chain, body json.RawMessage) (map[string]json.RawMessage, answer) {
	var m struct{ Key, Data json.RawMessage }
	if json.Unmarshal(body, &m) != nil {
		return nil, maybe
	}
	key, is := w.value(m.Key)
	if is != yes {
		return nil, is
	}
	all, ok := w.set(c, m.Data)
	if !ok {
		return nil, maybe
	}
	best := no
	for _, e := range all {
		var pair [2]json.RawMessage
		var verdict map[string]json.RawMessage
		if json.Unmarshal(e, &pair) != nil || json.Unmarshal(pair[1], &verdict) != nil {
			return nil, maybe
		}
		switch is := w.is(c, key, unwrapped(pair[0])); is {
		case yes:
			return verdict, yes
		case no, maybe:
			best = max(best, is)
		}
	}
	return nil, best
}

// value returns what the packet has where an expression looks: a list for a concat. It
// returns no if such packets have nothing there, and maybe if that is not known.
func (w *walk) value(expr json.RawMessage) ([]any, answer) {
	var e struct {
		Payload *struct{ Protocol, Field string }
		Meta    *struct{ Key string }
		Ct      *struct{ Key, Dir string }
		Fib     *struct {
			Result string
			Flags  json.RawMessage
		}
		Concat []json.RawMessage
	}
	if json.Unmarshal(expr, &e) != nil {
		return nil, maybe
	}
	switch {
	case e.Payload != nil:
		return w.payload(e.Payload.Protocol, e.Payload.Field)
	case e.Meta != nil:
		return w.meta(e.Meta.Key)
	case e.Ct != nil && e.Ct.Key == "state":
		return []any{w.state()}, yes
	case e.Fib != nil && e.Fib.Result == "type" && bytes.Contains(e.Fib.Flags, []byte("daddr")):
		return []any{w.addressType()}, yes
	case e.Concat != nil:
		var all []any
		for _, part := range e.Concat {
			v, is := w.value(part)
			if is != yes {
				return nil, is
			}
			all = append(all, v...)
		}
		return all, yes
	}
	return nil, maybe
}

// payload returns a field of the packet.
func (w *walk) payload(protocol, field string) ([]any, answer) {
	p := &w.packet
	six := p.Dst.Addr().Is6()
	switch {
	case protocol == "ip" && six, protocol == "ip6" && !six:
		return nil, no
	case protocol == "ip" || protocol == "ip6":
		switch field {
		case "saddr":
			return []any{p.Src.Addr()}, yes
		case "daddr":
			return []any{p.Dst.Addr()}, yes
		case "protocol", "nexthdr":
			return []any{"udp"}, yes
		}
	case protocol == "udp" || protocol == "th":
		switch field {
		case "sport":
			return []any{float64(p.Src.Port())}, yes
		case "dport":
			return []any{float64(p.Dst.Port())}, yes
		}
	case protocol == "ether":
		return nil, maybe
	default:
		return nil, no // of another protocol
	}
	return nil, maybe
}

// meta returns what the kernel knows of the packet.
func (w *walk) meta(key string) ([]any, answer) {
	six := w.packet.Dst.Addr().Is6()
	switch key {
	case "iifname", "iif":
		return []any{w.packet.Interface}, yes
	case "l4proto":
		return []any{"udp"}, yes
	case "nfproto":
		return []any{map[bool]string{false: "ipv4", true: "ipv6"}[six]}, yes
	case "protocol":
		return []any{map[bool]string{false: "ip", true: "ip6"}[six]}, yes
	case "pkttype":
		if t := w.addressType(); t != "local" {
			return []any{t}, yes
		}
		return []any{"host"}, yes
	}
	return nil, maybe
}

func (w *walk) state() string {
	switch {
	case w.untracked:
		return "untracked"
	case w.packet.Answers:
		return "established"
	}
	return "new"
}

func (w *walk) addressType() string {
	switch a := w.packet.Dst.Addr(); {
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "broadcast"
	case a.IsMulticast():
		return "multicast"
	}
	return "local"
}

// set returns the elements of a set or map, with its name or in place.
func (w *walk) set(c *chain, body json.RawMessage) (elements, bool) {
	var named string
	if json.Unmarshal(body, &named) == nil && strings.HasPrefix(named, "@") {
		all, ok := w.rules.sets[name{c.family, c.table, named[1:]}]
		return all, ok
	}
	var s struct{ Set elements }
	if json.Unmarshal(body, &s) != nil || s.Set == nil {
		return nil, false
	}
	return s.Set, true
}

// unwrapped takes off what is said of an element beside its value.
func unwrapped(e json.RawMessage) json.RawMessage {
	var with struct {
		Elem *struct{ Val json.RawMessage }
	}
	if json.Unmarshal(e, &with) == nil && with.Elem != nil {
		return with.Elem.Val
	}
	return e
}

// is says whether a value is, or is among, what a rule names.
func (w *walk) is(c *chain, v []any, want json.RawMessage) answer {
	if all, ok := w.set(c, want); ok {
		return w.among(c, v, all)
	}
	var list elements
	if json.Unmarshal(want, &list) == nil {
		return w.among(c, v, list)
	}
	var o struct {
		Range  []json.RawMessage
		Prefix *struct {
			Addr string
			Len  int
		}
		Concat elements
	}
	if json.Unmarshal(want, &o) == nil {
		switch {
		case o.Concat != nil && len(o.Concat) == len(v):
			best := yes
			for i := range v {
				best = min(best, w.is(c, v[i:i+1], o.Concat[i]))
			}
			return best
		case len(v) != 1:
		case len(o.Range) == 2:
			return within(v, o.Range[0], o.Range[1])
		case o.Prefix != nil:
			a, err := netip.ParseAddr(o.Prefix.Addr)
			addr, is := v[0].(netip.Addr)
			if err == nil && is {
				return answerOf(netip.PrefixFrom(a, o.Prefix.Len).Masked().Contains(addr))
			}
		}
		return maybe
	}
	x, ok := literal(want)
	if !ok || len(v) != 1 {
		return maybe
	}
	if pattern, is := x.(string); is {
		if s, is := v[0].(string); is && strings.HasSuffix(pattern, "*") {
			return answerOf(strings.HasPrefix(s, strings.TrimSuffix(pattern, "*")))
		}
	}
	n, known := compare(v, x)
	if !known {
		return maybe
	}
	return answerOf(n == 0)
}

func (w *walk) among(c *chain, v []any, all elements) answer {
	best := no
	for _, e := range all {
		best = max(best, w.is(c, v, unwrapped(e)))
	}
	return best
}

func within(v []any, from, to json.RawMessage) answer {
	low, ok := literal(from)
	high, ok2 := literal(to)
	a, known := compare(v, low)
	b, known2 := compare(v, high)
	if !ok || !ok2 || !known || !known2 {
		return maybe
	}
	return answerOf(a >= 0 && b <= 0)
}

// literal returns a number, a name or an address as a rule has it.
func literal(raw json.RawMessage) (any, bool) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil, false
	}
	switch v := v.(type) {
	case float64:
		return v, true
	case string:
		return v, !strings.HasPrefix(v, "@")
	}
	return nil, false
}

// compare compares a value of the packet with one of a rule.
func compare(v []any, with any) (n int, known bool) {
	if len(v) != 1 {
		return 0, false
	}
	switch a := v[0].(type) {
	case float64:
		b, ok := with.(float64)
		return cmp.Compare(a, b), ok
	case string:
		b, ok := with.(string)
		return cmp.Compare(a, b), ok
	case netip.Addr:
		s, ok := with.(string)
		b, err := netip.ParseAddr(s)
		return a.Compare(b), ok && err == nil
	}
	return 0, false
}
