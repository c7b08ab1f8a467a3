package transaction

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// Options of a client's or server's DHCPv6 message that a ladder shows (RFC
// 8415, section 21), and what stands in front of the options inside them.
const (
	optionIANA       = 3 // IAID, T1, T2
	optionIATA       = 4 // IAID
	optionIAAddr     = 5 // address, two lifetimes
	optionStatus     = 13
	optionIAPD       = 25 // IAID, T1, T2
	optionIAPrefix   = 26 // two lifetimes, prefix length, prefix
	headIA           = 12
	headIATA         = 4
	headIAAddr       = 24
	headIAPrefix     = 25
	statusSuccess    = 0
	iaPrefixLength   = 8
	iaPrefixAddress  = 9
	statusHeadLength = 2
)

// options6 notes what the options of the innermost message tell.
func (f *facts) options6(m dhcp6.Message, d dhcp.Direction) {
	f.final = m.Type() == dhcp6.Reply
	var leases []netip.Prefix
	for code, value := range dhcp6.Options(m[dhcp6.HeaderLen:]) {
		switch code {
		case optionStatus:
			f.note6(value)
		case optionIANA, optionIAPD:
			leases = f.leases6(leases, value, headIA)
		case optionIATA:
			leases = f.leases6(leases, value, headIATA)
		}
	}
	if d == dhcp.Requests {
		f.asked = leases
		return
	}
	f.given = leases
	for _, p := range leases {
		if p.IsSingleIP() {
			f.has = p.Addr()
			break
		}
	}
	// What an address or a prefix was given for has not been refused.
	if len(leases) > 0 {
		f.status, f.words = "", ""
	}
}

// leases6 appends the addresses and prefixes in the value of an IA option.
func (f *facts) leases6(ls []netip.Prefix, value []byte, head int) []netip.Prefix {
	if len(value) < head {
		return ls
	}
	for code, v := range dhcp6.Options(value[head:]) {
		switch {
		case code == optionStatus:
			f.note6(v)
		case code == optionIAAddr && len(v) >= headIAAddr:
			ls = append(ls, whole(netip.AddrFrom16([16]byte(v))))
		case code == optionIAPrefix && len(v) >= headIAPrefix:
			p := netip.PrefixFrom(netip.AddrFrom16([16]byte(v[iaPrefixAddress:])), int(v[iaPrefixLength]))
			if p.IsValid() {
				ls = append(ls, p)
			}
		}
	}
	return ls
}

// note6 notes a status code (RFC 8415, section 21.13), unless it is a success.
func (f *facts) note6(value []byte) {
	if len(value) < statusHeadLength || f.status != "" {
		return
	}
	if n := binary.BigEndian.Uint16(value); n != statusSuccess {
		f.status, f.words = statusName(n), string(value[statusHeadLength:])
	}
}

// statusName returns the name of a status code (RFC 8415, section 21.13).
func statusName(n uint16) string {
	names := [...]string{
		"Success", "UnspecFail", "NoAddrsAvail", "NoBinding", "NotOnLink", "UseMulticast", "NoPrefixAvail",
	}
	if int(n) < len(names) {
		return names[n]
	}
	return "status " + strconv.Itoa(int(n))
}
