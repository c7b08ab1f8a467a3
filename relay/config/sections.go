package config

import "slices"

// A section is one table of the documentation.
type section struct {
	table string
	why   string
	keys  []Key
}

func sections() []section {
	top := topKeys()
	all := []section{describe("", "", top)}
	for _, k := range top {
		switch k.name {
		case "metrics":
			all = append(all, describe(k.name, k.why, metricsKeys()))
		case "control":
			all = append(all, describe(k.name, k.why, controlKeys()))
		case "recorder":
			all = append(all, describe(k.name, k.why, recorderKeys()))
		case "log":
			all = append(all, describe(k.name, k.why, logKeys()))
		case "relay":
			all = append(all, describe(k.name, k.why, relayKeys()))
		case "defaults":
			all = append(all, describe(k.name, k.why, interfaceKeys()))
		case "server":
			all = append(all, describe(k.name, k.why, serverKeys()))
		case "server_group":
			all = append(all, describe(k.name, k.why, groupKeys()))
		case "class":
			all = append(all, describe(k.name, k.why, classKeys()))
		case "interface":
			all = append(all, describe(k.name, k.why, []key[settings]{nameKey(), descriptionKey()}))
		}
	}
	i := slices.IndexFunc(all, func(s section) bool { return s.table == "defaults" }) + 1
	return slices.Insert(all, i,
		describe("defaults.dhcpv4", dhcpv4Why, dhcpv4Keys()),
		describe("defaults.dhcpv4.option82", option82Why, option82Keys()),
		describe("defaults.dhcpv4.option82.vendor", "", vendorKeys()),
		describe("defaults.dhcpv6", dhcpv6Why, dhcpv6Keys()),
		describe("defaults.dhcpv6.remote_id", "", remoteIDKeys()),
		describe("defaults.dhcpv6.rsoo", "", rsooKeys()))
}

func describe[T any](table, why string, keys []key[T]) section {
	s := section{table: table, why: why}
	for _, k := range keys {
		if k.init == "" && table == "" {
			continue // a table, which has a section of its own
		}
		s.keys = append(s.keys, Key{Table: table, Name: k.name, Default: k.init, Want: k.want, Why: k.why})
	}
	return s
}

// Keys returns all keys in the order of the example.
func Keys() []Key {
	var keys []Key
	for _, s := range sections() {
		keys = append(keys, s.keys...)
	}
	return keys
}
