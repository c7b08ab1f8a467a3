package bootp

// Codes of the options that a relay agent looks at (RFC 2132; RFC 3046).
const (
	OptionPad         = 0
	OptionRequested   = 50
	OptionOverload    = 52
	OptionMessageType = 53
	OptionServerID    = 54
	OptionClientID    = 61
	OptionRelay       = 82
	OptionEnd         = 255
)

// Codes of the suboptions of option 82.
const (
	SubCircuitID      = 1   // RFC 3046, section 3.1
	SubRemoteID       = 2   // RFC 3046, section 3.2
	SubLinkSelection  = 5   // RFC 3527
	SubSubscriberID   = 6   // RFC 3993
	SubVendor         = 9   // RFC 4243
	SubFlags          = 10  // RFC 5010
	SubServerOverride = 11  // RFC 5107
	SubRelayID        = 12  // RFC 6925
	SubSourcePort     = 19  // RFC 8357
	SubVSS            = 151 // RFC 6607
	SubVSSControl     = 152 // RFC 6607
)

// SubName returns the name of a suboption of option 82, "suboption" if it has none.
func SubName(code byte) string {
	switch code {
	case SubCircuitID:
		return "circuit-id"
	case SubRemoteID:
		return "remote-id"
	case SubLinkSelection:
		return "link selection"
	case SubSubscriberID:
		return "subscriber-id"
	case SubVendor:
		return "vendor-specific"
	case SubFlags:
		return "flags"
	case SubServerOverride:
		return "server identifier override"
	case SubRelayID:
		return "relay-id"
	case SubSourcePort:
		return "relay source port"
	case SubVSS:
		return "virtual subnet selection"
	case SubVSSControl:
		return "virtual subnet selection control"
	}
	return "suboption"
}

// A Type is the value of option 53, the DHCP message type. The zero value says
// that there is none: plain BOOTP.
type Type uint8

// The message types. The third is named in full because the op field has a
// Request, too.
const (
	Discover         Type = 1  // RFC 2132, section 9.6
	Offer            Type = 2  // RFC 2132, section 9.6
	DHCPRequest      Type = 3  // RFC 2132, section 9.6
	Decline          Type = 4  // RFC 2132, section 9.6
	Ack              Type = 5  // RFC 2132, section 9.6
	Nak              Type = 6  // RFC 2132, section 9.6
	Release          Type = 7  // RFC 2132, section 9.6
	Inform           Type = 8  // RFC 2132, section 9.6
	ForceRenew       Type = 9  // RFC 3203, section 4
	LeaseQuery       Type = 10 // RFC 4388, section 6.1
	LeaseUnassigned  Type = 11 // RFC 4388, section 6.1
	LeaseUnknown     Type = 12 // RFC 4388, section 6.1
	LeaseActive      Type = 13 // RFC 4388, section 6.1
	BulkLeaseQuery   Type = 14 // RFC 6926, section 6.2.1
	LeaseQueryDone   Type = 15 // RFC 6926, section 6.2.1
	ActiveLeaseQuery Type = 16 // RFC 7724, section 5.2.1
	LeaseQueryStatus Type = 17 // RFC 7724, section 5.2.1
	TLS              Type = 18 // RFC 7724, section 5.2.1
)

var typeNames = [...]string{
	0:                "bootp",
	Discover:         "discover",
	Offer:            "offer",
	DHCPRequest:      "request",
	Decline:          "decline",
	Ack:              "ack",
	Nak:              "nak",
	Release:          "release",
	Inform:           "inform",
	ForceRenew:       "forcerenew",
	LeaseQuery:       "leasequery",
	LeaseUnassigned:  "leaseunassigned",
	LeaseUnknown:     "leaseunknown",
	LeaseActive:      "leaseactive",
	BulkLeaseQuery:   "bulkleasequery",
	LeaseQueryDone:   "leasequerydone",
	ActiveLeaseQuery: "activeleasequery",
	LeaseQueryStatus: "leasequerystatus",
	TLS:              "tls",
}

// String returns the type's name in lower case, "bootp" for 0, "unknown" for a
// type that has no name here.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}
