package status

import (
	"net/netip"

	"dhcp-relay/relay/observe/count"
)

// An Observation tells where the last message was heard that was dropped in one way,
// as far as the flight recorder knows.
type Observation struct {
	Drop  Way
	Heard string     // interface that heard it
	From  netip.Addr // its source; not valid if it is not to be told
}

// A Way is one way in which messages are dropped.
type Way struct {
	Interface string // under which they are counted, or count.Other
	count.Kind
}

// where says where the last of dropped messages came from: " from 10.9.0.2 on
// eth0", or nothing; and whether it names a source.
func (b *builder) where(drop Way) (text string, from bool) {
	for i := range b.Observations {
		s := &b.Observations[i]
		if s.Drop != drop {
			continue
		}
		if s.From.IsValid() {
			text, from = " from "+s.From.String(), true
		}
		if s.Heard != "" && s.Heard != drop.Interface {
			text += " on " + s.Heard
		}
		return text, from
	}
	return "", false
}
