package relay_test

import (
	"net/netip"
	"sync"
	"testing"
	"time"

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
			for range 80 { // 8,000 a second
				_ = loud.transmit(frameOf(discover(xid).request())) // as any datagram
				xid++
			}
		}
	})
	end := sync.OnceFunc(func() { close(over); flood.Wait() })
	t.Cleanup(end)
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
