package agent

import (
	"bytes"
	"slices"

	"dhcp-relay/relay/wire/bootp"
)

// maxFormer is how many former identifiers of a face are known.
const maxFormer = 4

// A history is what links were called under the snapshots before. The zero value
// is empty.
type history struct {
	faces map[*Face][]*Face  // the same faces with what identified them then, the latest first
	names map[*group]members // of those that had a circuit-id or Interface-Id
}

// Inherit tells s what the links were called under the snapshot before it, so
// that replies under way find them after a rename, and after a reload that
// changes identifiers. What a link bears now goes before what another bore, and
// nothing is forgotten for being old: a server may start a Reconfigure with the
// Interface-Id of days ago. Call it before s is used.
func (s *Snapshot) Inherit(last *Snapshot) {
	s.past = history{make(map[*Face][]*Face), make(map[*group]members)}
	for _, l := range s.Links {
		was := last.byIndex[l.Host.Index]
		if was == nil || was.Host.Life != l.Host.Life {
			continue
		}
		for i := range l.Faces {
			f := &l.Faces[i]
			for j := range was.Faces {
				if was.Faces[j].Giaddr == f.Giaddr {
					s.past.add(s.groups[f.Giaddr], member{l, f}, &was.Faces[j], last)
				}
			}
		}
		if l.Face6 != nil && was.Face6 != nil {
			s.past.add(&s.ids, member{l, l.Face6}, was.Face6, last)
		}
	}
	for _, ms := range s.past.names {
		ms.sort()
	}
}

// add notes what a face was identified by.
func (h *history) add(g *group, m member, was *Face, last *Snapshot) {
	faces := make([]*Face, 0, 1)
	for _, w := range append([]*Face{was}, last.past.faces[was]...) {
		same := func(f *Face) bool {
			return f.opt.code == w.opt.code && bytes.Equal(f.opt.mark, w.opt.mark) && bytes.Equal(f.opt.circuit, w.opt.circuit)
		}
		if len(w.opt.bytes) == 0 || len(faces) == maxFormer || same(m.face) || slices.ContainsFunc(faces, same) {
			continue
		}
		f := *m.face
		f.opt = w.opt
		faces = append(faces, &f)
		if len(f.opt.circuit) > 0 {
			h.names[g] = append(h.names[g], member{m.link, &f})
		}
	}
	if len(faces) > 0 {
		h.faces[m.face] = faces
	}
}

// ours reports whether an echoed option 82 is one that the face has sent.
func (h *history) ours(f *Face, echo bootp.RelayInfo) bool {
	for _, w := range h.faces[f] {
		if w.opt.ours(echo) {
			return true
		}
	}
	return false
}
