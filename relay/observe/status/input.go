package status

import (
	"net/netip"
	"strconv"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/offload"
	"dhcp-relay/relay/wire/dhcp"
)

// An Input is all that a Report is made of.
type Input struct {
	Version      string
	Host         string // the host's name
	Now          time.Time
	Started      time.Time
	Config       Config
	Listeners    []Listener
	Links        []Link
	Servers      []count.ServerID                   // of the configuration in effect
	Ways         map[count.ServerID]offload.Verdict // whether bursts to them leave together
	Counts       count.Reading
	Groups       []count.GroupServer
	Names        []DNSName                 // of servers
	NamesUnfit   string                    // why what they mean is not in effect; "" if it is
	Hosts        map[count.ServerID]string // DNS names of the servers that have one
	Problems     []agent.Problem           // where configuration and host disagree
	Failure      string                    // why not all sockets work; "" if they do
	Stale        string                    // why the interfaces of the host cannot be read; "" if they can
	StaleSince   time.Time
	Unframed     string // why replies to DHCPv6 clients do not go in frames; "" if they do
	Frameless    string // why the frames of DHCPv4 clients are not seen; "" if they are, or nobody has asked
	Rivals       []Rival
	StrictPath   []string // names of interfaces with strict rp_filter (1)
	Recorder     Recorder
	Observations []Observation // at most one of each way
	Takeover     *Takeover     // nil: the sockets are this process's own

	Confinement Confinement
}

// A Link is a client-facing interface in one family that it has servers of, or a
// pattern that no interface matches.
type Link struct {
	Name        string
	AltName     string // by which the configuration names it; "" if it is by Name
	Description string // what the configuration says it is for

	Master  string // the interface that hears its packets, if State is agent.Member
	Family  dhcp.Family
	State   agent.State
	Address netip.Addr // giaddr or link-address; not valid if there is none
	Problem string     // why State is not agent.Relaying; "" if that says it all
	Hint    string     // what to do about Problem, if the state alone does not say it
	Servers []count.ServerID
	Frame   bool // the configuration asks for the frames of its clients
}

// A Rival is another program that listens on a port of the relay's.
type Rival struct {
	Port   uint16
	Who    string // such as "dnsmasq (pid 812) on 0.0.0.0:67"
	Effect string // what there is to expect of it
	Error  bool   // it is a DHCP server or relay, and serves the same clients
}

// plural says a number of things: "1 request", "12 requests".
func plural(n uint64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if thing == "reply" {
		thing = "replie"
	}
	return strconv.FormatUint(n, 10) + " " + thing + "s"
}
