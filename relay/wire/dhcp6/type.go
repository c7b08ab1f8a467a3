package dhcp6

// A Type is a message type, the first octet of a message.
type Type uint8

// The message types.
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
	LeaseQuery         Type = 14 // RFC 5007, section 4.1.1
	LeaseQueryReply    Type = 15 // RFC 5007, section 4.1.1
	LeaseQueryDone     Type = 16 // RFC 5460, section 5.2.2
	LeaseQueryData     Type = 17 // RFC 5460, section 5.2.1
	ReconfigureRequest Type = 18 // RFC 6977, section 6.1
	ReconfigureReply   Type = 19 // RFC 6977, section 6.1
	DHCPv4Query        Type = 20 // RFC 7341, section 6.1
	DHCPv4Response     Type = 21 // RFC 7341, section 6.1
	ActiveLeaseQuery   Type = 22 // RFC 7653
	StartTLS           Type = 23 // RFC 7653
	BndUpd             Type = 24 // RFC 8156
	BndReply           Type = 25 // RFC 8156
	PoolReq            Type = 26 // RFC 8156
	PoolResp           Type = 27 // RFC 8156
	UpdReq             Type = 28 // RFC 8156
	UpdReqAll          Type = 29 // RFC 8156
	UpdDone            Type = 30 // RFC 8156
	Connect            Type = 31 // RFC 8156
	ConnectReply       Type = 32 // RFC 8156
	Disconnect         Type = 33 // RFC 8156
	State              Type = 34 // RFC 8156
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
	LeaseQuery:         "leasequery",
	LeaseQueryReply:    "leasequery_reply",
	LeaseQueryDone:     "leasequery_done",
	LeaseQueryData:     "leasequery_data",
	ReconfigureRequest: "reconfigure_request",
	ReconfigureReply:   "reconfigure_reply",
	DHCPv4Query:        "dhcpv4_query",
	DHCPv4Response:     "dhcpv4_response",
	ActiveLeaseQuery:   "activeleasequery",
	StartTLS:           "starttls",
	BndUpd:             "bndupd",
	BndReply:           "bndreply",
	PoolReq:            "poolreq",
	PoolResp:           "poolresp",
	UpdReq:             "updreq",
	UpdReqAll:          "updreqall",
	UpdDone:            "upddone",
	Connect:            "connect",
	ConnectReply:       "connectreply",
	Disconnect:         "disconnect",
	State:              "state",
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
