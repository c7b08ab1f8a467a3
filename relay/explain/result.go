package explain

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"time"

	"dhcp-relay/relay/api"
	"dhcp-relay/relay/wire/dhcp"
)

// A Result is what would become of one message, and why.
type Result struct {
	Frame    int        `json:"frame,omitempty"` // in the capture, from 1; 0 if the message was described
	Time     *time.Time `json:"time,omitempty"`
	Message  Summary    `json:"message"`
	Outcome  string     `json:"outcome"` // "relayed", the reason of a drop, or NotHeard
	What     string     `json:"what"`
	Remedy   string     `json:"remedy"`
	Rules    Rules      `json:"rules"`
	Copies   []Copy     `json:"copies,omitempty"`
	Settings []Setting  `json:"settings,omitempty"`
	Notes    []string   `json:"notes,omitempty"`
}

// A Summary names a message as received.
type Summary struct {
	Family      dhcp.Family     `json:"family"`
	Direction   *dhcp.Direction `json:"direction,omitempty"` // absent if it was not looked at
	Type        string          `json:"type"`
	Interface   string          `json:"interface,omitempty"`
	Source      netip.AddrPort  `json:"source"`
	Destination netip.AddrPort  `json:"destination"`
	Xid         string          `json:"xid,omitempty"`
	Client      api.Client      `json:"client,omitzero"`
	Octets      int             `json:"octets"`
}

// Rules are where a decision comes from: sections of RFCs, or where no RFC says
// it, a reason in words.
type Rules struct {
	RFC string `json:"rfc,omitempty"`
	Why string `json:"why,omitempty"`
}

// A Copy is one form of a message as sent, and all that get it in this form.
type Copy struct {
	Sends   []Send   `json:"sends"`
	Octets  int      `json:"octets"`
	Changes []Change `json:"changes"`
	Data    Octets   `json:"data"` // the message as sent
}

func (c Copy) possible() bool {
	for i := range c.Sends {
		if c.Sends[i].Problem == "" {
			return true
		}
	}
	return false
}

// A Send is one datagram or frame.
type Send struct {
	Towards     string         `json:"towards"` // "server", "client" or "relay"
	Cast        string         `json:"cast"`    // "unicast", "broadcast" or "multicast"
	Destination netip.AddrPort `json:"destination"`
	DNSName     string         `json:"dns_name,omitempty"` // that has the address of the server; "": the configuration has it
	Source      *netip.Addr    `json:"source,omitempty"`   // nil: the kernel's choice by its route
	SourcePort  uint16         `json:"source_port"`
	Interface   string         `json:"interface,omitempty"` // "": the route decides
	VRF         string         `json:"vrf,omitempty"`
	FrameTo     string         `json:"frame_to,omitempty"`   // link-layer addresses of a frame
	FrameFrom   string         `json:"frame_from,omitempty"` // that the relay makes itself
	Problem     string         `json:"problem,omitempty"`    // why it cannot be sent now
}

// A Change is one place in which the message as sent differs from the message as
// received: Old, which stood at Offset, gives way to New, which stands at To.
// The changes in their order and what lies between them are the whole message.
type Change struct {
	Offset  int    `json:"offset"`
	To      int    `json:"to"`
	Field   string `json:"field"`
	Old     Octets `json:"old"`
	New     Octets `json:"new"`
	OldText string `json:"old_text,omitempty"`
	NewText string `json:"new_text,omitempty"`
	Parts   []Part `json:"parts,omitempty"` // suboptions of what was put in or taken out
	Setting string `json:"setting,omitempty"`
}

// A Part is a suboption of option 82.
type Part struct {
	Code    int    `json:"code"`
	Name    string `json:"name"`
	Value   Octets `json:"value"`
	Text    string `json:"text,omitempty"`
	Setting string `json:"setting,omitempty"` // key that made it; "" if it is not this relay's
}

// Octets are written in hexadecimal.
type Octets []byte

// MarshalJSON returns the octets as a string of hexadecimal digits.
func (o Octets) MarshalJSON() ([]byte, error) { return json.Marshal(hex.EncodeToString(o)) }

// A Setting is one that the decision rests on.
type Setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	File  string `json:"file,omitempty"` // "": the default holds
	Line  int    `json:"line,omitempty"`
}
