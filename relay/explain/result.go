package explain

import (
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"time"

	"dhcp-relay/relay/api"
)

// A Result is what would become of one message, and why.
type Result struct {
	Frame    int        `json:"frame,omitempty"` // in the capture, from 1; 0 if the message was described
	Time     *time.Time `json:"time,omitempty"`
	Message  summary    `json:"message"`
	Outcome  string     `json:"outcome"` // "relayed", the reason of a drop, or NotHeard
	What     string     `json:"what"`
	Remedy   string     `json:"remedy"`
	Rules    rules      `json:"rules"`
	Copies   []Copy     `json:"copies,omitempty"`
	Settings []setting  `json:"settings,omitempty"`
	Notes    []string   `json:"notes,omitempty"`
}

// A summary names a message as received.
type summary struct {
	Family      string         `json:"family"`
	Direction   string         `json:"direction,omitempty"` // "request" or "reply"; "" if it was not looked at
	Type        string         `json:"type"`
	Interface   string         `json:"interface,omitempty"`
	Source      netip.AddrPort `json:"source"`
	Destination netip.AddrPort `json:"destination"`
	Xid         string         `json:"xid,omitempty"`
	Client      api.Client     `json:"client,omitzero"`
	Octets      int            `json:"octets"`
}

// rules are where a decision comes from: sections of RFCs, or where no RFC says
// it, a reason in words.
type rules struct {
	RFC string `json:"rfc,omitempty"`
	Why string `json:"why,omitempty"`
}

// A Copy is one form of a message as sent, and all that get it in this form.
type Copy struct {
	Sends   []send   `json:"sends"`
	Octets  int      `json:"octets"`
	Changes []change `json:"changes"`
	Data    octets   `json:"data"` // the message as sent
}

func (c Copy) possible() bool {
	for i := range c.Sends {
		if c.Sends[i].Problem == "" {
			return true
		}
	}
	return false
}

// A send is one datagram or frame.
type send struct {
	Towards     string         `json:"towards"` // "server", "client" or "relay"
	Cast        string         `json:"cast"`    // "unicast", "broadcast" or "multicast"
	Destination netip.AddrPort `json:"destination"`
	Source      *netip.Addr    `json:"source,omitempty"` // nil: the kernel's choice by its route
	SourcePort  uint16         `json:"source_port"`
	Interface   string         `json:"interface,omitempty"` // "": the route decides
	VRF         string         `json:"vrf,omitempty"`
	FrameTo     string         `json:"frame_to,omitempty"`   // link-layer addresses of a frame
	FrameFrom   string         `json:"frame_from,omitempty"` // that the relay makes itself
	Problem     string         `json:"problem,omitempty"`    // why it cannot be sent now
}

// A change is one place in which the message as sent differs from the message as
// received: Old, which stood at Offset, gives way to New, which stands at To.
// The changes in their order and what lies between them are the whole message.
type change struct {
	Offset  int    `json:"offset"`
	To      int    `json:"to"`
	Field   string `json:"field"`
	Old     octets `json:"old"`
	New     octets `json:"new"`
	OldText string `json:"old_text,omitempty"`
	NewText string `json:"new_text,omitempty"`
	Parts   []part `json:"parts,omitempty"` // suboptions of what was put in or taken out
	Setting string `json:"setting,omitempty"`
}

// A part is a suboption of option 82.
type part struct {
	Code    int    `json:"code"`
	Name    string `json:"name"`
	Value   octets `json:"value"`
	Text    string `json:"text,omitempty"`
	Setting string `json:"setting,omitempty"` // key that made it; "" if it is not this relay's
}

// octets are written in hexadecimal.
type octets []byte

// MarshalJSON returns the octets as a string of hexadecimal digits.
func (o octets) MarshalJSON() ([]byte, error) { return json.Marshal(hex.EncodeToString(o)) }

// A setting is one that the decision rests on.
type setting struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	File  string `json:"file,omitempty"` // "": the default holds
	Line  int    `json:"line,omitempty"`
}
