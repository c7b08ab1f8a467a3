package status

import (
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
)

// overrun tells of messages that were lost in a full receive buffer.
func overrun(f dhcp.Family, n uint64, window string) found {
	return found{
		severity: Error, kind: kernelDropped, about: Subject{Kind: OfBuffer, Family: f.String()},
		text:   "The kernel has dropped messages before the relay could read them, for its buffer was full",
		detail: plural(n, "message") + " " + window,
		do:     "Look for an interface with a flood of requests in the list below, and whether other programs leave the relay no CPU time. If bursts are normal here, raise net.core.rmem_max or let the daemon have CAP_NET_ADMIN.",
	}
}

// refused tells of messages that the kernel refused to send.
func refused(e count.OfError, what, remedy, window string) found {
	severity := Error
	if e.Towards == senderror.Clients && e.Error != senderror.NeighboursFull6 && e.Error != senderror.NeighboursFull4 {
		severity = Warn // one client that has left is enough for it
	}
	return found{
		severity: severity, kind: sendRefused, of: e.Error.String(), about: Subject{Kind: OfSending, Name: e.Towards.String()},
		text:   what,
		detail: plural(e.Count.Recent, "message") + " " + window + " (" + e.Error.String() + ")",
		do:     remedy,
	}
}
