package relay_test

import (
	"testing"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/netns"
)

// TestASlowUplinkHoldsUpNoOthers has one server behind a queue that takes next to
// nothing and all that waits in it is charged to who sent it, and another server
// elsewhere: clients of that one lose nothing.
func TestASlowUplinkHoldsUpNoOthers(t *testing.T) {
	const quiet = 50
	b := newBed(t)
	loud, calm := b.network("vlan10", "10.1.0.1/24"), b.network("vlan20", "10.2.0.1/24")
	slow := newSpace(t)
	b.relay.Veth("slow", slow.Space, "n")
	b.relay.Addr("slow", "10.8.0.1/24")
	slow.Addr("n", "10.8.0.2/24")
	b.relay.neighbour("slow", "10.8.0.2", slow.Link("n").Attrs().HardwareAddr)
	netns.Need(t, "tbf queues (CONFIG_NET_SCH_TBF)", b.relay.NL.QdiscAdd(&netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: b.relay.Index("slow"), Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate:       125_000, Buffer: 20_000_000, Limit: 1 << 30, // octets
	}))
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start(`
[[interface]]
name = "vlan10"
servers = ["10.8.0.2"]
[[interface]]
name = "vlan20"
servers = ["10.9.0.2"]
`)
	large := discover(0)
	large.options, large.size = padding(1200-240-3-1), 1200
	f := frameOf(large.request())
	d.await("the send buffer is full", func() bool {
		for range 200 {
			loud.must(loud.transmit(f))
		}
		return d.scrape().sum("dhcp_relay_messages_total", `interface="vlan10"`, `outcome="send_failed"`) > 0
	})
	for xid := range uint32(quiet) {
		calm.broadcast(discover(xid).request())
		v.want()
	}
	if lost := d.scrape().sum("dhcp_relay_messages_total", `interface="vlan20"`, `outcome="send_failed"`); lost > 0 {
		t.Errorf("%d requests to the other server could not be sent", lost)
	}
	d.balanced()
}

// A socket of its own goes with its server, and sends from the relay's port.
func TestServersComeAndGoWithTheirSockets(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	one, two := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	n.broadcast(discover(1).request())
	one.want()
	for xid := range uint32(3) {
		d.reload(twoServers, "configuration reloaded")
		n.broadcast(discover(10 + xid).request())
		if h := one.want(); h.from.Port() != 67 {
			t.Errorf("a request comes from %v, want port 67", h.from)
		}
		if h := two.want(); h.from.Port() != 67 {
			t.Errorf("a request comes from %v, want port 67", h.from)
		}
		d.reload("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.3\"]\n", "configuration reloaded")
		n.broadcast(discover(20 + xid).request())
		two.want()
	}
	d.balanced()
}
