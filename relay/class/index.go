package class

import (
	"maps"
	"slices"
	"strings"
)

// An index finds the patterns of one field that mean a value. Those that a value begins
// with are, in the order of their texts, the last one before the value and some of those
// that it begins with itself.
type index struct {
	free  []uint64 // the rules that do not ask for the field
	nodes []node   // by text
	first [257]int32
	inner *index        // the substrings, as what a part of a value begins with; nil if there are none
	pairs *[1024]uint64 // the first two octets of those, as bits
}

// A node is one text, with the rules that are content with a value that begins with it,
// or that is it.
type node struct {
	text   string
	up     int32 // the longest other text that it begins with, -1 if there is none
	begins rules
	is     rules
}

// rules are a list of rules, or a set if that is shorter.
type rules struct {
	few  []uint16
	many []uint64
}

// newIndex returns the index of a field, nil if no rule asks for it.
func newIndex(all []Rule, f Field, words int) *index {
	free := make([]uint64, words)
	begins, is, inner := make(map[string][]uint16), make(map[string][]uint16), make(map[string][]uint16)
	asked := false
	for i := range all {
		if len(all[i][f]) == 0 {
			free[i/64] |= 1 << (i % 64)
			continue
		}
		asked = true
		for _, p := range all[i][f] {
			at := is
			switch {
			case p.Kind == Substring && p.Text != "":
				at = inner
			case p.Kind != Exact:
				at = begins
			}
			at[p.Text] = append(at[p.Text], uint16(i))
		}
	}
	if !asked {
		return nil
	}
	x := sorted(begins, is, words)
	x.free = free
	if len(inner) > 0 {
		x.inner, x.pairs = sorted(inner, nil, words), pairsOf(inner)
	}
	return x
}

// sorted returns an index of texts that a value begins with, and that a value is.
func sorted(begins, is map[string][]uint16, words int) *index {
	texts := slices.AppendSeq(slices.Collect(maps.Keys(begins)), maps.Keys(is))
	slices.Sort(texts)
	texts = slices.Compact(texts)
	x := &index{nodes: make([]node, len(texts))}
	for i, text := range texts {
		up := int32(i - 1)
		for up >= 0 && !strings.HasPrefix(text, texts[up]) {
			up = x.nodes[up].up
		}
		x.nodes[i] = node{text, up, rulesOf(begins[text], words), rulesOf(is[text], words)}
	}
	at := 0
	for c := range x.first {
		for at < len(texts) && (texts[at] == "" || int(texts[at][0]) < c) {
			at++
		}
		x.first[c] = int32(at)
	}
	return x
}

func rulesOf(list []uint16, words int) rules {
	if len(list) <= words {
		return rules{few: list}
	}
	many := make([]uint64, words)
	for _, n := range list {
		many[n/64] |= 1 << (n % 64)
	}
	return rules{many: many}
}

// pairsOf returns the first two octets of some texts, of one of 1 octet with whatever
// follows.
func pairsOf(texts map[string][]uint16) *[1024]uint64 {
	var pairs [1024]uint64
	for t := range texts {
		if len(t) == 1 {
			for c := range 256 {
				pairs[int(t[0])<<2|c>>6] |= 1 << (c & 63)
			}
			continue
		}
		pairs[int(t[0])<<2|int(t[1])>>6] |= 1 << (t[1] & 63)
	}
	return &pairs
}

// value notes the rules that a value of the field satisfies.
func (x *index) value(v []byte, met *set) {
	x.start(v, met)
	if x.inner == nil {
		return
	}
	v = v[:min(len(v), MaxScan)]
	for i := range v {
		if i+1 < len(v) && x.pairs[int(v[i])<<2|int(v[i+1])>>6]>>(v[i+1]&63)&1 == 0 {
			continue
		}
		x.inner.start(v[i:], met)
	}
}

// start notes the rules that are content with what a value begins with, or is.
func (x *index) start(v []byte, met *set) {
	for i := x.before(v); i >= 0; {
		n := &x.nodes[i]
		i = int(n.up)
		if len(n.text) > len(v) || string(v[:len(n.text)]) != n.text {
			continue
		}
		met.add(&n.begins)
		if len(n.text) == len(v) {
			met.add(&n.is)
		}
	}
}

// before returns the last text that is not after a value, -1 if there is none.
func (x *index) before(v []byte) int {
	if len(v) == 0 {
		return int(x.first[0]) - 1
	}
	low, high := int(x.first[v[0]]), int(x.first[int(v[0])+1])
	for low < high {
		if mid := int(uint(low+high) >> 1); x.nodes[mid].text <= string(v) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low - 1
}

func (s *set) add(r *rules) {
	for _, n := range r.few {
		s[n/64&(maxWords-1)] |= 1 << (n % 64)
	}
	for i, w := range r.many {
		s[i] |= w
	}
}
