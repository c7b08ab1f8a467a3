package relay_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"dhcp-relay/relay/wire/bootp"
)

// packetSockets counts those in the daemon's namespace.
func (d *daemon) packetSockets() int {
	d.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/packet", d.cmd.Process.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	return bytes.Count(b, []byte("\n")) - 1 // the first line is the heading
}

func TestSocketsOfLinksThatAreGoneCloseWithoutAMessage(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	b.network("vlan20", "10.2.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan*\"\nservers = [\"10.9.0.2\"]\n")
	n.broadcast(discover(1).request())
	v.reply(v.want(), bootp.Offer, "10.1.0.77")
	n.want()
	if got := d.packetSockets(); got != 1 {
		t.Fatalf("%d packet sockets after a reply, want 1", got)
	}
	b.relay.Must(b.relay.NL.LinkDel(b.relay.Link("vlan20")))
	d.await("vlan20 is gone", func() bool { return d.scrape().sum("dhcp_relay_giaddr_info", "vlan20") == 0 })
	if got := d.packetSockets(); got != 1 {
		t.Errorf("%d packet sockets after another link went, want 1", got)
	}
	b.relay.Must(b.relay.NL.LinkDel(b.relay.Link("vlan10")))
	d.await("its packet socket is closed", func() bool { return d.packetSockets() == 0 })
}
