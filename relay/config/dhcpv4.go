package config

import (
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
)

const dhcpv4Why = "What is different in DHCPv4 (RFC 2131)."

// dhcpv4Keys are the keys of [defaults.dhcpv4] and [interface.dhcpv4].
func dhcpv4Keys() []key[agent.Interface4] {
	return []key[agent.Interface4]{
		{
			"refuse_types", "[10, 11, 12, 13]", `a list of message types, by number or name, such as [10, "inform"]`,
			"Messages of clients that are not relayed. 10 to 13 are DHCPLEASEQUERY and its answers, which servers trust by giaddr (RFC 4388, section 7): they are for routers and servers to send.",
			readRefuseTypes4,
		},
	}
}

func readDHCPv4(r *reader, v value, to *settings) { readTable(r, dhcpv4Keys(), v, &to.V4) }

func readRefuseTypes4(r *reader, v value, to *agent.Interface4) {
	if types, ok := r.types(v, func(n uint8) string { return bootp.Type(n).String() }); ok {
		to.RefuseTypes = types
	}
}
