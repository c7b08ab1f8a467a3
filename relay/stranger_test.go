package relay_test

import (
	"testing"

	"dhcp-relay/relay/wire/bootp"
)

// A reply of who is no configured server passes if a request waits for it, for a
// server may answer from another of its addresses; what answers nothing does not.
func TestR8213_2_StrangersAnswerWhatWasAsked(t *testing.T) {
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	other := listenAt(b.servers, "10.9.0.3:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	n.broadcast(discover(1).request())
	asked := v.want().Packet
	d.awaitOutcome("relayed", 1)
	other.send(answer(asked, bootp.Offer, "10.1.0.77"), addrPort("10.1.0.1:67"))
	d.awaitOutcome("relayed", 2)
	unasked := bootp.Packet(append([]byte(nil), asked...))
	unasked[7]++ // xid
	other.send(answer(unasked, bootp.Offer, "10.1.0.78"), addrPort("10.1.0.1:67"))
	d.awaitOutcome("reply_source", 1)
	v.send(answer(unasked, bootp.Offer, "10.1.0.79"), addrPort("10.1.0.1:67"))
	d.awaitOutcome("relayed", 3)
}
