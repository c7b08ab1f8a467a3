package dhcp6

import "encoding/binary"

// Codes of the options that are read or written.
const (
	OptionClientID        = 1   // RFC 8415, section 21.2
	OptionServerID        = 2   // RFC 8415, section 21.3
	OptionIANA            = 3   // RFC 9915, section 21.4
	OptionIATA            = 4   // RFC 9915, section 21.5
	OptionIAAddr          = 5   // RFC 9915, section 21.6
	OptionElapsedTime     = 8   // RFC 8415, section 21.9
	OptionRelayMsg        = 9   // RFC 8415, section 21.10
	OptionStatusCode      = 13  // RFC 9915, section 21.13
	OptionUserClass       = 15  // RFC 9915, section 21.15
	OptionVendorClass     = 16  // RFC 9915, section 21.16
	OptionInterfaceID     = 18  // RFC 8415, section 21.18
	OptionIAPD            = 25  // RFC 9915, section 21.21
	OptionIAPrefix        = 26  // RFC 9915, section 21.22
	OptionRemoteID        = 37  // RFC 4649, section 3
	OptionSubscriberID    = 38  // RFC 4580, section 2
	OptionEchoRequest     = 43  // RFC 4994, section 3
	OptionRelayID         = 53  // RFC 5460, section 5.4.1
	OptionERPLocalDomain  = 65  // RFC 6440
	OptionRSOO            = 66  // RFC 6422, section 3
	OptionVSS             = 68  // RFC 6607, section 3.4
	OptionClientLinkLayer = 79  // RFC 6939, section 4
	OptionLinkAddress     = 80  // RFC 6977, section 5
	optionRADIUS          = 81  // RFC 7037
	optionANITechnology   = 105 // RFC 7839
	optionANINetwork      = 106 // RFC 7839
	optionANIPointName    = 107 // RFC 7839
	optionANIPointBSSID   = 108 // RFC 7839
	optionANIOperatorID   = 109 // RFC 7839
	optionANIRealm        = 110 // RFC 7839
	OptionRelayPort       = 135 // RFC 8357, section 4.2
)

// Status codes that a server gives (RFC 9915, section 21.13).
const (
	StatusSuccess = iota
	StatusUnspecFail
	StatusNoAddrsAvail
	StatusNoBinding
	StatusNotOnLink
	StatusUseMulticast
	StatusNoPrefixAvail
)

// OptionHeaderLen is the size in octets of an option's code and length
// (RFC 8415, section 21.1):
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|          option-code          |           option-len          |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                          option-data                          |
//	|                      (option-len octets)                      |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
const OptionHeaderLen = 4

// MaxOption is the most octets that the value of an option can have.
const MaxOption = 0xffff

// A Span is the value of an option: Len octets from offset Off, without the
// option's code and length. The zero Span stands for an absent option: no value
// lies at offset 0.
type Span struct{ Off, Len int }

// Present reports whether the option is there, be it empty.
func (s Span) Present() bool { return s.Off != 0 }

func (s Span) end() int { return s.Off + s.Len }

// Value returns a view of the octets of s, which must be of a layout of m: nil
// if the option is absent, never nil if it is empty.
func (m Message) Value(s Span) []byte {
	if !s.Present() {
		return nil
	}
	return m[s.Off:s.end():s.end()]
}

// option returns code and value of the option at off within m[:end]. It returns
// false if end cuts it off; the code is 0 then if that is cut off itself.
func (m Message) option(off, end int) (uint16, Span, bool) {
	if end-off < OptionHeaderLen {
		return 0, Span{}, false
	}
	code := binary.BigEndian.Uint16(m[off:])
	value := Span{Off: off + OptionHeaderLen, Len: int(binary.BigEndian.Uint16(m[off+2:]))}
	return code, value, value.end() <= end
}

// AppendOption appends an option to dst and returns the extended slice; it
// allocates only if the capacity of dst is too small. It panics if value has
// more than MaxOption octets: the caller checks what it was told to send when
// it reads its configuration.
func AppendOption(dst []byte, code uint16, value []byte) []byte {
	dst = appendHeader(dst, code, len(value))
	return append(dst, value...)
}

// AppendClientLinkLayer appends a Client Link-Layer Address option (RFC 6939,
// section 4) as AppendOption does: an ARP hardware type and the address of the
// frame that the client sent.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	| OPTION_CLIENT_LINKLAYER_ADDR  |           option-length       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|   link-layer type (16 bits)   |                               |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               |
//	|               link-layer address (variable length)            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
func AppendClientLinkLayer(dst []byte, hwType uint16, addr []byte) []byte {
	dst = appendHeader(dst, OptionClientLinkLayer, 2+len(addr))
	dst = binary.BigEndian.AppendUint16(dst, hwType)
	return append(dst, addr...)
}

// AppendRemoteID appends a Remote-Id option (RFC 4649, section 3) as
// AppendOption does: the enterprise number whose owner has defined the form of
// the identifier, and the identifier, of which there must be at least 1 octet.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       OPTION_REMOTE_ID        |         option-len            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                       enterprise-number                       |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	.                           remote-id                           .
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
func AppendRemoteID(dst []byte, enterprise uint32, id []byte) []byte {
	dst = appendHeader(dst, OptionRemoteID, 4+len(id))
	dst = binary.BigEndian.AppendUint32(dst, enterprise)
	return append(dst, id...)
}

// AppendRelayPort appends a Relay Source Port option (RFC 8357, section 4.2) as
// AppendOption does: the port of the relay agent downstream, or 0 if only this
// one uses a port of its own.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       OPTION_RELAY_PORT       |         Option-Len            |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|     Downstream Source Port    |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
func AppendRelayPort(dst []byte, port uint16) []byte {
	dst = appendHeader(dst, OptionRelayPort, relayPortLen)
	return binary.BigEndian.AppendUint16(dst, port)
}

// relayPortLen is the one length of a Relay Source Port option.
const relayPortLen = 2

// AppendEchoRequest appends an Echo Request option (RFC 4994, section 3) as
// AppendOption does: the codes of the options that the server shall echo.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|           OPTION_ERO          |           option-len          |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|    requested-option-code-1    |    requested-option-code-2    |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|                              ...                              |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
func AppendEchoRequest(dst []byte, codes ...uint16) []byte {
	dst = appendHeader(dst, OptionEchoRequest, 2*len(codes))
	for _, c := range codes {
		dst = binary.BigEndian.AppendUint16(dst, c)
	}
	return dst
}

// AppendVSS appends a Virtual Subnet Selection option (RFC 6607, section 3.4)
// as AppendOption does: the type of the VPN's name, and the name.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|           OPTION_VSS          |           option-len          |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//	|       Type    |   VSS Information ...                         |
//	+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
func AppendVSS(dst []byte, kind uint8, name []byte) []byte {
	dst = appendHeader(dst, OptionVSS, 1+len(name))
	dst = append(dst, kind)
	return append(dst, name...)
}

func appendHeader(dst []byte, code uint16, n int) []byte {
	if n > MaxOption {
		panic("dhcp6: option value of more than 65535 octets")
	}
	dst = binary.BigEndian.AppendUint16(dst, code)
	return binary.BigEndian.AppendUint16(dst, uint16(n))
}
