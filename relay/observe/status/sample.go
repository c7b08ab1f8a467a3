package status

import (
	"iter"
	"net/netip"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A Sample is what the counters say at one moment. Counts never go back.
type Sample struct {
	Messages   iter.Seq[MessageCount] // fastest if those of an interface follow each other
	Unanswered []LinkCount            // requests that no server answered
	Servers    []ServerCount
	Kernel     [families]uint64 // messages that the kernel dropped, by agent.Family
	SendErrors []ErrorCount
}

// families and directions are how many there are of each.
const (
	families   = 2
	directions = 2
)

// A MessageCount counts messages by what became of them. Those that differ in
// nothing that it tells, such as messages of several types, add up.
type MessageCount struct {
	Interface string
	Family    dhcp.Family
	Direction dhcp.Direction
	Outcome   agent.Reason
	Count     uint64
	Refusal   bool // they are DHCPNAKs
}

// A LinkCount counts something of one interface and family.
type LinkCount struct {
	Interface string
	Family    dhcp.Family
	Count     uint64
}

// A ServerID tells one server from the others.
type ServerID struct {
	Addr netip.AddrPort
	VRF  string // "" for the default VRF
}

// A ServerCount counts what goes to a server and comes from it.
type ServerCount struct {
	ServerID
	Copies, Replies, Failures, Unanswered uint64
	Response                              Histogram
}

// An ErrorCount counts messages that the kernel refused to send.
type ErrorCount struct {
	Towards string // "server" or "client"
	Error   string // the name of the errno, such as "ENETUNREACH"
	Count   uint64
}

// A Histogram counts durations.
type Histogram struct {
	Bounds []float64 // upper bounds in seconds, rising
	Counts []uint64  // of each bucket, and of what is above the last bound
}

// quantile returns the duration in seconds within which a share q of all lie,
// as if those of a bucket were spread evenly. What is above the last bound
// counts as that bound. It returns false if there are none.
func (h Histogram) quantile(q float64) (float64, bool) {
	var all uint64
	for _, n := range h.Counts {
		all += n
	}
	if all == 0 || len(h.Bounds) == 0 {
		return 0, false
	}
	want, low, before := q*float64(all), 0.0, 0.0
	for i, high := range h.Bounds {
		if i == len(h.Counts) {
			break
		}
		n := float64(h.Counts[i])
		if n > 0 && before+n >= want {
			return low + (high-low)*(want-before)/n, true
		}
		low, before = high, before+n
	}
	return low, true
}
