package api

import (
	"time"

	"dhcp-relay/relay/wire/dhcp"
)

// A Transaction is all that was heard under one transaction ID of one client.
// Names are as they were when the message was joined. If identifiers are
// redacted, those of the client are pseudonyms.
type Transaction struct {
	ID        uint64           `json:"id"`                  // counts the transactions that were joined for one answer or trace, from 1
	Family    dhcp.Family      `json:"family"`              // "ipv4" or "ipv6"
	XID       string           `json:"xid,omitempty"`       // as "0x1a2b3c4d"; absent if the message was too broken to have one
	Client    Client           `json:"client"`              // what is known of the client
	Interface string           `json:"interface,omitempty"` // client-facing interface
	Relay     string           `json:"relay,omitempty"`     // giaddr or link-address that the servers see
	Started   time.Time        `json:"started"`             // when the first message was received
	Updated   time.Time        `json:"updated"`             // when the last message was received
	State     TransactionState `json:"state"`               // what became of it, in a word
	Outcome   string           `json:"outcome"`             // what became of it, such as "no answer from 10.9.0.2"
	Cause     string           `json:"cause,omitempty"`     // what to do about it; absent if all is well
	Steps     []Step           `json:"steps"`               // oldest first
	Omitted   int              `json:"steps_omitted"`       // steps that are not in steps, for there were too many
}

// A Client is what the messages tell about a client.
type Client struct {
	MAC      string `json:"mac,omitempty"`       // chaddr, or the address in option 79 of DHCPv6 (RFC 6939)
	DUID     string `json:"duid,omitempty"`      // DHCPv6, as "00:03:00:01:..."
	ClientID string `json:"client_id,omitempty"` // option 61 of DHCPv4, as "01:02:..."
	Address  string `json:"address,omitempty"`   // the address that it has or was last given
}

// A TransactionState is what became of a transaction so far.
type TransactionState string

// The states of transactions.
const (
	Answered   TransactionState = "answered"   // the last request was answered, and the client was sent the answer
	Waiting    TransactionState = "waiting"    // a request went to servers a moment ago
	Unanswered TransactionState = "unanswered" // a request went to servers, and none has answered in time
	Refused    TransactionState = "refused"    // a server answered with a refusal: NAK, or a status code
	Dropped    TransactionState = "dropped"    // this relay dropped the last request, or all answers to it
	Sent       TransactionState = "relayed"    // the message was sent on; no answer belongs to it
)

// A Step is one received message: how it came, and how it was sent on.
type Step struct {
	Time        time.Time      `json:"time"`                  // when it was read from its socket
	Took        float64        `json:"took_seconds"`          // until its copies had been sent, or it was dropped
	Direction   dhcp.Direction `json:"direction"`             // "request" or "reply"
	Type        string         `json:"type"`                  // of the client's or server's message, such as "discover"
	Outer       string         `json:"outer_type,omitempty"`  // DHCPv6: "relay_forward" or "relay_reply", if it came in one
	Interface   string         `json:"interface"`             // on which it was heard
	Source      Endpoint       `json:"source"`                // of the datagram
	Destination Endpoint       `json:"destination"`           // of the datagram
	Outcome     string         `json:"outcome"`               // "relayed", or the drop reason as metrics name it
	What        string         `json:"what,omitempty"`        // dropped: what happened, one sentence
	Remedy      string         `json:"remedy,omitempty"`      // dropped: what to do, one sentence
	Class       string         `json:"class,omitempty"`       // request: the [[class]] that it is of
	Sent        *Sending       `json:"sent,omitempty"`        // absent if it was dropped
	Giaddr      string         `json:"giaddr,omitempty"`      // giaddr or link-address that it has towards or from the servers
	Given       []string       `json:"given,omitempty"`       // addresses and prefixes that a reply gives: yiaddr, IA_NA, IA_TA, IA_PD
	Asked       []string       `json:"asked,omitempty"`       // addresses and prefixes that a request names: option 50, ciaddr, IAs
	Status      string         `json:"status,omitempty"`      // a refusal: "NAK" or a DHCPv6 status such as "NoAddrsAvail"
	Message     string         `json:"message,omitempty"`     // the server's words for it, if it sent any
	RTT         float64        `json:"rtt_seconds,omitempty"` // reply: since the request that it answers was received
	Unanswered  bool           `json:"unanswered,omitempty"`  // request: no server has answered it, as the counter of unanswered requests has it
	Unsent      []Endpoint     `json:"unsent,omitempty"`      // servers to which the kernel refused to send it
	Error       string         `json:"error,omitempty"`       // why, such as "ENETUNREACH"
	Bare        bool           `json:"option82_omitted,omitempty"`
}

// A Sending is how a message was sent on.
type Sending struct {
	Towards      string     `json:"towards"`            // "server" or "client"; a relay is a client to this one
	Cast         string     `json:"cast"`               // "unicast", "broadcast" or "multicast"
	Source       string     `json:"source,omitempty"`   // address; absent: the kernel chose, or see sources
	Sources      []string   `json:"sources,omitempty"`  // of each of destinations, where they differ; "": the kernel chose
	Destinations []Endpoint `json:"destinations"`       // of each copy
	FrameTo      string     `json:"frame_to,omitempty"` // link-layer destination of a frame
	Type         string     `json:"type"`               // as sent, DHCPv6: of the outermost message
}

// An Event tells that a transaction has new steps or a new outcome.
type Event struct {
	Transaction        // its steps are only those that no event has told yet
	First       int    `json:"first_step"`     // number of the first of steps in the transaction, from 0
	Lost        uint64 `json:"lost,omitempty"` // messages since the last event that were overwritten before they could be read
}
