package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// A Held is what holds for one key, and where that is said.
type Held struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
	From  string `json:"from"` // such as "relay.toml:12", "relay.toml:3 [defaults]" or "built-in default"
}

// BuiltIn is Held.From of what no file says.
const BuiltIn = "built-in default"

// Held returns what holds for Policy.Interfaces[i], key by key.
func (c *Config) Held(i int) []Held {
	var all []Held
	table := element("interface", i)
	on := !c.Policy.Interfaces[i].Off
	keys := Keys()
	slices.SortStableFunc(keys, func(a, b Key) int { return cmp.Compare(own(b), own(a)) })
	for _, k := range keys {
		key, ok := interfaceKey(k)
		switch {
		case !ok, !on && key != "name" && key != "description" && key != "relay":
			continue
		case strings.HasPrefix(key, "dhcpv4.option82.") && !c.Policy.Interfaces[i].V4.Option82.On:
			if key == "dhcpv4.option82.preset" {
				all = append(all, c.held(c.src.given(table, "dhcpv4.option82"), "dhcpv4.option82", "false"))
			}
			continue
		}
		all = append(all, c.held(c.src.given(table, key), key, k.Default))
	}
	return all
}

// own is 1 for a key that stands in [[interface]] alone.
func own(k Key) int {
	if k.Table == "interface" {
		return 1
	}
	return 0
}

// interfaceKey returns the name that a key has in an [[interface]].
func interfaceKey(k Key) (string, bool) {
	table, below, _ := strings.Cut(k.Table, ".")
	switch {
	case table == "interface":
		return k.Name, true
	case table != "defaults", k.Default == "", strings.HasSuffix(below, ".vendor"), strings.HasSuffix(below, ".remote_id"), strings.HasSuffix(below, ".rsoo"):
		return "", false
	case below != "":
		return below + "." + k.Name, true
	}
	return k.Name, true
}

// HeldByAll returns what holds beyond interfaces: for the process, and of servers.
func (c *Config) HeldByAll() []Held {
	var all []Held
	for _, k := range Keys() {
		table, _, _ := strings.Cut(k.Table, ".")
		if !slices.Contains([]string{"defaults", "interface", "server", "server_group", "class"}, table) {
			key := strings.TrimPrefix(k.Table+"."+k.Name, ".")
			all = append(all, c.held(key, key, k.Default))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.src.tree)) {
		list, ok := tables(c.src.tree[name])
		if !ok || name == "interface" {
			continue
		}
		for i, e := range list {
			m, _ := e.(map[string]any)
			which := m["name"]
			if which == nil {
				which = m["address"]
			}
			for _, key := range slices.Sorted(maps.Keys(m)) {
				all = append(all, c.held(element(name, i)+"."+key, fmt.Sprintf("%s %v: %s", name, which, key), ""))
			}
		}
	}
	return all
}

// held describes a key that stands at a path, or nowhere.
func (c *Config) held(path, key, otherwise string) Held {
	v, ok := lookUp(c.src.tree, path)
	if p, set := c.src.presetAt(path, key); set {
		return Held{key, literal(p.value(key)), c.src.place(path) + inDefaults(path) + " preset"}
	}
	if !ok || !strings.HasSuffix(path, key[strings.LastIndexAny(key, ". ")+1:]) {
		return Held{key, literal(otherwise), BuiltIn}
	}
	if key == "dhcpv4.option82" && composite(v) {
		v = true // its keys follow
	}
	return Held{key, v, c.src.place(path) + inDefaults(path)}
}

func inDefaults(path string) string {
	if strings.HasPrefix(path, "defaults.") {
		return " [defaults]"
	}
	return ""
}

// literal returns the value of what is written in TOML.
func literal(text string) any {
	var m map[string]any
	if _, err := toml.Decode("x = "+text, &m); err != nil {
		return nil
	}
	return m["x"]
}

// lookUp finds the value at a path such as "interface[0].dhcpv4.hop_limit".
func lookUp(tree map[string]any, path string) (v any, ok bool) {
	v = tree
	for step := range strings.SplitSeq(path, ".") {
		name, index, listed := strings.Cut(step, "[")
		m, is := v.(map[string]any)
		if v, ok = m[name]; !is || !ok {
			return nil, false
		}
		if !listed {
			continue
		}
		var i int
		list, isList := tables(v)
		if _, err := fmt.Sscanf(index, "%d]", &i); err != nil || !isList || i >= len(list) {
			return nil, false
		}
		v = list[i]
	}
	return v, true
}

// AtStart lists the keys of which a change takes effect at the next start only.
func AtStart() []string {
	return []string{
		"metrics.listen", "metrics.web_config", "control.socket", "control.mode", "control.group",
		"recorder.messages", "log.format", "relay.confine",
	}
}
