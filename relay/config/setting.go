package config

import (
	"cmp"
	"slices"
	"strings"
)

// A Setting is what a configuration says about one key.
type Setting struct {
	Key   string // such as "hop_limit" or "option82.circuit_id"
	Value string // as it is written in the file; a default as it would be
	File  string
	Line  int // from 1; 0 if the file does not give the key, so that its default holds
}

// Setting returns what holds for a key of Policy.Interfaces[i]: as the interface
// gives it, else as the defaults do, else as it is built in.
func (c *Config) Setting(i int, key string) Setting {
	return c.src.setting(c.src.given(element("interface", i), key), key)
}

// TopSetting returns what holds for a key that stands before all tables, such as
// "reply_sources".
func (c *Config) TopSetting(key string) Setting { return c.src.setting(key, key) }

// ServerSetting returns what holds for a key of the [[server]] of
// Policy.Servers[i].
func (c *Config) ServerSetting(i int, key string) Setting {
	said, ok := c.servers[c.Policy.Servers[i].Addr]
	if !ok || said.path == "" {
		return c.src.setting("", key)
	}
	return c.src.setting(join(said.path, key), key)
}

// ClassSettings returns what the [[class]] of Policy.Classes[i] says, beside its name.
func (c *Config) ClassSettings(i int) (all []Setting) {
	for _, k := range classKeys() {
		if path := join(element("class", i), k.name); k.name != "name" && c.src.has(path) {
			all = append(all, c.src.setting(path, k.name))
		}
	}
	return all
}

// setting describes a key that the file gives at a path, or does not give there.
func (s *source) setting(path, key string) Setting {
	if (path == key || strings.HasSuffix(path, "."+key)) && s.has(path) {
		n, line, _ := s.position(path, true)
		return Setting{Key: key, Value: cmp.Or(s.value(path), "true"), File: s.parts[n].file, Line: line}
	}
	if p, ok := s.presetAt(path, key); ok {
		n, line, _ := s.position(path, true)
		return Setting{Key: key, Value: p.value(key), File: s.parts[n].file, Line: line}
	}
	return Setting{Key: key, Value: builtinValue(key)}
}

// value returns the text of a value, "" for a table under a header of its own.
func (s *source) value(path string) string {
	m, _ := s.mark(path)
	text := strings.TrimSpace(s.parts[m.part].text[m.value:max(m.value, m.end)])
	if strings.Contains(text, "\n") {
		text = strings.Join(strings.Fields(text), " ")
	}
	return text
}

// builtinValue returns the default of a key of an interface, of a server or of
// the top.
func builtinValue(key string) string {
	table, name := "", key
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		table, name = key[:i], key[i+1:]
	}
	tables := []string{strings.TrimSuffix("defaults."+table, "."), "interface", "server", ""}
	for _, t := range tables {
		keys := Keys()
		if i := slices.IndexFunc(keys, func(k Key) bool { return k.Table == t && k.Name == name }); i >= 0 {
			return keys[i].Default
		}
	}
	return ""
}
