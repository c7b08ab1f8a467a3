package metrics

import (
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A State is what the engine knows at the moment of a scrape.
type State struct {
	ConfigOK   bool      // the last reload took effect
	ConfigTime time.Time // when the last successful reload took effect; zero: never
	ConfigHash string    // of the configuration in effect; empty: none is
	Interfaces int       // number of [[interface]] in it
	Differs    bool      // from what the file says now
	Unloadable bool      // what the file says now would be refused
	Reloads    uint64    // that took effect
	Refused    uint64    // reloads that did not
	Stale      bool      // the interfaces of the host cannot be read
	Resyncs    uint64    // how often they were read anew because messages of the kernel were lost
	Listeners  []ListenerState
	Links      []LinkState // each name at most once for each family
	Probes     []ProbeState
	Names      []NameState
	Servers    []ServerInfo

	Open    [dhcp.Families]int    // transactions that wait for a reply
	Evicted [dhcp.Families]uint64 // transactions that were forgotten while they waited
	Unseen  uint64                // messages that the flight recorder has missed

	Landlock, NoNewPrivs, Seccomp bool // what confines the process

	Opened, TakenOver int // sockets, those of a former process apart
}

// A ProbeState is what came of the latest probe of a server from an interface that is
// probed at an interval.
type ProbeState struct {
	Interface, Server, VRF string
	Success                bool
	Duration               float64 // seconds until the answer; 0 if there was none
}

// A NameState is what is known of a DNS name of servers.
type NameState struct {
	Name      string
	Addresses int
	Failing   bool // the latest look-up failed
}

// A ServerInfo is what the configuration calls a server.
type ServerInfo struct {
	Server, VRF string
	Name, Host  string // of [[server]], and of DNS; "" for none
}

// A ListenerState tells whether a listener works that only observes.
type ListenerState struct {
	Name    string // "metrics" or "control"
	Up      bool
	Refused []Refused
}

// A Refused tells how often a listener has refused something for a reason.
type Refused struct {
	Reason string
	Count  uint64
}

// A LinkState is the state of one configured interface in one family.
type LinkState struct {
	Name    string // the interface's name
	Family  dhcp.Family
	State   agent.State
	Address string // giaddr or link-address, or empty
	Servers int    // number of servers that requests may go to
}
