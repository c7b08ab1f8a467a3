package count

import (
	"fmt"
	"slices"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// typeSlots is the number of types that are told apart in one family, with
// "unknown" and "invalid". Every link pays for each of them, so the list holds
// what can arrive by UDP and not all of the 256 values.
const typeSlots = 25

// The names of types that have none.
const (
	unknown = "unknown"
	invalid = "invalid"
)

// A types maps the message types of one family to slots, and slots to names.
type types struct {
	slot  [256]uint8
	names []string // by slot
}

// newTypes returns the slots of the types that name has a name for; it answers
// "unknown" for the others. Slots are in the order of the names.
func newTypes(name func(uint8) string) types {
	names := []string{unknown, invalid}
	for typ := range uint8(agent.TypeInvalid) {
		names = append(names, name(typ))
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > typeSlots {
		panic(fmt.Sprintf("count: %d message types do not fit %d slots", len(names), typeSlots))
	}
	t := types{names: names}
	for typ := range uint8(agent.TypeInvalid) {
		t.slot[typ] = index(names, name(typ))
	}
	t.slot[agent.TypeInvalid] = index(names, invalid)
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

// TypeNames returns the names of the types of a family by slot of Tally, in their
// order.
func (t *Table) TypeNames(f dhcp.Family) []string { return t.types[f].names }
