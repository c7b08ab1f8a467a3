package status

import (
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/senderror"
	"dhcp-relay/relay/wire/dhcp"
)

// overrun tells of messages that were lost in a full receive buffer.
func overrun(f dhcp.Family, n uint64, window string) found {
	return found{
		severity: Error, kind: kernelDropped, about: Subject{Kind: OfBuffer, Family: ScopeOf(f)},
		text:   "The kernel has dropped messages before the relay could read them, for its buffer was full",
		detail: plural(n, "message") + " " + window,
		do:     "Look for an interface with a flood of requests in the list below, and whether other programs leave the relay no CPU time. If bursts are normal here, raise net.core.rmem_max or let the daemon have CAP_NET_ADMIN.",
	}
}

// newcomers is how many clients that were not heard lately tell in a window that they
// are made up, or that a town has had a power cut.
const newcomers = 10_000

// floods tells of an interface that sends more than its share, and of one on which
// clients appear without end.
func (b *builder) floods(name string, c *count.OfLink) {
	for f := range dhcp.Family(dhcp.Families) {
		about := onLink(name, f)
		if n := c.Counts[count.Shed][f].Recent; n > 0 && c.Lately[f].Counts[count.Shed] > 0 {
			b.add(found{
				severity: Warn, kind: interfaceFloods, about: about,
				text:   "More comes from the interface than the relay can read, and more than its share of that, which is all that is relayed",
				detail: plural(n, "message") + " dropped unread " + b.window(),
				do:     "Look for a client that floods; dhcp-relay trace shows who sends. If there is none, see whether other programs leave the relay no CPU time.",
			})
		}
		if n := c.Counts[count.NewClients][f].Recent; n >= newcomers && c.Lately[f].Counts[count.NewClients] > 0 {
			b.add(found{
				severity: Warn, kind: interfaceNewClients, about: about,
				text:   "Very many clients appear on the interface that were not heard before, as when one host makes them up to use up the server's addresses",
				detail: plural(n, "client") + " " + b.window(),
				do:     "Nothing, if so many clients have come back after a power cut; else find the port of the switch from which they come (dhcp-relay trace), limit the addresses that it may have, and set limit for the interface.",
			})
		}
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
