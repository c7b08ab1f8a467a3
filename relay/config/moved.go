package config

import "fmt"

// A former is a key of DHCPv4 that stands in [defaults] or [[interface]], as all
// of them did before each family had a table of its own.
type former struct{ header, name string }

// takeFormer puts the keys of DHCPv4 that stand at their former places where they
// belong.
func (r *reader) takeFormer(header string, v value) {
	m, _ := v.any.(map[string]any)
	table, ok := m["dhcpv4"].(map[string]any)
	if _, given := m["dhcpv4"]; given && !ok {
		return
	}
	for _, k := range dhcpv4Keys() {
		old, given := m[k.name]
		if !given || k.name == "refuse_types" {
			continue
		}
		at := join(v.path, k.name)
		delete(m, k.name)
		if _, twice := table[k.name]; twice {
			r.wrong(at, "["+header+".dhcpv4] has it too", "remove it here")
			continue
		}
		if table == nil {
			table = make(map[string]any)
			m["dhcpv4"] = table
		}
		table[k.name] = old
		key := former{header, k.name}
		r.formers[key] = append(r.formers[key], at)
	}
}

// tellFormer tells of each key that stands at its former place once, for a file may
// have thousands of interfaces.
func (r *reader) tellFormer() {
	for key, at := range r.formers {
		text := "this holds for DHCPv4 alone, which has a table of its own"
		if len(at) > 1 {
			text += fmt.Sprintf(" (here and %d more)", len(at)-1)
		}
		hint := "write it below [" + key.header + ".dhcpv4]"
		switch value := r.src.value(at[0]); {
		case value == "":
			hint = "write [" + key.header + ".dhcpv4." + key.name + "]"
		case len(value) <= 40:
			hint = "write " + key.name + " = " + value + " below [" + key.header + ".dhcpv4]"
		}
		r.warn(at[0], text, hint)
	}
}
