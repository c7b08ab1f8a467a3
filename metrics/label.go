package metrics

import (
	"strings"

	dto "github.com/prometheus/client_model/go"

	"dhcp-relay/relay/agent"
)

// A Family is the address family of a message, the label "family".
type Family uint8

// The families.
const (
	V4 Family = iota // DHCPv4 and BOOTP
	V6               // DHCPv6

	families = 2
)

// String returns the value that the label "family" has.
func (f Family) String() string {
	if f == V6 {
		return "ipv6"
	}
	return "ipv4"
}

// A Direction says which way a message travels, the label "direction". Its
// values are those of agent.Direction.
type Direction uint8

// The directions.
const (
	RequestDir = Direction(agent.Requests) // from a client to the servers
	ReplyDir   = Direction(agent.Replies)  // from a server to a client

	directions = 2
)

// String returns the value that the label "direction" has.
func (d Direction) String() string {
	if d == ReplyDir {
		return "reply"
	}
	return "request"
}

// pair returns a label that many series share, so that a scrape does not build
// it for each.
func pair(name, value string) *dto.LabelPair {
	p := &struct {
		label       dto.LabelPair
		name, value string
	}{name: name, value: value} // one allocation
	p.label.Name, p.label.Value = &p.name, &p.value
	return &p.label
}

// text returns s as a label may hold it. The kernel takes any octets in the
// name of an interface; a label takes UTF-8 only, and one bad label would cost
// the whole scrape.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
