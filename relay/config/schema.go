package config

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// A schema is a part of a JSON schema.
type schema map[string]any

// Schema returns the JSON schema (draft 2020-12) of a configuration in JSON, made of the
// table of keys.
func Schema() []byte {
	top := tableSchema("")
	props, _ := top["properties"].(schema)
	props["$schema"] = schema{"type": "string"}
	for _, k := range topKeys() {
		if k.init != "" {
			continue
		}
		t := tableSchema(k.name)
		t["description"] = k.why
		switch k.name {
		case "interface":
			own, _ := tableSchema("defaults")["properties"].(schema)
			given, _ := t["properties"].(schema)
			for name, s := range own {
				given[name] = s
			}
		case "server", "server_group", "class":
		default:
			props[k.name] = t
			continue
		}
		props[k.name] = schema{"type": "array", "items": t}
	}
	top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	top["title"] = "The configuration of dhcp-relay"
	b, err := json.MarshalIndent(top, "", "  ")
	if err != nil {
		panic("config: schema: " + err.Error())
	}
	return append(b, '\n')
}

// tableSchema describes the keys of a table, and of those in it.
func tableSchema(table string) schema {
	props := schema{}
	var required []string
	for _, k := range Keys() {
		if k.Table != table {
			continue
		}
		props[k.Name] = keySchema(k)
		if k.Default == "" && !strings.HasPrefix(k.Name, "dhcpv") {
			required = append(required, k.Name)
		}
	}
	s := schema{"type": "object", "properties": props, "additionalProperties": false}
	if required != nil {
		s["required"] = required
	}
	return s
}

var (
	words   = regexp.MustCompile(`^"[^"]*"((, | or )"[^"]*")+$`)
	oneWord = regexp.MustCompile(`"([^"]*)"`)
	fromTo  = regexp.MustCompile(`from (\d+)(?: \(never\))? to (\d+)`)
	upTo    = regexp.MustCompile(`up to (\d+)`)
)

// keySchema describes what may be written for a key, as its documentation has it.
func keySchema(k Key) schema {
	s := schema{"description": k.Why + " Write " + k.Want + "."}
	if v := literal(k.Default); v != nil {
		s["default"] = v
	}
	nested := k.Table + "." + k.Name
	table := tableSchema(nested)
	inner, _ := table["properties"].(schema)
	list := strings.HasPrefix(k.Want, "a list")
	var kinds []any
	kind := func(t string) { kinds = append(kinds, schema{"type": t}) }
	switch {
	case words.MatchString(k.Want):
		found := oneWord.FindAllStringSubmatch(k.Want, -1)
		all := make([]string, 0, len(found))
		for _, m := range found {
			all = append(all, m[1])
		}
		s["enum"] = all
		return s
	case list && len(inner) > 0:
		s["type"], s["items"] = "array", table
		return s
	case list:
		s["type"], s["items"] = "array", schema{"type": []string{"string", "integer"}}
		return s
	case len(inner) > 0 && strings.HasPrefix(k.Want, "a table"):
		kinds = append(kinds, table)
	case strings.HasPrefix(k.Want, "a number"), strings.HasPrefix(k.Want, "a port"), strings.Trim(k.Want[:1], "0123456789") == "":
		return numberSchema(s, k)
	case k.Want == "true or false":
		kind("boolean")
	default:
		if strings.Contains(k.Want, "false") || strings.Contains(k.Want, "true") {
			kind("boolean")
		}
		if len(inner) > 0 {
			kinds = append(kinds, table)
		} else {
			kind("string")
		}
		if strings.Contains(k.Want, "a list of them") {
			kinds = append(kinds, schema{"type": "array", "items": schema{"type": "string"}})
		}
	}
	if len(kinds) > 1 {
		s["anyOf"] = kinds
		return s
	}
	one, _ := kinds[0].(schema)
	for name, v := range one {
		s[name] = v
	}
	return s
}

func numberSchema(s schema, k Key) schema {
	s["type"] = "integer"
	number := func(text string) int64 {
		n, _ := strconv.ParseInt(text, 10, 64) // the pattern has digits alone
		return n
	}
	if m := fromTo.FindStringSubmatch(k.Want); m != nil {
		least := number(m[1])
		if n, ok := s["default"].(int64); ok {
			least = min(least, n)
		}
		s["minimum"], s["maximum"] = least, number(m[2])
	} else if m := upTo.FindStringSubmatch(k.Want); m != nil {
		s["minimum"], s["maximum"] = 0, number(m[1])
	}
	return s
}
