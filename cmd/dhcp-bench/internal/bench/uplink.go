package bench

import (
	"errors"
	"fmt"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/host/egress"
)

// An uplink is a link between the relay and the servers, of a kind.
type uplink int

const (
	// virtual passes on uncut what was sent as one (UDP_SEGMENT), as virtual links
	// do: servers that read frames take the first message of it.
	virtual uplink = iota
	// card has it cut apart before anyone sees it. Here the kernel does that, which
	// the relay is charged for; a network card that can does it for nothing.
	card
)

// An Uplink says which one the lines of the report are about that begin with its
// name.
type Uplink struct {
	Name   string `json:"name"`
	Prefix string `json:"prefix"` // of the keys of its values
	What   string `json:"what"`
}

func uplinks() []Uplink {
	return []Uplink{
		{Name: virtual.String(), Prefix: virtual.prefix(), What: "veth as it is: a burst that leaves as one arrives as one, and counts as one message"},
		{Name: card.String(), Prefix: card.prefix(), What: "veth with tx-udp-segmentation off: the kernel cuts a burst apart, which the relay is charged for"},
	}
}

// String returns the name in the report.
func (u uplink) String() string {
	if u == card {
		return "card"
	}
	return "virtual"
}

// prefix returns what the keys of values begin with that were measured there.
func (u uplink) prefix() string {
	if u == card {
		return "card_"
	}
	return ""
}

// devs returns the names of the devices on the relay's side and on the servers'.
func (u uplink) devs() (relay, sink string) {
	if u == card {
		return "u1", "s1"
	}
	return upLink, serverLink
}

// servers returns the servers' address there.
func (u uplink) servers() pair {
	if u == card {
		return pairOf("10.70.0.2", "fd70::2")
	}
	return pairOf("10.68.0.2", "fd68::2")
}

// buildCard makes the uplink that is cut.
func (b *bed) buildCard() error {
	near, far := card.devs()
	if err := errors.Join(
		netns.Veth(b.relay, near, b.sink, far),
		b.relay.Offload(near, true), b.sink.Offload(far, true),
		b.relay.Addr(near, "10.70.0.1/24"), b.relay.Addr(near, "fd70::1/64"),
		b.sink.Addr(far, "10.70.0.2/24"), b.sink.Addr(far, "fd70::2/64"),
	); err != nil {
		return err
	}
	return b.relay.Do(func() error {
		h, err := egress.Open()
		if err != nil {
			return fmt.Errorf("link %s: %w", near, err)
		}
		return errors.Join(h.SetWhole(near, false), h.Close())
	})
}
