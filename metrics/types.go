package metrics

import (
	"fmt"
	"slices"

	dto "github.com/prometheus/client_model/go"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/bootp"
)

// TypeInvalid stands for the type of a message that is too broken to have one.
// IANA has not given this value to a type of either family.
const TypeInvalid uint8 = agent.TypeInvalid

// typeSlots is the number of types that are told apart in one family, with
// "unknown" and "invalid". Every link pays for each of them, so the list holds
// what can arrive by UDP and not all of the 256 values.
const typeSlots = 25

// The labels of types that have no name.
const (
	unknown = "unknown"
	invalid = "invalid"
)

// A types maps the message types of one family to slots, and slots to labels.
type types struct {
	slot  [256]uint8
	pairs []*dto.LabelPair // by slot
}

// newTypes returns the slots of the types that name has a name for; it answers
// "unknown" for the others. Slots are in the order of the labels.
func newTypes(name func(uint8) string) types {
	names := []string{unknown, invalid}
	for typ := range TypeInvalid {
		names = append(names, name(typ))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > typeSlots {
		panic(fmt.Sprintf("metrics: %d message types do not fit %d slots", len(names), typeSlots))
	}
	var t types
	for typ := range TypeInvalid {
		t.slot[typ] = index(names, name(typ))
	}
	t.slot[TypeInvalid] = index(names, invalid)
	for _, n := range names {
		t.pairs = append(t.pairs, pair("type", n))
	}
	return t
}

// index returns the index of name in names, which is sorted and has it.
func index(names []string, name string) uint8 {
	i, _ := slices.BinarySearch(names, name)
	return uint8(i)
}

// name4 names the types of DHCPv4 (option 53), and BOOTP by 0.
func name4(typ uint8) string { return bootp.Type(typ).String() }

// name6 names the types of DHCPv6.
func name6(typ uint8) string {
	if int(typ) < len(names6) && names6[typ] != "" {
		return names6[typ]
	}
	return unknown
}

// names6 holds the types that travel by UDP. Those of bulk and active
// leasequery and of failover travel by TCP, past a relay.
var names6 = [...]string{
	1:  "solicit", // to 13: RFC 9915, section 7.3
	2:  "advertise",
	3:  "request",
	4:  "confirm",
	5:  "renew",
	6:  "rebind",
	7:  "reply",
	8:  "release",
	9:  "decline",
	10: "reconfigure",
	11: "information_request",
	12: "relay_forward",
	13: "relay_reply",
	14: "leasequery", // RFC 5007, section 4.1.1
	15: "leasequery_reply",
	18: "reconfigure_request", // RFC 6977, section 6.1
	19: "reconfigure_reply",
	20: "dhcpv4_query", // RFC 7341, section 6.1
	21: "dhcpv4_response",
	36: "addr_reg_inform", // RFC 9686, section 4.2
	37: "addr_reg_reply",
}
