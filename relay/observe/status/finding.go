package status

import (
	"cmp"
	"slices"
	"strings"
)

// foldFrom is how many findings of a kind are told one by one. Where thousands of
// interfaces share one trouble, it is told once, with the number.
const foldFrom = 5

// A found is a finding before those of a kind are folded into one.
type found struct {
	severity Severity
	kind     kind
	of       string // what stands for the "*" in the kind's name
	about    Subject
	text     string // what is wrong, the same for all of a kind, without a full stop
	detail   string // what more there is to say of this one
	do       string
	unsent   bool // it is about replies that could not be sent
}

// name returns Finding.Kind.
func (f *found) name() string { return strings.Replace(f.kind.doc().Name, "*", f.of, 1) }

// like reports whether findings are of the same kind, so that they may be folded.
func (f *found) like(g *found) bool {
	return f.kind == g.kind && f.of == g.of && f.severity == g.severity && f.about.Kind == g.about.Kind
}

// finding makes one finding of several that are alike, or of one.
func finding(all []found, subject string) Finding {
	f := &all[0]
	n := Finding{Severity: f.severity, Kind: f.name(), Subject: subject, Text: strings.TrimSuffix(f.text, ".") + ".", Do: f.do}
	if len(all) == 1 {
		n.Text = f.sentence()
	}
	for i := range all {
		n.About = append(n.About, all[i].about)
	}
	return n
}

// sentence says what is wrong, with the detail.
func (f *found) sentence() string {
	text := strings.TrimSuffix(f.text, ".")
	if f.detail != "" {
		text += ": " + strings.TrimSuffix(f.detail, ".")
	}
	return text + "."
}

// fold makes the findings, the worst first. What many interfaces or servers have
// in common becomes one.
func fold(all []found) []Finding {
	slices.SortStableFunc(all, func(a, b found) int {
		return cmp.Or(
			cmp.Compare(rank(a.severity), rank(b.severity)),
			cmp.Compare(a.kind.causes(), b.kind.causes()),
			strings.Compare(a.name(), b.name()),
			strings.Compare(string(a.about.Kind), string(b.about.Kind)),
			natural(a.about.short(), b.about.short()),
			cmp.Compare(a.about.Family, b.about.Family),
		)
	})
	out := []Finding{}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].like(&all[0]) {
			n++
		}
		if n > foldFrom {
			out = append(out, together(all[:n]))
		} else {
			for i := range all[:n] {
				out = append(out, finding(all[i:i+1], all[i].about.String()))
			}
		}
		all = all[n:]
	}
	return out
}

// together makes one finding of many.
func together(all []found) Finding {
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].about.short()
	}
	return finding(all, several(all[0].about.Kind, slices.Compact(names)))
}

// rank orders severities, the worst first.
func rank(s Severity) int { return slices.Index([]Severity{Error, Warn, Info}, s) }
