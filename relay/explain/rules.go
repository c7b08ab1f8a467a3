package explain

import "dhcp-relay/relay/agent"

// A basis is where a reason comes from in each family; the zero Rules are for a
// family in which it cannot occur.
type basis struct{ v4, v6 Rules }

func cite(rfc string, requirements ...string) Rules { return Rules{rfc, requirements} }

// bases returns where each reason for a drop comes from.
func bases() [agent.NumReasons]basis {
	return [agent.NumReasons]basis{
		agent.Relayed:               {cite("RFC 1542, section 4.1.1", "R1542-13", "R1542-17", "R1542-18"), cite("RFC 9915, section 19.1", "R9915-12", "R9915-13", "R9915-14")},
		agent.Short:                 {cite("RFC 1542, section 2.1", "R1542-6"), cite("RFC 9915, sections 8 and 9", "R9915-32")},
		agent.Oversize:              {cite("RFC 3046, section 2.1", "R3046-8", "R3046-9"), cite("RFC 9915, section 19.1", "R9915-33")},
		agent.BadOp:                 {v4: cite("RFC 951, section 3", "R951-1")},
		agent.BadHlen:               {v4: cite("RFC 2131, section 2", "R1542-36")},
		agent.OptionsMalformed:      {cite("RFC 2132, section 2", "R-SEC-3"), cite("RFC 9915, section 21.1", "R9915-32")},
		agent.NotConfigured:         {cite("RFC 1542, section 4.1.1", "R1542-9"), cite("RFC 9915, section 19.1", "R1542-9")},
		agent.NoGiaddr:              {v4: cite("RFC 1542, section 4.1.1", "R1542-13", "R1542-16")},
		agent.NoLinkAddress:         {v6: cite("RFC 9915, section 19.1.1", "R9915-15")},
		agent.NoServer:              {cite("RFC 1542, section 4.1.1", "R1542-19"), cite("RFC 9915, section 19", "R9915-6")},
		agent.HopLimit:              {cite("RFC 1542, section 4.1.1", "R1542-11", "R1542-12"), cite("RFC 9915, section 19.1.2", "R9915-21")},
		agent.SecsBelow:             {v4: cite("RFC 1542, sections 3.2 and 4.1.1", "R1542-10")},
		agent.BootpRefused:          {v4: cite("RFC 1542, section 4.1.1", "R2131-20")},
		agent.UntrustedOption82:     {v4: cite("RFC 3046, section 2.1", "R3046-5", "R3046-6")},
		agent.Option82Malformed:     {v4: cite("RFC 3046, section 2.0", "R3046-20")},
		agent.GiaddrSpoof:           {v4: cite("RFC 3046, section 2.1.1", "R3046-16")},
		agent.GiaddrInvalid:         {v4: cite("RFC 3046, section 2.1.1", "R3046-19")},
		agent.GiaddrUntrusted:       {v4: cite("RFC 3046, section 2.1.1", "R3046-18")},
		agent.GiaddrRefused:         {v4: cite("RFC 3046, section 2.1.1", "R3046-28")},
		agent.OwnMessage:            {cite("RFC 1542, section 4.1.1", "T11"), cite("RFC 9915, section 19.1", "T11")},
		agent.PeerInvalid:           {v6: cite("RFC 9915, sections 19.1 and 19.2", "R9915-13", "R9915-25")},
		agent.ServerMessage:         {v6: cite("RFC 9915, sections 16.3, 16.10 and 16.11", "R9915-11")},
		agent.UnicastClient:         {v6: cite("RFC 9915, section 16", "R9915-5")},
		agent.TypeRefused:           {v6: cite("RFC 7283, section 6", "R7283-1", "R5007-2")},
		agent.RelayForwardUntrusted: {v6: cite("RFC 6221, section 6.1.2", "R9915-35")},
		agent.RSOORefused:           {v6: cite("RFC 6422, section 5", "R6422-2")},
		agent.NoRelayMessage:        {v6: cite("RFC 9915, sections 9.1 and 9.2", "R9915-31")},
		agent.ReplyFromClient:       {cite("RFC 8213, section 3", "R8213-2", "T11"), cite("RFC 8213, section 3", "R9915-36")},
		agent.ReplySource:           {cite("RFC 8213, section 3", "R8213-2", "R2131-3"), cite("RFC 8213, section 3", "R8213-2")},
		agent.BogusGiaddr:           {v4: cite("RFC 1542, section 4.1.2", "R1542-25")},
		agent.UnknownLink:           {v6: cite("RFC 9915, section 19.2", "R9915-27", "R9915-28")},
		agent.AmbiguousReply:        {cite("RFC 3046, section 2.2", "R3046-23", "R3527-5"), cite("RFC 9915, section 19.2", "R9915-27", "R9915-28")},
		agent.Option82Mismatch:      {v4: cite("RFC 3046, section 2.1", "R3046-11")},
		agent.Leasequery:            {v4: cite("RFC 4388, section 6", "R4388-9")},
		agent.VSSIgnored:            {cite("RFC 6607, section 5", "R6607-4"), cite("RFC 6607, section 5", "R6607-v6-1")},
		agent.VSSUnknown:            {cite("RFC 6607, section 5.1", "R6607-5"), cite("RFC 6607, section 5.1", "R6607-v6-2")},
		agent.LinkDown:              {cite("RFC 1542, section 4.1.2", "R1542-26"), cite("RFC 9915, section 19.2", "R9915-25")},
		agent.SendFailed:            {cite("RFC 1542, section 4.1.1", "R1542-19"), cite("RFC 9915, section 19", "R9915-6")},
	}
}

// rulesOf returns where a decision comes from.
func rulesOf(r agent.Reason, f agent.Family, d agent.Direction) Rules {
	switch {
	case r == agent.Relayed && d == agent.Replies && f == agent.V4:
		return cite("RFC 1542, section 4.1.2", "R1542-26", "R1542-30", "R3046-10")
	case r == agent.Relayed && d == agent.Replies:
		return cite("RFC 9915, section 19.2", "R9915-25", "R9915-26", "R9915-27")
	}
	b := bases()[r]
	if f == agent.V6 {
		return b.v6
	}
	return b.v4
}
