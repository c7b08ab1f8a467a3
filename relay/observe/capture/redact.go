//go:build !small

package capture

import (
	"strings"

	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// The fields of a BOOTP message that name a client (RFC 2131, section 2).
const (
	offCiaddr = 12 // ciaddr and yiaddr
	endYiaddr = 20
	offChaddr = 28
	offSname  = 44
	offFile   = 108
)

// chained reports whether a request came from another relay.
func chained(m *recorder.Message) bool {
	if m.Family == dhcp.V6 {
		p := dhcp6.Message(m.Received)
		return len(p) > 0 && p.Type() == dhcp6.RelayForward
	}
	p := bootp.Packet(m.Received)
	return p.Valid() && !p.Giaddr().IsUnspecified()
}

// redact4 blanks what may identify a client in a BOOTP or DHCPv4 message: all
// but what is known not to. What cannot be read is blanked as a whole.
func redact4(b []byte) {
	p := bootp.Packet(b)
	if !p.Valid() {
		clear(b)
		return
	}
	clear(b[offCiaddr:endYiaddr])
	clear(b[offChaddr:offSname])
	if !p.DHCP() {
		clear(b[bootp.HeaderLen:])
		return
	}
	i := bootp.OptionsOffset
	for i < len(b) && b[i] != bootp.OptionEnd {
		if b[i] == bootp.OptionPad {
			i++
			continue
		}
		end := i + 2
		if end <= len(b) {
			end += int(b[i+1])
		}
		if end > len(b) {
			break // cut off
		}
		blank4(b, b[i], b[i+2:end])
		i = end
	}
	if i < len(b) && b[i] == bootp.OptionEnd {
		i++
	}
	clear(b[i:])
}

// blank4 blanks the value of an option if it may identify a client.
func blank4(b []byte, code byte, value []byte) {
	switch {
	case code == bootp.OptionOverload:
		clear(b[offSname:bootp.HeaderLen]) // options are there, too (RFC 2132, section 9.3)
		b[offSname], b[offFile] = bootp.OptionEnd, bootp.OptionEnd
	case code == bootp.OptionRelay:
		blankRelay(value)
	case !public4(code):
		clear(value)
	}
}

// blankRelay blanks the values of the suboptions of option 82.
func blankRelay(b []byte) {
	for len(b) > 1 && 2+int(b[1]) <= len(b) {
		clear(b[2 : 2+int(b[1])])
		b = b[2+int(b[1]):]
	}
	clear(b)
}

// public4 reports whether an option of DHCPv4 tells of the network or the
// protocol only (RFC 2132 and others).
func public4(code byte) bool {
	switch code {
	case 1, 2, 3, 4, 5, 6, 7, 15, 26, 28, 33, 42, 44, 46, 51, 53, 54, 55, 57, 58, 59, 60, 66, 67,
		80, 93, 94, 100, 101, 108, 114, 116, 118, 119, 120, 121, 138, 150, 252:
		return true
	}
	return false
}

// Options of a client's or server's DHCPv6 message that hold options, or an
// address of the client (RFC 8415, section 21; RFC 9915 keeps the numbers).
const (
	optionIANA     = 3  // IAID, T1, T2, options
	optionIATA     = 4  // IAID, options
	optionIAAddr   = 5  // address, two lifetimes, options
	optionStatus   = 13 // code, words
	optionIAPD     = 25 // IAID, T1, T2, options
	optionIAPrefix = 26 // two lifetimes, prefix length, prefix, options
	optionFQDN     = 39 // flags, name (RFC 4704, section 4)
)

const offPeer = 18 // peer-address of a relay message (RFC 8415, section 9)

// redact6 blanks what may identify a client in a DHCPv6 message, inside of all
// relay headers: all but what is known not to.
func redact6(b []byte) { redactNested(b, 0) }

func redactNested(b []byte, depth int) {
	m := dhcp6.Message(b)
	if len(b) == 0 || !m.Valid() || depth > dhcp6.MaxNesting {
		clear(b)
		return
	}
	if !m.IsRelay() {
		options6(b[dhcp6.HeaderLen:], depth)
		return
	}
	// Inside of the header around it, a relay's address is the peer.
	if l, ok := m.Scan(); !ok || !holdsRelay(m, &l) {
		clear(b[offPeer:dhcp6.RelayHeaderLen])
	}
	options6(b[dhcp6.RelayHeaderLen:], depth)
}

func holdsRelay(m dhcp6.Message, l *dhcp6.Layout) bool {
	inner, ok := m.Decapsulate(l)
	return ok && inner.IsRelay()
}

// options6 blanks the options in a field, and what an option that is cut off
// leaves.
func options6(b []byte, depth int) {
	read := 0
	for code, value := range dhcp6.Options(b) {
		read += dhcp6.OptionHeaderLen + len(value)
		switch {
		case code == dhcp6.OptionRelayMsg:
			redactNested(value, depth+1)
		case code == optionIANA || code == optionIAPD:
			blankIn(value, 0, 4, 12, depth) // IAIDs are often made of the MAC
		case code == optionIATA:
			blankIn(value, 0, 4, 4, depth)
		case code == optionIAAddr:
			blankIn(value, 0, 16, 24, depth)
		case code == optionIAPrefix:
			blankIn(value, 9, 25, 25, depth)
		case code == optionStatus && len(value) > 2:
			clear(value[2:])
		case code == dhcp6.OptionClientLinkLayer && len(value) > 2:
			clear(value[2:])
		case code == optionFQDN && len(value) > 1:
			blankName(value[1:])
		case !public6(code):
			clear(value)
		}
	}
	clear(b[read:])
}

// blankIn blanks the octets from to end of an option's value, and the options
// inside of it, which begin at head.
func blankIn(value []byte, from, end, head, depth int) {
	if len(value) < head || depth > dhcp6.MaxNesting {
		clear(value)
		return
	}
	clear(value[from:end])
	options6(value[head:], depth+1)
}

// blankName puts another name in the place of one, which may not be empty.
func blankName(b []byte) {
	for len(b) > 0 {
		n := min(len(b)-1, 63) // RFC 1035, section 2.3.4
		b[0] = byte(n)
		copy(b[1:], strings.Repeat("x", n))
		b = b[1+n:]
	}
}

// public6 reports whether an option of DHCPv6 tells of the network or the
// protocol only.
func public6(code uint16) bool {
	switch code {
	case 2, 6, 7, 8, 12, 13, 14, 16, 19, 20, 21, 22, 23, 24, 31, 32, 43, 53, 56, 59, 61, 62, 64, 82, 83, 103, 135, 144:
		return true
	}
	return false
}
