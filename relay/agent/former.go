package agent

import (
	"bytes"
	"slices"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
)

// maxFormer is how many former identifiers of a choice are known.
const maxFormer = 4

// A history is what links were called under the snapshots before. The zero value
// is empty.
type history struct {
	choices map[*Choice][]*Choice // the same choices with what identified them then, the latest first
	names   map[*group]members    // of those that had a circuit-id or Interface-Id
}

// Inherit tells s what the links were called under the snapshot before it, so
// that replies under way find them after a rename, and after a reload that
// changes identifiers. What a link bears now goes before what another bore, and
// nothing is forgotten for being old: a server may start a Reconfigure with the
// Interface-Id of days ago. Call it before s is used.
func (s *Snapshot) Inherit(last *Snapshot) {
	s.past = history{make(map[*Choice][]*Choice), make(map[*group]members)}
	for _, l := range s.Links {
		was := last.byIndex[l.Host.Index]
		if was == nil || was.Host.Life != l.Host.Life {
			continue
		}
		v4, was4 := l.Side[dhcp.V4].Choices, was.Side[dhcp.V4].Choices
		for i := range v4 {
			c := &v4[i]
			if j := slices.IndexFunc(was4, func(w Choice) bool { return w.Addr == c.Addr }); j >= 0 {
				s.past.add(s.groups[c.Addr], member{l, c}, &was4[j], last)
			}
		}
		if v6, was6 := l.Side[dhcp.V6].Choices, was.Side[dhcp.V6].Choices; len(v6) > 0 && len(was6) > 0 {
			s.past.add(&s.ids, member{l, &v6[0]}, &was6[0], last)
		}
	}
	for _, ms := range s.past.names {
		ms.sort()
	}
}

// add notes what a choice was identified by.
func (h *history) add(g *group, m member, was *Choice, last *Snapshot) {
	choices := make([]*Choice, 0, 1)
	for _, w := range append([]*Choice{was}, last.past.choices[was]...) {
		same := func(c *Choice) bool {
			return c.opt.code == w.opt.code && bytes.Equal(c.opt.mark, w.opt.mark) &&
				slices.Equal(c.opt.markGaps(), w.opt.markGaps()) && c.opt.sameCircuit(&w.opt)
		}
		if len(w.opt.bytes) == 0 || len(choices) == maxFormer || same(m.choice) || slices.ContainsFunc(choices, same) {
			continue
		}
		c := *m.choice
		c.opt = w.opt
		choices = append(choices, &c)
		if !c.opt.anonymous() {
			h.names[g] = append(h.names[g], member{m.link, &c})
		}
	}
	if len(choices) > 0 {
		h.choices[m.choice] = choices
	}
}

// ours reports whether an echoed option 82 is one that was sent under the choice.
func (h *history) ours(c *Choice, echo bootp.RelayInfo) bool {
	for _, w := range h.choices[c] {
		if w.opt.ours(echo) {
			return true
		}
	}
	return false
}
