package client

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"

	"dhcp-relay/cmd/lab/netns"
	"dhcp-relay/cmd/lab/server"
	"dhcp-relay/cmd/lab/wire"
)

var subnet = netip.MustParsePrefix("10.1.0.0/24")

// bed is a client and two servers on one link.
func bed(t *testing.T, conf Config) (*Client, [2]*server.Server) {
	t.Helper()
	netns.Require(t)
	sw, cl := netns.Test(t, "sw", netns.WithoutIPv6()), netns.Test(t, "c", netns.WithoutIPv6())
	err := netns.Veth(cl, "eth0", sw, "c")
	ports := []string{"c"}
	var servers [2]*server.Server
	for i := range servers {
		name := [...]string{"s1", "s2"}[i]
		s := netns.Test(t, name, netns.WithoutIPv6())
		err = errors.Join(err, netns.Veth(s, "eth0", sw, name))
		id := netip.AddrFrom4([4]byte{10, 1, 0, byte(2 + i)})
		err = errors.Join(err, s.Addr("eth0", id.String()+"/24"))
		first := netip.AddrFrom4([4]byte{10, 1, 0, byte(50 * (i + 1))})
		srv, serr := server.Start(s, "eth0", server.Config{ID: id, Subnets: []server.Subnet{{Prefix: subnet, First: first, Last: first.Next().Next()}}, Bootp: map[string]netip.Addr{}})
		if serr != nil {
			t.Fatal(serr)
		}
		t.Cleanup(func() {
			if err := srv.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Errorf("close server: %v", err)
			}
		})
		servers[i], ports = srv, append(ports, name)
	}
	if err := errors.Join(err, sw.Bridge("br0", ports...)); err != nil {
		t.Fatal(err)
	}
	conf.Scale = 0.05
	c, err := New(cl, "eth0", conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close client: %v", err)
		}
	})
	return c, servers
}

func TestLifeOfALease(t *testing.T) {
	c, s := bed(t, Config{Broadcast: true, Collect: time.Second})
	ctx := t.Context()
	offers, err := c.Discover(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(offers) != 2 {
		t.Fatalf("offers: got %d, want 2", len(offers))
	}
	if got := c.State(); got != Selecting {
		t.Errorf("state: got %v, want %v", got, Selecting)
	}
	chosen := 0
	if offers[0].ServerIdentifier().Equal(net.IPv4(10, 1, 0, 3)) {
		chosen = 1
	}
	if err := c.Request(ctx, offers[0]); err != nil {
		t.Fatal(err)
	}
	l := c.Lease()
	if got := s[chosen].Lease(l.Addr.Addr()).State; got != server.Bound {
		t.Errorf("chosen server: got %v, want %v", got, server.Bound)
	}
	// It hears the REQUEST when the chosen one does, but may be later to act.
	for end := time.Now().Add(30 * time.Second); len(s[1-chosen].Leases()) != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the other server still holds %v", s[1-chosen].Leases())
		}
	}
	if _, err := c.Renew(ctx); err != nil {
		t.Errorf("renew: %v", err)
	}
	if _, err := c.Rebind(ctx); err != nil {
		t.Errorf("rebind: %v", err)
	}
	if err := c.Unplug(); err != nil {
		t.Fatal(err)
	}
	again, err := c.Reboot(ctx)
	if err != nil {
		t.Fatalf("reboot: %v", err)
	}
	if diff := cmp.Diff(l.Addr.String(), again.Addr.String()); diff != "" {
		t.Errorf("address after reboot (-want +got):\n%s", diff)
	}
	if err := c.Release(false); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return s[chosen].Lease(l.Addr.Addr()).State == 0 }, "released")
}

func TestRefusal(t *testing.T) {
	c, s := bed(t, Config{})
	l, err := c.Login(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mine := 0
	if l.Server.As4()[3] == 3 {
		mine = 1
	}
	// Only the broadcast makes it through without an address on the link.
	if err := c.Decline(); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return s[mine].Lease(l.Addr.Addr()).State == server.Declined }, "declined")
	if _, err := c.Reboot(t.Context()); !errors.Is(err, ErrNak) && !errors.Is(err, ErrSilence) {
		t.Errorf("reboot with a declined address: got %v, want a refusal", err)
	}
	if _, err := c.Renew(t.Context()); !errors.Is(err, ErrState) {
		t.Errorf("renew without a lease: got %v, want %v", err, ErrState)
	}
}

func TestInform(t *testing.T) {
	c, _ := bed(t, Config{})
	m, err := c.Inform(t.Context(), netip.MustParsePrefix("10.1.0.99/24"))
	if err != nil {
		t.Fatal(err)
	}
	if m.MessageType() != dhcpv4.MessageTypeAck || !m.YourIPAddr.IsUnspecified() {
		t.Errorf("want an Ack without address, got %s", m.Summary())
	}
}

func TestSilence(t *testing.T) {
	c, s := bed(t, Config{Tries: 2})
	for _, x := range s {
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Login(t.Context()); !errors.Is(err, ErrSilence) {
		t.Errorf("got %v, want %v", err, ErrSilence)
	}
	if _, err := c.Bootp(t.Context()); !errors.Is(err, ErrSilence) {
		t.Errorf("got %v, want %v", err, ErrSilence)
	}
}

func TestWhatAClientHears(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 9}
	m, err := dhcpv4.New(dhcpv4.WithHwAddr(mac), dhcpv4.WithYourIP(net.IPv4(10, 1, 0, 9)))
	if err != nil {
		t.Fatal(err)
	}
	m.OpCode = dhcpv4.OpcodeBootReply
	good := wire.Packet{
		EtherDst: mac, Src: netip.MustParseAddrPort("10.1.0.1:67"),
		Dst: netip.MustParseAddrPort("10.1.0.9:68"), Payload: m.ToBytes(),
	}
	tests := []struct {
		name  string
		conf  Config
		alter func(*wire.Packet)
		want  bool
	}{
		{"unicast to yiaddr", Config{}, func(*wire.Packet) {}, true},
		{"unicast although broadcast was asked for", Config{Broadcast: true}, func(*wire.Packet) {}, false},
		{"broadcast", Config{Broadcast: true}, func(p *wire.Packet) { p.EtherDst, p.Dst = nil, netip.MustParseAddrPort("255.255.255.255:68") }, true},
		{"unicast to another address", Config{}, func(p *wire.Packet) { p.Dst = netip.MustParseAddrPort("10.1.0.8:68") }, false},
		{"another host's frame", Config{}, func(p *wire.Packet) { p.EtherDst = net.HardwareAddr{2, 0, 0, 0, 0, 8} }, false},
		{"another port", Config{}, func(p *wire.Packet) { p.Dst = netip.MustParseAddrPort("10.1.0.9:67") }, false},
		{"wrong checksum", Config{}, func(p *wire.Packet) { p.UDPSum = new(uint16(1)) }, false},
		{"another transaction", Config{}, func(p *wire.Packet) { p.Payload[4]++ }, false},
		{"another client", Config{}, func(p *wire.Packet) { p.Payload[28]++ }, false},
		{"a request", Config{}, func(p *wire.Packet) { p.Payload[0] = 1 }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := good
			p.Payload = append([]byte(nil), good.Payload...)
			tt.alter(&p)
			f, err := wire.Decode(p.Frame())
			if err != nil {
				t.Fatal(err)
			}
			c := &Client{mac: mac, conf: tt.conf}
			if got := c.reply(&f, m.TransactionID) != nil; got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func await(t *testing.T, cond func() bool, what string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not %s in time", what)
		}
	}
}
