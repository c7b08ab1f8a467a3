package relay_test

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"dhcp-relay/relay"
	"dhcp-relay/relay/config"
	"dhcp-relay/relay/observe/count"
	"dhcp-relay/relay/observe/recorder"
	"dhcp-relay/relay/wire/bootp"
)

func TestSmartRelayTriesTheNextSubnet(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24", "10.2.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\ndhcpv4.smart_relay_after = 3\n")

	ask := func(m message) heard {
		t.Helper()
		n.broadcast(m.request())
		return v.want()
	}
	var got []string
	var last heard
	for range 5 {
		last = ask(discover(7))
		got = append(got, last.Giaddr().String())
	}
	// Another client's count is its own.
	got = append(got, ask(discover(8)).Giaddr().String())
	want := []string{"10.1.0.1", "10.1.0.1", "10.1.0.1", "10.2.0.1", "10.2.0.1", "10.1.0.1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("giaddr of unanswered DISCOVERs (-want +got):\n%s", diff)
	}

	v.reply(last, bootp.Offer, "10.2.0.77")
	if f := n.want(); f.src.Addr() != netip.MustParseAddr("10.2.0.1") {
		t.Errorf("offer from %v, want 10.2.0.1", f.src)
	}
	request := discover(7)
	request.kind = bootp.DHCPRequest
	request.options = []byte{50, 4, 10, 2, 0, 77} // requested address
	got = []string{ask(request).Giaddr().String()}
	for range 4 {
		got = append(got, ask(discover(7)).Giaddr().String())
	}
	want = []string{"10.2.0.1", "10.2.0.1", "10.2.0.1", "10.2.0.1", "10.1.0.1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("giaddr after an answer on the second subnet (-want +got):\n%s", diff)
	}
}

// Clients of BOOTP have no DISCOVER; what is not relayed cannot be answered.
func TestSmartRelayCountsWhatItHasSent(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24", "10.2.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\ndhcpv4.smart_relay_after = 2\ndhcpv4.min_secs = 5\n")
	secs := func(m []byte, n byte) []byte { m[9] = n; return m }
	for i := range 3 {
		n.broadcast(secs(discover(7).request(), 4))
		d.awaitOutcome("secs_below", i+1)
	}
	plain := func() []byte {
		m := secs(discover(8).request(), 5)
		clear(m[236:])
		return m
	}
	for name, request := range map[string]func() []byte{
		"after requests below min_secs": func() []byte { return secs(discover(7).request(), 5) },
		"plain BOOTP":                   plain,
	} {
		var got []string
		for range 5 {
			n.broadcast(request())
			got = append(got, v.want().Giaddr().String())
		}
		want := []string{"10.1.0.1", "10.1.0.1", "10.2.0.1", "10.2.0.1", "10.1.0.1"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: giaddr (-want +got):\n%s", name, diff)
		}
	}
}

func TestR6607_6_VSSGoesOnlyToServersThatUnderstandIt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	knows, knowsNot := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67")
	b.start(`
[[server]]
address = "10.9.0.3"
vss = false
[[interface]]
name = "vlan10"
servers = ["10.9.0.3", "10.9.0.2"]
[interface.dhcpv4.option82]
vss = "red"
remote_id = "r"
`)
	for xid := range uint32(3) { // the order of the copies does not matter
		n.broadcast(discover(xid).request())
		with, without := knows.want(), knowsNot.want()
		want := bootp.RelayInfo{1, 6, 'v', 'l', 'a', 'n', '1', '0', 2, 1, 'r'}
		if diff := cmp.Diff(want, relayInfo(without.Packet)); diff != "" {
			t.Errorf("to a server with vss = false (-want +got):\n%s", diff)
		}
		want = append(want, 151, 4, 0, 'r', 'e', 'd', 152, 0)
		if diff := cmp.Diff(want, relayInfo(with.Packet)); diff != "" {
			t.Errorf("to a server with vss = true (-want +got):\n%s", diff)
		}
	}
}

// A server with link_selection = false gets no suboption 5, and goes by giaddr (RFC 3527).
func TestR3527_LinkSelectionGoesOnlyToServersThatAreToHaveIt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	all, plain, neither := listenAt(b.servers, "10.9.0.2:67"), listenAt(b.servers, "10.9.0.3:67"), listenAt(b.servers, "10.9.0.3:1067")
	d := b.start(`
[[server]]
address = "10.9.0.3"
link_selection = false
[[server]]
address = "10.9.0.3:1067"
link_selection = false
vss = false
[[interface]]
name = "vlan10"
servers = ["10.9.0.3:1067", "10.9.0.3", "10.9.0.2"]
[interface.dhcpv4.option82]
link_selection = "subnet"
vss = "red"
remote_id = "r"
`)
	vss := []byte{151, 4, 0, 'r', 'e', 'd', 152, 0}
	circuit := []byte{1, 6, 'v', 'l', 'a', 'n', '1', '0', 2, 1, 'r'}
	for xid := range uint32(3) {
		n.broadcast(discover(xid).request())
		for name, c := range map[string]struct {
			from *server
			want []byte
		}{
			"all of it":                      {all, slices.Concat(circuit, []byte{5, 4, 10, 1, 0, 0}, vss)},
			"no link selection":              {plain, slices.Concat(circuit, vss)},
			"neither link selection nor VSS": {neither, circuit},
		} {
			got := c.from.want()
			if diff := cmp.Diff(bootp.RelayInfo(c.want), relayInfo(got.Packet)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			if c.from == neither { // an echo of VSS says that it was not understood
				c.from.reply(got, bootp.Offer, "10.1.0.77")
				n.want()
			}
		}
	}
	d.awaitOutcome("relayed", 6)
	d.balanced()
}

// within starts an engine in this process that keeps what it moves.
func (b *bed) within(text string) *relay.Engine {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), "relay.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	cfg, err := config.Load(path, config.Host{Hostname: "router"})
	if err != nil {
		b.t.Fatal(err)
	}
	e := relay.New(cfg.Policy, count.New(), slog.New(slog.DiscardHandler))
	e.Record(1000)
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- b.relay.In(func() error { return e.Run(ctx, func() { close(ready) }) }) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		b.t.Fatal(err)
	}
	return e
}

// Of copies that differ, each is recorded as it was sent.
func TestEachFormOfARequestIsRecorded(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	addrs := []string{"10.9.0.2:67", "10.9.0.3:67"}
	hear := map[string]*server{addrs[0]: listenAt(b.servers, addrs[0]), addrs[1]: listenAt(b.servers, addrs[1])}
	e := b.within(`
[[server]]
address = "10.9.0.3"
vss = false
[[interface]]
name = "vlan10"
servers = ["10.9.0.3", "10.9.0.2"]
[interface.option82]
vss = "red"
`)
	const batch = 20
	for xid := range uint32(batch) {
		n.broadcast(discover(xid).request())
	}
	sent := make(map[string]int)
	for range batch {
		for a, s := range hear {
			sent[a+string(s.want().Packet)]++
		}
	}
	var whole int
	for r, end := e.Recorder().Reader(), time.Now().Add(patient); whole < batch && time.Now().Before(end); time.Sleep(time.Millisecond) {
		ms, _ := r.Read()
		whole += recordedForms(ms, sent)
	}
	if whole != batch {
		t.Errorf("%d messages are recorded, want %d", whole, batch)
	}
	for k, n := range sent {
		if n != 0 {
			t.Errorf("%d of %q were sent and not recorded so", n, k[:11])
		}
	}
}

// recordedForms takes what is recorded from what was sent, by server and octets, and
// returns how many messages that is.
func recordedForms(ms []recorder.Message, sent map[string]int) (whole int) {
	for i := range ms {
		m := &ms[i]
		if !m.Further {
			whole++
		}
		for _, to := range m.Servers {
			if !slices.Contains(m.Earlier, to) {
				sent[to.String()+string(m.Sent)]--
			}
		}
	}
	return whole
}

// narrow joins the relay to a server behind an uplink of its own MTU.
func (b *bed) narrow(mtu int) *server {
	b.t.Helper()
	servers := newSpace(b.t)
	b.relay.Veth("narrow", servers.Space, "n")
	b.relay.Addr("narrow", "10.8.0.1/24")
	servers.Addr("n", "10.8.0.2/24")
	servers.Route("10.0.0.0/8", "10.8.0.1")
	b.relay.Must(b.relay.NL.LinkSetMTU(b.relay.Link("narrow"), mtu))
	return listenAt(servers, "10.8.0.2:67")
}

func TestR3046_9_MessagesFitTheUplink(t *testing.T) {
	t.Parallel()
	const (
		room = 900 // octets of message that the narrow uplink has room for
		both = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"10.8.0.2\"]\n"
	)
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	wide, narrow := listenAt(b.servers, "10.9.0.2:67"), b.narrow(room+28)
	d := b.start(both)
	long := func(size int) message {
		m := discover(1)
		m.options = padding(size - 240 - 3 - 1)
		m.size = size
		return m
	}
	const omitted = `dhcp_relay_option82_omitted_total{interface="vlan10"}`

	n.broadcast(long(room - 5).request()) // option 82 has 10 octets
	if h := wide.want(); circuit(h.Packet) != "vlan10" || len(h.Packet) != room+5 {
		t.Errorf("by the wide uplink: %d octets with circuit-id %q", len(h.Packet), circuit(h.Packet))
	}
	if h := narrow.want(); relayInfo(h.Packet) != nil || len(h.Packet) != room-5 {
		t.Errorf("by the narrow uplink: %d octets with option 82 %x, want %d without", len(h.Packet), relayInfo(h.Packet), room-5)
	}
	d.awaitOutcome("relayed", 1)
	if c := d.scrape()[omitted]; c != 1 {
		t.Errorf("%s is %v, want 1", omitted, c)
	}

	n.broadcast(long(room + 1).request()) // too large by itself, for one of both
	if h := wide.want(); circuit(h.Packet) != "vlan10" {
		t.Errorf("by the wide uplink: circuit-id %q", circuit(h.Packet))
	}
	if h := narrow.want(); relayInfo(h.Packet) != nil || len(h.Packet) != room+1 {
		t.Errorf("by the narrow uplink: %d octets with option 82 %x, want %d without, in fragments", len(h.Packet), relayInfo(h.Packet), room+1)
	}
	d.awaitOutcome("relayed", 2)
	if c := d.scrape()[omitted]; c != 2 {
		t.Errorf("%s is %v, want 2", omitted, c)
	}

	d.reload("[[interface]]\nname = \"vlan10\"\nservers = [\"10.8.0.2\"]\n", "configuration reloaded")
	n.broadcast(long(room - 10).request())
	if h := narrow.want(); circuit(h.Packet) != "vlan10" || len(h.Packet) != room {
		t.Errorf("what just fits has %d octets with circuit-id %q", len(h.Packet), circuit(h.Packet))
	}

	d.reload("[[interface]]\nname = \"vlan10\"\nservers = [\"10.8.0.2\"]\ndhcpv4.oversize = \"drop\"\n", "configuration reloaded")
	n.broadcast(long(room - 5).request())
	n.broadcast(long(room + 1).request())
	d.awaitOutcome("oversize", 2)
	narrow.silent()
	wide.silent()
	d.balanced()
}

// What option 82 makes too large for one uplink leaves there without suboption 19,
// and so from port 67.
func TestR8357_1_TheUsualPortWhereOption82DoesNotFit(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	wide, narrow := listenAt(b.servers, "10.9.0.2:67"), b.narrow(900+28)
	d := b.start("[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\", \"10.8.0.2\"]\ndhcpv4.source_port = 6700\n")
	m := discover(1)
	m.options, m.size = padding(900-240-3-1), 900
	n.broadcast(m.request())
	with, without := wide.want(), narrow.want()
	if _, ok := relayInfo(with.Packet).Sub(bootp.SubSourcePort); !ok || with.from.Port() != 6700 {
		t.Errorf("with option 82 % x from %v, want suboption 19 from port 6700", relayInfo(with.Packet), with.from)
	}
	if relayInfo(without.Packet) != nil || without.from.Port() != 67 {
		t.Errorf("with option 82 % x from %v, want none from port 67", relayInfo(without.Packet), without.from)
	}
	// A server answers to where it heard the request from.
	for _, a := range []struct {
		v *server
		h heard
	}{{wide, with}, {narrow, without}} {
		a.v.send(answer(a.h.Packet, bootp.Offer, "10.1.0.77"), netip.AddrPortFrom(a.h.Giaddr(), a.h.from.Port()))
		if f := n.want(); relayInfo(f.message) != nil {
			t.Errorf("option 82 % x reaches the client", relayInfo(f.message))
		}
	}
	d.awaitOutcome("relayed", 3)
	d.balanced()
}

func TestServersOutOfReachDoNotConcernOthers(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n, m := b.network("vlan10", "10.1.0.1/24"), b.network("vlan20", "10.2.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	d := b.start(`
[[interface]]
name = "vlan10"
servers = ["172.16.0.1", "10.9.0.99", "10.9.0.2"] # no route, no ARP, good
[[interface]]
name = "vlan20"
servers = ["172.16.0.1"]
`)
	const many = 1000
	n.flood(many)
	came := many - n.lost()
	d.awaitOutcome("relayed", came)
	want := func() int { return came - b.relay.dropped("up") }
	if got := drain(v.hears, want); got != want() {
		t.Errorf("%d of %d requests have reached the good server", got, want())
	}
	for xid := range uint32(3) {
		m.broadcast(discover(xid).request())
	}
	d.awaitOutcome("send_failed", 3)
	s := d.balanced()
	for k, want := range map[string]int{
		`dhcp_relay_server_copies_total{server="10.9.0.2:67",vrf=""}`:                                                           came,
		`dhcp_relay_server_failures_total{server="172.16.0.1:67",vrf=""}`:                                                       came + 3,
		`dhcp_relay_send_errors_total{error="ENETUNREACH",towards="server"}`:                                                    came + 3,
		`dhcp_relay_server_copies_total{server="10.9.0.99:67",vrf=""}`:                                                          came, // the kernel waits for ARP and gives up silently
		`dhcp_relay_option82_omitted_total{interface="vlan10"}`:                                                                 0,
		`dhcp_relay_messages_total{direction="request",family="ipv4",interface="vlan20",outcome="send_failed",type="discover"}`: 3,
	} {
		if int(s[k]) != want {
			t.Errorf("%s is %v, want %v", k, s[k], want)
		}
	}
}

func TestSourceAddressAndPort(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	n := b.network("vlan10", "10.1.0.1/24")
	v := listenAt(b.servers, "10.9.0.2:67")
	b.relay.Addr("lo", "10.7.0.1/32")
	d := b.start("interfaces = \"none\"\n")
	const config = "[[interface]]\nname = \"vlan10\"\nservers = [\"10.9.0.2\"]\n"
	for _, tc := range []struct{ name, source, want string }{
		{"route", `dhcpv4.source = "route"`, "10.9.0.1:67"},
		{"giaddr", `dhcpv4.source = "giaddr"`, "10.1.0.1:67"},
		{"given", `dhcpv4.source = "10.7.0.1"`, "10.7.0.1:67"},
		{"R8357-1 R8357-2 R8357-3 port", `dhcpv4.source_port = 6700`, "10.9.0.1:6700"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d.reload(config+tc.source+"\n", "configuration reloaded")
			n.broadcast(discover(1).request())
			h := v.want()
			if h.from.String() != tc.want {
				t.Errorf("from %v, want %s", h.from, tc.want)
			}
			if h.from.Port() == 67 {
				v.reply(h, bootp.Offer, "10.1.0.77")
				n.want()
				return
			}
			if _, ok := relayInfo(h.Packet).Sub(bootp.SubSourcePort); !ok {
				t.Errorf("no suboption 19 in %x", relayInfo(h.Packet))
			}
			// Servers that know RFC 8357 answer to the port, others to 67.
			for _, port := range []uint16{6700, 67} {
				v.send(answer(h.Packet, bootp.Offer, "10.1.0.77"), netip.AddrPortFrom(h.Giaddr(), port))
				if f := n.want(); f.dst.Port() != 68 || f.src.Port() != 67 || relayInfo(f.message) != nil {
					t.Errorf("reply to port %d goes from %v to %v with option 82 %x", port, f.src, f.dst, relayInfo(f.message))
				}
			}
		})
	}
	t.Run("R8357-2 an answer that comes after the port has changed", func(*testing.T) {
		n.broadcast(discover(2).request())
		h := v.want()
		d.reload(config, "configuration reloaded")
		v.send(answer(h.Packet, bootp.Offer, "10.1.0.77"), netip.AddrPortFrom(h.Giaddr(), 6700))
		n.want()
		d.await("the former port is closed", func() bool {
			return !slices.Contains(b.relay.ports(), 6700)
		})
	})
}

// ports lists the UDP ports that are open in the namespace.
func (s *space) ports() (list []uint16) {
	s.T.Helper()
	s.Do(func() error {
		socks, err := netlink.SocketDiagUDP(unix.AF_INET)
		for _, sock := range socks {
			list = append(list, sock.ID.SourcePort)
		}
		return err
	})
	return list
}
