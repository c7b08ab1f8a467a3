// Package ladder shows what taps heard as a ladder: parties as columns, each
// message as an arrow. It tells what happened; it must not judge it.
package ladder

import (
	"bytes"
	"cmp"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"

	"dhcp-relay/cmd/lab/wire"
	"dhcp-relay/relay/wire/dhcp6"
)

// A Node is a party: a client, a relay or a server.
type Node struct {
	Name   string
	Column int                // from the left, 0 for clients
	MACs   []net.HardwareAddr // of all its links
}

// A Link is a segment of the network, tapped once.
type Link struct {
	Name  string
	Tap   *wire.Tap
	Owner string // the node on whose link the tap sits
}

// An Event is one message on its way from one node to the next; or past nodes
// that only routed it, since that is no work of theirs.
type Event struct {
	At       time.Time
	From, To string
	On       []string      // the links that it crossed
	Type     string        // DISCOVER, ..., or BOOTP; of DHCPv6 that of the client's message, whatever is around it
	Took     time.Duration // since the sender got the message that this one relays; 0 if it did not
	Frame    wire.Frame    // on the first link that it crossed
	Arrived  wire.Frame    // on the last link that it crossed; the same if that was the first
	Message  *dhcpv4.DHCPv4
	Message6 dhcpv6.DHCPv6 // in place of Message
}

// Request reports whether the message is one to a server.
func (e *Event) Request() bool {
	if e.Message6 != nil {
		return request6(e.Message6)
	}
	return e.Message.OpCode == dhcpv4.OpcodeBootRequest
}

// Counted returns the type of the message as the metrics of the relay that hears
// it have it: of the outermost message, and of a Relay-reply that of what it
// brings, in lower case.
func (e *Event) Counted() string {
	if e.Message6 == nil {
		return strings.ToLower(e.Type)
	}
	m := e.Message6
	if r, ok := m.(*dhcpv6.RelayMessage); ok && r.MessageType == dhcpv6.MessageTypeRelayReply {
		if inner := r.Options.RelayMessage(); inner != nil {
			m = inner
		}
	}
	return dhcp6.Type(m.Type()).String()
}

// A heard is a frame with the link that it was heard on.
type heard struct {
	frame       wire.Frame
	owner, link string
}

// A Recorder keeps the DHCP messages of taps. A message that crosses several
// links is only known whole once all of them have been heard, so the events are
// worked out anew each time.
type Recorder struct {
	nodes []Node
	links []Link
	all   []heard
}

// NewRecorder returns a Recorder for the nodes and links of a network.
func NewRecorder(nodes []Node, links []Link) *Recorder {
	return &Recorder{nodes: nodes, links: links}
}

// Collect empties the taps and returns how many messages they had.
func (r *Recorder) Collect() (int, error) {
	before := len(r.all)
	for _, l := range r.links {
		frames, err := l.Tap.Drain()
		if err != nil {
			return 0, err
		}
		for _, f := range frames {
			if f.DHCP4() || f.DHCP6() {
				r.all = append(r.all, heard{f, l.Owner, l.Name})
			}
		}
	}
	return len(r.all) - before, nil
}

// Events returns all messages so far, in the order of time.
func (r *Recorder) Events() []Event { return events(r.nodes, r.all) }

func events(nodes []Node, all []heard) []Event {
	all = slices.SortedStableFunc(slices.Values(all), func(a, b heard) int { return a.frame.At.Compare(b.frame.At) })
	var out []Event
	for _, h := range all {
		e, ok := event(nodes, h)
		if !ok {
			continue
		}
		if i := routed(out, &e); i >= 0 {
			out[i].To, out[i].Arrived = e.To, e.Frame
			out[i].On = append(out[i].On, h.link)
			continue
		}
		e.Took = took(out, &e)
		out = append(out, e)
	}
	return out
}

// event reads one frame. The ends are known by their hardware addresses; a
// broadcast is for the client that it names, or else for the tapped node.
func event(nodes []Node, h heard) (Event, bool) {
	e := Event{
		At: h.frame.At, On: []string{h.link}, Frame: h.frame, Arrived: h.frame,
		From: byMAC(nodes, h.frame.EtherSrc), To: byMAC(nodes, h.frame.EtherDst),
	}
	if h.frame.DHCP6() {
		ok := e.read6(h)
		return e, ok
	}
	m, err := dhcpv4.FromBytes(h.frame.Payload)
	if err != nil {
		return Event{}, false
	}
	e.Message, e.Type = m, typeOf(m)
	if e.To == "" && h.frame.EtherDst[0]&1 != 0 {
		e.To = h.owner
		if h.frame.Outgoing {
			e.To = byMAC(nodes, m.ClientHWAddr)
		}
	}
	return e, true
}

// routed returns the index of an earlier event that is the same datagram on
// another link, or -1.
func routed(before []Event, e *Event) int {
	for i := len(before) - 1; i >= 0; i-- {
		b := &before[i]
		if b.To == e.From && b.Frame.Src() == e.Frame.Src() && b.Frame.Dst() == e.Frame.Dst() &&
			b.Arrived.TTL == e.Frame.TTL+1 && bytes.Equal(b.Frame.Payload, e.Frame.Payload) {
			return i
		}
	}
	return -1
}

// took returns how long the sender had the message that this one relays.
func took(before []Event, e *Event) time.Duration {
	for i := len(before) - 1; i >= 0; i-- {
		b := &before[i]
		if b.To == e.From && b.From != e.To && b.Type == e.Type && b.transaction() == e.transaction() {
			return e.At.Sub(b.At)
		}
	}
	return 0
}

// transaction identifies what a message belongs to.
func (e *Event) transaction() string {
	if e.Message6 != nil {
		return transaction6(e.Message6)
	}
	return e.Message.TransactionID.String()
}

func byMAC(nodes []Node, mac net.HardwareAddr) string {
	for _, n := range nodes {
		if slices.ContainsFunc(n.MACs, func(m net.HardwareAddr) bool { return bytes.Equal(m, mac) }) {
			return n.Name
		}
	}
	return ""
}

func typeOf(m *dhcpv4.DHCPv4) string {
	t := m.MessageType()
	if t == dhcpv4.MessageTypeNone {
		return "BOOTP"
	}
	return strings.ToUpper(t.String())
}

func column(nodes []Node, name string) int {
	i := slices.IndexFunc(nodes, func(n Node) bool { return n.Name == name })
	if i < 0 {
		return -1
	}
	return nodes[i].Column
}

func columns(nodes []Node) int {
	return slices.MaxFunc(nodes, func(a, b Node) int { return cmp.Compare(a.Column, b.Column) }).Column + 1
}
