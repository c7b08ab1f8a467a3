package relay_test

import (
	"fmt"
	"testing"
	"time"
)

// What exceeds a limit is dropped and counted for the interface that it came from; other
// interfaces, and replies, are not concerned.
func TestLimits(t *testing.T) {
	b := newBed(t)
	loud, quiet := b.network("vlan10", "10.1.0.1/24"), b.network("vlan20", "10.2.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	const config = "[defaults]\nservers = [\"10.9.0.2\"]\n[[interface]]\nname = \"vlan10\"\nlimit = 1\n[[interface]]\nname = \"vlan20\"\nclient_limit = 1\n"
	d := b.start(config)
	const burst = 10 // seconds
	relayed := d.scrape().outcome("relayed")
	for i := range 3 * burst {
		loud.broadcast(discover(uint32(i)).request())
	}
	d.await("all is decided", func() bool {
		s := d.scrape()
		return s.outcome("relayed")+s.outcome("interface_limit") == relayed+3*burst
	})
	s := d.balanced()
	if n := s.outcome("relayed") - relayed; n < burst || n > 2*burst {
		t.Errorf("%d requests of vlan10 are relayed, want %d and what is due since", n, burst)
	}
	if n := s.sum("dhcp_relay_messages_total", `interface="vlan10"`, `outcome="interface_limit"`); n == 0 {
		t.Error("nothing is counted for vlan10")
	}
	drain(v.hears, func() int { return s.outcome("relayed") - relayed })

	// One client of vlan20 asks too often, another one once.
	relayed = s.outcome("relayed")
	for range 3 * burst {
		quiet.broadcast(discover(7).request())
	}
	quiet.broadcast(discover(8).request())
	d.await("all is decided", func() bool {
		s := d.scrape()
		return s.outcome("relayed")+s.outcome("client_limit") == relayed+3*burst+1
	})
	s = d.balanced()
	if n := s.outcome("client_limit"); n < burst {
		t.Errorf("%d requests of the client are dropped, want %d at least", n, burst)
	}
	heard := make(map[string]bool)
	for range s.outcome("relayed") - relayed {
		heard[fmt.Sprintf("%x", v.want().Chaddr())] = true
	}
	if len(heard) != 2 {
		t.Errorf("the server has heard %v, want both clients", heard)
	}

	// Without limits, all pass.
	d.reload("[[interface]]\nname = \"vlan*\"\nservers = [\"10.9.0.2\"]\n", "configuration reloaded")
	relayed = d.scrape().outcome("relayed")
	for i := range 3 * burst {
		loud.broadcast(discover(uint32(i)).request())
	}
	d.awaitOutcome("relayed", relayed+3*burst)

	// One client of vlan10 sends all the time; what the interface may send goes to others.
	d.reload("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\nlimit = 100\n", "configuration reloaded")
	for xid := uint32(100); xid < 103; xid++ {
		for end := time.Now().Add(patient); ; {
			for range 1000 {
				_ = loud.transmit(frameOf(discover(9).request())) // what is lost is one less
			}
			loud.broadcast(discover(xid).request())
			h, ok := v.hear(100 * time.Millisecond)
			for ok && h.Xid() != xid {
				h, ok = v.hear(100 * time.Millisecond)
			}
			if ok {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("client %d is not heard beside one that sends much", xid)
			}
		}
	}
	d.await("all is decided", func() bool {
		s := d.scrape()
		return s.sum("dhcp_relay_received_total") == s.sum("dhcp_relay_messages_total")
	})
}
