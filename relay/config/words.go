package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// stranger notes a key that does not exist in a table whose keys are known.
func (r *reader) stranger(v value, name string, known []string) {
	m, _ := v.any.(map[string]any)
	at := join(v.path, name)
	var table string
	if list, _, ok := strings.Cut(v.path, "["); ok {
		table = list
	} else {
		table, _, _ = strings.Cut(v.path, ".")
	}
	if section, ok := m[name].(map[string]any); ok && v.path == "" && slices.Contains(foreignSections(), plainWord(name)) {
		for _, key := range slices.Sorted(maps.Keys(section)) {
			hint := foreign("", key, section[key])
			if hint == "" {
				hint = instead(key, known)
			}
			r.wrong(join(at, key), "there is no table ["+name+"]", hint)
		}
		return
	}
	if hint := foreign(table, name, m[name]); hint != "" {
		r.wrong(at, "there is no such key", hint)
		// What was written in other words is not missing too.
		switch {
		case meaningOf(name) == serverWord && v.path == "":
			r.bad = append(r.bad, "defaults.servers")
		case meaningOf(name) == serverWord:
			r.bad = append(r.bad, join(v.path, "servers"))
		case meaningOf(name) == interfaceWord:
			r.bad = append(r.bad, join(v.path, "name"))
		}
		return
	}
	r.wrong(at, "there is no such key", instead(name, known))
}

// foreignSections are tables in which other products have what holds for all.
func foreignSections() []string {
	return []string{"global", "general", "main", "dhcp_relay", "settings", "service", "dhcp", "relay_agent"}
}

// A meaning is what a word of another product stands for.
type meaning uint8

const (
	nothing meaning = iota
	serverWord
	interfaceWord
	enabledWord
	disabledWord
	includeWord
	levelWord
	option82Word
	descriptionWord
	giaddrWord
	poolWord
	hopsWord
	listenWord
)

func plainWord(name string) string { return strings.ReplaceAll(strings.ToLower(name), "-", "_") }

// meaningOf knows the words of dhcrelay, dnsmasq, switches and routers.
func meaningOf(name string) meaning {
	switch plainWord(name) {
	case "server", "helper_address", "helper_addresses", "helper", "helpers", "ip_helper", "ip_helper_address", "upstream", "upstreams", "dhcp_server", "dhcp_servers",
		"server_address", "server_addresses", "server_ip", "destination", "destinations", "relay_to", "targets", "target", "dhcp_relay_server", "servers",
		"ipv4_servers", "ipv6_servers", "servers4", "servers6", "servers_v4", "servers_v6", "dhcpv4_servers", "dhcpv6_servers", "server_list":
		return serverWord
	case "iface", "ifname", "interface_name", "listen_interface", "listen_interfaces", "client_interfaces", "downstream", "downstreams", "ifaces", "vlan", "vlans", "vlan_id", "vlan_interface":
		return interfaceWord
	case "enabled", "enable", "active":
		return enabledWord
	case "disabled", "disable", "shutdown":
		return disabledWord
	case "include", "includes", "include_dir", "conf_dir", "import":
		return includeWord
	case "loglevel", "log_level", "verbose", "verbosity", "debug", "logging":
		return levelWord
	case "option_82", "opt82", "relay_agent_information", "agent_information", "information_option":
		return option82Word
	case "comment", "desc", "label", "note", "remark":
		return descriptionWord
	case "gateway", "gateway_address", "relay_address", "relay_ip", "giaddr_interface", "primary_address":
		return giaddrWord
	case "subnet", "subnets", "pool", "pools", "range", "network", "netmask", "lease_time":
		return poolWord
	case "max_hops", "hop_count", "maximum_hops", "max_hop_count":
		return hopsWord
	case "listen", "listen_address", "bind", "bind_address":
		return listenWord
	}
	return nothing
}

func foreignWord(name string) bool { return meaningOf(name) != nothing }

// foreign says what to write for a word of another product, "" if it is none. The
// table is that of the first level.
func foreign(table, name string, v any) string {
	each := table == "interface" || table == "defaults"
	below := func(header, line string) string {
		if each {
			return "write " + line
		}
		return "write " + header + ", and below it " + line
	}
	switch meaningOf(name) {
	case serverWord:
		if all := stringsOf(v); strings.HasPrefix(name, "upstream") && len(all) > 0 && !slices.ContainsFunc(all, isAddressOrDNS) {
			return "remove it: requests leave by the route to the server"
		}
		hint := below("[defaults] or [[interface]]", "servers = "+listOf(v, `"10.9.0.2"`))
		if strings.ContainsAny(name, "46") {
			hint += ", where both families stand together"
		}
		return hint
	case interfaceWord:
		return listedHint(v)
	case enabledWord, disabledWord:
		off := meaningOf(name) == disabledWord
		on, isBool := v.(bool)
		if isBool && on != off {
			return "remove it: each [[interface]] is relayed, unless it has relay = false"
		}
		return below("[[interface]]", "relay = false")
	case includeWord:
		return "put such files into " + besideDir + " beside this one, where each *.toml and *.json is read"
	case levelWord:
		level := `"info"`
		if s, ok := v.(string); ok && slices.Contains([]string{"debug", "info", "warn", "error"}, strings.ToLower(s)) {
			level = strconv.Quote(strings.ToLower(s))
		} else if v == true || strings.EqualFold(name, "debug") {
			level = `"debug"`
		}
		return "write [log], and below it level = " + level
	case option82Word:
		if v == false {
			return below("[defaults]", "dhcpv4.option82 = false")
		}
		return "write [interface.dhcpv4.option82] or [defaults.dhcpv4.option82]; option 82 is on by default"
	case descriptionWord:
		return below("[[interface]]", fmt.Sprintf("description = %q", fmt.Sprint(v)))
	case giaddrWord:
		return below("[[interface]]", fmt.Sprintf("dhcpv4.giaddr = %q", fmt.Sprint(v)))
	case hopsWord:
		return below("[defaults]", fmt.Sprintf("dhcpv4.hop_limit = %v", v))
	case poolWord:
		return "remove it: a relay has no addresses to give, the servers do"
	case listenWord:
		if table == "" {
			return listedHint(v)
		}
	case nothing:
	}
	return ""
}

// isAddressOrDNS tells servers from interfaces.
func isAddressOrDNS(s string) bool {
	_, err := parseServer(s)
	last := s[strings.LastIndexByte(s, '.')+1:]
	return err == nil || last != s && last != "" && (last[0] < '0' || last[0] > '9')
}

// listOf writes the strings in a value as a list.
func listOf(v any, otherwise string) string {
	all := stringsOf(v)
	if len(all) == 0 {
		return "[" + otherwise + "]"
	}
	for i := range all {
		all[i] = strconv.Quote(all[i])
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// stringsOf returns the words of a value, which may be a list or a string of several.
func stringsOf(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(", ;\t", r) })
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				all = append(all, s)
			}
		}
	}
	return all
}

// listedHint says how to write the interfaces that a value lists.
func listedHint(v any) string {
	names := stringsOf(v)
	if len(names) == 0 {
		return `write [[interface]] for each, and below it name = "vlan10" and servers = ["10.9.0.2"]`
	}
	hint := "write [[interface]], and below it name = " + strconv.Quote(names[0]) + ` and servers = ["10.9.0.2"]`
	if len(names) > 1 {
		hint += "; the same for each of the others, or one with a pattern"
	}
	return hint
}
