// Package recorder is the flight recorder: it keeps the last messages of each
// loop of the engine, as they were received and as they were sent, with what
// became of them. Writing keeps the octets that were received and what differs
// in those that were sent, and neither waits nor allocates; who reads gets
// copies. It must not decide or change anything.
package recorder

import (
	"net/netip"
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// MaxOctets is how much of one message is kept, each time it is seen.
const MaxOctets = 4096

// A Message is one received message and what became of it.
type Message struct {
	At        time.Time // when it was read from its socket
	Done      time.Time // when its copies had been sent, or it had been dropped
	Family    dhcp.Family
	Direction dhcp.Direction
	Type      uint8        // as agent.Verdict.Type
	Outcome   agent.Reason // agent.Relayed, or why it was dropped

	Heard    int            // index of the interface that heard it
	Src, Dst netip.AddrPort // of the datagram as received
	Received []byte         // the payload as received, at most MaxOctets
	Size     int            // octets of the payload as received

	Link    int              // index of the client-facing interface concerned, 0 if there is none
	To      agent.Target     // kind of receiver, if anything was sent
	From    netip.Addr       // source address as sent, see FromTo; invalid: the kernel chose
	Servers []netip.AddrPort // ToServers: the servers that got a copy
	Own     []netip.Addr     // of each of Servers that has a source address of its own; nil if none has, see FromTo
	Client  netip.AddrPort   // ToFrame, ToHost: destination as sent
	HW      [6]byte          // ToFrame: destination link-layer address
	Earlier []netip.AddrPort // of Servers, those that got it in another form, of which further messages tell
	Further bool             // tells only of a form in which Servers got the message before it
	Sent    []byte           // the payload as sent, at most MaxOctets; empty if nothing was sent
	SentLen int              // octets of the payload as sent
	Omitted bool             // option 82 was left out for want of room
	Refused []netip.AddrPort // ToServers: the servers to which the kernel refused to send it
	Class   string           // the class that a request is of, "" for none
	Errno   syscall.Errno    // why the kernel refused, the last time that it did; 0: it did not
}

// FromTo returns the source address of the copy to Servers[i]; invalid: the kernel chose.
func (m *Message) FromTo(i int) netip.Addr {
	if i < len(m.Own) && m.Own[i].IsValid() {
		return m.Own[i]
	}
	return m.From
}

// An Event is a Message as a Writer takes it, without its octets.
type Event struct {
	At, Done  int64 // nanoseconds since 1970; what was sent 4.3 seconds after At or later is said to be sent then
	Family    dhcp.Family
	Direction dhcp.Direction
	Type      uint8
	Outcome   agent.Reason
	To        agent.Target
	Omitted   bool
	Heard     int
	Link      int
	Src, Dst  netip.AddrPort
	From      netip.Addr
	Servers   Servers        // ToServers: the list that Copies, Refused and Earlier speak of
	Copies    uint64         // ToServers: bit n: server n got a copy; of more than MaxServers the rest is not told
	Refused   uint64         // ToServers: bit n: the kernel refused to send to server n
	Earlier   uint64         // ToServers: of Copies, those of another form, see Writer.Further
	Class     Class          // ToServers
	Client    netip.AddrPort // ToFrame, ToHost
	HW        [6]byte        // ToFrame
	Errno     syscall.Errno
}
