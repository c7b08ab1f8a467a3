package pending

import (
	"encoding/binary"
	"hash/maphash"
	"time"

	"dhcp-relay/relay/observe/health"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// leases notes whether a DHCPv4 server gives a client its lease, or refuses what it was
// to give: what it has offered, or what was not asked of it.
func leases(of *health.Server, typ uint8, own bool, msg []byte, now time.Duration) {
	switch bootp.Type(typ) {
	case bootp.Ack:
		of.Grants()
	case bootp.Nak:
		if own {
			of.Refuses(clientOf(msg), now)
		}
	default:
	}
}

// leases6 notes whether a DHCPv6 server gives a client its lease, or refuses it any: in
// an Advertise, or in answer to what the client has asked of this server. What a Confirm
// or a Rebind is told may be right (RFC 9915, sections 18.3.3 and 18.3.5).
func (t *Table) leases6(of *health.Server, own bool, m dhcp6.Message, now time.Duration) {
	typ := m.Type()
	if typ != dhcp6.Advertise && typ != dhcp6.Reply {
		return
	}
	var a answer6
	a.read(m[dhcp6.HeaderLen:])
	switch {
	case a.lease:
		if typ == dhcp6.Reply {
			of.Grants()
		}
	case a.refused && (own || typ == dhcp6.Advertise):
		of.Refuses(maphash.Bytes(t.seen.seed, m.ClientID())|1, now)
	}
}

// An answer6 is what a DHCPv6 server gives a client.
type answer6 struct {
	lease   bool // at least one
	refused bool // it says that it has none, or none for this client
}

// Places in options of leases, in octets (RFC 9915, sections 21.4 to 21.6, 21.21 and
// 21.22): where the options in them begin, and where the valid lifetime is.
const (
	headIA, headIATA = 12, 4

	validIAAddr, validIAPrefix = 20, 4
)

func (a *answer6) read(options []byte) {
	for code, v := range dhcp6.Options(options) {
		switch {
		case code == dhcp6.OptionStatusCode:
			a.status(v)
		case (code == dhcp6.OptionIANA || code == dhcp6.OptionIAPD) && len(v) >= headIA:
			a.readIA(v[headIA:])
		case code == dhcp6.OptionIATA && len(v) >= headIATA:
			a.readIA(v[headIATA:])
		}
	}
}

func (a *answer6) readIA(options []byte) {
	for code, v := range dhcp6.Options(options) {
		switch code {
		case dhcp6.OptionStatusCode:
			a.status(v)
		case dhcp6.OptionIAAddr:
			a.lasts(v, validIAAddr)
		case dhcp6.OptionIAPrefix:
			a.lasts(v, validIAPrefix)
		}
	}
}

// lasts notes an address or a prefix that is given for longer than no time.
func (a *answer6) lasts(v []byte, at int) {
	a.lease = a.lease || len(v) >= at+4 && binary.BigEndian.Uint32(v[at:]) > 0
}

// status notes a refusal. That there is no prefix, or no binding, a good server says, too.
func (a *answer6) status(v []byte) {
	if len(v) < 2 {
		return
	}
	switch binary.BigEndian.Uint16(v) {
	case dhcp6.StatusUnspecFail, dhcp6.StatusNoAddrsAvail, dhcp6.StatusNotOnLink, dhcp6.StatusUseMulticast:
		a.refused = true
	}
}
