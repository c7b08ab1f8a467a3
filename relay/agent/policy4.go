package agent

// An Interface4 is what an Interface says of DHCPv4.
type Interface4 struct {
	Common
	MinSecs   uint16 // seconds; requests whose secs is lower are not relayed
	Bootp     bool   // relay plain BOOTP
	Strict300 bool   // drop messages of fewer than 300 octets (RFC 1542, section 2.1)
	Broadcast bool   // broadcast every reply to the clients, whatever the flag says

	SmartAfter int      // unanswered requests of a client before the next address is tried; 0: never
	Relayed    Relayed4 // what to do with requests that another relay has relayed; only on trusted links

	MaxSize      int  // octets of BOOTP message with option 82; 0: no limit but the MTU
	DropOversize bool // drop what option 82 makes too large, rather than sending it without

	Option82 Option82
}
