package agent

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"dhcp-relay/giaddr"
)

// maxName is the greatest length of an interface's own name, in octets; alternative
// names may be longer.
const maxName = 15

// NoSuchName is the text of a problem that may be none.
const NoSuchName = "no interface has this name now"

// A search finds out why interfaces of a policy hold for no link. There may be
// thousands of both, so the links are looked through once.
type search struct {
	interfaces []Interface
	match      *matcher
	host       []giaddr.Link
	named      map[string]*giaddr.Link // by all names; nil before they are needed
	folded     map[string]string       // names by what they are in lower case
}

func (s *search) learn() {
	if s.named != nil {
		return
	}
	s.named, s.folded = make(map[string]*giaddr.Link, len(s.host)), make(map[string]string, len(s.host))
	for i := range s.host {
		h := &s.host[i]
		s.named[h.Name], s.folded[strings.ToLower(h.Name)] = h, h.Name
		for _, alt := range h.AltNames {
			s.named[alt], s.folded[strings.ToLower(alt)] = h, alt
		}
	}
}

// absence says why an interface of the policy holds for no link, and what may have
// been meant. It is fatal where no interface is likely to have such a name ever.
func (s *search) absence(j int) Problem {
	s.learn()
	name := s.interfaces[j].Name
	w := Problem{Interface: name, Entry: j + 1, Text: NoSuchName, Hint: "nothing to do if it is to appear later"}
	if text, hint := s.onHost(name); text != "" {
		w.Text, w.Hint = text, hint
		return w
	}
	switch text, hint, sure := s.meant(name); {
	case sure:
		w.Text, w.Hint, w.Fatal = text, hint, true
	case text != "":
		w.Text += ", and " + text
		w.Hint = hint + ", unless it is to appear later"
	case len(name) > maxName && !isPattern(name):
		w.Text = fmt.Sprintf("%d octets are too long for a name, and no interface has this as an alternative name", len(name))
		w.Hint, w.Fatal = "write the name that ip link shows", true
	}
	return w
}

// ordinary reports whether nothing need be done about a pattern that holds for no link:
// one file may be for many hosts, and its names for links that a pattern matches too.
func (s *search) ordinary(name, why string) bool {
	return isPattern(name) && (why == NoSuchName || strings.Contains(why, servedElsewhere))
}

// servedElsewhere is a part of the text of a problem.
const servedElsewhere = " belongs to "

// onHost says why a name or pattern that fits links of the host holds for none of
// them, "" if it fits none.
func (s *search) onHost(name string) (text, hint string) {
	if !isPattern(name) {
		if h := s.named[name]; h != nil {
			return s.unserved(h)
		}
		return "", ""
	}
	for i := range s.host {
		h := &s.host[i]
		if !fits(name, h) {
			continue
		}
		if text, hint = s.unserved(h); h.Master != "" {
			break // what is to be named instead is the best to tell
		}
	}
	return text, hint
}

// unserved says why a name or pattern that fits a link does not hold for it.
func (s *search) unserved(h *giaddr.Link) (text, hint string) {
	first, _ := s.match.link(h)
	switch {
	case h.IsVRF:
		return h.Name + " is a VRF, which has no clients of its own", "name the interfaces that are in it"
	case first >= 0:
		return h.Name + servedElsewhere + strconv.Quote(s.interfaces[first].Name), "put this [[interface]] before that one, or remove it"
	case h.Master != "":
		text, hint = memberOf(h)
		return "it matches no interface that hears clients: " + h.Name + " " + text, hint
	}
	return "it matches " + h.Name + " alone, which no pattern is taken to mean", "write the name of an interface with clients"
}

// fits reports whether a name or pattern matches one of a link's names.
func fits(name string, h *giaddr.Link) bool {
	if giaddr.Match(name, h.Name) {
		return true
	}
	for _, alt := range h.AltNames {
		if giaddr.Match(name, alt) {
			return true
		}
	}
	return false
}

// meant says what a name that no interface has looks like, and what to write for
// that; sure if it can hardly be anything else. The text is "" if it looks like
// nothing but a name.
func (s *search) meant(name string) (text, hint string, sure bool) {
	before, _, at := strings.Cut(name, "@")
	rest, not := strings.CutPrefix(name, "!")
	switch {
	case at && before != "":
		return "no interface is called so: ip shows " + before + " with the interface that it is on behind the @", "write " + strconv.Quote(before), true
	case not:
		return "a pattern excludes nothing", "write the names or patterns of the interfaces that are to be served, and not " + strconv.Quote(rest), true
	case strings.HasPrefix(name, "^"), strings.HasSuffix(name, "$"), strings.Contains(name, ".*"), strings.Contains(name, ".+"):
		return "patterns are those of a shell, no regular expressions", "write " + strconv.Quote(unregexp(name)), strings.ContainsAny(name, "^$")
	case strings.ContainsAny(name, "{}"):
		return "patterns know no braces", listHint(braces(name)), true
	case strings.ContainsAny(name, ",;"):
		return "a name is no list", listHint(listed(name)), true
	case strings.Contains(name, "|"):
		return "patterns are those of a shell, which know no alternatives", listHint(listed(name)), true
	case name == "any", name == "all":
		return "it stands for no other", `write "*" if every interface is meant`, false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "it is an address", "write the name of the interface that has it", false
	}
	if stem, plus := strings.CutSuffix(name, "+"); plus && stem != "" {
		return "patterns are those of a shell", "write " + strconv.Quote(stem+"*"), false
	}
	if other := s.folded[strings.ToLower(name)]; other != "" {
		return "upper and lower case differ: there is " + other, "write " + strconv.Quote(other), false
	}
	if stem, ok := span(name); ok {
		return "a name is no range of numbers", "write an [[interface]] for each, or a pattern such as " + strconv.Quote(stem+"*"), false
	}
	return "", "", false
}

// listed returns the names of a list. A number alone stands for what differs from
// the name before it, as in eth0.10,20.
func listed(list string) (names []string) {
	const digits = "0123456789"
	stem := ""
	for _, name := range strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(",;| ()", r) }) {
		if strings.Trim(name, digits) == "" {
			name = stem + name
		} else {
			stem = strings.TrimRight(name, digits)
		}
		names = append(names, name)
	}
	return names
}

// span reports whether a name ends in a range of numbers, as vlan10-20 does, and
// returns what is before it.
func span(name string) (stem string, ok bool) {
	const digits = "0123456789"
	from, to, ok := strings.Cut(name, "-")
	stem = strings.TrimRight(from, digits)
	return stem, ok && stem != from && to != "" && strings.Trim(to, digits) == ""
}

// unregexp turns a regular expression into a pattern, as well as such a name allows.
func unregexp(s string) string {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "^"), "$")
	return strings.NewReplacer(`\d+`, "[0-9]*", `[0-9]+`, "[0-9]*", `\d`, "[0-9]", ".*", "*", ".+", "?*", `\.`, ".", "(", "", ")", "").Replace(s)
}

// braces returns what a shell makes of a name with one pair of braces.
func braces(s string) []string {
	head, rest, _ := strings.Cut(s, "{")
	list, tail, ok := strings.Cut(rest, "}")
	if !ok || !strings.Contains(list, ",") {
		return nil
	}
	var all []string
	for part := range strings.SplitSeq(list, ",") {
		all = append(all, head+part+tail)
	}
	return all
}

// listHint says how to write several names.
func listHint(names []string) string {
	if len(names) == 0 {
		return `write an [[interface]] for each, or a pattern such as "vlan*"`
	}
	for i := range names {
		names[i] = strconv.Quote(names[i])
	}
	return "write an [[interface]] for each: " + strings.Join(names, ", ")
}
