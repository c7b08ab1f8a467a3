package status

import (
	"cmp"
	"strconv"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/text"
	"dhcp-relay/relay/wire/dhcp"
)

// A Subject is what a finding is about.
type Subject struct {
	Kind      SubjectKind  `json:"kind"`
	Interface string       `json:"interface,omitempty"`
	Family    Scope        `json:"family,omitempty"` // absent if it is about both or neither
	Server    api.Endpoint `json:"server,omitempty"`
	VRF       string       `json:"vrf,omitempty"` // of the server
	Port      uint16       `json:"port,omitempty"`
	Name      string       `json:"name,omitempty"` // of what else there is: a file, a program, an address
}

// A Scope is the family that a subject is about; the zero Scope is both or neither.
type Scope uint8

// ScopeOf returns the Scope of one family.
func ScopeOf(f dhcp.Family) Scope { return Scope(f) + 1 }

// protocol returns what people call the protocol of the family, "" for the zero Scope.
func (s Scope) protocol() string {
	if s == 0 {
		return ""
	}
	return dhcp.Family(s - 1).Protocol()
}

// MarshalText implements encoding.TextMarshaler.
func (s Scope) MarshalText() ([]byte, error) {
	if s == 0 {
		return nil, nil
	}
	return dhcp.Family(s - 1).MarshalText()
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Scope) UnmarshalText(b []byte) error {
	var f dhcp.Family
	if err := f.UnmarshalText(b); err != nil {
		return err
	}
	*s = ScopeOf(f)
	return nil
}

// A SubjectKind is what sort of thing a subject is.
type SubjectKind string

// The sorts of subjects.
const (
	OfConfiguration SubjectKind = "configuration"   // Name is the file
	OfInterface     SubjectKind = "interface"       // in one family, or in both
	OfServer        SubjectKind = "server"          //
	OfOthers        SubjectKind = "others"          // messages of no configured interface
	OfReplies       SubjectKind = "server_replies"  // replies that belong to no interface
	OfClientReplies SubjectKind = "client_replies"  // replies to the clients of a family
	OfBuffer        SubjectKind = "receive_buffer"  // of a family
	OfSending       SubjectKind = "sending"         // Name is "server" or "client"
	OfName          SubjectKind = "dns_name"        // Name is it
	OfPort          SubjectKind = "port"            // the relay's, on which the program Name listens
	OfListener      SubjectKind = "listener"        // Name is what it is for, and where
	OfRPFilter      SubjectKind = "rp_filter"       // Name lists the interfaces
	OfSockets       SubjectKind = "sockets"         //
	OfRecorder      SubjectKind = "flight_recorder" //
	OfAll           SubjectKind = "all_interfaces"  //
)

// onLink is the subject of what concerns an interface in one family.
func onLink(name string, f dhcp.Family) Subject {
	if name == count.Other {
		return Subject{Kind: OfOthers, Family: ScopeOf(f)}
	}
	return Subject{Kind: OfInterface, Interface: name, Family: ScopeOf(f)}
}

// onServer is the subject of what concerns a server.
func onServer(s count.ServerID) Subject {
	return Subject{Kind: OfServer, Server: endpoint(s), VRF: s.VRF, Family: ScopeOf(s.Family())}
}

// endpoint returns a server's address and port.
func endpoint(s count.ServerID) api.Endpoint { return api.Endpoint(s.Addr.String()) }

// noun says what a subject is, for one and for several of them.
func (k SubjectKind) noun() (one, several string) {
	switch k {
	case OfConfiguration:
		return "configuration", "configurations"
	case OfInterface:
		return "interface", "interfaces"
	case OfServer:
		return "server", "servers"
	case OfOthers:
		return "messages of no configured interface", "messages of no configured interface"
	case OfReplies:
		return "replies of servers", "replies of servers"
	case OfClientReplies:
		return "replies to clients", "replies to clients"
	case OfBuffer:
		return "receive buffer", "receive buffers"
	case OfSending:
		return "sending", "sending"
	case OfName:
		return "DNS name", "DNS names"
	case OfPort:
		return "UDP port", "other programs"
	case OfListener:
		return "listener", "listeners"
	case OfRPFilter:
		return "rp_filter", "rp_filter"
	case OfSockets:
		return "sockets", "sockets"
	case OfRecorder:
		return "flight recorder", "flight recorders"
	case OfAll:
		return "all interfaces", "all interfaces"
	}
	return string(k), string(k)
}

// String names the subject in words.
func (s Subject) String() string {
	words, _ := s.Kind.noun()
	switch s.Kind {
	case OfInterface:
		words += " " + s.Interface
	case OfServer:
		words += " " + s.Server.String()
		if s.VRF != "" {
			words += " in VRF " + s.VRF
		}
		return words
	case OfConfiguration, OfName:
		return words + " " + s.Name
	case OfPort:
		return words + " " + strconv.Itoa(int(s.Port))
	case OfListener:
		return s.Name
	case OfSending:
		return words + " to " + s.Name + "s"
	case OfRPFilter:
		return words + " of " + s.Name
	case OfOthers, OfReplies, OfClientReplies, OfBuffer, OfSockets, OfRecorder, OfAll:
	}
	if s.Family != 0 {
		words += " (" + s.Family.protocol() + ")"
	}
	return words
}

// short is the name by which a list of subjects of one kind has it.
func (s *Subject) short() string {
	switch {
	case s.Interface != "":
		return s.Interface
	case s.Server != "" && s.VRF != "":
		return s.Server.String() + " in VRF " + s.VRF
	}
	return cmp.Or(s.Server.String(), s.Name, s.Family.protocol())
}

// several names subjects of one kind in words: "4000 interfaces (a, b, c and 3997
// more)". An interface counts once, whatever its families.
func several(kind SubjectKind, names []string) string {
	_, things := kind.noun()
	return strconv.Itoa(len(names)) + " " + things + " (" + text.Some(names, mostNamed) + ")"
}

// concerns reports whether the subject is an interface, one of its servers, or the
// relay as a whole.
func (s *Subject) concerns(name string, servers []ServerName) bool {
	switch s.Kind {
	case OfInterface:
		return s.Interface == name
	case OfServer:
		for _, v := range servers {
			if v.Address == s.Server && v.VRF == s.VRF {
				return true
			}
		}
		return false
	case OfOthers:
		return false
	case OfConfiguration, OfName, OfReplies, OfClientReplies, OfBuffer, OfSending, OfPort, OfListener, OfRPFilter, OfSockets, OfRecorder, OfAll:
	}
	return true
}
