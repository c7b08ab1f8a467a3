package agent

// An Interface4 is what an Interface says of DHCPv4 alone.
type Interface4 struct {
	RefuseTypes []uint8 // message types not to relay for clients, first of all those of a leasequery (RFC 4388, section 7)
}
