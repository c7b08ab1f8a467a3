package transaction

import (
	"time"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp"
	"dhcp-relay/relay/wire/dhcp6"
)

// Timeout is how long a request may wait for its replies; then it is unanswered. A
// server that first looks whether an address is free takes more than a second. A
// request that the client sends again is unanswered at once.
const Timeout = 10 * time.Second

// idle is how long after its last message a transaction ends: some clients always use
// one transaction ID. After the final answer a request begins another one when Timeout
// is over, as no answer can come any more then.
const idle = 2 * time.Minute

// An Expectation says whose reply a request waits for.
type Expectation uint8

// The expectations.
const (
	Nobodys  Expectation = iota // no reply belongs to it, or none that comes by this relay
	Perhaps                     // a reply may come by this relay, and need not
	Anyones                     // one reply is enough
	Everyone                    // each server that has got it is to reply
)

// Expects returns whose reply a request waits for that was relayed to servers. Its
// type is in DHCPv6 that of the message inside all relay headers;
// further says that another relay has relayed it before.
func Expects(f dhcp.Family, typ uint8, further bool) Expectation {
	if f == dhcp.V6 {
		switch dhcp6.Type(typ) {
		case dhcp6.Solicit:
			return Everyone
		case dhcp6.RelayForward:
			return Nobodys // what is inside cannot be read
		default:
			return Anyones
		}
	}
	switch t := bootp.Type(typ); {
	case t == bootp.Inform:
		return Perhaps // servers reply to ciaddr (RFC 2131, section 4.3.5)
	case further && t == bootp.Discover, further && t == bootp.DHCPRequest, further && t == 0:
		return Nobodys // servers reply to that relay's giaddr
	case t == bootp.Discover:
		return Everyone
	case t == bootp.DHCPRequest, t == 0:
		return Anyones
	}
	return Nobodys // RFC 2131, sections 4.3.3 and 4.3.4: it ends a lease
}
