package explain

import (
	"dhcp-relay/relay/agent"
	"dhcp-relay/relay/wire/dhcp"
)

// A basis is where a reason comes from in each family; the zero Rules are for a
// family in which it cannot occur.
type basis struct{ v4, v6 Rules }

func cite(rfc string) Rules { return Rules{RFC: rfc} }

// notItself is where no RFC says what goes without saying.
const notItself = "a relay does not relay its own messages"

// bases returns where each reason for a drop comes from.
func bases() [agent.NumReasons]basis {
	return [agent.NumReasons]basis{
		agent.Relayed:               {cite("RFC 1542, section 4.1.1"), cite("RFC 9915, section 19.1")},
		agent.Short:                 {cite("RFC 1542, section 2.1"), cite("RFC 9915, sections 8 and 9")},
		agent.Oversize:              {cite("RFC 3046, section 2.1"), cite("RFC 9915, section 19.1")},
		agent.BadOp:                 {v4: cite("RFC 951, section 3")},
		agent.BadHlen:               {v4: cite("RFC 2131, section 2")},
		agent.OptionsMalformed:      {cite("RFC 2132, section 2"), cite("RFC 9915, section 21.1")},
		agent.NotConfigured:         {cite("RFC 1542, section 4.1.1"), cite("RFC 9915, section 19.1")},
		agent.SameNetwork:           {cite("RFC 1542, section 4.1.1"), cite("RFC 9915, section 19.1")},
		agent.NoGiaddr:              {v4: cite("RFC 1542, section 4.1.1")},
		agent.NoLinkAddress:         {v6: cite("RFC 9915, section 19.1.1")},
		agent.NoServer:              {cite("RFC 1542, section 4.1.1"), cite("RFC 9915, section 19")},
		agent.HopLimit:              {cite("RFC 1542, section 4.1.1"), cite("RFC 9915, section 19.1.2")},
		agent.SecsBelow:             {v4: cite("RFC 1542, sections 3.2 and 4.1.1")},
		agent.BootpRefused:          {v4: cite("RFC 1542, section 4.1.1")},
		agent.UntrustedOption82:     {v4: cite("RFC 3046, section 2.1")},
		agent.Option82Malformed:     {v4: cite("RFC 3046, section 2.0")},
		agent.GiaddrSpoof:           {v4: cite("RFC 3046, section 2.1.1")},
		agent.GiaddrInvalid:         {v4: cite("RFC 3046, section 2.1.1")},
		agent.GiaddrUntrusted:       {v4: cite("RFC 3046, section 2.1.1")},
		agent.GiaddrRefused:         {v4: cite("RFC 3046, section 2.1.1")},
		agent.OwnMessage:            {Rules{Why: notItself}, Rules{Why: notItself}},
		agent.PeerInvalid:           {v6: cite("RFC 9915, sections 19.1 and 19.2")},
		agent.ServerMessage:         {v6: cite("RFC 9915, sections 16.3, 16.10 and 16.11; RFC 5007, section 4.2.2")},
		agent.UnicastClient:         {v6: cite("RFC 9915, section 16")},
		agent.TypeRefused:           {cite("RFC 4388, section 7"), cite("RFC 7283, section 6")},
		agent.RelayForwardUntrusted: {v6: cite("RFC 6221, section 6.1.2")},
		agent.RSOORefused:           {v6: cite("RFC 6422, section 5")},
		agent.NoRelayMessage:        {v6: cite("RFC 9915, sections 9.1 and 9.2")},
		agent.ReplyFromClient:       {cite("RFC 8213, section 3"), cite("RFC 8213, section 3")},
		agent.ReplySource:           {cite("RFC 8213, section 3"), cite("RFC 8213, section 3")},
		agent.BogusGiaddr:           {v4: cite("RFC 1542, section 4.1.2")},
		agent.UnknownLink:           {v6: cite("RFC 9915, section 19.2")},
		agent.AmbiguousReply:        {cite("RFC 3046, section 2.2"), cite("RFC 9915, section 19.2")},
		agent.Option82Mismatch:      {v4: cite("RFC 3046, section 2.1")},
		agent.Leasequery:            {v4: cite("RFC 4388, section 6")},
		agent.VSSIgnored:            {cite("RFC 6607, section 5"), cite("RFC 6607, section 5")},
		agent.VSSUnknown:            {cite("RFC 6607, section 5.1"), cite("RFC 6607, section 5.1")},
		agent.LinkDown:              {cite("RFC 1542, section 4.1.2"), cite("RFC 9915, section 19.2")},
		agent.RelayReplyRefused:     {v6: cite("RFC 9915, section 19.2; RFC 8357, section 5.2")},
		agent.QueueFull:             {cite("RFC 1542, section 4.1.2"), cite("RFC 9915, section 19.2")},
		agent.SendFailed:            {cite("RFC 1542, section 4.1.1"), cite("RFC 9915, section 19")},
	}
}

// rulesOf returns where a decision comes from.
func rulesOf(r agent.Reason, f dhcp.Family, d dhcp.Direction) Rules {
	switch {
	case r == agent.Relayed && d == dhcp.Replies && f == dhcp.V4:
		return cite("RFC 1542, section 4.1.2")
	case r == agent.Relayed && d == dhcp.Replies:
		return cite("RFC 9915, section 19.2")
	}
	b := bases()[r]
	if f == dhcp.V6 {
		return b.v6
	}
	return b.v4
}
