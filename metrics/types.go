package metrics

import (
	"fmt"
	"slices"

	dto "github.com/prometheus/client_model/go"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
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

// name6 names the types of DHCPv6 that travel by UDP. Those of bulk and active
// leasequery and of failover travel by TCP, past a relay.
func name6(typ uint8) string {
	switch t := dhcp6.Type(typ); {
	case t == dhcp6.LeaseQueryDone, t == dhcp6.LeaseQueryData, t >= dhcp6.ActiveLeaseQuery && t <= dhcp6.Contact:
		return unknown
	default:
		return t.String()
	}
}
