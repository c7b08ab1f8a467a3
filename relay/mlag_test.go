package relay_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// A mlag is a pair of switches with relays, and clients that have a leg to both:
//
//	          ┌─ leg ─ br0 :switch 0: up ─┐
//	          │         │ peerlink        │
//	clients ──┤         │                 ├── wan :servers, 10.9.0.2
//	          │         │ peerlink        │
//	          └─ leg ─ br0 :switch 1: up ─┘
type mlag struct {
	t                *testing.T
	clients, servers *space
	switches         [2]*peer
	v                *server
	v6               *net.UDPConn
}

// A peer is one of both.
type peer struct {
	bed
	daemon *daemon
	leg    *network
	leg6   *network6
	addr   string
}

func newMLAG(t *testing.T) *mlag {
	t.Helper()
	m := &mlag{t: t, clients: newSpace(t), servers: newWAN(t)}
	config, err := os.ReadFile("../deploy/recipes/mlag/relay.toml")
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.switches {
		m.switches[i] = &peer{bed: bed{t, newSpace(t), m.clients, m.servers}, addr: fmt.Sprintf("10.1.0.%d", 2+i)}
	}
	m.switches[0].relay.Veth("peerlink", m.switches[1].relay.Space, "peerlink")
	for i, p := range m.switches {
		leg, wan := fmt.Sprintf("c%d", i), fmt.Sprintf("w%d", i)
		p.relay.Veth("leg", m.clients.Space, leg)
		p.relay.Veth("up", m.servers.Space, wan)
		m.servers.port(wan, "wan")
		p.relay.Must(p.relay.NS().Bridge("br0", "leg", "peerlink"))
		p.relay.Addr("br0", p.addr+"/16")
		p.relay.ipv6("br0", fmt.Sprintf("2001:db8:1::%d/64", 2+i))
		p.relay.Addr("up", fmt.Sprintf("10.9.0.%d/24", 11+i))
		p.relay.ipv6("up", fmt.Sprintf("2001:db8:9::%d/64", 11+i))
		m.servers.Route(p.addr+"/32", fmt.Sprintf("10.9.0.%d", 11+i))
		p.daemon = p.start(string(config))
		p.leg, p.leg6 = attach(m.clients, leg), attach6(m.clients, leg)
	}
	m.v, m.v6 = listenAt(m.servers, "10.9.0.2:67"), m.servers.ListenUDP("udp6", "[2001:db8:9::2]:547")
	return m
}

// Of an MLAG pair that switch relays by whose own port a request came, the other one leaves
// out what comes by the peer link; when a switch dies, the other leg serves the client.
func TestMLAG(t *testing.T) {
	t.Parallel()
	m := newMLAG(t)
	xid := uint32(0)
	const rounds = 3
	for range rounds {
		for _, p := range m.switches {
			xid++
			m.asks(p, xid)
		}
	}
	for i, p := range m.switches {
		p.daemon.awaitOutcome("ignored_port", 2*rounds)
		s := p.daemon.balanced()
		if n := s.outcome("relayed"); n != 4*rounds || s.sum("dhcp_relay_unidentified_total") != 0 {
			t.Errorf("switch %d: relayed %d, want %d; %d not identified", i, n, 4*rounds, s.sum("dhcp_relay_unidentified_total"))
		}
	}
	m.v.silent()

	dead, left := m.switches[0], m.switches[1]
	dead.relay.Must(dead.daemon.cmd.Process.Kill())
	for _, link := range []string{"leg", "peerlink", "up"} {
		dead.relay.Must(dead.relay.NL.LinkSetDown(dead.relay.Link(link)))
	}
	m.asks(left, 101)
	m.v.silent()
}

// asks has a client ask in both families by its leg to a switch.
func (m *mlag) asks(p *peer, xid uint32) {
	m.t.Helper()
	p.leg.as(macOf(xid), discover(xid).request())
	h := m.v.want()
	if h.Xid() != xid || h.Giaddr().String() != p.addr {
		m.t.Fatalf("xid %d with giaddr %v, want %d with %s", h.Xid(), h.Giaddr(), xid, p.addr)
	}
	m.v.reply(h, bootp.Offer, "10.1.77.1")
	for end := time.Now().Add(patient); ; {
		if f := p.leg.want(); f.message.Xid() == xid && f.src.Addr() == netip.MustParseAddr(p.addr) {
			break
		}
		if time.Now().After(end) {
			m.t.Fatal("no offer has come")
		}
	}
	c := client6Of(xid)
	p.leg6.send(c.frame(c.message(dhcp6.Solicit, 0)))
	b := make([]byte, 2048)
	p.relay.Must(m.v6.SetReadDeadline(time.Now().Add(patient)))
	n, from, err := m.v6.ReadFromUDPAddrPort(b)
	p.relay.Must(err)
	fwd := dhcp6.Message(b[:n])
	reply := append(dhcp6.Message{}, inside(fwd)...)
	if reply.Xid() != xid || from.Addr().Unmap().String() != map[string]string{"10.1.0.2": "2001:db8:9::11", "10.1.0.3": "2001:db8:9::12"}[p.addr] {
		m.t.Errorf("DHCPv6: xid %d from %v by the switch %s", reply.Xid(), from, p.addr)
	}
	reply[0] = byte(dhcp6.Advertise)
	_, err = m.v6.WriteToUDPAddrPort(answer6(fwd, reply), from)
	p.relay.Must(err)
	p.leg6.await(c.addr)
}
