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

// Options of leases (RFC 9915, section 21), and how long what is before the options in
// them is.
const (
	optIANA, optIATA, optIAAddr, optStatus, optIAPD, optIAPrefix = 3, 4, 5, 13, 25, 26

	headIA, headIATA = 12, 4

	validIAAddr, validIAPrefix = 20, 4 // where the valid lifetime is
)

func (a *answer6) read(options []byte) {
	for code, v := range dhcp6.Options(options) {
		switch {
		case code == optStatus:
			a.status(v)
		case (code == optIANA || code == optIAPD) && len(v) >= headIA:
			a.readIA(v[headIA:])
		case code == optIATA && len(v) >= headIATA:
			a.readIA(v[headIATA:])
		}
	}
}

func (a *answer6) readIA(options []byte) {
	for code, v := range dhcp6.Options(options) {
		switch code {
		case optStatus:
			a.status(v)
		case optIAAddr:
			a.lasts(v, validIAAddr)
		case optIAPrefix:
			a.lasts(v, validIAPrefix)
		}
	}
}

// lasts notes an address or a prefix that is given for longer than no time.
func (a *answer6) lasts(v []byte, at int) {
	a.lease = a.lease || len(v) >= at+4 && binary.BigEndian.Uint32(v[at:]) > 0
}

// status notes a refusal (RFC 9915, section 21.13): UnspecFail, NoAddrsAvail, NotOnLink
// and UseMulticast. That there is no prefix, or no binding, a good server says, too.
func (a *answer6) status(v []byte) {
	if len(v) < 2 {
		return
	}
	switch binary.BigEndian.Uint16(v) {
	case 1, 2, 4, 5:
		a.refused = true
	}
}
