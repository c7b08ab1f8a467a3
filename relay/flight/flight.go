// Package flight is the flight recorder: it keeps the last messages of each
// loop of the engine, as they were received and as they were sent, with what
// became of them. Writing costs a message two short copies and neither waits nor
// allocates; who reads gets copies. It must not decide or change anything.
package flight

import (
	"net/netip"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
)

// MaxOctets is how much of one message is kept, each time it is seen.
const MaxOctets = 4096

// A Message is one received message and what became of it.
type Message struct {
	At        time.Time // when it was read from its socket
	Done      time.Time // when its copies had been sent, or it had been dropped
	Family    agent.Family
	Direction agent.Direction
	Type      uint8        // as agent.Verdict.Type
	Outcome   agent.Reason // agent.Relayed, or why it was dropped

	Heard    int            // index of the interface that heard it
	Src, Dst netip.AddrPort // of the datagram as received
	Received []byte         // the payload as received, at most MaxOctets
	Size     int            // octets of the payload as received

	Link    int              // index of the client-facing interface concerned, 0 if there is none
	To      agent.Target     // kind of receiver, if anything was sent
	From    netip.Addr       // source address as sent; invalid: the kernel chose
	Servers []netip.AddrPort // ToServers: the servers that got a copy
	Client  netip.AddrPort   // ToFrame, ToHost: destination as sent
	HW      [6]byte          // ToFrame: destination link-layer address
	Sent    []byte           // the payload as sent, at most MaxOctets; empty if nothing was sent
	SentLen int              // octets of the payload as sent
	Omitted bool             // option 82 was left out for want of room
	Refused []netip.AddrPort // ToServers: the servers to which the kernel refused to send it
	Errno   syscall.Errno    // why the kernel refused, the last time that it did; 0: it did not
}

// An Event is a Message as a Writer takes it: without its octets, and with its
// servers as a list that many messages share.
type Event struct {
	At, Done  int64 // nanoseconds since 1970
	Family    agent.Family
	Direction agent.Direction
	Type      uint8
	Outcome   agent.Reason
	To        agent.Target
	Omitted   bool
	HW        [6]byte
	Heard     int
	Link      int
	Src, Dst  netip.AddrPort
	From      netip.Addr
	Client    netip.AddrPort
	Servers   []netip.AddrPort // must not change any more
	Copies    uint64           // bit n: Servers[n] got a copy; of more than 64 the rest is not told
	Refused   uint64           // bit n: the kernel refused to send to Servers[n]
	Errno     syscall.Errno
}

// message returns the Message of an event.
func (e *Event) message(received, sent []byte, size, sentLen int) Message {
	m := Message{
		At: time.Unix(0, e.At), Done: time.Unix(0, e.Done),
		Family: e.Family, Direction: e.Direction, Type: e.Type, Outcome: e.Outcome,
		Heard: e.Heard, Src: e.Src, Dst: e.Dst, Received: received, Size: size,
		Link: e.Link, To: e.To, From: e.From, Client: e.Client, HW: e.HW,
		Sent: sent, SentLen: sentLen, Omitted: e.Omitted, Errno: e.Errno,
	}
	for n, s := range e.Servers {
		if n < 64 && e.Copies>>n&1 == 1 {
			m.Servers = append(m.Servers, s)
		}
		if n < 64 && e.Refused>>n&1 == 1 {
			m.Refused = append(m.Refused, s)
		}
	}
	return m
}
