package explain

import (
	"slices"
	"strings"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/wire/dhcp"
)

// settings returns what of the configuration a decision rests on.
func (r *Relay) settings(reason agent.Reason, m *Message, v *agent.Verdict, copies []Copy) []Setting {
	var keys []string
	link := v.Link
	if reason == agent.Relayed {
		keys = r.relayedBy(v, copies)
	} else {
		keys = strings.Fields(reason.Doc().Settings[v.Family])
		if link == nil && m.Link != "" && r.byName[m.Link] != nil {
			link = r.snap.Link(r.byName[m.Link].Index)
		}
	}
	var all []Setting
	add := func(key, value, file string, line int) {
		s := Setting{key, value, file, line}
		if !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	if link != nil {
		i := r.indexOf(link.Interface)
		for _, key := range append([]string{"name"}, keys...) {
			if preset := r.cfg.PresetOf(i, key); preset != "" {
				said := r.lookUp(settingAt{i, preset}, r.cfg.Setting)
				add(preset, said.Value, said.File, said.Line)
			}
			said := r.lookUp(settingAt{i, key}, r.cfg.Setting)
			add(key, said.Value, said.File, said.Line)
		}
	}
	if v.Class > 0 {
		for _, said := range r.cfg.ClassSettings(int(v.Class - 1)) {
			add("class."+said.Key, said.Value, said.File, said.Line)
		}
	}
	if reason == agent.ReplySource {
		said := r.cfg.TopSetting("reply_sources")
		add(said.Key, said.Value, said.File, said.Line)
	}
	if link != nil && v.Direction == dhcp.Requests {
		for _, n := range link.Side[v.Family].Servers {
			for _, key := range []string{"vrf", "interface", "vss"} {
				if said := r.lookUp(settingAt{n, "server." + key}, r.ofServer); said.Line > 0 {
					add("server."+key, said.Value, said.File, said.Line)
				}
			}
		}
	}
	return all
}

// A settingAt is a question to the configuration: about a key of an interface, or of a
// server.
type settingAt struct {
	index int
	key   string
}

// lookUp asks the configuration once for each key: it looks through its text,
// and a capture may hold any number of messages.
func (r *Relay) lookUp(q settingAt, ask func(int, string) config.Setting) config.Setting {
	a, ok := r.given[q]
	if !ok {
		a = ask(q.index, q.key)
		r.given[q] = a
	}
	return a
}

func (r *Relay) ofServer(i int, key string) config.Setting {
	return r.cfg.ServerSetting(i, strings.TrimPrefix(key, "server."))
}

func (r *Relay) indexOf(i *agent.Interface) int {
	for n := range r.snap.Policy.Interfaces {
		if &r.snap.Policy.Interfaces[n] == i {
			return n
		}
	}
	return 0
}

// relayedBy returns the keys that shape what is sent.
func (r *Relay) relayedBy(v *agent.Verdict, copies []Copy) []string {
	c := v.Link.Interface
	var keys []string
	switch {
	case v.Direction == dhcp.Requests:
		unnamed := slices.ContainsFunc(c.Groups, func(g int) bool { return r.snap.Policy.Groups[g].Name == "" })
		keys = requestKeys(v, unnamed, c)
	case v.Family == dhcp.V4:
		keys = []string{"dhcpv4.broadcast"}
	case c.Trusted:
		keys = []string{"trusted"}
	}
	for _, cp := range copies {
		for _, ch := range cp.Changes {
			if ch.Setting != "" && !strings.HasPrefix(ch.Setting, ofClass) {
				keys = append(keys, ch.Setting)
			}
			for _, p := range ch.Parts {
				if p.Setting != "" && !strings.HasPrefix(p.Setting, ofClass) && v.Direction == dhcp.Requests {
					keys = append(keys, p.Setting)
				}
			}
		}
	}
	return keys
}

// requestKeys returns the keys that shape a request; unnamed says that its servers are
// chosen by the interface's mode.
func requestKeys(v *agent.Verdict, unnamed bool, c *agent.Interface) []string {
	keys := []string{"servers"}
	if unnamed {
		keys = append(keys, "mode")
	}
	if c.NextAfter > 0 {
		keys = append(keys, "next_after")
	}
	if v.Family == dhcp.V6 {
		keys = append(keys, "dhcpv6.source")
		if c.V6.SourcePort != dhcp.ServerPort6 {
			keys = append(keys, "dhcpv6.source_port")
		}
		return keys
	}
	keys = append(keys, "dhcpv4.source")
	if c.V4.SourcePort != dhcp.ServerPort4 {
		keys = append(keys, "dhcpv4.source_port")
	}
	if c.V4.SmartAfter > 0 {
		keys = append(keys, "dhcpv4.smart_relay_after")
	}
	if v.Omitted {
		keys = append(keys, "dhcpv4.max_message_size", "dhcpv4.oversize")
	}
	if c.Trusted {
		keys = append(keys, "trusted", "dhcpv4.relayed_requests")
	}
	if !c.V4.Option82.On {
		keys = append(keys, "dhcpv4.option82")
	}
	return keys
}
