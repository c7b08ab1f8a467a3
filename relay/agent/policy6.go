package agent

// An Interface6 is what an Interface says of DHCPv6.
type Interface6 struct {
	Common
	AcceptUnicast bool // relay what clients send by unicast (RFC 9915, section 16, advises against)
	RefuseRSOO    bool // drop what bears an RSOO of another relay (RFC 6422, section 5)

	InterfaceID  Template // option 18, always sent; empty: the link's name
	RemoteID     RemoteID // option 37, RFC 4649
	SubscriberID Template // option 38, RFC 4580; empty: absent
	RelayID      bool     // option 53, RFC 5460: Policy.DUID
	ClientMAC    bool     // option 79, RFC 6939
	EchoRequest  []uint16 // option 43, RFC 4994: codes of the options to echo; empty: absent
	VSS          VSS      // option 68, RFC 6607
	RSOO         []byte   // the rendered options in option 66, RFC 6422; empty: absent
}

// A RemoteID identifies the far end of a link by what the owner of an enterprise
// number has defined (RFC 4649, section 3).
type RemoteID struct {
	Enterprise uint32   // as registered with IANA
	ID         Template // empty: the option is absent
}
