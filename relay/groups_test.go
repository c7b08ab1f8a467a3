package relay_test

import (
	"testing"
	"time"

	"dhcp-relay/relay/wire/bootp"
)

const failover = `
[[server_group]]
name = "campus"
servers = ["10.9.0.2", "10.9.0.3"]
mode = "failover"
back = "at once"

[[interface]]
name = "vlan10"
servers = ["campus"]
`

// The preferred server falls silent, and comes back: who asks again is answered by the
// other, those who ask later ask the other at once, and the way back is found without a
// client that waits.
func TestFailover(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	first, second := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67")
	d := b.start(failover)
	answer := func(v *server, h heard) {
		t.Helper()
		v.reply(h, bootp.Offer, "10.1.0.77")
		n.want()
	}
	n.broadcast(discover(1).request())
	answer(first, first.want())
	second.silent()

	for xid := uint32(2); xid < 6; xid++ {
		n.broadcast(discover(xid).request())
		first.want()
		n.broadcast(discover(xid).request()) // again
		first.want()
		answer(second, second.want())
	}
	d.await("the other server to be active", func() bool {
		return d.logged("group asks another server, for the one before does not answer", map[string]any{"group": "campus", "server": "10.9.0.3", "before": "10.9.0.2"})
	})
	// It is asked once in a second to see whether it is back, and is not waited for.
	tried, deadline := false, time.Now().Add(10*time.Second)
	for xid := uint32(100); !tried && time.Now().Before(deadline); xid++ {
		n.broadcast(discover(xid).request())
		answer(second, second.want())
		var h heard
		if h, tried = first.hear(100 * time.Millisecond); tried {
			answer(first, h)
		}
	}
	if !tried {
		t.Fatal("a server that was down is never tried again")
	}
	d.await("the preferred server to be active again", func() bool {
		return d.logged("group asks another server, which is preferred", map[string]any{"group": "campus", "server": "10.9.0.2"})
	})
	n.broadcast(discover(1000).request())
	answer(first, first.want())
	second.silent()
	d.balanced()
}

// A server that does not answer is no error while another one of its group, which was
// not asked yet, takes its place.
func TestStandbyTakesPlace(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	first, second := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67")
	d := b.start(failover)
	for xid := range uint32(6) {
		n.broadcast(discover(xid).request())
		first.want()
	}
	d.await("a line of the server's silence", func() bool {
		return d.logged("server does not answer", map[string]any{"level": "WARN", "server": "10.9.0.2"})
	})
	second.silent()
}

// A server that only listens gets copies, and no answer of it is missed.
func TestListener(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	answers, listens := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67")
	d := b.start("[[server]]\naddress = \"10.9.0.3\"\nrole = \"listen\"\n[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"10.9.0.3\", \"10.9.0.4\"]\n")
	for xid := range uint32(6) {
		n.broadcast(discover(xid).request())
		listens.want()
		answers.reply(answers.want(), bootp.Offer, "10.1.0.77")
		n.want()
	}
	d.await("a server that is silent", func() bool { return d.logged("server does not answer", map[string]any{"server": "10.9.0.4"}) })
	if d.logged("server does not answer", map[string]any{"server": "10.9.0.3"}) {
		t.Error("the listener is called silent")
	}
}
