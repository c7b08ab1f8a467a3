package explain

import (
	"strings"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

func cite(rfc string) Rules { return Rules{RFC: rfc} }

// rulesOf returns where a decision comes from.
func rulesOf(r agent.Reason, f dhcp.Family, d dhcp.Direction) Rules {
	switch {
	case r == agent.Relayed && d == dhcp.Replies && f == dhcp.V4:
		return cite("RFC 1542, section 4.1.2")
	case r == agent.Relayed && d == dhcp.Replies:
		return cite("RFC 9915, section 19.2")
	}
	rule := r.Doc().Rule[f]
	if !strings.HasPrefix(rule, "RFC ") {
		return Rules{Why: rule}
	}
	return cite(rule)
}
