package importer

import (
	"slices"
	"strings"

	"dhcp-relay/relay/config"
	"dhcp-relay/relay/text"
)

// width is how many characters a line of a comment has.
const width = 80

// toml writes the plan, "" if there is no interface in it.
func (p *plan) toml() string {
	if !slices.ContainsFunc(p.links, func(l *link) bool { return !l.off }) {
		return ""
	}
	var b strings.Builder
	comment(&b, "", "Made by dhcp-relay import from "+text.All(p.sources)+".")
	p.comments(&b)
	if len(p.replies) > 0 {
		b.WriteString("\nreply_sources = " + list(p.replies) + "\n")
	}
	shared := p.shared()
	writeTables(&b, "defaults", "", shared, nil)
	for _, s := range p.servers {
		b.WriteString("\n[[server]]\naddress = " + quoted(s.address) + "\n")
		for _, kv := range [][2]string{{"interface", s.link}, {"vrf", s.vrf}} {
			if kv[1] != "" {
				b.WriteString(kv[0] + " = " + quoted(kv[1]) + "\n")
			}
		}
	}
	for _, l := range p.links {
		own := l.settings()
		for key := range shared {
			delete(own, key)
		}
		writeTables(&b, "interface", quoted(l.name), own, l)
	}
	return b.String()
}

// comments writes where this relay does something else, and what is not carried
// over.
func (p *plan) comments(b *strings.Builder) {
	if len(p.notes) > 0 {
		b.WriteString("#\n# What differs:\n")
		for _, n := range p.notes {
			comment(b, "- ", n)
		}
	}
	if len(p.problems) > 0 {
		b.WriteString("#\n# What is not carried over:\n")
		for _, q := range p.problems {
			comment(b, "- ", q.Error())
		}
	}
}

// comment writes lines of a comment; what the old configuration contains must not
// end it.
func comment(b *strings.Builder, head, s string) {
	var c strings.Builder
	text.Wrap(&c, head, text.Visible(strings.ToValidUTF8(s, "?")), width-2)
	for line := range strings.Lines(c.String()) {
		b.WriteString("# " + line)
	}
}

// settings returns the values of a link by their keys, servers among them.
func (l *link) settings() map[string]string {
	if l.off {
		return map[string]string{"relay": "false"}
	}
	all := map[string]string{"servers": list(l.servers)}
	for k, v := range l.set {
		all[k] = v
	}
	return all
}

// shared returns what all links say alike, if there are several.
func (p *plan) shared() map[string]string {
	links := slices.DeleteFunc(slices.Clone(p.links), func(l *link) bool { return l.off })
	if len(links) < 2 {
		return nil
	}
	all := links[0].settings()
	for _, l := range links[1:] {
		for k, v := range all {
			if l.settings()[k] != v {
				delete(all, k)
			}
		}
	}
	// A switch for the whole of option 82 and its suboptions exclude each other.
	if slices.ContainsFunc(links, func(l *link) bool { return l.set["dhcpv4.option82"] == "false" }) && all["dhcpv4.option82"] == "" {
		for k := range all {
			if strings.HasPrefix(k, "dhcpv4.option82.") {
				delete(all, k)
			}
		}
	}
	return all
}

// writeTables writes [defaults], or an [[interface]], and the tables below.
func writeTables(b *strings.Builder, table, name string, set map[string]string, l *link) {
	if len(set) == 0 && name == "" {
		return
	}
	for _, t := range []string{"defaults", "defaults.dhcpv4", "defaults.dhcpv4.option82", "defaults.dhcpv6"} {
		var lines strings.Builder
		for _, k := range config.Keys() {
			path := strings.TrimPrefix(strings.TrimPrefix(t+"."+k.Name, "defaults"), ".")
			if v, ok := set[path]; ok && k.Table == t {
				lines.WriteString(k.Name + " = " + v + "\n")
			}
		}
		top := t == "defaults"
		if lines.Len() == 0 && (!top || name == "") {
			continue
		}
		b.WriteString("\n")
		if top && l != nil {
			head(b, l)
		} else {
			b.WriteString("[" + strings.Replace(t, "defaults", table, 1) + "]\n")
		}
		b.WriteString(lines.String())
	}
}

func head(b *strings.Builder, l *link) {
	if l.old != "" {
		comment(b, "", l.old)
	}
	for _, n := range l.notes {
		comment(b, "", n)
	}
	b.WriteString("[[interface]]\nname = " + quoted(l.name) + "\n")
	if l.description != "" {
		b.WriteString("description = " + quoted(l.description) + "\n")
	}
}
