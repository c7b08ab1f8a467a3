package conformance

import (
	"fmt"
	"net/netip"

	"dhcp-relay/cmd/lab/expect"
	"dhcp-relay/relay/agent"
)

// dump writes a message for people.
func dump(b []byte) string { return expect.Dump(b) }

// checkRequest reports in what a relayed request differs from what is to leave:
// hops, giaddr, option 82 and padding change, and nothing else.
func checkRequest(in, out []byte, v agent.Verdict, giaddr netip.Addr, option82 []byte) error {
	if v.Omitted {
		option82 = nil
	}
	return expect.Same(expect.Request(in, giaddr, option82), out)
}

// checkReply reports in what a relayed reply differs from the received one
// beside option 82, all of which is gone, or stays if keep.
func checkReply(in, out []byte, keep bool) error {
	if n := len(expect.Walk(out).Relay); n > 0 && !keep {
		return fmt.Errorf("%d options 82 reach the client", n)
	}
	return expect.Same(expect.Reply(in, keep), out)
}
