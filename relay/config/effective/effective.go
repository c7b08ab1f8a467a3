// Package effective tells what of a configuration holds for each interface of a host,
// where each value comes from, and what another configuration would change. It decides
// nothing.
package effective

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"dhcp-relay/giaddr"
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/text"
)

// A View is what holds on a host.
type View struct {
	General    []config.Held `json:"general"`
	Interfaces []Interface   `json:"interfaces"`
}

// An Interface is an [[interface]] of the configuration.
type Interface struct {
	Name     string        `json:"name"`     // or pattern
	Links    []string      `json:"links"`    // of the host, for which it holds
	Settings []config.Held `json:"settings"` // what holds there
}

// Of returns what holds on a host with these links.
func Of(c *config.Config, links []giaddr.Link) *View {
	v := &View{General: c.HeldByAll(), Interfaces: []Interface{}}
	for i := range c.Policy.Interfaces {
		v.Interfaces = append(v.Interfaces, Interface{Name: c.Policy.Interfaces[i].Name, Links: []string{}, Settings: c.Held(i)})
	}
	for name, i := range agent.Matches(c.Policy.Interfaces, links) {
		v.Interfaces[i].Links = append(v.Interfaces[i].Links, name)
	}
	for i := range v.Interfaces {
		slices.Sort(v.Interfaces[i].Links)
	}
	return v
}

// String writes the view for people.
func (v *View) String() string {
	var b strings.Builder
	for _, i := range v.Interfaces {
		b.WriteString("interface " + i.Name)
		switch {
		case len(i.Links) == 0:
			b.WriteString(": holds for no interface now")
		case len(i.Links) > 1 || i.Links[0] != i.Name:
			b.WriteString(": holds for " + text.Some(i.Links, 10))
		}
		b.WriteString("\n")
		write(&b, i.Settings)
		b.WriteString("\n")
	}
	b.WriteString("for all\n")
	write(&b, v.General)
	return b.String()
}

func write(b *strings.Builder, all []config.Held) {
	wide, key := 0, 0
	for _, h := range all {
		wide, key = max(wide, min(40, len(show(h.Value)))), max(key, len(h.Key))
	}
	for _, h := range all {
		fmt.Fprintf(b, "  %-*s  %-*s  %s\n", key, h.Key, wide, show(h.Value), h.From)
	}
}

// show writes a value as JSON does, which for most is what TOML has.
func show(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}

// Changes says in words what a new configuration changes on a host, and how it comes
// into effect.
type Changes struct {
	Lines   []string `json:"changes"`
	Restart []string `json:"restart"` // keys that change at the next start only
}

// Diff compares two configurations on one host.
func Diff(old, next *View) *Changes {
	c := &Changes{Lines: []string{}, Restart: []string{}}
	was, is := old.byLink(), next.byLink()
	for _, name := range names(was, is) {
		a, b := was[name], is[name]
		switch {
		case a == nil && b.off(), b == nil && a.off(), a.off() && b.off():
		case a == nil || a.off():
			c.add("%s: is relayed from now on, to %s", name, b.value("servers"))
		case b == nil || b.off():
			c.add("%s: is no longer relayed", name)
		default:
			c.compare(name, a.Settings, b.Settings)
		}
	}
	c.compare("", old.General, next.General)
	return c
}

func (c *Changes) add(format string, args ...any) {
	c.Lines = append(c.Lines, fmt.Sprintf(format, args...))
}

func (c *Changes) compare(name string, old, next []config.Held) {
	if name != "" {
		name += ": "
	}
	was := make(map[string]config.Held, len(old))
	for _, h := range old {
		was[h.Key] = h
	}
	for _, h := range next {
		former, given := was[h.Key]
		delete(was, h.Key)
		switch {
		case h.Key == "name" || reflect.DeepEqual(former.Value, h.Value) && given:
			continue
		case !given:
			c.add("%s%s is %s (%s)", name, h.Key, show(h.Value), h.From)
		default:
			c.add("%s%s changes from %s to %s (%s)", name, h.Key, show(former.Value), show(h.Value), h.From)
		}
		if slices.Contains(config.AtStart(), h.Key) {
			c.Restart = append(c.Restart, h.Key)
		}
	}
	for _, h := range old {
		if _, left := was[h.Key]; left && h.Key != "name" {
			c.add("%s%s is no longer given (it was %s)", name, h.Key, show(h.Value))
		}
	}
}

// String writes the changes for people.
func (c *Changes) String() string {
	if len(c.Lines) == 0 {
		return "nothing changes on this host\n"
	}
	how := "a reload brings it into effect"
	if len(c.Restart) > 0 {
		how = "a restart is needed for " + strings.Join(c.Restart, ", ") + "; a reload brings the rest into effect"
	}
	return strings.Join(append(c.Lines, how), "\n") + "\n"
}

func (i *Interface) off() bool { return i != nil && i.value("relay") == "false" }

func (i *Interface) value(key string) string {
	for _, h := range i.Settings {
		if h.Key == key {
			return show(h.Value)
		}
	}
	return ""
}

// byLink returns what holds for each link, and for each [[interface]] that holds for
// none.
func (v *View) byLink() map[string]*Interface {
	all := make(map[string]*Interface)
	for n := range v.Interfaces {
		i := &v.Interfaces[n]
		for _, l := range i.Links {
			all[l] = i
		}
		if _, ok := all[i.Name]; !ok && len(i.Links) == 0 {
			all[i.Name] = i
		}
	}
	return all
}

// names lists the keys of both, in order.
func names(a, b map[string]*Interface) []string {
	all := make([]string, 0, len(a)+len(b))
	for n := range a {
		all = append(all, n)
	}
	for n := range b {
		all = append(all, n)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
