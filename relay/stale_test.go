package relay_test

import (
	"testing"
	"time"

	"dhcp-relay/relay/wire/bootp"
)

// A relay that was stopped relays no requests that it finds too late: their clients
// have asked again. Replies of the same age are still waited for.
func TestR2131_4_1_LateRequestsAreNotRelayed(t *testing.T) {
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	n.broadcast(discover(1).request())
	offer := answer(v.want().Packet, bootp.Offer, "10.1.0.77")

	const late = 50
	d.suspend()
	for i := range late {
		n.broadcast(discover(uint32(i + 2)).request())
	}
	v.send(offer, addrPort("10.1.0.1:67"))
	time.Sleep(2500 * time.Millisecond) // this is what is tested: it passes
	d.resume()
	n.want()
	d.awaitOutcome("stale", late)
	labels := []string{`interface="vlan10"`, `outcome="stale"`, `direction="request"`, `type="discover"`}
	if got := d.balanced().sum("dhcp_relay_messages_total", labels...); got != late {
		t.Errorf("%d stale DISCOVERs of vlan10, want %d", got, late)
	}
	v.silent()
	// What comes now is relayed as ever.
	d.await("a DISCOVER is relayed", func() bool {
		n.broadcast(discover(late + 2).request())
		return v.hears(100 * time.Millisecond)
	})
}
