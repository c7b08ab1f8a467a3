package dhcp6

// A Type is a message type, the first octet of a message.
type Type uint8

// The message types that the relay or its tests go by; typeNames has all.
const (
	Solicit            Type = 1  // RFC 8415, section 7.3
	Advertise          Type = 2  // RFC 8415, section 7.3
	Request            Type = 3  // RFC 8415, section 7.3
	Confirm            Type = 4  // RFC 8415, section 7.3
	Renew              Type = 5  // RFC 8415, section 7.3
	Rebind             Type = 6  // RFC 8415, section 7.3
	Reply              Type = 7  // RFC 8415, section 7.3
	Release            Type = 8  // RFC 8415, section 7.3
	Decline            Type = 9  // RFC 8415, section 7.3
	Reconfigure        Type = 10 // RFC 8415, section 7.3
	InformationRequest Type = 11 // RFC 8415, section 7.3
	RelayForward       Type = 12 // RFC 8415, section 7.3
	RelayReply         Type = 13 // RFC 8415, section 7.3
	LeaseQueryReply    Type = 15 // RFC 5007, section 4.1.1
	LeaseQueryDone     Type = 16 // RFC 5460, section 5.2.2
	LeaseQueryData     Type = 17 // RFC 5460, section 5.2.1
	DHCPv4Query        Type = 20 // RFC 7341, section 6.1
	ActiveLeaseQuery   Type = 22 // RFC 7653
	Contact            Type = 35 // RFC 8156
	AddrRegInform      Type = 36 // RFC 9686
	AddrRegReply       Type = 37 // RFC 9686
)

var typeNames = [...]string{
	0:                  "unknown",
	Solicit:            "solicit",
	Advertise:          "advertise",
	Request:            "request",
	Confirm:            "confirm",
	Renew:              "renew",
	Rebind:             "rebind",
	Reply:              "reply",
	Release:            "release",
	Decline:            "decline",
	Reconfigure:        "reconfigure",
	InformationRequest: "information_request",
	RelayForward:       "relay_forward",
	RelayReply:         "relay_reply",
	14:                 "leasequery", // RFC 5007, section 4.1.1
	LeaseQueryReply:    "leasequery_reply",
	LeaseQueryDone:     "leasequery_done",
	LeaseQueryData:     "leasequery_data",
	18:                 "reconfigure_request", // RFC 6977, section 6.1
	19:                 "reconfigure_reply",   // RFC 6977, section 6.1
	DHCPv4Query:        "dhcpv4_query",
	21:                 "dhcpv4_response", // RFC 7341, section 6.1
	ActiveLeaseQuery:   "activeleasequery",
	23:                 "starttls",     // RFC 7653
	24:                 "bndupd",       // RFC 8156
	25:                 "bndreply",     // RFC 8156
	26:                 "poolreq",      // RFC 8156
	27:                 "poolresp",     // RFC 8156
	28:                 "updreq",       // RFC 8156
	29:                 "updreqall",    // RFC 8156
	30:                 "upddone",      // RFC 8156
	31:                 "connect",      // RFC 8156
	32:                 "connectreply", // RFC 8156
	33:                 "disconnect",   // RFC 8156
	34:                 "state",        // RFC 8156
	Contact:            "contact",
	AddrRegInform:      "addr_reg_inform",
	AddrRegReply:       "addr_reg_reply",
}

// String returns the type's name in lower case, "unknown" for a type that has
// no name here.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}
