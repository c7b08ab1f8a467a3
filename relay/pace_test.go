package relay_test

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/relay/wire/bootp"
)

// answerSlowly answers each request, one in a while, until the server is closed.
func (v *server) answerSlowly(each time.Duration) {
	var wg sync.WaitGroup
	wg.Go(func() {
		b := make([]byte, 2048)
		for {
			n, _, err := v.conn.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			time.Sleep(each) // as one does that looks into a database
			p, kind := bootp.Packet(b[:n]), bootp.Offer
			if typeOf(p) == bootp.DHCPRequest {
				kind = bootp.Ack
			}
			_, _ = v.conn.WriteToUDPAddrPort(answer(p, kind, "10.2.0.77"), netip.AddrPortFrom(p.Giaddr(), 67)) // as any datagram
		}
	})
	v.t.Cleanup(func() { _ = v.conn.Close(); wg.Wait() })
}

// Two interfaces share a slow server. The one that floods it has its share, which is
// counted and told; clients of the other one are served.
func TestAFloodTakesNoServerFromOthers(t *testing.T) {
	b := newBed(t)
	loud, quiet := b.network("vlan10", "10.1.0.1/16"), b.network("vlan20", "10.2.0.1/16")
	v := &server{b.t, b.servers.ListenUDP("udp4", "10.9.0.2:67")} // with a buffer as servers have
	v.answerSlowly(time.Millisecond)
	d := b.start("[[interface]]\nname = \"vlan*\"\nservers = [\"10.9.0.2\"]\n")
	end := loud.clamour(8000)
	const begins, ends = "server answers far fewer requests than it gets, so each interface may send its share only", "server answers what it gets again"
	d.await("the server's pace is told", func() bool { return d.logged(begins, nil) })
	const clients = 50
	took, again := rush4(t, quiet).run(clients, 1, 10)
	if len(took) < clients || again > clients { // unpaced it would be several times as many
		t.Errorf("%d of %d clients log in, who send %d messages again", len(took), clients, again)
	}
	end()
	d.await("the pace ends", func() bool { return d.logged(ends, nil) })
	s := d.balanced()
	of := func(link string) int {
		return s.sum("dhcp_relay_messages_total", `outcome="server_pace"`, `interface="`+link+`"`)
	}
	if loud, quiet, all := of("vlan10"), of("vlan20"), s.sum("dhcp_relay_server_withheld_total"); loud == 0 || quiet != 0 || all != loud {
		t.Errorf("%d requests of the loud interface are withheld, %d of the quiet one, %d in all", loud, quiet, all)
	}
}

// clamour sends DISCOVERs of new clients until the function that it returns is called.
func (n *network) clamour(perSecond int) (end func()) {
	over, flood := make(chan struct{}), sync.WaitGroup{}
	flood.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for xid := uint32(1 << 24); ; {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			for range perSecond / 100 {
				_ = n.transmit(frameOf(discover(xid).request())) // as any datagram
				xid++
			}
		}
	})
	end = sync.OnceFunc(func() { close(over); flood.Wait() })
	n.t.Cleanup(end)
	return end
}

// Many requests for a server that does not exist, or whose host refuses them, take nothing
// from the clients of another network.
func TestADeadServerHoldsNobodyUp(t *testing.T) {
	for name, dead := range map[string]string{"no such host": "10.9.0.99", "nobody listens": "10.9.0.3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			loud, quiet := b.network("vlan10", "10.1.0.1/16"), b.network("vlan20", "10.2.0.1/16")
			listenAt(b.servers, "10.9.0.2:67").lease()
			d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"" + dead + "\"]\n[[interface]]\nname = \"vlan20\"\nservers = [\"10.9.0.2\"]\n")
			end := loud.clamour(8000)
			d.await("the server is told to be dead", func() bool { return d.logged("server does not answer", map[string]any{"server": dead}) })
			const clients = 50
			took, again := rush4(t, quiet).run(clients, 1, 25)
			if most := load.Bound(retransmission); len(took) < clients || took[clients-1] > most {
				t.Errorf("%d of %d clients log in, the last one of %v within %v, want %v", len(took), clients, dead, took[len(took)-1:], most)
			}
			t.Logf("%d clients log in within %v; %d messages sent again", len(took), took[len(took)-1:], again)
			end()
			if s := d.balanced(); s.sum("dhcp_relay_shed_total", `interface="vlan20"`) > 0 {
				t.Errorf("requests of the quiet network are shed: %v", s.of("vlan20"))
			}
		})
	}
}
