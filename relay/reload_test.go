package relay_test

import (
	"bytes"
	"testing"

	"dhcp-relay/relay/wire/bootp"
)

func TestReloadLosesNothing(t *testing.T) {
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	const most = 1 << 20
	one := listenAt(b.servers, "10.9.0.2:67").tally(most)
	two := listenAt(b.servers, "10.9.0.3:67").tally(most)
	const (
		before = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n"
		after  = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"10.9.0.3\"]\ndhcpv4.hop_limit = 7\n"
		wrong  = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.3\"]\ndhcpv4.hop_limit = 99\n"
		other  = "[[interface]]\nname = \"vlan20\"\nservers = [\"10.9.0.2\"]\n[[interface]]\nname = \"vlan1*\"\nservers = [\"10.9.0.2\"]\n"
		ok     = "dhcp_relay_config_last_reload_successful"
	)
	d := b.start(before)
	s := n.stream(5000)
	d.await("the stream runs", func() bool { return one.Load() > 500 })
	if two.Load() != 0 {
		t.Error("a server that is not configured has heard requests")
	}
	first := d.scrape()

	d.reload(after, "configuration reloaded")
	d.await("the new server gets its copies", func() bool { return two.Load() > 500 })

	had := two.Load()
	d.reload(wrong, "configuration refused, the former one stays")
	if v := d.scrape()[ok]; v != 0 {
		t.Errorf("after a wrong configuration %s is %v", ok, v)
	}
	d.await("the former configuration holds", func() bool { return two.Load() > had+500 })

	for range 5 { // links get other IDs, servers other indexes
		d.reload(other, "configuration reloaded")
		d.reload(after, "configuration reloaded")
	}
	if v := d.scrape()[ok]; v != 1 {
		t.Errorf("after a good configuration %s is %v", ok, v)
	}
	s.whole(b, d, one)
	last := d.balanced()
	if n := last.sum("dhcp_relay_socket_drops_total"); n != 0 {
		t.Errorf("%d socket drops", n)
	}
	if n, want := last.outcome("relayed"), s.sent-n.lost(); n != want {
		t.Errorf("%d requests relayed of %d", n, want)
	}
	if a, z := first.sum("dhcp_relay_config_info"), last.sum("dhcp_relay_config_info"); a != 1 || z != 1 {
		t.Errorf("configurations in effect: %d, then %d; want 1", a, z)
	}
}

// While a daemon is stopped, more comes than its buffers can hold: that is an
// overload which does not depend on how fast the machine is.
func TestOverloadIsCountedWholeAndRepliesPass(t *testing.T) {
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n")
	n.broadcast(discover(1).request())
	offer := answer(v.want().Packet, bootp.Offer, "10.1.0.77")
	d.awaitOutcome("relayed", 1)
	before := d.balanced()

	const requests, replies = 150_000, 1000
	d.suspend()
	n.flood(requests)
	for range replies {
		v.send(offer, addrPort("10.1.0.1:67"))
	}
	d.resume()
	want := func() int { return replies - b.servers.dropped("s") - b.relay.dropped("vlan10") }
	if got := drain(n.hears, want); got < want() || got < replies/2 {
		s := d.scrape()
		t.Errorf("%d of %d replies have reached the client, %d could not be sent, %d for a full queue", got, want(),
			s.outcome("send_failed"), s.sum("dhcp_relay_send_errors_total", "EAGAIN", "client"))
	}
	came := requests + replies - n.lost() - b.servers.dropped("s")
	var s scrape
	d.awaitCount("received or lost in the sockets", before.sum("dhcp_relay_received_total")+came, func() int {
		s = d.scrape()
		return s.sum("dhcp_relay_received_total") + s.sum("dhcp_relay_socket_drops_total") + s.sum("dhcp_relay_shed_total")
	})
	lost := s.sum("dhcp_relay_socket_drops_total") + s.sum("dhcp_relay_shed_total")
	t.Logf("of %d requests and %d replies %d came, and %d were lost or shed in the sockets", requests, replies, came, lost)
	if lost == 0 {
		t.Error("no overload has come about")
	}
	d.await("received = relayed + dropped", func() bool {
		s = d.scrape()
		return s.sum("dhcp_relay_received_total") == s.sum("dhcp_relay_messages_total")
	})
	if got := s.outcome("relayed") + s.outcome("send_failed") + s.outcome("stale") + s.outcome("overload"); got != s.sum("dhcp_relay_messages_total") {
		t.Errorf("%d messages were relayed, could not be sent, came too late or were more than the interface's share, want %d", got, s.sum("dhcp_relay_messages_total"))
	}
}

// Replies to what went out before a rename or a reload that changes the
// identifiers find their client, be a foreign option 82 refused and giaddr shared.
func TestRepliesUnderWay(t *testing.T) {
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	b.network("vlan20", "10.2.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	const config = "[[interface]]\nname = \"vlan*\"\nservers = [\"10.9.0.2\"]\n"
	const drop = "[interface.dhcpv4.option82]\nmismatch = \"drop\"\n"
	d := b.start("interfaces = \"none\"\n")
	for i, tc := range []struct{ name, top string }{
		{"a giaddr of its own", ""},
		{"a giaddr that two share", "giaddr = \"10.9.0.1\"\n"},
	} {
		d.reload(config+tc.top+drop, "configuration reloaded")
		base := uint32(100 * (i + 1))
		n.broadcast(discover(base).request())
		first := v.want()
		d.reload(config+tc.top+drop+"circuit_id = \"new-{interface}\"\n", "configuration reloaded")
		n.broadcast(discover(base + 1).request())
		second := v.want()
		if circuit(first.Packet) == circuit(second.Packet) {
			t.Fatalf("%s: circuit-id %q has not changed", tc.name, circuit(first.Packet))
		}
		for _, h := range []heard{first, second} {
			v.reply(h, bootp.Offer, "10.1.0.77")
			if f := n.want(); f.message.Xid() != h.Xid() {
				t.Errorf("%s: the client has got %x, want %x", tc.name, f.message.Xid(), h.Xid())
			}
		}
	}
	n.broadcast(discover(300).request())
	h := v.want()
	l := b.relay.Link("vlan10")
	b.relay.Must(b.relay.NL.LinkSetDown(l)) // older kernels rename nothing else
	b.relay.Must(b.relay.NL.LinkSetName(l, "vlan11"))
	b.relay.Up("vlan11")
	d.await("vlan11 relays", func() bool { return d.logged("interface relays", map[string]any{"link": "vlan11"}) })
	v.reply(h, bootp.Offer, "10.1.0.77")
	n.want()
	foreign := answer(h.Packet, bootp.Offer, "10.1.0.77")
	i := bytes.Index(foreign, []byte("new-vlan10"))
	copy(foreign[i:], "old")
	v.send(foreign, addrPort("10.9.0.1:67"))
	d.awaitOutcome("ambiguous_reply", 1)
	d.balanced()
}
