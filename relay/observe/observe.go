// Package observe is what the engine shows of the messages that it moves: whole
// batches, at three moments, to each Observer. An observer must neither wait nor
// change what it sees, and allocate nothing.
package observe

import (
	"syscall"
	"time"

	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/wire/dhcp"
)

// An Observer watches the batches of one loop. Embed Blind for the moments that do
// not concern it.
type Observer interface {
	// Read tells of messages as they were read: they have no Verdict.
	Read(b *Batch)
	// Decided tells of them before any of them is sent: an answer may come at once.
	Decided(b *Batch)
	// Done tells of what became of each.
	Done(b *Batch)
	// Close ends the observer with its loop.
	Close()
}

// A Blind observer sees nothing.
type Blind struct{}

// Read implements Observer.
func (Blind) Read(*Batch) {}

// Decided implements Observer.
func (Blind) Decided(*Batch) {}

// Done implements Observer.
func (Blind) Done(*Batch) {}

// Close implements Observer.
func (Blind) Close() {}

// A Batch is messages that were read from one socket together.
type Batch struct {
	*State
	Family   dhcp.Family
	Port     uint16        // local port of the socket
	At       time.Time     // when they were read
	Now      time.Duration // the same, since the start of the engine
	Messages []Message
}

// A State is the snapshot by which a batch is decided, with the counters that belong
// to it. It is immutable.
type State struct {
	Snap    *agent.Snapshot
	Plan    *agent.Plan
	Number  uint64          // another one for each state
	Links   []*count.Link   // by agent.Link.ID
	Other   *count.Link     // messages that concern no configured link
	Servers []*count.Server // by index into Policy.Servers
	Classes []*count.Class  // by index into Policy.Classes
}

// Counts returns the counters of a client-facing link, nil for none.
func (s *State) Counts(l *agent.Link) *count.Link {
	if l == nil {
		return s.Other
	}
	return s.Links[l.ID]
}

// A Message is one message on its way through the relay.
type Message struct {
	In       agent.Ingress
	Received []byte // the payload where it was received; the decision edits it in place
	Off      int    // of Received in Buf.Store
	Buf      agent.Buf
	Verdict  agent.Verdict
	HW       [6]byte // room for Verdict.HW

	// What became of it.
	Outcome agent.Reason
	Sent    bool          // at least one copy left
	Bare    bool          // at least one left without option 82, for want of room
	TooBig  bool          // a copy was larger than the MTU
	Copies  uint64        // bit n: the link's server n got a copy
	Greedy  bool          // its client has sent much of late, so others come first
	Paced   bool          // a server that answers too little does not get it
	Refused uint64        // bit n: the kernel refused to send to it
	Errno   syscall.Errno // of the last refusal
	Earlier []Form        // in which some copies left before Buf had its last form
}

// A Form is a message as some servers got it and others did not: with VSS, or with
// option 82 where a path has room for it.
type Form struct {
	Sent   []byte // payload
	Shift  int    // where it begins, counted from where it began as received
	Copies uint64 // bit n: the link's server n got it so
}

// InEarlier returns which servers got an earlier form, of Copies.
func (m *Message) InEarlier() (mask uint64) {
	for i := range m.Earlier {
		mask |= m.Earlier[i].Copies
	}
	return mask
}

// Reset makes m a message of which nothing is known but what was received. Set field
// by field: a literal is put together elsewhere and copied.
func (m *Message) Reset(store []byte, off, n int) {
	m.Buf.Store, m.Buf.Off, m.Buf.Len = store, off, n
	m.Received, m.Off = store[off:off+n], off
	m.Outcome, m.Sent, m.Bare, m.TooBig = 0, false, false, false
	m.Copies, m.Greedy, m.Paced, m.Refused, m.Errno, m.Earlier = 0, false, false, 0, 0, m.Earlier[:0]
}
