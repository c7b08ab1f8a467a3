// Package status tells an operator what the relay does, what is wrong and what to
// do about it: Build makes a Report of plain values, and Recent keeps what has
// happened lately. It has no sockets, no clock and no log of its own, and never
// learns addresses or identifiers of clients.
package status

import (
	"net/netip"
	"time"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
)

// A Report is all that the command status and the status page show. Every list
// is present in JSON, empty or not.
type Report struct {
	Version    string        `json:"version"`
	Host       string        `json:"host"`           // the host's name
	Time       time.Time     `json:"time"`           // of this report
	Started    time.Time     `json:"started"`        // when the daemon began to relay
	Uptime     float64       `json:"uptime_seconds"` // seconds from Started to Time
	Window     float64       `json:"recent_seconds"` // how long back every "recent" of this report reaches: 600, or less after the start
	Config     Config        `json:"config"`
	Listeners  []Listener    `json:"listeners"`           // where the daemon is to be asked
	Findings   []Finding     `json:"findings"`            // the worst first
	Interfaces []Interface   `json:"interfaces"`          // those with trouble first, then by name and family
	Groups     []Group       `json:"groups,omitempty"`    // of servers, in the order of the configuration
	Servers    []Server      `json:"servers"`             // in the order of the configuration, then those of former ones
	DNSNames   []DNSName     `json:"dns_names,omitempty"` // of servers, by name
	Drops      []Drop        `json:"drops"`               // the most recent messages first
	Kernel     []KernelDrops `json:"kernel_drops"`
	SendErrors []SendError   `json:"send_errors"`
	Recorder   Recorder      `json:"recorder"`
	Takeover   *Takeover     `json:"takeover,omitempty"` // of the sockets of a former process; null if none were

	Confinement Confinement `json:"confinement"`
}

// A Takeover tells whose sockets were taken over at the start, with the messages that
// waited in them. A socket here is what hears one port of one family in one VRF.
type Takeover struct {
	Sockets int     `json:"sockets"`                // that were taken over
	Of      int     `json:"of"`                     // that are open
	PID     int     `json:"from_pid,omitempty"`     // of the former process; 0 if unknown
	Version string  `json:"from_version,omitempty"` // of the former process
	Gap     float64 `json:"gap_seconds,omitempty"`  // from its end to the start; 0 if unknown, as of one that was killed
}

// A Config tells of the configuration and of the last attempt to load it.
type Config struct {
	File   string    `json:"file"`
	OK     bool      `json:"ok"`              // the last attempt to load it took effect
	Loaded time.Time `json:"loaded"`          // when the configuration in effect was loaded
	Hash   string    `json:"hash"`            // of the configuration in effect
	Tried  time.Time `json:"tried"`           // when it was last tried to load one
	Error  string    `json:"error,omitempty"` // why that failed; "" if OK
	None   bool      `json:"none,omitempty"`  // it says that nothing is to be relayed

	OnDisk      FileState `json:"on_disk"`                 // the file as it is now, beside what is in effect
	Changed     time.Time `json:"on_disk_changed"`         // when OnDisk was seen to become so
	OnDiskError string    `json:"on_disk_error,omitempty"` // why the file would be refused
}

// A FileState is how the file on disk compares to what is in effect.
type FileState string

// The states of the file.
const (
	FileSame    FileState = "same"    // it is what is in effect
	FileChanged FileState = "changed" // it would be taken at a reload
	FileRefused FileState = "refused" // it would not
)

// A Listener is where the daemon is to be asked. It only observes: relaying does
// not depend on it.
type Listener struct {
	Name    string    `json:"name"`             // "metrics" or "control"
	Address string    `json:"address"`          // address and port, or the path of a socket
	Open    bool      `json:"open"`             // it works
	Since   time.Time `json:"since"`            // when it began to work, or ceased to
	Error   string    `json:"error,omitempty"`  // why it does not work
	Do      string    `json:"remedy,omitempty"` // what to do about it
	Refused []Refused `json:"refused,omitempty"`
}

// A Refused tells what a Listener has not served, for one reason.
type Refused struct {
	Reason RefusedReason `json:"reason"`
	Count  uint64        `json:"count"`
	Last   time.Time     `json:"last_seen"`
}

// A RefusedReason is why a Listener does not serve something.
type RefusedReason string

// The reasons.
const (
	RefusedFull RefusedReason = "full" // a connection: all are taken
	RefusedIdle RefusedReason = "idle" // a connection that waited, for a new one
	RefusedBusy RefusedReason = "busy" // a request: as many are served
	RefusedSlow RefusedReason = "slow" // a request that took long, for a new one
	RefusedHost RefusedReason = "host" // a request that names another host
	RefusedAuth RefusedReason = "auth" // a request with a wrong user or password
)

// A Severity says how bad a Finding is.
type Severity string

// The severities.
const (
	Error Severity = "error" // something does not work
	Warn  Severity = "warn"  // something works badly, or for some only
	Info  Severity = "info"  // worth knowing
)

// A Finding is something that is wrong, and what to do about it.
type Finding struct {
	Severity Severity `json:"severity"`
	Kind     string   `json:"kind"`    // from the list of Kinds, such as "server_silent" or "drop_no_giaddr"; for programs
	Subject  string   `json:"subject"` // what it is about in words, such as "interface vlan20" or "server 10.9.0.2"
	Text     string   `json:"text"`    // what is wrong
	Do       string   `json:"remedy"`  // what to do about it

	About []Subject `json:"about"` // the same as Subject, one by one; for programs
}

// A ServerName tells a server apart from all others.
type ServerName struct {
	Address api.Endpoint `json:"address"`
	VRF     string       `json:"vrf,omitempty"` // "" is the default VRF
}

// String names the server for people.
func (s ServerName) String() string {
	if s.VRF == "" {
		return s.Address.String()
	}
	return s.Address.String() + " (" + s.VRF + ")"
}

// A Flow counts messages of one direction.
type Flow struct {
	Received uint64 `json:"received"` // Relayed + Dropped
	Relayed  uint64 `json:"relayed"`
	Dropped  uint64 `json:"dropped"`

	RecentRelayed uint64 `json:"recent_relayed"`
	RecentDropped uint64 `json:"recent_dropped"`
}

// A Server is a DHCP server, or the next relay on the way to one.
type Server struct {
	Address    api.Endpoint `json:"address"`
	VRF        string       `json:"vrf,omitempty"`      // "" is the default VRF
	DNSName    string       `json:"dns_name,omitempty"` // which has this address; "" if the configuration has the address
	Family     dhcp.Family  `json:"family"`
	Copies     count.Number `json:"copies"`     // requests sent to it
	Replies    count.Number `json:"replies"`    // messages heard from it
	Failures   count.Number `json:"failures"`   // requests that the kernel refused to send to it
	Unanswered count.Number `json:"unanswered"` // requests that it never answered

	AnswerRatio *float64    `json:"answer_ratio"` // 0 to 1, of recent requests whose outcome is known; null if there is none
	Response    *Response   `json:"response"`     // null before its first reply
	State       ServerState `json:"state"`
	Verdict     string      `json:"verdict"` // the same in words
	Cause       *Cause      `json:"cause"`   // null if nobody says what stands in the way

	Since       *time.Time `json:"since"`                  // when State began; of a server that does not answer, when the first request came that it has left so; null if nothing is known
	LastReply   *time.Time `json:"last_reply"`             // null if there was none
	Requests    uint64     `json:"requests_since"`         // since then, to which an answer was due
	AnswersFrom string     `json:"answers_from,omitempty"` // the address that the last reply came from, if it is not known as the server's

	Segmentation *Segmentation `json:"segmentation"`      // null for a server of a former configuration
	History      *History      `json:"history,omitempty"` // if it was asked for, and there is any
}

// A Cause is what hosts on the way, or this one, say by ICMP of requests to a server: an
// explanation of its silence and no proof, for anybody can send it.
type Cause struct {
	Kind   string     `json:"kind"`    // as in the label "kind" of dhcp_relay_server_icmp_errors_total
	What   string     `json:"what"`    // who says what
	Remedy string     `json:"remedy"`  // what to do about it
	SaidBy netip.Addr `json:"said_by"` // "" if it is this host itself
	Since  time.Time  `json:"since"`   // when it was said first
	Last   time.Time  `json:"last_seen"`
	Count  uint64     `json:"count"` // how often
}

// A Response says how soon a server replies, in seconds since the start of the
// daemon: half, 90 and 99 of 100 replies came within it.
type Response struct {
	P50 float64 `json:"p50_seconds"`
	P90 float64 `json:"p90_seconds"`
	P99 float64 `json:"p99_seconds"`
}

// A Drop counts messages that were dropped for one reason at one interface.
type Drop struct {
	Interface string         `json:"interface"` // "other" for those that are not configured
	Family    dhcp.Family    `json:"family"`
	Direction dhcp.Direction `json:"direction"` // "request" or "reply"
	Reason    string         `json:"outcome"`   // as in the label "outcome" of dhcp_relay_messages_total
	What      string         `json:"what"`      // what happened
	Remedy    string         `json:"remedy"`    // what to do about it
	Count     uint64         `json:"count"`
	Recent    uint64         `json:"recent"`
	LastSeen  time.Time      `json:"last_seen"` // to the second
}

// KernelDrops counts messages that the kernel dropped because a receive buffer
// was full.
type KernelDrops struct {
	Family dhcp.Family `json:"family"`
	Count  uint64      `json:"count"`
	Recent uint64      `json:"recent"`
}

// A SendError counts messages that the kernel refused to send for one reason.
type SendError struct {
	Towards senderror.Towards `json:"towards"`
	Error   string            `json:"error"`  // such as "ENETUNREACH"
	What    string            `json:"what"`   // what that means
	Remedy  string            `json:"remedy"` // what to do about it
	Count   uint64            `json:"count"`
	Recent  uint64            `json:"recent"`
}

// A Recorder tells of the flight recorder.
type Recorder struct {
	On       bool   `json:"on"`
	Messages int    `json:"messages"` // kept of each socket
	Redact   bool   `json:"redact"`   // identifiers of clients are blanked
	Missed   uint64 `json:"missed"`   // messages that it could not keep
}
