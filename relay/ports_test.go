package relay_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"dhcp-relay/relay/wire/bootp"
	"dhcp-relay/relay/wire/dhcp6"
)

// ported has the relay say by which port of br0 a request came.
const ported = `
[[interface]]
name = "br0"
servers = ["10.9.0.2", "2001:db8:9::2"]
ignore_ports = ["tunnel*"]
[interface.dhcpv4.option82]
circuit_id = "{interface}:{port}"
remote_id = "{client_mac}"
subscriber_id = "{port_alias}"
[interface.dhcpv6]
interface_id = "{interface}:{port}"
`

// unported has it say nothing of the kind.
const unported = `
[[interface]]
name = "br0"
servers = ["10.9.0.2", "2001:db8:9::2"]
[interface.dhcpv4.option82]
circuit_id = "{interface}"
remote_id = "y"
subscriber_id = "x"
[interface.dhcpv6]
interface_id = "{interface}"
`

// bridge makes br0 of the relay with ports, at whose other ends clients are.
func (b *bed) bridge(ports ...string) (at map[string]*network, at6 map[string]*network6) {
	b.t.Helper()
	at, at6 = make(map[string]*network), make(map[string]*network6)
	for _, port := range ports {
		b.relay.Veth(port, b.clients.Space, "c"+port)
		at[port], at6[port] = attach(b.clients, "c"+port), attach6(b.clients, "c"+port)
	}
	b.relay.Must(b.relay.NS().Bridge("br0", ports...))
	b.relay.Addr("br0", "10.1.0.1/24")
	b.relay.ipv6("br0", "2001:db8:1::1/64")
	return at, at6
}

// as sends a request in a frame of another's.
func (n *network) as(mac [6]byte, payload []byte) {
	n.t.Helper()
	f := frameOf(payload)
	copy(f[6:], mac[:])
	n.must(n.transmit(f))
}

// hearForward returns the Relay-forward that comes next.
func hearForward(t *testing.T, v *net.UDPConn) dhcp6.Message {
	t.Helper()
	b := make([]byte, 4096)
	_ = v.SetReadDeadline(time.Now().Add(patient))
	n, err := v.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func interfaceID(m dhcp6.Message) string {
	opts, _ := m.Scan()
	return string(m.Value(opts.InterfaceID))
}

// The first message of each client bears its own port, also after the client has moved,
// and what a client says of itself does not change that. The reply finds its way.
func TestPortOfABridgeInIdentifiers(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	at, at6 := b.bridge("swp1", "swp2", "swp3", "tunnel0")
	b.relay.Must(b.relay.NL.LinkSetAlias(b.relay.Link("swp3"), "third floor"))
	v, v6 := listenAt(b.servers, "10.9.0.2:67"), b.uplink6()
	d := b.start(ported)
	xid := uint32(0)
	// heard4 is what the server hears of a client in a frame from mac at a port.
	heard4 := func(port string, mac [6]byte, m message) string {
		t.Helper()
		xid++
		m.xid = xid
		at[port].as(mac, m.request())
		h := v.want()
		for h.Xid() != xid {
			t.Fatalf("xid %d, want %d", h.Xid(), xid)
		}
		info := relayInfo(h.Packet)
		remote, _ := info.Sub(bootp.SubRemoteID)
		subscriber, _ := info.Sub(bootp.SubSubscriberID)
		v.reply(h, bootp.Offer, "10.1.0.77")
		if m.mac == mac { // else it goes to whose address the client has claimed
			for at[port].want().message.Xid() != xid { // the bridge floods what it does not know
			}
		}
		return circuit(h.Packet) + " " + string(remote) + " " + string(subscriber)
	}
	heard6 := func(port string, n uint32) string {
		t.Helper()
		c := client6Of(n)
		xid++
		c.xid = xid
		at6[port].send(c.frame(c.message(dhcp6.Solicit, 0)))
		return interfaceID(hearForward(t, v6))
	}
	mac := func(n uint32) string { m := macOf(n); return net.HardwareAddr(m[:]).String() }
	for i, port := range []string{"swp1", "swp2", "swp3"} {
		n := uint32(100 + i)
		alias := port
		if port == "swp3" {
			alias = "third floor"
		}
		if got, want := heard4(port, macOf(n), discover(n)), fmt.Sprintf("br0:%s %s %s", port, mac(n), alias); got != want {
			t.Errorf("DHCPv4 by %s: %q, want %q", port, got, want)
		}
		if got, want := heard6(port, n+50), "br0:"+port; got != want {
			t.Errorf("DHCPv6 by %s: %q, want %q", port, got, want)
		}
	}
	// The client of swp1 has moved.
	if got, want := heard4("swp2", macOf(100), discover(100)), "br0:swp2 "+mac(100)+" swp2"; got != want {
		t.Errorf("after a move: %q, want %q", got, want)
	}
	if got, want := heard6("swp3", 150), "br0:swp3"; got != want {
		t.Errorf("after a move, DHCPv6: %q, want %q", got, want)
	}
	// Who says that it is another client is told of by its own port, and the other by its.
	if got, want := heard4("swp3", macOf(102), discover(101)), "br0:swp3 "+mac(102)+" third floor"; got != want {
		t.Errorf("with another's chaddr: %q, want %q", got, want)
	}
	if got, want := heard4("swp2", macOf(101), discover(101)), "br0:swp2 "+mac(101)+" swp2"; got != want {
		t.Errorf("whose chaddr another had: %q, want %q", got, want)
	}
	// What another router relays is not relayed.
	xid++
	m := discover(103)
	at["tunnel0"].as(macOf(103), m.request())
	c := client6Of(104)
	at6["tunnel0"].send(c.frame(c.message(dhcp6.Solicit, 0)))
	d.awaitOutcome("ignored_port", 2)
	v.silent()
	s := d.balanced()
	if n := s.sum("dhcp_relay_unidentified_total"); n != 0 {
		t.Errorf("%d requests came from nobody knows where", n)
	}
	// A reload that no longer asks.
	d.reload(unported, "configuration reloaded")
	if got := heard4("tunnel0", macOf(105), discover(105)); got != "br0 y x" {
		t.Errorf("after a reload: %q", got)
	}
	d.reload(ported, "configuration reloaded")
	if got, want := heard4("swp1", macOf(106), discover(106)), "br0:swp1 "+mac(106)+" swp1"; got != want {
		t.Errorf("asked again: %q, want %q", got, want)
	}
}

// Two that claim one chaddr in one transaction are told apart from nobody: the port of
// neither is said.
func TestTwinsHaveNoPort(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	at, _ := b.bridge("swp1", "swp2")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start(ported)
	d.suspend()
	at["swp1"].as(macOf(1), discover(1).request())
	at["swp2"].as(macOf(2), discover(1).request())
	d.resume()
	for range 2 {
		if got := circuit(v.want().Packet); got != "br0:unknown" {
			t.Errorf("circuit-id %q", got)
		}
	}
	d.await("both are counted", func() bool { return d.scrape().sum("dhcp_relay_unidentified_total") == 2 })
}

// Where the filter is not allowed, no port is said of DHCPv4 clients, which is told.
func TestPortsWithoutBPF(t *testing.T) {
	t.Parallel()
	if b, err := os.ReadFile("/proc/sys/kernel/unprivileged_bpf_disabled"); err == nil && strings.TrimSpace(string(b)) == "0" {
		t.Skip("kernel.unprivileged_bpf_disabled is 0: everybody may load filters")
	}
	b := newBed(t)
	at, _ := b.bridge("swp1")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.launchBy([]string{"setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-bpf,-sys_admin"}, ported)
	d.await("relaying", func() bool { return d.logged("relaying", nil) })
	at["swp1"].as(macOf(1), discover(1).request())
	if got := circuit(v.want().Packet); got != "br0:unknown" {
		t.Errorf("circuit-id %q", got)
	}
	if !strings.Contains(d.log.String(), "the frames of DHCPv4 clients are not seen") {
		t.Error("it is not told")
	}
	d.await("the finding", func() bool {
		f := d.found("frames_unseen")
		return len(f) == 1 && strings.Contains(f[0].Text, "CAP_BPF") && f[0].About[0].Interface == "br0"
	})
	d.reload(unported, "configuration reloaded")
	d.await("no finding where nobody asks", func() bool { return len(d.found("frames_unseen")) == 0 })
}
