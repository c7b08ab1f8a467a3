package relay_test

import (
	"net/netip"
	"sync"
	"testing"

	"dhcp-relay/relay/wire/bootp"
)

const twoServers = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"10.9.0.3\"]\n"

func TestServersAreTimed(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	quick, slow := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67")
	d := b.start(twoServers)

	n.broadcast(discover(1).request())
	h, late := quick.want(), slow.want()
	quick.reply(h, bootp.Offer, "10.1.0.77")
	n.want()
	quick.reply(h, bootp.Offer, "10.1.0.77")
	n.want()
	d.await("a request waits", func() bool { return d.scrape().sum("dhcp_relay_transactions_open", `family="ipv4"`) == 1 })
	// One reply is enough here, and the DISCOVER still waits for the other server.
	request := discover(1)
	request.kind = bootp.DHCPRequest
	n.broadcast(request.request())
	quick.reply(quick.want(), bootp.Ack, "10.1.0.77")
	n.want()
	slow.want()
	slow.reply(late, bootp.Offer, "10.1.0.99")
	n.want()
	// Nobody answers this one before the client asks again.
	n.broadcast(discover(2).request())
	slow.want()
	n.broadcast(discover(2).request())
	d.awaitOutcome("relayed", 8)

	s := d.balanced()
	const one, two = `server="10.9.0.2:67"`, `server="10.9.0.3:67"`
	for name, c := range map[string]struct{ got, want int }{
		"replies of the first":             {s.sum("dhcp_relay_server_replies_total", one), 3},
		"replies of the second":            {s.sum("dhcp_relay_server_replies_total", two), 1},
		"the first's, timed":               {s.sum("dhcp_relay_server_response_seconds_count", one), 2},
		"the second's, timed":              {s.sum("dhcp_relay_server_response_seconds_count", two), 1},
		"the first, unanswered":            {s.sum("dhcp_relay_server_unanswered_total", one), 1},
		"the second, unanswered":           {s.sum("dhcp_relay_server_unanswered_total", two), 1},
		"requests that nobody answered":    {s.sum("dhcp_relay_unanswered_total", `interface="vlan10"`), 1},
		"transactions that were forgotten": {s.sum("dhcp_relay_transactions_evicted_total"), 0},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", name, c.got, c.want)
		}
	}
}

// A request none of whose copies left waits for no answer, and nobody is blamed
// for silence.
func TestUnsentRequestsWaitForNobody(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n, m := b.network("vlan10", "10.1.0.1/24"), b.network("vlan20", "10.2.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start(`
[[interface]]
name = "vlan10"
servers = ["10.9.0.2"]
[[interface]]
name = "vlan20"
servers = ["172.16.0.1", "172.16.0.2"] # no route
`)
	for xid := range uint32(3) {
		m.broadcast(discover(xid).request())
	}
	d.awaitOutcome("send_failed", 3)
	n.broadcast(discover(9).request())
	v.want()
	open := func() int { return d.scrape().sum("dhcp_relay_transactions_open", `family="ipv4"`) }
	d.await("a request waits", func() bool { return open() > 0 })
	if got := open(); got != 1 {
		t.Errorf("%d requests wait, want the one that was sent", got)
	}
	for xid := range uint32(3) {
		m.broadcast(discover(xid).request())
	}
	d.awaitOutcome("send_failed", 6)
	s := d.balanced()
	if silent := s.sum("dhcp_relay_unanswered_total", `interface="vlan20"`); silent != 0 {
		t.Errorf("%d requests are told to be unanswered that were never sent", silent)
	}
	if silent := s.sum("dhcp_relay_server_unanswered_total", `server="172.16.0.1:67"`); silent != 0 {
		t.Errorf("a server is blamed for %d requests that it never got", silent)
	}
}

// The counters balance while they move: each outcome that a scrape shows is of a
// message that it shows as received, and what one scrape shows as received has its
// outcome in the next, but for the batches that the loops have in hand.
func TestEveryScrapeUnderLoadBalances(t *testing.T) {
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	one, two := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67")
	d := b.start(twoServers)
	n.broadcast(discover(1).request())
	offer := answer(one.want().Packet, bootp.Offer, "10.1.0.77")
	two.want()

	quit := make(chan struct{})
	var wg sync.WaitGroup
	load := func(send func()) {
		wg.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
					send()
				}
			}
		})
	}
	load(func() { n.flood(1000) })
	load(func() {
		for range 100 {
			two.send(offer, netip.MustParseAddrPort("10.1.0.1:67"))
		}
		n.hears(1) // keep its buffer from filling up
	})
	stop := sync.OnceFunc(func() { close(quit); wg.Wait() })
	t.Cleanup(stop)

	const scrapes, inHand = 100, 2 * 256 // a batch of requests and one of replies
	var last, first int
	for i := range scrapes {
		s := d.scrape()
		received, outcomes := s.sum("dhcp_relay_received_total"), s.sum("dhcp_relay_messages_total")
		requests := s.sum("dhcp_relay_messages_total", `direction="request"`, `outcome="relayed"`)
		copies := s.sum("dhcp_relay_server_copies_total")
		switch {
		case outcomes > received:
			t.Fatalf("scrape %d: %d outcomes of %d messages", i, outcomes, received)
		case outcomes+inHand < last:
			t.Fatalf("scrape %d: %d outcomes, and %d messages were received before", i, outcomes, last)
		case copies < requests:
			t.Fatalf("scrape %d: %d copies of %d requests", i, copies, requests)
		}
		if i == 0 {
			first = received
		}
		last = received
	}
	if last-first < scrapes*100 {
		t.Errorf("%d messages during %d scrapes are no load", last-first, scrapes)
	}
	stop()
	d.await("all have an outcome", func() bool {
		s := d.scrape()
		return s.sum("dhcp_relay_received_total") == s.sum("dhcp_relay_messages_total")
	})
	t.Logf("%d messages during %d scrapes", last-first, scrapes)
}
