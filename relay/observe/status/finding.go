package status

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// few is how many findings of a kind are told one by one. Where thousands of
// interfaces share one trouble, it is told once, with the number.
const few = 5

// A found is a finding before those of a kind are folded into one.
type found struct {
	severity Severity
	kind     string
	subject  string // "interface vlan20 (DHCPv4)"
	name     string // "vlan20"; "" if there is one of the kind only
	text     string // what is wrong, the same for all of a kind, without a full stop
	detail   string // what more there is to say of this one
	do       string
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
			strings.Compare(a.kind, b.kind),
			natural(a.name, b.name),
			strings.Compare(a.subject, b.subject),
		)
	})
	out := []Finding{}
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].kind == all[0].kind && all[n].severity == all[0].severity {
			n++
		}
		if n > few {
			out = append(out, together(all[:n]))
		} else {
			for i := range all[:n] {
				f := &all[i]
				out = append(out, Finding{f.severity, f.kind, f.subject, f.sentence(), f.do})
			}
		}
		all = all[n:]
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(causes(a.Kind), causes(b.Kind)))
	})
	return out
}

// together makes one finding of many.
func together(all []found) Finding {
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].name
	}
	names = slices.Compact(names)
	f := &all[0]
	things := strings.Fields(f.subject)[0] + "s"
	return Finding{
		f.severity, f.kind,
		strconv.Itoa(len(names)) + " " + things + " (" + some(names) + ")",
		strings.TrimSuffix(f.text, ".") + ".",
		f.do,
	}
}

// rank orders severities, the worst first.
func rank(s Severity) int { return slices.Index([]Severity{Error, Warn, Info}, s) }

// causes orders kinds: what is likely to be the cause of other findings first.
func causes(kind string) int {
	switch {
	case strings.HasPrefix(kind, "config"):
		return 0
	case strings.HasPrefix(kind, "interface_"):
		return 1
	case strings.HasPrefix(kind, "server_"):
		return 2
	case strings.HasPrefix(kind, "drop_"):
		return 3
	}
	return 4
}
