package relay_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"dhcp-relay/cmd/lab/load"
	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/relay/wire/bootp"
)

// A stream sends DISCOVERs at a steady rate until it is stopped, each with the
// next xid.
type stream struct {
	network *network
	sent    int // valid after stop
	stop    func()
	rate    float64 // as it was, valid after stop
}

func (n *network) stream(perSecond int) *stream {
	s := &stream{network: n}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	began := time.Now()
	wg.Go(func() {
		f := frameOf(discover(0).request())
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
			}
			for due := int(time.Since(began).Seconds() * float64(perSecond)); s.sent < due; s.sent++ {
				binary.BigEndian.PutUint32(f[14+28+4:], uint32(s.sent))
				if err := n.transmit(f); err != nil {
					n.t.Errorf("send: %v", err)
					return
				}
			}
		}
	})
	s.stop = sync.OnceFunc(func() {
		close(quit)
		wg.Wait()
		s.rate = float64(s.sent) / time.Since(began).Seconds()
	})
	n.t.Cleanup(s.stop)
	return s
}

// whole stops the stream and fails unless the server has heard all of it that the cables
// have not lost, nor a relay that the machine keeps from reading has refused.
func (s *stream) whole(b *bed, d *daemon, heard *atomic.Int64) {
	b.t.Helper()
	s.stop()
	lost := func() int {
		m := d.scrape()
		return s.network.lost() + b.relay.dropped("up") + m.outcome("stale") + m.outcome("overload")
	}
	end := time.Now().Add(patient)
	for int(heard.Load())+lost() < s.sent && time.Now().Before(end) {
		time.Sleep(5 * time.Millisecond)
	}
	if n, l := int(heard.Load()), lost(); n+l != s.sent {
		b.t.Errorf("sent %d requests, the server heard %d and the cables lost %d", s.sent, n, l)
	}
	b.t.Logf("%d requests, %.0f a second, %d lost by cables and a busy machine", s.sent, s.rate, lost())
}

// follows waits until the daemon shows the giaddr for the link, which must not
// take longer than a second from the change on. Meanwhile it sends DISCOVERs
// until one arrives with the giaddr and circuit-id, and an answer to it reaches
// the client from the link's own link-layer address; that must not take longer
// either.
func follows(b *bed, d *daemon, what string, n *network, v *server, giaddr, name string) {
	t := b.t
	t.Helper()
	began := time.Now()
	shown := fmt.Sprintf(`dhcp_relay_giaddr_info{giaddr=%q,interface=%q}`, giaddr, name)
	d.await(what, func() bool { return d.scrape()[shown] == 1 })
	if took := time.Since(began); took > load.Bound(time.Second) {
		t.Errorf("%s: shown after %v, want within 1s", what, took)
	}
	for xid := uint32(1 << 20); time.Since(began) < patient; xid++ {
		n.broadcast(discover(xid).request())
		h, ok := v.hear(20 * time.Millisecond)
		if !ok || h.Giaddr() != netip.MustParseAddr(giaddr) || circuit(h.Packet) != name {
			continue
		}
		v.reply(h, bootp.Offer, "10.2.0.77")
		f, ok := n.hear(50 * time.Millisecond)
		took := time.Since(began) // to ask for the link may take a second while other namespaces end
		if !ok || !bytes.Equal(f.from[:], b.relay.Link(name).Attrs().HardwareAddr) {
			continue
		}
		if f.src.Addr() != h.Giaddr() {
			t.Errorf("%s: offer from %v", what, f.src)
		}
		if took > load.Bound(time.Second) {
			t.Errorf("%s: followed after %v, want within 1s", what, took)
		}
		t.Logf("%s: followed after %v", what, took.Round(time.Millisecond))
		return
	}
	t.Fatalf("%s: not followed", what)
}

func TestInterfacesAreFollowedWhileOthersRelay(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	calm := b.network("calm", "10.1.0.1/24")
	steady := listenAt(b.servers, "10.9.0.3:67").tally(1 << 20)
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start(`
[[interface]]
name = "calm"
servers = ["10.9.0.3"]
[[interface]]
name = "mov*"
servers = ["10.9.0.2"]
`)
	if n, ok := d.scrape()[`dhcp_relay_interface_state{family="ipv4",interface="mov*",state="missing"}`]; ok {
		t.Errorf("a pattern without an interface shows %v", n)
	}
	s := calm.stream(1000)

	moving := b.network("moving", "10.2.0.1/24")
	follows(b, d, "appears", moving, v, "10.2.0.1", "moving")

	b.relay.Addr("moving", "10.3.0.1/24")
	b.relay.DelAddr("moving", "10.2.0.1/24")
	follows(b, d, "changes its address", moving, v, "10.3.0.1", "moving")

	b.relay.Must(b.relay.NL.LinkSetDown(b.relay.Link("moving")))
	d.await("down", func() bool {
		s := d.scrape()
		n, ok := s[`dhcp_relay_interface_state{family="ipv4",interface="moving",state="relaying"}`]
		return ok && n == 0 && s[`dhcp_relay_interface_state{family="ipv4",interface="moving",state="down"}`] == 1
	})
	v.send(message{kind: bootp.Offer, giaddr: netip.MustParseAddr("10.3.0.1")}.octets(bootp.Reply), netip.MustParseAddrPort("10.9.0.1:67"))
	d.awaitOutcome("link_down", 1)
	b.relay.Up("moving")
	b.relay.Running("moving")
	follows(b, d, "goes down and up", moving, v, "10.3.0.1", "moving")

	l := b.relay.Link("moving")
	b.relay.Must(b.relay.NL.LinkSetDown(l))
	b.relay.Must(b.relay.NL.LinkSetName(l, "moved"))
	b.relay.Up("moved")
	b.relay.Running("moved")
	follows(b, d, "is renamed", moving, v, "10.3.0.1", "moved")

	// Its index stays the same, and its sockets are void.
	elsewhere := newSpace(t)
	b.relay.Must(b.relay.NL.LinkSetNsFd(b.relay.Link("moved"), elsewhere.FD()))
	elsewhere.Must(elsewhere.NL.LinkSetNsFd(elsewhere.Link("moved"), b.relay.FD()))
	b.relay.Up("moved")
	b.relay.Running("moved")
	b.relay.Addr("moved", "10.3.0.1/24")
	follows(b, d, "goes to another namespace and comes back", moving, v, "10.3.0.1", "moved")

	b.relay.Must(b.relay.NL.LinkDel(b.relay.Link("moved")))
	follows(b, d, "is deleted and made again", b.network("moved", "10.4.0.1/24"), v, "10.4.0.1", "moved")

	mac := []byte{2, 0xaa, 0, 0, 0, 1}
	b.relay.Must(b.relay.NL.LinkSetHardwareAddr(b.relay.Link("moved"), mac))
	follows(b, d, "changes its link-layer address", attach(b.clients, "cmoved"), v, "10.4.0.1", "moved")

	s.whole(b, d, steady)
	d.balanced()
	if n := d.scrape().sum("dhcp_relay_socket_drops_total"); n != 0 {
		t.Errorf("%d socket drops", n)
	}
}

func TestManyInterfacesAtOnceMakeFewLines(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	d := b.start("[[interface]]\nname = \"many*\"\nservers = [\"10.9.0.2\"]\n")
	began := time.Now()
	const many = 60
	for i := range many {
		b.relay.Add(&netlink.Bridge{LinkAttrs: netns.Attrs(fmt.Sprintf("many%02d", i))})
	}
	d.await("all are known", func() bool { return d.scrape().sum("dhcp_relay_interface_servers", "many") == many })
	t.Logf("%d interfaces in %v, %d lines", many, time.Since(began).Round(time.Millisecond), strings.Count(d.log.String(), "\n"))
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Wait(); err != nil {
		t.Error(err)
	}
}
